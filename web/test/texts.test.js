import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from '../src/logic/icu.js'

const src = new URL('../src/', import.meta.url).pathname
const walk = (dir) => readdirSync(dir).flatMap((f) => (statSync(join(dir, f)).isDirectory() ? walk(join(dir, f)) : [join(dir, f)]))
const code = walk(src).filter((f) => /\.(svelte|js)$/.test(f)).map((f) => readFileSync(f, 'utf8')).join('\n')
const all = (lang) => Object.assign({}, ...[`ui/${lang}.json`, `ui/trust.${lang}.json`].map((f) => JSON.parse(readFileSync(join(src, f)))))
const en = all('en')
const ja = all('ja')

test('every text parses, in every language', () => {
  for (const texts of [en, ja]) for (const [key, text] of Object.entries(texts)) assert.doesNotThrow(() => parse(text), key)
})

test('no text uses a straight apostrophe, which ICU reads as a quote', () => {
  for (const [key, text] of Object.entries(en)) assert.ok(!text.includes("'"), key)
})

test('every key that the code asks for by name exists', () => {
  const asked = [...code.matchAll(/\bt\((?:[^()'`]*\? )?'([\w.+?]+)'/g)].map((m) => m[1])
  assert.ok(asked.length > 100)
  for (const key of asked) assert.ok(key in en, key)
  for (const m of code.matchAll(/\bt\([^()]*\? '([\w.]+)' : '([\w.]+)'/g)) for (const key of m.slice(1)) assert.ok(key in en, key)
})

test('every text is used: by its name, or by a family of names', () => {
  const families = [...code.matchAll(/\bt\(`([\w.]+\.)\$\{/g)].map((m) => m[1])
  const words = [...code.matchAll(/word\('(\w+)'/g)].map((m) => m[1] + '.')
  for (const key of Object.keys(en)) {
    const used = code.includes(`'${key}'`) || [...families, ...words].some((f) => key.startsWith(f))
    assert.ok(used, `nothing shows ${key}`)
  }
})

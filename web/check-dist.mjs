// Builds again, in another folder, and compares with the commit: every raw
// file by SHA-256, and every .br must decompress to its raw twin.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

const web = dirname(fileURLToPath(import.meta.url))
const committed = join(web, '../internal/console/dist')
const built = mkdtempSync(join(tmpdir(), 'hotline-dist-'))

const walk = (dir) => readdirSync(dir).sort().flatMap((f) => (statSync(join(dir, f)).isDirectory() ? walk(join(dir, f)) : [join(dir, f)]))
const sums = (dir) => new Map(walk(dir).filter((f) => !f.endsWith('.br')).map((f) => [relative(dir, f), createHash('sha256').update(readFileSync(f)).digest('hex')]))

let bad = 0
const complain = (text) => { bad++; console.error(text) }

try {
  const env = { ...process.env, HOTLINE_DIST: built }
  execFileSync(process.execPath, [join(web, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'error'], { cwd: web, env, stdio: 'inherit' })
  execFileSync(process.execPath, [join(web, 'compress.mjs')], { cwd: web, env, stdio: 'inherit' })
  const have = sums(committed)
  const want = sums(built)
  for (const [name, sum] of want) if (have.get(name) !== sum) complain(`${name} differs from a fresh build: run \`make web\` and commit`)
  for (const name of have.keys()) if (!want.has(name)) complain(`${name} is not made by a fresh build`)
  for (const file of walk(committed).filter((f) => f.endsWith('.br'))) {
    if (!brotliDecompressSync(readFileSync(file)).equals(readFileSync(file.slice(0, -3)))) complain(`${relative(committed, file)} is not its file`)
  }
  if (!bad) console.log(`the committed build is that of these sources: ${want.size} files`)
} finally {
  rmSync(built, { recursive: true, force: true })
}
process.exit(bad ? 1 : 0)

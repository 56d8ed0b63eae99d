// A subset of ICU MessageFormat: {x}, {x, select, a {…} other {…}} and
// {x, plural, one {…} other {…}}; no nesting, no '#', no quoting. It is small
// on purpose: a person who translates can see the whole rule.

const compiled = new Map()

/** Fills pattern with args. An argument that is missing shows as {name}. */
export function format(pattern, args = {}, lang = 'en') {
  let parts = compiled.get(pattern)
  if (!parts) compiled.set(pattern, (parts = parse(pattern)))
  return parts.map((p) => (typeof p === 'string' ? p : fill(p, args, lang))).join('')
}

function fill(part, args, lang) {
  const value = args[part.name]
  if (part.cases) {
    const key = part.kind === 'plural' ? new Intl.PluralRules(lang).select(Number(value)) : String(value)
    const exact = part.kind === 'plural' ? part.cases[`=${value}`] : undefined
    return format(exact ?? part.cases[key] ?? part.cases.other, args, lang)
  }
  return value === undefined || value === null ? `{${part.name}}` : String(value)
}

/** Splits a pattern into texts and arguments; throws on what it does not know. */
export function parse(pattern) {
  const parts = []
  let at = 0
  while (at < pattern.length) {
    const open = pattern.indexOf('{', at)
    if (open < 0) {
      parts.push(pattern.slice(at))
      break
    }
    if (open > at) parts.push(pattern.slice(at, open))
    const close = match(pattern, open)
    parts.push(argument(pattern.slice(open + 1, close)))
    at = close + 1
  }
  return parts
}

function match(s, open) {
  let depth = 0
  for (let i = open; i < s.length; i++) {
    if (s[i] === '{') depth++
    if (s[i] === '}' && --depth === 0) return i
  }
  throw new Error(`a brace is open: ${s}`)
}

function argument(body) {
  const m = /^\s*(\w+)\s*(?:,\s*(select|plural)\s*,\s*([\s\S]*))?$/.exec(body)
  if (!m) throw new Error(`not an argument: {${body}}`)
  const [, name, kind, rest] = m
  if (!kind) return { name }
  const cases = {}
  let at = 0
  while (rest.slice(at).trim() !== '') {
    const c = /^\s*(=?\w+)\s*\{/.exec(rest.slice(at))
    if (!c) throw new Error(`not a case: ${rest.slice(at)}`)
    const open = at + c[0].length - 1
    const close = match(rest, open)
    cases[c[1]] = rest.slice(open + 1, close)
    at = close + 1
  }
  if (!('other' in cases)) throw new Error(`no "other": {${body}}`)
  return { name, kind, cases }
}

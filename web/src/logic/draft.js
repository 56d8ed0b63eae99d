// What a draft still lacks, and what FLASH asks of it. The desk decides; this
// only tells the officer sooner.
import { measure } from './text.js'

/** Highest precedence of each kind (docs/glossary.md), least first. */
const levels = ['ROUTINE', 'PRIORITY', 'IMMEDIATE', 'FLASH']
const ceiling = { rfi: 'IMMEDIATE', informal: 'ROUTINE', service: 'IMMEDIATE' }
export const kinds = ['alert', 'formal', 'rfi', 'informal', 'service']

export const allowed = (kind, level) => levels.indexOf(level) <= levels.indexOf(ceiling[kind] ?? 'FLASH')

/** Keys of the fields that a person must still choose, in the order of the form. */
export function missing(d, line) {
  const out = []
  if (!d.line) out.push('line')
  if (!d.precedence || !allowed(d.kind, d.precedence)) out.push('precedence')
  if (!d.status) out.push('status')
  if (d.status === 'exercise' && !d.exerciseName.trim()) out.push('exercise_name')
  if (!d.tlp) out.push('tlp')
  if (!d.pap && !line?.rule?.pap) out.push('pap')
  if (!d.classification && !line?.rule?.classification) out.push('classification')
  if (d.rel === null ? ![line?.rule?.rel ?? []].flat().length : d.rel.length === 0) out.push('rel')
  if (!d.subject.trim()) out.push('subject')
  if (!d.language) out.push('language')
  if (!d.text.trim() && !d.upload) out.push('text')
  if (d.upload?.busy || d.upload?.error) out.push('upload')
  return out
}

/** The FLASH guard: null, or how far over it the text is. */
export function flashGuard(d) {
  if (d.precedence !== 'FLASH') return null
  const { words, cjk } = measure(d.text)
  return words > 200 || cjk > 400 ? { words, cjk } : null
}

/** A TLP written in the text that is not the TLP of the label. */
export function otherTLP(d) {
  const m = /TLP:(RED|AMBER\+STRICT|AMBER|GREEN|CLEAR|WHITE)/.exec(`${d.subject} ${d.text}`.toUpperCase())
  if (!m || !d.tlp) return ''
  const found = m[0].replace('WHITE', 'CLEAR')
  return found === d.tlp ? '' : found
}

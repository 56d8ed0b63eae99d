// Text from other people is shown, never obeyed: no markup, no links, and
// characters that would hide or turn other text are drawn as visible marks.

const names = {
  0x00ad: 'SHY', 0x034f: 'CGJ', 0x061c: 'ALM', 0x115f: 'HCF', 0x1160: 'HJF', 0x17b4: 'KIV', 0x17b5: 'KIV', 0x180e: 'MVS',
  0x200b: 'ZWSP', 0x200e: 'LRM', 0x200f: 'RLM', 0x202a: 'LRE', 0x202b: 'RLE', 0x202c: 'PDF', 0x202d: 'LRO', 0x202e: 'RLO',
  0x2060: 'WJ', 0x2061: 'FA', 0x2062: 'IT', 0x2063: 'IS', 0x2064: 'IP', 0x2066: 'LRI', 0x2067: 'RLI', 0x2068: 'FSI', 0x2069: 'PDI',
  0x3164: 'HF', 0xfeff: 'BOM', 0xffa0: 'HHF',
}
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2064\u2066-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu
const stacked = /(\p{M}{4})\p{M}+/gu

/**
 * Splits text into plain stretches and marks for characters that cannot be
 * seen: [{text} | {mark}]. Long stacks of combining marks are cut at four, so
 * that one message cannot paint over its neighbours.
 */
export function visible(text) {
  const s = String(text ?? '').replace(/\r\n?/g, '\n').replace(stacked, '$1')
  const out = []
  let at = 0
  for (const m of s.matchAll(hidden)) {
    if (m.index > at) out.push({ text: s.slice(at, m.index) })
    const cp = m[0].codePointAt(0)
    out.push({ mark: names[cp] ?? `U+${cp.toString(16).toUpperCase().padStart(4, '0')}` })
    at = m.index + m[0].length
  }
  if (at < s.length) out.push({ text: s.slice(at) })
  return out
}

/** One line of text for lists and titles: marks in brackets, no line breaks. */
export function oneLine(text) {
  return visible(text).map((p) => p.text ?? `[${p.mark}]`).join('').replace(/\s+/g, ' ').trim()
}

/** "3.6 MB" in powers of 1,000, as the links count. */
export function bytes(n) {
  if (!Number.isFinite(n)) return ''
  if (n < 1000) return `${n} B`
  const units = ['kB', 'MB', 'GB']
  let i = -1
  do { n /= 1000; i++ } while (n >= 999.5 && i < units.length - 1)
  return `${n < 9.95 ? n.toFixed(1) : Math.round(n)} ${units[i]}`
}

/** Words and CJK characters of a text, for the FLASH guard. */
export function measure(text) {
  const cjk = (text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu) ?? []).length
  const words = (text.replace(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu, ' ').match(/\S+/g) ?? []).length
  return { words, cjk }
}

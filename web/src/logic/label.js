// What the console may say about labels by itself: how to draw one, and which
// is the highest on the screen. Who may read what is never computed here.

export const tlps = ['TLP:RED', 'TLP:AMBER+STRICT', 'TLP:AMBER', 'TLP:GREEN', 'TLP:CLEAR']
export const paps = ['PAP:RED', 'PAP:AMBER', 'PAP:GREEN', 'PAP:CLEAR']

/** The class of a TLP chip: red, amber, green, clear. Unknown counts as red. */
export function tlpClass(tlp) {
  const word = (tlp ?? '').replace(/^TLP:/, '').replace('+STRICT', '').toLowerCase()
  return ['amber', 'green', 'clear'].includes(word) ? word : 'red'
}

/** Strictest of list by order; a value that order does not know is strictest. */
function strictest(list, order) {
  let best = -1
  let out = ''
  for (const v of list) {
    if (!v) continue
    const i = order.indexOf(v)
    if (i < 0) return v
    if (best < 0 || i < best) [best, out] = [i, v]
  }
  return out
}

/**
 * The highest label of all that is on the screen, field by field: the
 * strictest TLP and PAP, every classification that is not "none", and the
 * parties that all of it may go to. null when nothing with a label is shown.
 */
export function highest(labels) {
  const all = labels.filter(Boolean)
  if (all.length === 0) return null
  const cls = [...new Set(all.map((l) => l.classification).filter((c) => c && c !== 'none'))]
  const lists = all.map((l) => l.rel ?? []).filter((r) => !r.includes('ANY'))
  const rel = lists.length === 0 ? ['ANY'] : lists.reduce((a, b) => a.filter((p) => b.includes(p)))
  return {
    classification: cls.join(', ') || 'none',
    tlp: strictest(all.map((l) => l.tlp), tlps),
    pap: strictest(all.map((l) => l.pap), paps),
    rel,
    caveats: [...new Set(all.flatMap((l) => l.caveats ?? []))],
  }
}

// The order of what waits, and the rule that a list never moves under the
// hand: while it is held, new rows stand behind "1 new" and old ones stay put.

const rank = { FLASH: 3, IMMEDIATE: 2, PRIORITY: 1, ROUTINE: 0 }

/** How urgent a precedence is; an unknown one counts as FLASH: too early is the safe mistake. */
export const urgency = (p) => rank[p] ?? 3

/** Most urgent first, then what is due first, then the older one. */
export function byUrgency(a, b) {
  return urgency(b.precedence) - urgency(a.precedence)
    || due(a) - due(b)
    || at(a) - at(b)
    || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** Newest first. */
export function byNewest(a, b) {
  return at(b) - at(a) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
}

const due = (m) => m.ack_due_at ? Date.parse(m.ack_due_at) : Infinity
const at = (m) => Date.parse(m.committed_at ?? m.dtg_at ?? '') || 0

/**
 * What to show, as ids. shown is what is on screen, wanted what should be, in
 * its order. While held, nothing that is on screen moves or goes: rows that no
 * longer wait stay where they are (the row itself says so), new ones are
 * pending. Not held, the wanted order counts.
 */
export function settle(shown, wanted, held) {
  if (!held) return { shown: wanted, pending: [], moved: !sameIds(shown, wanted) }
  const have = new Set(shown)
  return { shown, pending: wanted.filter((id) => !have.has(id)), moved: false }
}

function sameIds(a, b) {
  return a.length === b.length && a.every((id, i) => id === b[i])
}

/** The id that comes after the given one, or before it at the end; null when nothing is left. */
export function neighbour(ids, id, step = 1) {
  const i = ids.indexOf(id)
  if (i < 0) return ids[0] ?? null
  return ids[i + step] ?? (step > 0 ? ids[i - 1] : ids[i]) ?? null
}

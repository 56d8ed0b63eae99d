// The acknowledgement ladder as rows (docs/glossary.md): per party, in
// the order of the rungs, ready for words. Wording is the screens' matter.

export const rungs = ['queued', 'accepted', 'delivered', 'alarmed', 'receipted', 'readback', 'comply', 'cannot', 'holding', 'answered']
export const side = ['refused', 'expired', 'overdue', 'withdrawn', 'whole', 'cancelled', 'undelivered']

/** Where a state stands: bad, done, wait or plain. */
export function tone(state) {
  if (['refused', 'expired', 'overdue', 'undelivered', 'cannot', 'withdrawn', 'cancelled'].includes(state)) return 'bad'
  if (['receipted', 'readback', 'comply', 'answered'].includes(state)) return 'good'
  if (state === 'holding') return 'hold'
  return 'plain'
}

/**
 * The ladder of one message in groups: first what our own desk and the relay
 * say, then one group per party, in the order in which they first appear.
 */
export function groups(message) {
  const out = []
  const find = (party) => {
    let g = out.find((x) => x.party === party)
    if (!g) out.push((g = { party, rungs: [] }))
    return g
  }
  for (const r of message.ladder ?? []) {
    const own = r.state === 'queued' || r.state === 'accepted'
    find(own ? '' : r.party).rungs.push(r)
  }
  for (const party of message.direction === 'out' ? message.to ?? [] : []) find(party)
  for (const g of out) g.rungs.sort((a, b) => Date.parse(a.at ?? '') - Date.parse(b.at ?? '') || order(a.state) - order(b.state))
  return out.sort((a, b) => (a.party === '' ? -1 : b.party === '' ? 1 : 0))
}

const order = (s) => { const i = rungs.indexOf(s); return i < 0 ? rungs.length : i }

/** How many of the addressed parties have reached at least a receipt. */
export function receipted(message) {
  const have = new Set()
  for (const r of message.ladder ?? []) if (['receipted', 'readback', 'comply', 'cannot', 'holding', 'answered'].includes(r.state)) have.add(r.party)
  for (const r of message.ladder ?? []) if (r.state === 'withdrawn') have.delete(r.party)
  return { done: (message.to ?? []).filter((p) => have.has(p)).length, of: (message.to ?? []).length }
}

/** The rung to show where there is room for one. */
export function latest(message) {
  const l = message.ladder ?? []
  return l.length ? l.reduce((a, b) => (Date.parse(b.at ?? '') >= Date.parse(a.at ?? '') ? b : a)) : null
}

/** Whether a message that came in waits for a receipt here. */
export const waitsForUs = (m) => m.direction === 'in' && (m.actions ?? []).includes('receipt')

/** Whether we said "holding" and owe the answer. */
export const oweAnswer = (m) => m.direction === 'in' && m.state === 'holding' && (m.actions ?? []).some((a) => a === 'comply' || a === 'cannot')

const over = ['refused', 'expired', 'withdrawn', 'cancelled']

/** Whether a message of ours still waits for a step at the other side. */
export function waitsForThem(m) {
  if (m.direction !== 'out' || over.includes(m.state)) return false
  if (m.ack_required === 'none') return m.state === 'queued' || m.state === 'accepted'
  if (m.ack_required === 'answer') return m.state !== 'answered' && m.state !== 'cannot'
  if (m.state === 'holding') return true
  const { done, of } = receipted(m)
  return done < of
}

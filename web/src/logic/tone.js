// What rings, and how. A tone is a list of sounds:
// frequency in Hz, start and length in seconds. No files, no timers here.

const pattern = {
  // 960 and 770 Hz in turn, 0.4 s each: the two-tone of alarm panels.
  FLASH: { sounds: [0, 1, 2, 3, 4, 5, 6, 7].map((i) => ({ hz: i % 2 ? 770 : 960, at: i * 0.4, len: 0.4 })), every: 5 },
  IMMEDIATE: { sounds: [0, 1, 2].map((i) => ({ hz: 880, at: i * 0.35, len: 0.2 })), every: 60 },
  PRIORITY: { sounds: [{ hz: 660, at: 0, len: 0.35 }], every: 0 },
  silent: { sounds: [0, 1, 2].map((i) => ({ hz: 330, at: i * 0.5, len: 0.35 })), every: 300 },
  exercise: { sounds: [{ hz: 520, at: 0, len: 0.9, soft: true }], every: 0 },
  test: { sounds: [{ hz: 960, at: 0, len: 0.4 }, { hz: 770, at: 0.4, len: 0.4 }, { hz: 960, at: 0.8, len: 0.4 }, { hz: 770, at: 1.2, len: 0.4 }], every: 0 },
}

/**
 * The tone of a precedence and how often it repeats, in seconds; 0 is once,
 * and null is no tone. An exercise has its own chime, never one of the others,
 * at half the rate.
 */
export function toneFor(precedence, exercise) {
  const p = pattern[precedence]
  if (!p) return null
  return exercise ? { sounds: pattern.exercise.sounds, every: p.every * 2 } : p
}

export const testTone = pattern.test

/**
 * What should ring now: one alarm per line and precedence, however many rows,
 * for messages that came in and still wait for a receipt here. Silence holds
 * until a time and is no receipt; what arrived after it was pressed rings.
 */
export function alarms(messages, silence, now) {
  const out = new Map()
  for (const m of messages) {
    if (m.direction !== 'in' || !(m.actions ?? []).includes('receipt') || !pattern[m.precedence]) continue
    if (silence && now < silence.until && (Date.parse(m.committed_at ?? '') || 0) <= silence.at) continue
    const exercise = m.status !== 'actual'
    // A PRIORITY sounds once at arrival and once more when it is late.
    const key = `${m.line} ${m.precedence} ${exercise}${m.precedence === 'PRIORITY' && m.overdue ? ' late' : ''}`
    const a = out.get(key) ?? { key, precedence: m.precedence, exercise, from: m.from, line: m.line_name, ids: [] }
    a.ids.push(m.id)
    out.set(key, a)
  }
  return [...out.values()]
}

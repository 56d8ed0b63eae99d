// What is said aloud by screen readers and shown as a passing note: one
// assertive voice for FLASH and IMMEDIATE, one polite for the rest, at most
// one sentence in five seconds each.

export const said = $state({ polite: '', assertive: '', note: null })

const queue = { polite: [], assertive: [] }
const busy = { polite: false, assertive: false }

function next(kind) {
  const text = queue[kind].shift()
  if (text === undefined) {
    busy[kind] = false
    return
  }
  busy[kind] = true
  said[kind] = text
  setTimeout(() => next(kind), 5000)
}

/** @param {'polite'|'assertive'} kind */
export function say(text, kind = 'polite') {
  queue[kind].push(text)
  if (queue[kind].length > 3) queue[kind].splice(0, queue[kind].length - 3)
  if (!busy[kind]) next(kind)
}

let timer = 0

/** Shows a note for some seconds, and says it. undo is an optional act. */
export function note(text, { bad = false, undo = null, label = '', ms = 6000 } = {}) {
  clearTimeout(timer)
  said.note = { text, bad, undo, label }
  say(text, bad ? 'assertive' : 'polite')
  timer = setTimeout(() => { said.note = null }, ms)
}

export function unnote() { said.note = null }

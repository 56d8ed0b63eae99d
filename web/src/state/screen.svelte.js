// What is on the screen now: each screen says which messages it shows, so that
// the band can name the highest label among them and whether all is exercise.

export const screen = $state({ /** @type {any[]} */ labels: [], exercise: false, /** open message */ message: '', keysOpen: false, locked: false })

/** Called by a screen whenever what it shows changes. */
export function showing(labels, exercise) {
  screen.labels = labels
  screen.exercise = exercise
}

// Whoever leaves the page for a while leaves it locked: alarms ring, content is
// not drawn. The desk ends the sign-in by itself later.
const idle = 15 * 60_000
let touched = performance.now()

for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart']) addEventListener(kind, () => { touched = performance.now() }, { passive: true, capture: true })
setInterval(() => { if (performance.now() - touched > idle) screen.locked = true }, 5000)

export function lock() { screen.locked = true }

// What is on the screen now: each screen says which messages it shows, so that
// the band can name the highest label among them and whether all is exercise.

export const screen = $state({ /** @type {any[]} */ labels: [], exercise: false, /** open message */ message: '', keysOpen: false })

/** Called by a screen whenever what it shows changes. */
export function showing(labels, exercise) {
  screen.labels = labels
  screen.exercise = exercise
}

// Whom this desk trusts: parties, pairings, cut-offs, and what each line has
// shown. Asked for when a screen needs it, and again when the stream says that
// it changed; nothing of it is kept in a page that nobody is signed in at.

import { get, onSignedOut } from '../api.js'
import { onChange } from './desk.svelte.js'

export const trust = $state({
  /** @type {any[]} */ parties: [],
  /** @type {any[]} */ pairings: [],
  /** @type {any[]} */ cutoffs: [],
  loaded: false,
  /** @type {any} */ fault: null,
})

/** Asks for the overview. */
export async function loadTrust() {
  try {
    const [parties, pairings, cutoffs] = await Promise.all([get('/parties'), get('/pairings'), get('/cutoffs')])
    trust.parties = parties ?? []
    trust.pairings = pairings ?? []
    trust.cutoffs = cutoffs ?? []
    trust.fault = null
    trust.loaded = true
  } catch (fault) {
    trust.fault = fault
  }
}

/** Takes a cut-off as the desk has it now. */
export function takeCutoff(c) {
  if (!c?.id) return
  const i = trust.cutoffs.findIndex((x) => x.id === c.id)
  if (i < 0) trust.cutoffs.unshift(c)
  else trust.cutoffs[i] = c
}

/** Reports whether a cut-off still waits for somebody. */
export const waits = (c) => (c.unconfirmed ?? []).length > 0

let soon = 0

onChange((kind, data) => {
  if (kind === 'cutoff') takeCutoff(data.cutoff)
  if (!['pairing', 'cutoff', 'line', 'desk', 'snapshot'].includes(kind) || soon || !trust.loaded) return
  // One question for many changes.
  soon = setTimeout(() => { soon = 0; if (trust.loaded) loadTrust() }, 400)
})

/** Calls f at once and whenever something of trust may have changed; returns what ends it. */
export function watching(f) {
  let timer = 0
  const later = (kind) => {
    if (!['pairing', 'cutoff', 'line', 'desk', 'snapshot', 'message', 'ladder'].includes(kind)) return
    timer ||= setTimeout(() => { timer = 0; f() }, 400)
  }
  f()
  const stop = onChange(later)
  return () => { stop(); clearTimeout(timer) }
}

onSignedOut(() => {
  trust.parties = []
  trust.pairings = []
  trust.cutoffs = []
  trust.loaded = false
})

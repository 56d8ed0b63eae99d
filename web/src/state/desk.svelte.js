// What the desk has told us: itself, its lines, its messages. Fed by the first
// questions and then by the stream; every event is the whole new state of one
// thing, so applying it twice is harmless.

import { SvelteMap } from 'svelte/reactivity'
import { get, me, onSignedOut, post } from '../api.js'
import { open } from '../stream.js'
import { boot } from './view.svelte.js'

export const session = $state({ officer: boot.officer ?? '', role: boot.role ?? '', ended: false })

export const desk = $state({
  /** @type {any} */ self: null,
  /** @type {any[]} */ lines: [],
  loaded: false,
  /** @type {any} */ fault: null,
  live: false,
  /** desk time of the last sign of life, Unix ms */ liveAt: 0,
  reload: false,
})

export const messages = new SvelteMap()

/** The desk's clock, never the computer's: its last word plus what has passed here since. */
export const clock = $state({ now: Date.parse(boot.now) || Date.now() })
let base = { desk: clock.now, here: performance.now() }

export function setClock(iso) {
  const at = Date.parse(iso)
  if (!Number.isFinite(at)) return
  base = { desk: at, here: performance.now() }
  tick()
}

function tick() { clock.now = Math.floor(base.desk + (performance.now() - base.here)) }

setInterval(tick, 500)

const arrivals = new Set()

/** Calls f for each message that was not known before, once live. */
export function onArrival(f) { arrivals.add(f) }

const changes = new Set()

/** Calls f(kind, data) for every event of the stream; returns what ends it. */
export function onChange(f) {
  changes.add(f)
  return () => changes.delete(f)
}

function take(m) {
  if (!m?.id) return
  const known = messages.has(m.id)
  messages.set(m.id, m)
  if (!known && desk.loaded) for (const f of arrivals) f(m)
}

/** Takes a message that an act answered with. */
export const takeMessage = take

export function apply(kind, data) {
  if (kind === 'beat') {
    setClock(data.now)
    desk.liveAt = clock.now
    return
  }
  if (kind === 'reload') desk.reload = true
  if (data.desk) {
    desk.self = data.desk
    setClock(data.desk.now)
  }
  if (Array.isArray(data.lines)) desk.lines = data.lines
  if (data.line?.id) {
    const i = desk.lines.findIndex((l) => l.id === data.line.id)
    if (i < 0) desk.lines.push(data.line)
    else desk.lines[i] = data.line
  }
  for (const m of data.messages ?? []) take(m)
  if (data.message) {
    take(data.message)
    linesSoon()
  }
  if (data.cutoff) linesSoon()
  if (kind === 'snapshot' && !(data.desk && data.lines && data.messages)) load()
}

let soon = 0

/** Traffic is evidence: the state of the lines is asked for again after it, once for many. */
function linesSoon() {
  if (soon) return
  soon = setTimeout(async () => {
    soon = 0
    if (!session.officer) return
    try { desk.lines = (await get('/lines')) ?? [] } catch { /* the stale band tells */ }
  }, 1500)
}

let loading = null

/** Asks for everything that the first screen shows. */
export function load() {
  loading ??= all().finally(() => { loading = null })
  return loading
}

async function all() {
  try {
    const [self, lines, us, them, recent] = await Promise.all([
      get('/desk'), get('/lines'), get('/messages?waiting=us&limit=500'), get('/messages?waiting=them&limit=500'), get('/messages?limit=100'),
    ])
    desk.self = self
    setClock(self.now)
    desk.lines = lines ?? []
    for (const m of [...recent ?? [], ...them ?? [], ...us ?? []]) take(m)
    desk.loaded = true
    desk.fault = null
  } catch (fault) {
    desk.fault = fault
  }
}

/** Fetches the traffic of one line; true when there may be more of it. */
export async function loadLine(id, after = '') {
  const list = await get(`/messages?line=${encodeURIComponent(id)}&limit=100${after ? `&after=${encodeURIComponent(after)}` : ''}`)
  for (const m of list ?? []) messages.set(m.id, m)
  return (list ?? []).length === 100
}

export async function loadMessage(id) {
  const m = await get(`/messages/${encodeURIComponent(id)}`)
  messages.set(m.id, m)
}

const told = new Set()

/** Tells the desk that an officer has a message before them: retention waits for that. */
export function opened(m) {
  if (m?.direction !== 'in' || m.opened_at || told.has(m.id)) return
  told.add(m.id)
  post(`/messages/${encodeURIComponent(m.id)}/opened`).catch(() => told.delete(m.id)) // the next opening tries again
}

let stop = null

/** Starts the stream; once per sign-in. */
export function start() {
  if (stop) return
  load()
  stop = open({
    event: (kind, data) => {
      desk.liveAt = clock.now
      apply(kind, data)
      for (const f of changes) f(kind, data)
    },
    state: (live) => {
      if (live && !desk.live && (desk.fault || !desk.loaded)) load()
      desk.live = live
      if (live) desk.liveAt = clock.now
    },
    refused: async () => {
      try {
        await me()
        return false
      } catch (fault) {
        if (fault.status === 401) signedOut()
        return fault.status === 401
      }
    },
  })
}

export function signedOut() {
  if (!session.officer) return
  session.officer = ''
  session.role = ''
  session.ended = true
  stop?.()
  stop = null
  desk.live = false
  // Nothing of the desk stays in a page that nobody is signed in at.
  messages.clear()
  desk.self = null
  desk.lines = []
  desk.loaded = false
}

onSignedOut(signedOut)

export const line = (id) => desk.lines.find((l) => l.id === id)

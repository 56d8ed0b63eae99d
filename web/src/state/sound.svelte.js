// Sound: proven by a person, rung by WebAudio, told to the desk every 20 s.
// The deadlines and the escalation are the desk's; this only rings.

import { post } from '../api.js'
import { alarms, testTone, toneFor } from '../logic/tone.js'
import { clock, desk, messages, session } from './desk.svelte.js'
import { view, t } from './view.svelte.js'

/** state: unproven, proven, none (declared text only), muted. */
export const sound = $state({ state: 'unproven', heardAt: 0, silence: null, ringing: '', error: '', here: false })

let ctx = null
let gain = null
const rung = new Map()
const told = new Set() // messages whose alarm the desk was told of

async function ready() {
  if (!ctx) {
    ctx = new AudioContext()
    gain = ctx.createGain()
    gain.connect(ctx.destination)
    ctx.onstatechange = () => {
      // A suspended context cannot ring: what was proven is not any more.
      if (ctx.state !== 'running' && sound.state === 'proven') sound.state = 'unproven'
    }
  }
  await ctx.resume()
  if (ctx.state !== 'running') throw new Error(ctx.state)
}

function play(tone) {
  if (!ctx || ctx.state !== 'running') return
  for (const s of tone.sounds) {
    const o = ctx.createOscillator()
    const g = ctx.createGain()
    const at = ctx.currentTime + 0.02 + s.at
    o.type = s.soft ? 'sine' : 'triangle'
    o.frequency.value = s.hz
    const peak = s.soft ? 0.35 : 0.6
    // Short ramps: a hard edge clicks, and clicks read as faults.
    g.gain.setValueAtTime(0, at)
    g.gain.linearRampToValueAtTime(peak, at + 0.015)
    if (s.soft) g.gain.exponentialRampToValueAtTime(0.001, at + s.len)
    else {
      g.gain.setValueAtTime(peak, at + s.len - 0.03)
      g.gain.linearRampToValueAtTime(0, at + s.len)
    }
    o.connect(g).connect(gain)
    o.start(at)
    o.stop(at + s.len)
  }
}

/** Plays the test tone; must be called from a gesture. */
export async function testSound() {
  sound.error = ''
  try {
    await ready()
    play(testTone)
    return true
  } catch (err) {
    sound.error = err.message || err.name
    return false
  }
}

export function heard() {
  sound.state = 'proven'
  sound.heardAt = clock.now
  rung.clear()
  holdLock()
  keepAwake()
  present()
}

/** This console has no sound: nothing rings here, and the desk signs no alarm. */
export function withoutSound() {
  sound.state = 'none'
  present()
}

export function toggleMute() {
  if (sound.state === 'proven') sound.state = 'muted'
  else if (sound.state === 'muted') sound.state = 'proven'
  present()
}

/** Two minutes of quiet. It is no receipt, and what arrives later rings. */
export function silence() { sound.silence = { at: clock.now, until: clock.now + 120_000 } }

// Of several tabs one rings: the one that holds the lock, as long as it lives.
function holdLock() {
  if (sound.here) return
  if (!navigator.locks) {
    sound.here = true
    return
  }
  navigator.locks.request('hotline-sound', () => {
    sound.here = true
    return new Promise(() => {})
  })
}

/** A screen that sleeps may put the page to sleep with it. */
async function keepAwake() {
  if (sound.state !== 'proven' || document.hidden) return
  try { await navigator.wakeLock?.request('screen') } catch { /* no battery, no permission: the desk alarms without us */ }
}

function speak(a) {
  const voice = speechSynthesis?.getVoices().find((v) => v.localService && v.lang.startsWith(view.lang))
  if (!voice) return // others would send the text to their vendor
  const u = new SpeechSynthesisUtterance(t(a.exercise ? 'sound.say_exercise' : 'sound.say', { precedence: t(`precedence.${a.precedence}`), party: a.from }))
  u.voice = voice
  u.lang = voice.lang
  speechSynthesis.speak(u)
}

function ring() {
  if (!session.officer) return
  const now = clock.now
  const list = alarms(messages.values(), sound.silence, now)
  const keys = new Set(list.map((a) => a.key))
  for (const key of rung.keys()) if (!keys.has(key)) rung.delete(key)
  sound.ringing = list.find((a) => a.precedence === 'FLASH')?.precedence ?? list[0]?.precedence ?? ''
  if (sound.state !== 'proven' || !sound.here) return
  for (const a of list) {
    const tone = toneFor(a.precedence, a.exercise)
    const last = rung.get(a.key)
    if (last !== undefined && (!tone.every || performance.now() - last < tone.every * 1000)) continue
    rung.set(a.key, performance.now())
    play(tone)
    if (a.precedence === 'FLASH' || a.precedence === 'IMMEDIATE') report(a.ids)
    if (last === undefined && (a.precedence === 'FLASH' || a.precedence === 'IMMEDIATE')) speak(a)
    return // one sound at a time; the next tick brings the next
  }
}

setInterval(ring, 500)

/** Tells the desk for which messages a tone has started; it signs that to their senders. */
async function report(ids) {
  const fresh = ids.filter((id) => !told.has(id)).slice(0, 64)
  if (!fresh.length || ctx?.state !== 'running') return
  for (const id of fresh) told.add(id)
  try {
    await post('/presence', { sound: 'proven', visible: !document.hidden, sounding: fresh })
  } catch {
    for (const id of fresh) told.delete(id) // told again with the next tone
  }
}

async function present() {
  if (!session.officer || !desk.loaded) return
  const word = { proven: ctx?.state === 'running' ? 'proven' : 'muted', muted: 'muted' }[sound.state] ?? 'none'
  try {
    await post('/presence', { sound: word, visible: !document.hidden })
  } catch { /* the stale band and the next post tell */ }
}

setInterval(present, 20_000)
document.addEventListener('visibilitychange', () => {
  present()
  keepAwake() // the browser lets go of it when the page is hidden
})

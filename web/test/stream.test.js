import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { open } from '../src/stream.js'

/** An EventSource that a test drives. */
class Source {
  static all = []
  constructor(url) { this.url = url; this.on = {}; this.readyState = 0; Source.all.push(this) }
  addEventListener(kind, f) { this.on[kind] = f }
  close() { this.readyState = 2; this.closed = true }
  start() { this.readyState = 1; this.onopen() }
  emit(kind, data, id) { this.on[kind]({ data: JSON.stringify(data), lastEventId: id ?? '' }) }
  fail(state) { this.readyState = state; this.onerror() }
}

function setup(t, refused = async () => false) {
  mock.timers.enable({ apis: ['setTimeout'] })
  Source.all = []
  const seen = { events: [], live: [] }
  const stop = open({ event: (k, d) => seen.events.push([k, d]), state: (l) => seen.live.push(l), refused }, { source: Source, random: () => 1 })
  t.after(() => { stop(); mock.timers.reset() })
  return seen
}

const settle = () => new Promise((r) => setImmediate(r))

test('a browser that comes back by itself is left alone', (t) => {
  const seen = setup(t)
  Source.all[0].start()
  Source.all[0].emit('message', { message: { id: 'a' } }, '7')
  Source.all[0].fail(0) // CONNECTING: the browser tries again, with Last-Event-ID
  assert.equal(Source.all.length, 1)
  assert.deepEqual(seen.live, [true, false])
  assert.deepEqual(seen.events, [['message', { message: { id: 'a' } }]])
})

test('after a 503 it opens again, with the last id, later each time', async (t) => {
  setup(t)
  Source.all[0].start()
  Source.all[0].emit('message', {}, '7')
  Source.all[0].fail(2)
  mock.timers.tick(999)
  await settle()
  assert.equal(Source.all.length, 1)
  mock.timers.tick(1)
  await settle()
  assert.equal(Source.all.length, 2)
  assert.equal(Source.all[1].url, '/api/v1/events?after=7')
  Source.all[1].fail(2)
  mock.timers.tick(2000)
  await settle()
  assert.equal(Source.all.length, 3)
})

test('forty seconds without a beat are a cut', async (t) => {
  const seen = setup(t)
  Source.all[0].start()
  for (let i = 0; i < 4; i++) {
    mock.timers.tick(30_000)
    Source.all[0].emit('beat', { now: 'x' })
  }
  assert.equal(Source.all[0].closed, undefined)
  mock.timers.tick(40_000)
  assert.equal(Source.all[0].closed, true)
  assert.equal(seen.live.at(-1), false)
  mock.timers.tick(1000)
  await settle()
  assert.equal(Source.all.length, 2)
})

test('bye is a cut by the desk: it comes back with its id', async (t) => {
  setup(t)
  Source.all[0].start()
  Source.all[0].emit('bye', {}, '9')
  mock.timers.tick(1000)
  await settle()
  assert.equal(Source.all[1].url, '/api/v1/events?after=9')
})

test('when the sign-in is over it stops', async (t) => {
  setup(t, async () => true)
  Source.all[0].start()
  Source.all[0].fail(2)
  mock.timers.tick(1000)
  await settle()
  Source.all[1].fail(2)
  mock.timers.tick(2000)
  await settle()
  assert.equal(Source.all.length, 2)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as dtg from '../src/logic/dtg.js'
import { format, parse } from '../src/logic/icu.js'
import { byUrgency, neighbour, settle } from '../src/logic/order.js'
import { highest, tlpClass } from '../src/logic/label.js'
import { bytes, measure, oneLine, visible } from '../src/logic/text.js'
import { alarms, toneFor } from '../src/logic/tone.js'
import { groups, receipted, waitsForThem, waitsForUs } from '../src/logic/ladder.js'
import { allowed, flashGuard, missing, otherTLP } from '../src/logic/draft.js'
import { stateOf } from '../src/logic/line.js'

const now = Date.UTC(2026, 10, 23, 2, 9, 4)

test('a date-time group is Zulu, with its zone', () => {
  assert.equal(dtg.dtg(now), '230209Z NOV 26')
  assert.equal(dtg.zulu(now, true), '0209:04Z')
  assert.equal(dtg.near(now - 3 * 3600e3, now), '222309Z NOV 26')
  assert.equal(dtg.spaced('230209ZNOV26'), '230209Z NOV 26')
  assert.equal(dtg.dtg(NaN), '')
  assert.match(dtg.local(now, 'ja', 'Asia/Tokyo'), /11:09.*JST/)
})

test('a countdown says late, and never a relative word', () => {
  assert.deepEqual(dtg.countdown(now + 471e3, now), { text: '7:51', late: false, soon: false })
  assert.deepEqual(dtg.countdown(now + 3 * 3600e3 + 60e3, now), { text: '3 h 01', late: false, soon: false })
  assert.deepEqual(dtg.countdown(now - 42e3, now), { text: '−0:42', late: true, soon: false })
  assert.equal(dtg.countdown(now + 60e3, now).soon, true)
})

test('a time to come is read in every form, and nothing else', () => {
  const at = (s) => dtg.dtg(dtg.readTime(s, now))
  assert.equal(at('+30m'), '230239Z NOV 26')
  assert.equal(at('0245Z'), '230245Z NOV 26')
  assert.equal(at('0145Z'), '240145Z NOV 26')
  assert.equal(at('230245Z NOV 26'), '230245Z NOV 26')
  assert.equal(at('230245znov26'), '230245Z NOV 26')
  assert.equal(at('＋３０ｍ'), '230239Z NOV 26')
  assert.equal(at('310100Z'), '310100Z DEC 26')
  for (const bad of ['', 'soon', '2545Z', '0260Z', '310245Z NOV 26', '230245Z XXX 26', '+30']) assert.ok(Number.isNaN(dtg.readTime(bad, now)), bad)
})

test('texts take arguments, plurals and selects', () => {
  assert.equal(format('{n, plural, =0 {none} one {1 row} other {{n} rows}}', { n: 0 }), 'none')
  assert.equal(format('{n, plural, =0 {none} one {1 row} other {{n} rows}}', { n: 1 }), '1 row')
  assert.equal(format('{n, plural, one {1 row} other {{n} rows}}', { n: 5 }), '5 rows')
  assert.equal(format('{n, plural, other {{n} 件}}', { n: 1 }, 'ja'), '1 件')
  assert.equal(format('{a, select, x {X} other {?}} {b}', { a: 'y', b: '<b>' }), '? <b>')
  assert.equal(format('{missing}', {}), '{missing}')
  assert.throws(() => parse('{a, select, x {X}}'), /other/)
  assert.throws(() => parse('{a'), /open/)
})

const m = (id, precedence, due, extra = {}) => ({ id, precedence, ack_due_at: due && new Date(now + due).toISOString(), committed_at: new Date(now).toISOString(), ...extra })

test('what waits is ordered by precedence, then by what is due first', () => {
  const list = [m('c', 'ROUTINE', 1), m('a', 'FLASH', 9), m('b', 'IMMEDIATE', 2), m('d', 'FLASH', 3), m('e', 'OVERRIDE', 99)]
  assert.deepEqual(list.sort(byUrgency).map((x) => x.id), ['d', 'a', 'e', 'b', 'c'])
})

test('a held list does not move, and its new rows wait', () => {
  const shown = ['b', 'c']
  assert.deepEqual(settle(shown, ['a', 'b', 'c'], true), { shown, pending: ['a'], moved: false })
  assert.deepEqual(settle(shown, ['c'], true), { shown, pending: [], moved: false })
  assert.deepEqual(settle(shown, ['a', 'b', 'c'], false), { shown: ['a', 'b', 'c'], pending: [], moved: true })
  assert.equal(settle(shown, ['b', 'c'], false).moved, false)
})

test('after a receipt the next row has the focus, at the end the one before', () => {
  assert.equal(neighbour(['a', 'b', 'c'], 'a'), 'b')
  assert.equal(neighbour(['a', 'b', 'c'], 'c'), 'b')
  assert.equal(neighbour(['a'], 'a'), null)
})

test('the highest label is the strictest of each field', () => {
  const l = highest([
    { tlp: 'TLP:GREEN', pap: 'PAP:RED', classification: 'none', rel: ['ANY'] },
    { tlp: 'TLP:AMBER+STRICT', pap: 'PAP:CLEAR', classification: 'NATO RESTRICTED', rel: ['JPN', 'NATO'] },
    { tlp: 'TLP:AMBER', pap: 'PAP:CLEAR', classification: 'none', rel: ['NATO', 'AUS'], caveats: ['ORCON'] },
  ])
  assert.deepEqual(l, { classification: 'NATO RESTRICTED', tlp: 'TLP:AMBER+STRICT', pap: 'PAP:RED', rel: ['NATO'], caveats: ['ORCON'] })
  assert.equal(highest([{ tlp: 'TLP:PURPLE' }, { tlp: 'TLP:RED' }]).tlp, 'TLP:PURPLE', 'an unknown marking counts as the strictest')
  assert.equal(tlpClass('TLP:PURPLE'), 'red')
  assert.equal(highest([]), null)
})

test('characters that cannot be seen are drawn', () => {
  assert.deepEqual(visible('a\u202eb'), [{ text: 'a' }, { mark: 'RLO' }, { text: 'b' }])
  assert.equal(oneLine('x\u200by\n\u0007z'), 'x[ZWSP]y [U+0007]z')
  assert.equal(oneLine('日本語\n二行目'), '日本語 二行目')
  assert.equal(visible('e' + '\u0301'.repeat(50))[0].text.length, 5)
})

test('sizes and lengths', () => {
  assert.deepEqual([bytes(999), bytes(3600412), bytes(48213), bytes(26214400)], ['999 B', '3.6 MB', '48 kB', '26 MB'])
  assert.deepEqual(measure('isolate ferry-ad01 隔離せよ'), { words: 2, cjk: 4 })
})

const waiting = (id, precedence, extra = {}) => ({ id, precedence, direction: 'in', status: 'actual', line: 'l', line_name: 'L', from: 'NATO', actions: ['receipt'], committed_at: new Date(now).toISOString(), ...extra })

test('one alarm per line and precedence; an exercise has its own tone', () => {
  const list = alarms([waiting('1', 'FLASH'), waiting('2', 'FLASH'), waiting('3', 'FLASH', { status: 'exercise' }), waiting('4', 'ROUTINE'), waiting('5', 'FLASH', { actions: [] })], null, now)
  assert.deepEqual(list.map((a) => [a.precedence, a.exercise, a.ids.length]), [['FLASH', false, 2], ['FLASH', true, 1]])
  assert.deepEqual(toneFor('FLASH', false).sounds.map((s) => s.hz).slice(0, 2), [960, 770])
  assert.deepEqual(toneFor('FLASH', true).sounds.map((s) => s.hz), [520])
  assert.equal(toneFor('FLASH', true).every, 2 * toneFor('FLASH', false).every)
  assert.equal(toneFor('ROUTINE', false), null)
})

test('silence is no receipt: it ends, and what comes after it rings', () => {
  const silence = { at: now, until: now + 120e3 }
  assert.equal(alarms([waiting('1', 'FLASH')], silence, now + 1e3).length, 0)
  assert.equal(alarms([waiting('1', 'FLASH')], silence, now + 121e3).length, 1)
  assert.equal(alarms([waiting('1', 'FLASH', { committed_at: new Date(now + 5e3).toISOString() })], silence, now + 6e3).length, 1)
})

const rung = (state, party, s) => ({ state, party, at: new Date(now + s * 1e3).toISOString() })

test('the ladder has a group per party, and a silent party has one too', () => {
  const msg = { direction: 'out', to: ['NATO', 'AUS'], ack_required: 'receipt', state: 'receipted', ladder: [rung('queued', 'JPN', 0), rung('receipted', 'NATO', 9), rung('delivered', 'NATO', 2), rung('accepted', 'JPN', 1)] }
  assert.deepEqual(groups(msg).map((g) => [g.party, g.rungs.map((r) => r.state)]), [['', ['queued', 'accepted']], ['NATO', ['delivered', 'receipted']], ['AUS', []]])
  assert.deepEqual(receipted(msg), { done: 1, of: 2 })
  assert.equal(waitsForThem(msg), true)
  msg.ladder.push(rung('receipted', 'AUS', 20))
  assert.equal(waitsForThem(msg), false)
  msg.ladder.push(rung('withdrawn', 'AUS', 30))
  assert.equal(waitsForThem(msg), true)
  assert.equal(waitsForThem({ ...msg, state: 'refused' }), false)
  assert.equal(waitsForUs(waiting('1', 'FLASH')), true)
})

test('nothing of the label is preset: TLP never has a rule, the rest may', () => {
  const d = { line: 'l', kind: 'alert', precedence: 'FLASH', status: 'actual', tlp: '', pap: '', classification: '', rel: null, subject: 's', text: 't', language: 'en', upload: null, exerciseName: '' }
  assert.deepEqual(missing(d, { rule: {} }), ['tlp', 'pap', 'classification', 'rel'])
  assert.deepEqual(missing(d, { rule: { pap: 'PAP:AMBER', classification: 'none', rel: ['members'] } }), ['tlp'])
  assert.deepEqual(missing({ ...d, tlp: 'TLP:RED', rel: [] }, { rule: { pap: 'PAP:AMBER', classification: 'none' } }), ['rel'])
  assert.deepEqual(missing({ ...d, kind: 'rfi', tlp: 'TLP:RED' }, { rule: { pap: 'x', classification: 'x', rel: ['x'] } }), ['precedence'])
  assert.equal(allowed('informal', 'PRIORITY'), false)
})

test('FLASH asks to be short, and a TLP in the text is noticed', () => {
  assert.equal(flashGuard({ precedence: 'FLASH', text: 'word '.repeat(200) }), null)
  assert.equal(flashGuard({ precedence: 'FLASH', text: 'word '.repeat(201) }).words, 201)
  assert.equal(flashGuard({ precedence: 'FLASH', text: '漢'.repeat(401) }).cjk, 401)
  assert.equal(flashGuard({ precedence: 'ROUTINE', text: 'word '.repeat(900) }), null)
  assert.equal(otherTLP({ tlp: 'TLP:AMBER+STRICT', subject: '', text: 'as tlp:red' }), 'TLP:RED')
  assert.equal(otherTLP({ tlp: 'TLP:CLEAR', subject: 'TLP:WHITE', text: '' }), '')
})

test('a line whose evidence is gone is never green', () => {
  assert.equal(stateOf({ state: 'open', health: { state: 'up' } }).tone, 'up')
  for (const s of ['unknown', 'peer_dark', 'relay_down', 'uplink_down', 'something new', undefined]) assert.notEqual(stateOf({ state: 'open', health: { state: s } }).tone, 'up')
  assert.equal(stateOf({ state: 'stopped', health: { state: 'up' } }).mark, '✕')
})

// Signing in, taking the watch, and what rings.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { base, close, done, open } from './browser.mjs'

after(close)

const push = (body) => fetch(`${base}/gallery/push`, { method: 'POST', body: JSON.stringify(body) })
const asked = (path) => fetch(`${base}/gallery/asked`).then((r) => r.json()).then((l) => l.filter((p) => p.path === path))

/** Counts the frequencies that the page plays. */
const listen = (page) => page.addInitScript(() => {
  window.played = []
  const make = AudioContext.prototype.createOscillator
  AudioContext.prototype.createOscillator = function () {
    const o = make.call(this)
    const start = o.start.bind(o)
    o.start = (t) => { window.played.push(o.frequency.value); start(t) }
    return o
  }
})

test('one-time link, password, test tone, watch, sign out', async () => {
  const page = await open('link')
  await page.getByText('Welcome, WO1').waitFor()
  assert.equal(new URL(page.url()).hash, '#/in', 'the secret has left the address')
  await page.getByLabel('New password').fill('short')
  await page.getByLabel('The same again').fill('short')
  await page.getByRole('button', { name: 'Set password' }).click()
  await page.getByText('at least 12 characters.').first().waitFor()
  await page.getByLabel('New password').fill('exercise exercise exercise')
  await page.getByLabel('The same again').fill('exercise exercise exercise')
  await page.getByRole('button', { name: 'Set password' }).click()
  await page.getByRole('heading', { name: 'Take the watch' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'I heard it' }).isDisabled(), true, 'nobody has heard a tone that was not played')
  await page.getByRole('button', { name: 'Test tone' }).click()
  await page.getByRole('button', { name: 'I heard it' }).click()
  await page.getByRole('button', { name: '♪ heard' }).waitFor()
  // What waits rings now, the FLASH first; the desk is told for which messages, each once.
  await page.waitForTimeout(1200)
  const told = (await asked('/presence')).map((r) => r.body)
  assert.ok(told.some((b) => b.sound === 'proven' && b.visible && !b.sounding), 'the desk is told that the sound is proven')
  const sounding = told.flatMap((b) => b.sounding ?? [])
  assert.equal(sounding[0], 'msg1flash', 'the desk is told that its alarm sounds')
  assert.equal(new Set(sounding).size, sounding.length, 'each alarm is told once')
  await page.getByRole('button', { name: 'Officer, theme, language' }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(await page.getByText('wiper').count(), 0)
  await page.goto(`${base}/`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.getByLabel('Name').fill('WO1')
  await page.getByLabel('Password').fill('wrong wrong wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Name and password do not match.').waitFor()
  await done(page)
})

test('an exercise rings with its chime, a real FLASH with the two-tone', async () => {
  const page = await open('take')
  await listen(page)
  await page.reload()
  await page.getByRole('button', { name: 'Test tone' }).click()
  await page.evaluate(() => { window.played = [] })
  await page.getByRole('button', { name: 'I heard it' }).click()
  await page.waitForFunction(() => window.played.length > 0)
  await page.waitForTimeout(1500)
  assert.deepEqual([...new Set(await page.evaluate(() => window.played))], [520], 'all that waits is exercise')
  await page.evaluate(() => { window.played = [] })
  const began = Date.now()
  await push({ id: 'msg1real', precedence: 'FLASH', status: 'actual', exercise_name: '', subject: 'EXERCISE of the tone of a real one', from: 'NATO' })
  await page.waitForFunction(() => window.played.includes(960) && window.played.includes(770))
  assert.ok(Date.now() - began < 2000)
  const twoTone = () => page.evaluate(() => window.played.filter((f) => f === 960).length)
  const first = await twoTone()
  await page.waitForTimeout(5600)
  assert.ok(await twoTone() > first, 'it repeats until the receipt')
  await page.keyboard.press('s')
  await page.getByText('This is not a receipt').waitFor()
  await page.evaluate(() => { window.played = [] })
  await page.waitForTimeout(5600)
  assert.equal(await twoTone(), 0)
  await done(page)
})

test('a page that was loaded again has proven nothing', async () => {
  const page = await open('watch')
  await page.getByRole('link', { name: 'NOT PROVEN' }).waitFor()
  await done(page)
})

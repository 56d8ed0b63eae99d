// The stream: cuts, refusals, and what was missed in between.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { base, close, done, open } from './browser.mjs'

after(close)

const push = (body) => fetch(`${base}/gallery/push`, { method: 'POST', body: JSON.stringify(body) })
const cut = (refuse = '') => fetch(`${base}/gallery/cut?refuse=${refuse}`, { method: 'POST' })
const row = (page, id) => page.locator(`section.list [data-id="${id}"]`)

test('after a cut nothing is lost and nothing is doubled', async () => {
  const page = await open('watch')
  await row(page, 'msg1fimi').first().waitFor()
  await page.mouse.move(5, 5)
  await push({ id: 'msg1one', precedence: 'PRIORITY', subject: 'EXERCISE one' })
  await row(page, 'msg1one').waitFor()
  await cut()
  await push({ id: 'msg1two', precedence: 'PRIORITY', subject: 'EXERCISE two' })
  await row(page, 'msg1two').waitFor({ timeout: 10_000 })
  assert.equal(await row(page, 'msg1one').count(), 1)
  await done(page)
})

test('after a 503 the band says since when, and it comes back by itself', async () => {
  const page = await open('watch')
  await row(page, 'msg1fimi').first().waitFor()
  await page.mouse.move(5, 5)
  await cut('1')
  await page.getByText('No live data since').waitFor({ timeout: 10_000 })
  await push({ id: 'msg1three', precedence: 'PRIORITY', subject: 'EXERCISE three' })
  await cut('0')
  await row(page, 'msg1three').waitFor({ timeout: 20_000 })
  assert.equal(await page.getByText('No live data since').count(), 0)
  await done(page)
})

test('two tabs, one rings', async () => {
  const page = await open('take')
  await page.getByRole('button', { name: 'Test tone' }).click()
  await page.getByRole('button', { name: 'I heard it' }).click()
  await row(page, 'msg1fimi').first().waitFor()
  const second = await page.context().newPage()
  await second.goto(`${base}/#/take`)
  await second.getByRole('button', { name: 'Test tone' }).click()
  await second.getByRole('button', { name: 'I heard it' }).click()
  await second.getByText('Another tab of this desk rings').waitFor()
  assert.equal(await page.getByText('Another tab of this desk rings').count(), 0)
  await done(page)
})

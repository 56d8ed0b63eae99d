// Compose → Review → send: nothing is preset, the readers come from the desk,
// what is reviewed is what is sent, and it is sent once.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { base, close, done, open } from './browser.mjs'

after(close)

const asked = (path) => fetch(`${base}/gallery/asked`).then((r) => r.json()).then((l) => l.filter((p) => p.path === path))

async function fill(page) {
  await page.getByText('FLASH', { exact: true }).click()
  await page.getByLabel('Name of the exercise').fill('SILENT TIDE 26')
  await page.getByText('TLP:AMBER+STRICT', { exact: true }).click()
  await page.locator('#f-subject').fill('EXERCISE: 二重送信の試験')
  await page.locator('#f-language').selectOption('ja')
  await page.locator('#f-text').fill('訓練 EXERCISE 隔離せよ')
}

test('nothing is preset, and review names what is missing', async () => {
  const page = await open('compose')
  await page.locator('#f-subject').waitFor()
  assert.equal(await page.locator('input[name=tlp]:checked, input[name=prec]:checked').count(), 0)
  await page.locator('#f-subject').focus()
  await page.keyboard.press('Control+Enter')
  await page.waitForFunction(() => document.activeElement.id === 'lacks')
  assert.deepEqual(await page.locator('#lacks li').allInnerTexts(), ['Precedence', 'Name of the exercise', 'TLP', 'Subject', 'Language', 'Text'])
  assert.deepEqual(await asked('/messages'), [])
  await done(page)
})

test('review shows readers, label and text; sending twice sends once', async () => {
  const page = await open('compose')
  await fill(page)
  await page.getByText('2 parties, 3 desks').waitFor()
  await page.locator('#f-upload').setInputFiles({ name: 'exercise.json', mimeType: 'application/json', buffer: Buffer.from('{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator"},{"type":"indicator"}]}') })
  await page.getByText('has read 2 objects').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.locator('#review-title').waitFor()
  const paper = await page.locator('.paper').innerText()
  for (const want of ['TLP:AMBER+STRICT', 'PAP:AMBER', 'REL JPN, NATO', 'EXERCISE: 二重送信の試験', '訓練 EXERCISE 隔離せよ', 'exercise.json', 'SILENT TIDE 26']) assert.ok(paper.includes(want), want)
  assert.ok((await page.locator('.audience').innerText()).includes('NATO-2'))
  assert.deepEqual(await asked('/messages'), [])
  const reviewed = (await asked('/review')).at(-1).body
  await page.getByRole('button', { name: 'Send FLASH' }).dblclick()
  await page.locator('#msg-subject').waitFor()
  const sent = await asked('/messages')
  assert.equal(sent.length, 1)
  assert.ok(sent[0].key.length >= 8)
  assert.deepEqual(sent[0].body, reviewed)
  assert.equal(sent[0].body.status, 'exercise')
  assert.deepEqual(sent[0].body.label, { tlp: 'TLP:AMBER+STRICT', classification: '', pap: '', rel: [], caveats: [] })
  await done(page)
})

test('a REL that leaves nobody is refused with its sentence', async () => {
  const page = await open('compose')
  await fill(page)
  await page.getByText('choose parties').click()
  await page.getByText('The desk refuses this').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.waitForTimeout(600)
  assert.equal(await page.locator('#review-title').count(), 0)
  await done(page)
})

test('a file that is no bundle is refused, and review waits for it', async () => {
  const page = await open('compose')
  await fill(page)
  await page.locator('#f-upload').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('not json') })
  await page.getByText('The file is not a STIX bundle.').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.locator('#lacks').waitFor()
  assert.deepEqual(await page.locator('#lacks li').allInnerTexts(), ['STIX bundle'])
  await done(page)
})

test('a TLP in the text that is not the chosen one is noticed', async () => {
  const page = await open('compose')
  await fill(page)
  await page.locator('#f-text').fill('EXERCISE, as TLP:RED')
  await page.getByText('The text contains TLP:RED').waitFor()
  await done(page)
})

test('a reply takes line and reference, and no label', async () => {
  const page = await open('message')
  await page.locator('#msg-subject').waitFor()
  await page.keyboard.press('r')
  await page.locator('#f-subject').waitFor()
  await page.waitForFunction(() => document.querySelector('#f-subject').value.startsWith('Re: EXERCISE'))
  assert.equal(await page.locator('#f-line').inputValue(), 'line1jpnnato')
  assert.equal(await page.locator('input[name=tlp]:checked, input[name=prec]:checked').count(), 0)
  await done(page)
})

test('on a thin link new keys are named with their cost, and who must act may go first', async () => {
  const page = await open('compose')
  await page.locator('#f-line').selectOption('line1alliance')
  await page.getByText('FLASH', { exact: true }).click()
  await page.getByText('TLP:AMBER', { exact: true }).click()
  await page.getByText('3 desks need new keys first').waitFor()
  assert.equal(await page.getByRole('radio', { name: /Action addressees first/ }).count(), 0, 'without a choice there is nothing to put first')
  await page.getByLabel('AUS', { exact: true }).last().uncheck()
  await page.getByRole('radio', { name: /Action addressees first/ }).check()
  await page.waitForTimeout(600)
  const asked = await (await fetch(`${base}/gallery/asked`)).json()
  const last = asked.filter((p) => p.path === '/review').at(-1).body
  assert.deepEqual([last.action, last.action_first], [['NATO'], true])
  await done(page)
})

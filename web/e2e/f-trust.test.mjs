// Parties and trust by keyboard alone: words said and typed, two persons, a
// cut-off with its count; and what must not be there.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { base, close, done, open } from './browser.mjs'

const password = 'exercise exercise exercise'
const heard = ['anchor', 'pebble', 'violin', 'marble', 'summer', 'ticket']
const posts = async (path) => (await (await fetch(`${base}/gallery/asked`)).json()).filter((p) => p.path === path)

after(close)

test('six words are typed, by keyboard alone, and nothing says "same"', async () => {
  const page = await open('pairing-words')
  await page.locator('#w0').waitFor()
  const text = await page.locator('main').innerText()
  for (const w of heard) assert.ok(!text.includes(w), `the page shows ${w}, which the other side says`)
  assert.equal(await page.getByRole('button', { name: /same|match/i }).count(), 0)
  await page.locator('#w0').focus()
  // As heard: a space goes on to the next field.
  await page.keyboard.type(heard.join(' '))
  assert.deepEqual(await page.locator('.type input').evaluateAll((all) => all.map((i) => i.value)), heard)
  const button = page.getByRole('button', { name: 'These are the words that I heard' })
  assert.equal(await button.isDisabled(), true, 'without the password nothing is confirmed')
  await page.locator('#w-own').focus()
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await page.getByText('Paired. The words matched.').waitFor()
  const [sent] = await posts('/pairings/4/confirm')
  assert.deepEqual(sent.body.words, heard)
  assert.equal(sent.body.witness, undefined)
  await done(page)
})

test('words that do not match cost a try, and the fields are empty again', async () => {
  const page = await open('pairing-words', { theme: 'night', width: 320 })
  await page.locator('#w0').fill('anchor pebble violin marble summer tunnel')
  await page.locator('#w-own').fill(password)
  await page.getByRole('button', { name: 'These are the words that I heard' }).click()
  await page.getByRole('alert').filter({ hasText: 'do not match' }).waitFor()
  await page.getByText('2 tries are left').waitFor()
  assert.equal(await page.locator('#w0').inputValue(), '')
  assert.equal(await page.locator('#w-own').inputValue(), '')
  await done(page)
})

test('where two persons are asked for, the second gives name and password too', async () => {
  const page = await open('pairing-two', { lang: 'ja', theme: 'dark' })
  await page.locator('#w0').fill(heard.join('、'))
  await page.locator('#w-own').fill(password)
  const button = page.locator('form button.main')
  assert.equal(await button.isDisabled(), true)
  await page.locator('#w-who').fill('CUS1')
  await page.locator('#w-theirs').fill('another one')
  await button.click()
  await page.locator('.done').waitFor()
  const [sent] = await posts('/pairings/5/confirm')
  assert.deepEqual(sent.body.witness, { officer: 'CUS1', password: 'another one' })
  await done(page)
})

test('a pairing begins with a code, and is given up on purpose only', async () => {
  const page = await open('pair')
  await page.locator('#b-peer').fill('NORTH')
  await page.getByRole('button', { name: 'Make a code' }).click()
  await page.locator('.code').waitFor()
  assert.match(await page.locator('.code').innerText(), /\/k7q2m-9xt4a/)
  await page.locator('img[alt="QR code of the code"]').evaluate((i) => i.decode())
  await page.getByRole('button', { name: 'Give it up…' }).click()
  await page.getByRole('button', { name: 'Give it up', exact: true }).click()
  await page.getByText('Nothing of this pairing is trusted.').waitFor()
  await done(page)
})

test('a file that was carried finds its way', async () => {
  const page = await open('pairing-hand')
  const file = Buffer.from('hotline/1 pairing 2 of 3\nEXERCISE')
  await page.locator('input[type=file]').setInputFiles({ name: 'their.pair', mimeType: 'application/octet-stream', buffer: file })
  await page.locator('#w0').waitFor()
  const [sent] = await posts('/pairings/3/open')
  assert.equal(sent.body.file, file.toString('base64'))
  await done(page)
})

test('a desk is cut off by keyboard: name, reason, password, held; and counted', async () => {
  const page = await open('cutoff')
  const hold = page.locator('button.hold')
  await hold.waitFor()
  assert.equal(await hold.isDisabled(), true)
  const [reason, name, secret] = await page.locator('form input').all()
  await reason.fill('EXERCISE: seized')
  await name.fill('JPN-1')
  await secret.fill(password)
  assert.equal(await hold.isDisabled(), true, 'the name of another desk does not do')
  await name.fill('JPN-2')
  await hold.focus()
  await page.keyboard.type('jp') // the first letters of its name, in place of holding
  await page.getByText('37 of 39 confirmed').first().waitFor()
  await page.getByText('Unconfirmed:').waitFor()
  const [sent] = await posts('/desks/desk1jpn-2/cutoff')
  assert.deepEqual(sent.body, { reason: 'EXERCISE: seized', confirm: 'JPN-2', password })
  assert.ok(sent.key, 'a retry is the same act')
  await done(page)
})

test('a wrong password does nothing and says so', async () => {
  const page = await open('party')
  await page.getByText('Stop until a new ceremony…').click()
  const form = page.locator('details[open] form')
  const [reason, name, secret] = await form.locator('input').all()
  await reason.fill('EXERCISE: in doubt')
  await name.fill('NATO')
  await secret.fill('guess')
  await form.locator('button.hold').focus()
  await page.keyboard.type('na')
  await form.getByRole('alert').waitFor()
  assert.equal(await secret.inputValue(), '')
  await secret.fill(password)
  await form.locator('button.hold').focus()
  await page.keyboard.type('na')
  await page.getByText('stopped until a new ceremony').first().waitFor()
  await done(page)
})

test('records that differ are on every screen, and on the line', async () => {
  const page = await open('line-forked')
  await page.locator('.strip [role=alert]').filter({ hasText: 'Records differ' }).waitFor()
  await page.getByText('Our records and theirs differ.').waitFor()
  // What a desk says of another is its word; what it proves looks like proof.
  await page.locator('.warn', { hasText: 'AUS-1 says that' }).filter({ hasText: 'The word of AUS-1 and no proof' }).waitFor()
  await page.locator('.wrong', { hasText: 'AUS-1 shows both' }).filter({ hasText: 'it convicts itself' }).waitFor()
  await page.evaluate(() => { location.hash = '#/' })
  await page.locator('section.list li').first().waitFor()
  await page.locator('.strip [role=alert]').filter({ hasText: 'Records differ' }).waitFor()
  await done(page)
})

test('evidence is saved as a file, and says what may not leave', async () => {
  const page = await open('line-facts')
  const button = page.getByRole('button', { name: 'Export the evidence' })
  await button.waitFor()
  const [file] = await Promise.all([page.waitForEvent('download'), button.click()])
  assert.equal(file.suggestedFilename(), 'exercise.evidence')
  await page.getByText('One message may not leave this desk').first().waitFor()
  await done(page)
})

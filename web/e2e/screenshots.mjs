// The pictures of the documents: node screenshots.mjs DIR
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { close, done, open } from './browser.mjs'

const dir = process.argv[2] ?? '.'
mkdirSync(dir, { recursive: true })

/** Shoots a scene after letting act work on it. */
async function shoot(name, scene, view, act = async () => {}) {
  const page = await open(scene, { width: 1440, height: 900, ...view })
  await page.locator('main :is(h1, h2, form):visible').first().waitFor()
  await act(page)
  await page.mouse.move(2, 2)
  await page.waitForTimeout(400)
  await page.screenshot({ path: join(dir, `${name}.png`) })
  await done(page)
}

/** Takes the watch, so that the sound is proven. */
async function take(page, hash) {
  await page.evaluate(() => { location.hash = '#/take' })
  await page.locator('ol button').first().click()
  await page.locator('ol li:nth-child(2) button').first().click()
  await page.locator('section.list li').first().waitFor()
  if (hash) await page.evaluate((h) => { location.hash = h }, hash)
  if (hash?.startsWith('#/m/')) await page.locator('#msg-subject').waitFor()
}

await shoot('watch', 'watch', { theme: 'dark' }, (page) => take(page, '#/m/msg1flash'))
await shoot('night', 'watch', { theme: 'night' }, (page) => take(page))
await shoot('ja', 'watch', { theme: 'day', lang: 'ja' }, (page) => take(page, '#/m/msg1fimi'))
await shoot('line', 'line', { theme: 'dark' }, (page) => take(page, '#/line/line1alliance'))
await shoot('review', 'compose', { theme: 'day' }, async (page) => {
  await take(page, '#/new?line=line1jpnnato')
  await page.getByText('FLASH', { exact: true }).click()
  await page.getByLabel('Name of the exercise').fill('SILENT TIDE 26')
  await page.getByText('TLP:AMBER+STRICT', { exact: true }).click()
  await page.locator('#f-subject').fill('EXERCISE: ferry-ad01 is isolated; indicators confirmed')
  await page.locator('#f-language').selectOption('en')
  await page.locator('#f-text').fill('EXERCISE EXERCISE EXERCISE\n\n1. Host ferry-ad01 was isolated at 230207Z. Memory is preserved.\n2. Nine of twelve indicators were seen here since 222340Z; list attached.\n3. No further host answers the controller.\n\nEXERCISE EXERCISE EXERCISE')
  const objects = [...Array(9).fill({ type: 'indicator' }), ...Array(9).fill({ type: 'sighting' }), { type: 'identity' }]
  await page.locator('#f-upload').setInputFiles({ name: 'sightings-of-ferry-wiper.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify({ type: 'bundle', id: 'bundle--0d4f', objects })) })
  await page.getByText('has read 19 objects').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.locator('#review-title').waitFor()
})
await shoot('pairing', 'pairing-two', { theme: 'day' }, async (page) => {
  await page.locator('#w0').fill('anchor pebble violin marble')
  await page.locator('#w-who').fill('CUS1')
})
await shoot('trust', 'line-facts', { theme: 'dark' }, (page) => page.locator('.desk').first().waitFor())
await close()

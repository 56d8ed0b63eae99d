// Every scene: nothing breaks the content policy, nothing throws, and axe finds
// nothing. The main screens run in three looks, the other states of them in one
// each by turns; HOTLINE_BROWSER_ALL=1 runs everything in all three.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { base, close, done, open } from './browser.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const scenes = await (await fetch(`${base}/gallery/`)).json()

after(close)

/** Runs axe in an isolated world, where the page's content policy does not apply. */
async function check(page, name) {
  const session = await page.context().newCDPSession(page)
  const { frameTree } = await session.send('Page.getFrameTree')
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id })
  await session.send('Runtime.evaluate', { expression: axe, contextId: executionContextId })
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { runOnly: ${JSON.stringify(tags)}, resultTypes: ['violations'] }).then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? n.all[0]?.message ?? ''))])))`,
    contextId: executionContextId, awaitPromise: true, returnByValue: true,
  })
  assert.equal(exceptionDetails, undefined)
  assert.deepEqual(JSON.parse(result.value), [], name)
}

const looks = [['day', 'en', 1280], ['dark', 'ja', 1280], ['night', 'en', 320]]
const screens = new Set(['watch', 'message', 'line', 'compose', 'pairing-two', 'line-facts', 'cutoff'])

for (const [i, { name }] of scenes.entries()) {
  for (const [theme, lang, width] of screens.has(name) || process.env.HOTLINE_BROWSER_ALL ? looks : [looks[i % 3]]) {
    test(`${name}, ${theme}, ${lang}, ${width} px`, async () => {
      const page = await open(name, { theme, lang, width })
      await page.locator('main :is(h1, h2, form, .wrong):visible').first().waitFor()
      if (['message', 'japanese', 'hostile'].includes(name)) await page.locator('#msg-subject').waitFor()
      await page.waitForTimeout(150)
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'nothing is wider than the window')
      // 300 rows are 300 times the same to axe, which takes a minute over them.
      if (name !== 'busy') await check(page, name)
      await done(page)
    })
  }
}

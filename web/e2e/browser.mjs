// One Chromium for all browser tests. Any word of the content policy or of
// Trusted Types on the console, any violation and any page error fails the
// test that it happened in.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const base = (process.env.HOTLINE_GALLERY_URL ?? 'http://127.0.0.1:8090').replace('127.0.0.1', 'localhost')

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=user-gesture-required']

let browser

export async function launch() {
  browser ??= await chromium.launch({ executablePath: process.env.HOTLINE_CHROMIUM ?? '/usr/bin/chromium', args: flags })
  return browser
}

export async function close() { await browser?.close(); browser = undefined }

/**
 * Opens a scene and returns its page; page.faults collects what must not be.
 * @param {string} scene
 */
export async function open(scene, { theme = 'day', lang = 'en', zone = 'zulu', width = 1280, height = 800, options = {} } = {}) {
  const b = await launch()
  const context = await b.newContext({ viewport: { width, height }, timezoneId: 'Asia/Tokyo', locale: lang === 'ja' ? 'ja-JP' : 'en-GB', reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.faults = []
  page.on('pageerror', (e) => page.faults.push(`page error: ${e.message}`))
  page.on('console', (m) => {
    const text = m.text()
    if (/Content Security Policy|Trusted/i.test(text) || (m.type() === 'error' && !/Failed to load resource/.test(text))) page.faults.push(`console: ${text}`)
  })
  await page.addInitScript(() => {
    window.violations = []
    addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`))
  })
  await page.goto(`${base}/gallery/${scene}?theme=${theme}&lang=${lang}&zone=${zone}`)
  return page
}

/** Ends a page, and fails if anything happened in it that must not. */
export async function done(page) {
  const violations = await page.evaluate(() => window.violations).catch(() => [])
  await page.context().close()
  assert.deepEqual([...page.faults, ...violations], [])
}

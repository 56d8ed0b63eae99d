// Pictures of every scene: node shoot.mjs DIR [scene,scene] [theme,theme] [lang,lang] [width,width]
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { base, close, done, open } from './browser.mjs'

const [dir = '.', scenes = '', themes = 'day,dark,night', langs = 'en,ja', widths = '1280,320'] = process.argv.slice(2)
mkdirSync(dir, { recursive: true })
const all = await (await fetch(`${base}/gallery/`)).json()
const names = scenes ? scenes.split(',') : all.map((s) => s.name)
for (const name of names) for (const theme of themes.split(',')) for (const lang of langs.split(',')) for (const width of widths.split(',').map(Number)) {
  const page = await open(name, { theme, lang, width, height: width < 500 ? 1000 : 800 })
  await page.waitForTimeout(450)
  await page.screenshot({ path: join(dir, `${name}-${theme}-${lang}-${width}.png`) })
  await done(page)
}
await close()

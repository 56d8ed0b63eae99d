// How the officer wants to see the console: theme, language, which time comes
// first. The desk keeps it in a cookie and writes it into the next page.

import { door } from '../api.js'
import { format } from '../logic/icu.js'

export const boot = JSON.parse(document.getElementById('boot').textContent || '{}')

export const view = $state({ theme: 'auto', lang: 'en', zone: 'zulu', ...boot.view })
const texts = $state({ all: {} })

const load = { en: () => import('../ui/en.json'), ja: () => import('../ui/ja.json') }
// Texts of screens that few officers open, fetched with them.
const rare = { trust: { en: () => import('../ui/trust.en.json'), ja: () => import('../ui/trust.ja.json') } }
const wanted = new Set()

/** Fetches the texts of the language; called once before anything is drawn. */
export async function loadTexts() {
  const parts = [load, ...[...wanted].map((name) => rare[name])].map((p) => (p[view.lang] ?? p.en)())
  texts.all = Object.assign({}, ...(await Promise.all(parts)).map((m) => m.default))
}

/** Fetches the texts of a rarer screen too; call it before the screen is drawn. */
export async function needTexts(name) {
  if (wanted.has(name)) return
  wanted.add(name)
  await loadTexts()
}

/** The text of a key in the officer's language. A missing key shows itself. */
export function t(key, args = undefined) {
  return format(texts.all[key] ?? key, args, view.lang)
}

/** Whether there is a text for the key. */
export const has = (key) => key in texts.all

/** What stands in the place of a message's subject, or the subject. */
export const subjectOf = (m) => m.subject || t(m.removed_at ? 'pane.removed_subject' : 'pane.no_subject')

export const themes = ['auto', 'day', 'dark', 'night']

export async function setView(change) {
  Object.assign(view, change)
  document.documentElement.dataset.theme = view.theme
  document.documentElement.lang = view.lang
  if (change.lang) await loadTexts()
  await door('/view', { theme: view.theme, lang: view.lang, zone: view.zone })
}

export const nextTheme = () => setView({ theme: themes[(themes.indexOf(view.theme) + 1) % themes.length] })

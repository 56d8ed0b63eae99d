// The acts on a message: receipt, comply, cannot, hold, withdraw. An act is
// posted once, by a key; if the desk does not answer, the button stays and the
// officer decides, for this page never repeats an act by itself.

import { post } from '../api.js'
import { oneLine } from '../logic/text.js'
import { clock, session, takeMessage } from './desk.svelte.js'
import { note } from './say.svelte.js'
import { t } from './view.svelte.js'

export const acts = $state({ busy: '', last: null })

/** What role signs: who holds the watch signs as the watch officer. */
const role = () => (session.role === 'operator' || session.role === 'releaser' ? 'watch officer' : session.role)

/** A hint as a sentence: the desk writes them without capital and stop. */
const whole = (s) => (s ? s[0].toUpperCase() + s.slice(1) + (/[.!?。]$/.test(s) ? '' : '.') : '')

/** A fault as a sentence in the officer's language where we have one. */
export function sentence(fault) {
  const own = { unavailable: 'fault.unavailable', timeout: 'fault.timeout' }[fault.status === 0 ? fault.kind : '']
  const msg = own ? t(own) : fault.msg || t('fault.internal')
  return [msg, whole(fault.hint), fault.ref ? t('fault.ref', { ref: fault.ref }) : ''].filter(Boolean).join(' ')
}

/** Does one act; returns whether the desk took it. */
export async function act(message, outcome, { text = '', answerBy = 0 } = {}) {
  if (acts.busy) return false
  acts.busy = message.id
  const body = { outcome, role: role(), text }
  if (answerBy) body.answer_by = new Date(answerBy).toISOString()
  try {
    takeMessage(await post(`/messages/${encodeURIComponent(message.id)}/ack`, body, crypto.randomUUID()))
    const args = { serial: message.serial, subject: oneLine(message.subject).slice(0, 60) }
    if (outcome === 'receipt') {
      acts.last = { id: message.id, at: clock.now }
      note(t('done.receipt', args), { undo: () => withdraw(), label: t('act.withdraw') + ' (u)', ms: 10_000 })
    } else note(t(`done.${outcome}`, args))
    return true
  } catch (fault) {
    note(t('fault.not_done', { act: t(`act.${outcome}`), why: sentence(fault) }), { bad: true, ms: 15_000 })
    return false
  } finally {
    acts.busy = ''
  }
}

/** Withdraws the last receipt, within the minute that the desk allows. */
export async function withdraw() {
  const last = acts.last
  if (!last || clock.now - last.at > 60_000) {
    note(t('done.no_withdraw'), { bad: true })
    return false
  }
  acts.last = null
  return act({ id: last.id, serial: '', subject: '' }, 'withdraw')
}

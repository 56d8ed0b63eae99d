// The one draft of this page. It survives going to another screen, and is
// asked about before the page closes; it never leaves the page unasked.

export const blank = () => ({
  line: '', kind: 'alert', precedence: '', status: '', exerciseName: '',
  tlp: '', classification: '', pap: '', rel: /** @type {string[]|null} */ (null), caveats: '',
  subject: '', text: '', language: '', ackRequired: 'receipt', ackByS: 0, reference: '', action: /** @type {string[]} */ ([]), first: false,
  upload: /** @type {any} */ (null), key: crypto.randomUUID(),
})

export const draft = $state({ now: blank(), dirty: false })

export function reset() {
  draft.now = blank()
  draft.dirty = false
}

addEventListener('beforeunload', (e) => { if (draft.dirty) e.preventDefault() })

/** The request that the draft makes; field names are those of the API. */
export function request(d) {
  return {
    line: d.line, kind: d.kind, precedence: d.precedence,
    label: { tlp: d.tlp, classification: d.classification, pap: d.pap, rel: d.rel ?? [], caveats: d.caveats.split(',').map((c) => c.trim()).filter(Boolean) },
    subject: d.subject.trim(), language: d.language, text: d.text, upload: d.upload?.upload ?? '',
    ack_by_s: Number(d.ackByS), ack_required: d.ackRequired, reference: d.reference,
    exercise_name: d.status === 'exercise' ? d.exerciseName.trim() : '', status: d.status,
    ...(d.action.length ? { action: d.action } : {}), ...(d.first ? { action_first: true } : {}),
  }
}

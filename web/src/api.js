// Questions to the desk. Every answer that is not a success becomes a Fault
// with the desk's own sentence; nothing is retried here, because a person must
// see that an act did not happen.

/** A refusal or failure with a sentence that may be shown. */
export class Fault extends Error {
  /** @param {{kind:string,msg:string,hint?:string,ref?:string}} problem @param {number} status */
  constructor(problem, status) {
    super(problem.msg)
    this.msg = problem.msg
    this.kind = problem.kind
    this.hint = problem.hint ?? ''
    this.ref = problem.ref ?? ''
    this.status = status
  }
}

const listeners = new Set()

/** Calls f whenever the desk says that nobody is signed in. */
export function onSignedOut(f) { listeners.add(f) }

async function answer(res, quiet) {
  if (res.ok) return res.status === 204 ? null : res.json()
  let problem
  try { problem = await res.json() } catch { problem = null }
  if (res.status === 401 && !quiet) for (const f of listeners) f()
  throw new Fault(problem?.msg ? problem : { kind: 'internal', msg: `HTTP ${res.status}` }, res.status)
}

async function ask(path, init, quiet = false) {
  let res
  try {
    res = await fetch(path, { ...init, signal: AbortSignal.timeout(20_000) })
  } catch (err) {
    throw new Fault({ kind: err.name === 'TimeoutError' ? 'timeout' : 'unavailable', msg: '' }, 0)
  }
  return answer(res, quiet)
}

export const get = (path) => ask('/api/v1' + path)

/** Posts JSON; key makes a repeated act one act (Idempotency-Key). */
export function post(path, body, key = undefined) {
  return ask('/api/v1' + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(key ? { 'Idempotency-Key': key } : {}) },
    body: JSON.stringify(body),
  })
}

/** The door itself: sign-in, sign-out, theme and language. */
export function door(path, body) {
  return ask('/in' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }, true)
}

/** Who is signed in, or a Fault. */
export const me = () => ask('/in/me', {}, true)

/** Fetches a file of the desk: its bytes, its name, and how many messages were left out. */
export async function download(path) {
  let res
  try {
    res = await fetch('/api/v1' + path, { signal: AbortSignal.timeout(120_000) })
  } catch (err) {
    throw new Fault({ kind: err.name === 'TimeoutError' ? 'timeout' : 'unavailable', msg: '' }, 0)
  }
  if (!res.ok) return answer(res, false)
  const name = /filename="([^"]+)"/.exec(res.headers.get('Content-Disposition') ?? '')?.[1] ?? 'file'
  return { blob: await res.blob(), name, left: Number(res.headers.get('X-Left-Out') ?? 0) }
}

/**
 * Uploads one file and reports how many bytes have gone. Returns a promise of
 * the desk's answer, and a function that gives up.
 */
export function upload(file, progress) {
  const x = new XMLHttpRequest()
  const done = new Promise((resolve, reject) => {
    x.open('POST', '/api/v1/uploads')
    // Header values are Latin-1: the desk decodes what is escaped here.
    x.setRequestHeader('X-Name', encodeURIComponent(file.name))
    x.setRequestHeader('X-Media', 'application/stix+json;version=2.1')
    x.setRequestHeader('Content-Type', 'application/octet-stream')
    x.upload.onprogress = (e) => progress(e.loaded, e.total)
    x.onerror = () => reject(new Fault({ kind: 'unavailable', msg: '' }, 0))
    x.onabort = () => reject(new Fault({ kind: 'cancelled', msg: '' }, 0))
    x.onload = () => {
      let body = null
      try { body = JSON.parse(x.responseText) } catch { /* said below */ }
      if (x.status >= 200 && x.status < 300 && body) resolve(body)
      else {
        if (x.status === 401) for (const f of listeners) f()
        reject(new Fault(body?.msg ? body : { kind: 'internal', msg: `HTTP ${x.status}` }, x.status))
      }
    }
    x.send(file)
  })
  return { done, stop: () => x.abort() }
}

// The desk's event stream (docs/console.md, Section 3). A browser comes back by
// itself after a cut, with Last-Event-ID; after one 503 it gives up for ever.
// So this reopens with ?after= itself, and takes 40 s without a beat as a cut.

const kinds = ['snapshot', 'alarm', 'message', 'ladder', 'line', 'desk', 'pairing', 'cutoff', 'beat', 'bye', 'reload']
const silence = 40_000

/**
 * Opens the stream and keeps it open.
 * @param {{event:(kind:string,data:any)=>void, state:(live:boolean)=>void, refused:()=>Promise<boolean>}} on
 *   refused is asked when the desk closed the door: true means stop trying.
 * @param {{source?: typeof EventSource, random?: () => number}} given for tests
 * @returns {() => void} stop
 */
export function open(on, given = {}) {
  const Source = given.source ?? EventSource
  const random = given.random ?? Math.random
  let source = null
  let after = ''
  let failures = 0
  let watchdog = 0
  let timer = 0
  let stopped = false

  const alive = () => {
    clearTimeout(watchdog)
    watchdog = setTimeout(again, silence)
  }

  function connect() {
    if (stopped) return
    source = new Source('/api/v1/events' + (after ? `?after=${encodeURIComponent(after)}` : ''))
    alive()
    source.onopen = () => {
      failures = 0
      on.state(true)
      alive()
    }
    for (const kind of kinds) {
      source.addEventListener(kind, (e) => {
        alive()
        if (e.lastEventId) after = e.lastEventId
        let data = null
        try { data = JSON.parse(e.data) } catch { return }
        on.event(kind, data)
        // The desk says it will close: come back by ourselves, with our id.
        if (kind === 'bye') again()
      })
    }
    source.onerror = () => {
      on.state(false)
      if (source.readyState === 2) again()
    }
  }

  async function again() {
    if (stopped || timer) return
    clearTimeout(watchdog)
    source?.close()
    on.state(false)
    failures++
    // 1 s, 2 s, 4 s … 30 s, each with jitter, so that many consoles do not
    // come back in step.
    const wait = Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + random() / 2)
    timer = setTimeout(async () => {
      timer = 0
      if (failures > 1 && await on.refused()) return
      connect()
    }, wait)
  }

  connect()
  return () => {
    stopped = true
    clearTimeout(watchdog)
    clearTimeout(timer)
    source?.close()
  }
}

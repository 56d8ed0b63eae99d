// The state of a line as a mark with its word (docs/glossary.md): ● up,
// ◐ not known, ▲ fault, ○ not open yet, ✕ stopped.

/** @returns {{mark:string, word:string, tone:'up'|'fault'|'wait'|'off'}} */
export function stateOf(line) {
  if (line.state === 'proposed') return { mark: '○', word: 'proposed', tone: 'wait' }
  if (line.state === 'left') return { mark: '✕', word: 'left', tone: 'off' }
  if (line.state === 'stopped') return { mark: '✕', word: 'stopped', tone: 'fault' }
  switch (line.health?.state) {
    case 'up': return { mark: '●', word: 'up', tone: 'up' }
    case 'uplink_down': return { mark: '▲', word: 'uplink_down', tone: 'fault' }
    case 'relay_down': return { mark: '▲', word: 'relay_down', tone: 'fault' }
    case 'peer_dark': return { mark: '▲', word: 'peer_dark', tone: 'fault' }
    default: return { mark: '◐', word: 'unknown', tone: 'wait' }
  }
}

/** Names of the other parties of a line. */
export const others = (line) => (line.parties ?? []).filter((p) => !p.self).map((p) => p.name)

/** "2 d", "5 h", "12 min": how old a key is, whole, never rounded up. */
export function age(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '—'
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86400)} d`
}

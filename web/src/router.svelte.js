// Hash routes. The fragment never reaches a server or its log, which is also
// why the one-time link's secret stands there.

/** @returns {{name:string,id:string,query:URLSearchParams}} */
export function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [name = '', ...rest] = path.split('/')
  return { name, id: safe(rest.join('/')), query: new URLSearchParams(query) }
}

function safe(s) {
  try { return decodeURIComponent(s) } catch { return s }
}

export const route = $state({ now: parse(location.hash) })

addEventListener('hashchange', () => { route.now = parse(location.hash) })

export function go(hash) { location.hash = hash }

/** Replaces the address without a step in the history. */
export function replace(hash) {
  history.replaceState(null, '', hash)
  route.now = parse(hash)
}

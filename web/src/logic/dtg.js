// Date-time groups and local times. Plain functions of a time; no clock here.

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const two = (n) => String(n).padStart(2, '0')

/** "230209Z NOV 26" of a time in Unix ms; "" when it is unknown. */
export function dtg(ms) {
  if (!Number.isFinite(ms)) return ''
  const d = new Date(ms)
  return `${two(d.getUTCDate())}${two(d.getUTCHours())}${two(d.getUTCMinutes())}Z ${months[d.getUTCMonth()]} ${two(d.getUTCFullYear() % 100)}`
}

/** "0209Z", or "0209:04Z" with seconds: for steps of one day. */
export function zulu(ms, seconds = false) {
  if (!Number.isFinite(ms)) return ''
  const d = new Date(ms)
  return `${two(d.getUTCHours())}${two(d.getUTCMinutes())}${seconds ? ':' + two(d.getUTCSeconds()) : ''}Z`
}

/** "230209Z" where the day differs from that of now, else "0209Z". */
export function near(ms, now) {
  if (!Number.isFinite(ms)) return ''
  const a = new Date(ms)
  const b = new Date(now)
  const same = a.getUTCFullYear() === b.getUTCFullYear() && a.getUTCMonth() === b.getUTCMonth() && a.getUTCDate() === b.getUTCDate()
  return same ? zulu(ms) : dtg(ms)
}

/** "11:09 GMT+9" in the browser's zone, which is always named. */
export function local(ms, lang = 'en', zone = undefined) {
  if (!Number.isFinite(ms)) return ''
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone, timeZoneName: 'short',
  }).format(new Date(ms))
}

/** The same with its date, for what is not of today. */
export function localFull(ms, lang = 'en', zone = undefined) {
  if (!Number.isFinite(ms)) return ''
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone, timeZoneName: 'short',
  }).format(new Date(ms))
}

/** "230209Z NOV 26" of the wire's "230209ZNOV26"; other text unchanged. */
export function spaced(wire) {
  const m = /^(\d{6}Z)([A-Z]{3})(\d{2})$/.exec(wire ?? '')
  return m ? `${m[1]} ${m[2]} ${m[3]}` : (wire ?? '')
}

/**
 * Reads what a person types for a time to come: "230245Z NOV 26", "230245Z",
 * "0245Z" or "+30m", "+2h". A form without day means the next such time after
 * now. Returns Unix ms, or NaN when it is none of these.
 */
export function readTime(text, now) {
  const s = fold(text).trim().toUpperCase().replace(/\s+/g, '')
  let m = /^\+(\d{1,3})(M|H)$/.exec(s)
  if (m) return now + Number(m[1]) * (m[2] === 'H' ? 3600e3 : 60e3)
  m = /^(?:(\d{2}))?(\d{2})(\d{2})Z(?:([A-Z]{3})(\d{2}))?$/.exec(s)
  if (!m) return NaN
  const [, day, hh, mm, mon, yy] = m
  if (Number(hh) > 23 || Number(mm) > 59) return NaN
  const d = new Date(now)
  if (mon) {
    const month = months.indexOf(mon)
    const at = Date.UTC(2000 + Number(yy), month, Number(day), Number(hh), Number(mm))
    return month < 0 || !day || new Date(at).getUTCDate() !== Number(day) ? NaN : at
  }
  for (let ahead = 0; ahead < 62; ahead++) {
    const at = Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate() + ahead, Number(hh), Number(mm))
    if (at > now && (!day || new Date(at).getUTCDate() === Number(day))) return at
  }
  return NaN
}

/** Full-width digits and letters as their plain forms (slots only, never text). */
export function fold(s) {
  return s.replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(/\u3000/g, ' ')
}

/**
 * A countdown to due: m:ss under an hour, h:mm above, with a minus sign once
 * it has passed. Returns the text and how near it is.
 */
export function countdown(due, now) {
  if (!Number.isFinite(due)) return { text: '', late: false, soon: false }
  const late = now > due
  const s = Math.floor(Math.abs(due - now) / 1000)
  const h = Math.floor(s / 3600)
  const m = Math.floor((s % 3600) / 60)
  const text = h > 0 ? `${h} h ${two(m)}` : `${m}:${two(s % 60)}`
  return { text: late ? `−${text}` : text, late, soon: !late && s < 120 }
}

/** A countdown as a duration for <time datetime>. */
export function duration(due, now) {
  return `PT${Math.max(0, Math.floor((due - now) / 1000))}S`
}

// docs/spec/envelope.md, Section 5, against message1.json and receipt1.json:
// what stands there is read to the same fields and hashes, and everything that a
// reader must refuse is refused.
import { Suite, check, equal, fail, hex, unhex } from './lib.mjs';

/** decode reads one CBOR item in core deterministic encoding, nothing looser. */
export function decode(b) {
  let at = 0;
  const take = (n) => { check(at + n <= b.length, 'cut'); return b.subarray(at, (at += n)); };
  const item = (depth) => {
    check(depth <= 16, 'nesting');
    const first = take(1)[0], major = first >> 5, info = first & 31;
    if (major === 7) { check(info === 20 || info === 21, 'simple value or float'); return info === 21; }
    check(info < 28 && major !== 6 && major !== 1, 'tag, negative number or indefinite length');
    let n = BigInt(info);
    if (info >= 24) {
      const size = 1 << (info - 24);
      n = BigInt('0x' + hex(take(size)));
      check(n >= (size === 1 ? 24n : 1n << BigInt(size * 4)), 'a number in a longer form');
    }
    if (major === 0) { check(n < 1n << 63n, 'number'); return Number(n); }
    check(n <= BigInt(b.length - at), 'length');
    const count = Number(n);
    if (major === 2) return new Uint8Array(take(count));
    if (major === 3) return new TextDecoder('utf-8', { fatal: true }).decode(take(count));
    if (major === 4) return Array.from({ length: count }, () => item(depth + 1));
    const m = new Map();
    let before = -1;
    for (let i = 0; i < count; i++) {
      const key = item(depth + 1);
      check(typeof key === 'number' && key > before, 'keys');
      before = key;
      const start = at;
      m.set(key, item(depth + 1));
      (m.raw ??= new Map()).set(key, b.subarray(start, at));
    }
    return m;
  };
  const out = item(1);
  check(at === b.length, 'trailing bytes');
  return out;
}

const isMap = (v) => check(v instanceof Map, 'no map');
const int = (least, most) => (v) => check(Number.isInteger(v) && v >= least && v <= most, `number ${v}`);
const bytes = (n) => (v) => check(v instanceof Uint8Array && v.length === n, 'bytes');
const id = (n) => (v) => { bytes(n)(v); check(v.some((x) => x), 'zero'); };
const row = (most) => (v) => check(typeof v === 'string' && v !== '' && Buffer.byteLength(v) <= most && v.trim() === v && !/\p{Cc}/u.test(v), 'row');
const list = (most, each) => (v) => { check(Array.isArray(v) && v.length >= 1 && v.length <= most, 'list'); v.forEach(each); };
const split = (v) => Array.from({ length: v.length / 32 }, (_, i) => v.subarray(32 * i, 32 * i + 32));
const ascending = (ids) => ids.every((x, i) => i === 0 || Buffer.compare(Buffer.from(ids[i - 1]), Buffer.from(x)) < 0);

/** fields holds a map against a table: key, [always, rule]. */
function fields(m, table) {
  isMap(m);
  for (const [key, [always]] of Object.entries(table)) check(!always || m.has(Number(key)), `key ${key} is missing`);
  for (const [key, v] of m) (table[key] ?? fail(`unknown key ${key}`))[1](v);
}

const levels = ['NATO UNCLASSIFIED', 'NATO RESTRICTED', 'NATO CONFIDENTIAL', 'NATO SECRET', 'COSMIC TOP SECRET', 'EU RESTRICTED', 'EU CONFIDENTIAL', 'EU SECRET', 'EU TOP SECRET'];
function classification(v) {
  row(128)(v);
  check(v !== 'none', 'none is left out');
  const parts = v.split(' + ');
  for (const p of parts) check(levels.includes(p) || (/^[A-Z0-9-]{2,16}:[^,:]+$/.test(p) && !/^(NATO|EU|TLP|PAP|REL):/.test(p)), `classification ${p}`);
  check(parts.every((p, i) => i === 0 || parts[i - 1] < p), 'joint classification out of order');
}

const caveat = (v) => (v === 'ORCON' ? 0 : v === 'EYES ONLY' ? 1 : /^EMBARGO \d{6}Z[A-Z]{3}\d{2}$/.test(v) ? 2 : fail(`caveat ${v}`));

function label(m) {
  fields(m, {
    1: [true, int(1, 5)], 2: [true, int(1, 4)],
    3: [false, (v) => check(v === true && !m.has(4), 'ANY')],
    4: [false, (v) => check(v instanceof Uint8Array && v.length > 0 && v.length % 32 === 0 && v.length <= 256 * 32 && ascending(split(v)), 'REL')],
    5: [false, classification],
    6: [false, (v) => { list(3, caveat)(v); check(v.every((c, i) => i === 0 || caveat(v[i - 1]) < caveat(c)), 'caveats'); }],
  });
  check(m.has(3) || m.has(4), 'REL is missing');
}

function file(m) {
  fields(m, {
    1: [true, (v) => { row(255)(v); check(!/[/\\]/.test(v), 'name'); }], 2: [false, (v) => { row(127)(v); check(/^[\x20-\x7e]+$/.test(v), 'media'); }],
    3: [false, int(1, 1 << 30)], 4: [true, bytes(32)], 5: [true, bytes(32)], 6: [true, bytes(32)],
    7: [true, int(1 << 10, 64 << 10)], 8: [true, int(1, 2 ** 32 - 1)], 9: [false, int(1, 1)], 10: [false, int(1, 255)],
  });
  if (!m.has(10)) check(m.get(8) === Math.max(1, Math.ceil((m.get(3) ?? 0) / m.get(7))), 'number of chunks');
}

function addressees(m, key) {
  const v = m.get(key) ?? new Uint8Array(0), rel = m.get(13)?.get?.(4);
  if (!rel) { check(v.length % 32 === 0, 'addressees'); return split(v).map(hex); }
  check([...v].every((p) => p < rel.length / 32), 'addressee outside REL');
  return [...v].map(String);
}

const highest = { 1: 3, 2: 3, 3: 2, 4: 0, 5: 2, 6: 0 };
export function message(m) {
  const some = (v) => check(v instanceof Uint8Array && v.length > 0 && v.length <= 256 * 32, 'addressees');
  fields(m, {
    1: [true, int(1, 6)], 2: [true, int(1, 3)], 3: [false, int(1, 3)], 4: [true, row(120)], 5: [true, int(1, 2 ** 53)], 6: [false, row(120)],
    7: [false, some], 8: [false, some], 9: [false, list(16, row(120))], 10: [false, id(16)], 11: [false, int(1, 3)], 12: [false, int(1, 30 * 86400)],
    13: [true, label], 14: [false, row(240)], 15: [false, (v) => { row(35)(v); check(/^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/.test(v), 'language'); }],
    16: [false, (v) => check(v instanceof Uint8Array && v.length > 0 && v.length <= 16384, 'text')], 17: [false, int(1, 255)],
    18: [false, list(16, file)], 19: [false, row(120)],
  });
  const kind = m.get(1), all = [...addressees(m, 7), ...addressees(m, 8)];
  check(new Set(all).size === all.length && (kind > 3 || m.has(7)), 'addressees');
  check((m.get(3) ?? 0) <= highest[kind] && (m.get(2) === 2) === m.has(19) && (m.has(11) || !m.has(12)), 'precedence, exercise or acknowledgement');
  if (m.has(16) && !m.has(17)) {
    const t = new TextDecoder('utf-8', { fatal: true }).decode(m.get(16));
    check(!/[^\P{Cc}\n\t]/u.test(t), 'text');
  }
  check(m.has(16) || !m.has(17), 'dictionary without text');
}

export function receipt(m) {
  const state = m.get?.(1), person = (state >= 5 && state <= 9) || state === 14;
  const only = (states, rule) => (v) => { check(states.includes(state), `a field of another state than ${state}`); rule(v); };
  fields(m, {
    1: [true, (v) => check([3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16].includes(v), 'state')], 2: [true, bytes(16)], 3: [true, int(1, 2 ** 53)],
    4: [true, bytes(32)], 5: [true, bytes(32)], 6: [true, bytes(32)],
    7: [person, (v) => { check(person, 'role'); row(120)(v); }], 8: [false, (v) => check(typeof v === 'string' && v !== '' && Buffer.byteLength(v) <= 1024, 'words')],
    9: [state === 9, only([9], int(1, 2 ** 53))], 10: [state === 14, only([14], int(5, 9))], 11: [false, only([15, 16], int(1, 255))],
    12: [state === 16, only([16], (v) => {
      list(128, int(0, 2 ** 32 - 1))(v);
      check(v.length % 2 === 0, 'pairs');
      for (let i = 0; i < v.length; i += 2) check(v[i + 1] > 0 && (i === 0 || v[i] > v[i - 2] + v[i - 1]), 'gaps');
    })],
  });
}

/** plain writes a decoded item as the vectors do. */
function plain(v) {
  if (v instanceof Map) return Object.fromEntries([...v].map(([k, x]) => [k, plain(x)]));
  if (v instanceof Uint8Array) return `h'${hex(v)}'`;
  return Array.isArray(v) ? v.map(plain) : v;
}
const sorted = (v) => (v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : Array.isArray(v) ? v.map(sorted) : v);

function readBodies(v, rule, hashes) {
  const s = new Suite(1);
  for (const g of v.good) {
    try {
      const body = unhex(g.body), m = decode(body);
      rule(m);
      check(JSON.stringify(sorted(plain(m))) === JSON.stringify(sorted(g.fields)), 'other fields');
      if (hashes) {
        equal(s.hash32('content', body), unhex(g.content), 'content hash');
        equal(s.hash32('label', m.raw.get(13)), unhex(g.label), 'label hash');
      }
    } catch (err) { fail(`${g.name}: ${err.message}`); }
  }
  const taken = v.refused.filter((r) => { try { rule(decode(unhex(r.body))); return true; } catch { return false; } });
  check(taken.length === 0, `takes what must be refused: ${taken.map((r) => r.name).join('; ')}`);
  return `${v.good.length} read, ${v.refused.length} refused`;
}

export const readMessages = (v) => readBodies(v, message, true);
export const readReceipts = (v) => readBodies(v, receipt, false);

// docs/spec/link.md, Sections 1, 2 and 5, against link1.json.
import { ed25519 } from '@noble/curves/ed25519.js';
import { Reader, cat, check, equal, number, sha384, text, unhex, zeros } from './lib.mjs';

const hash = (label, data) => sha384(cat(number(label.length, 1), text(label), data)).subarray(0, 32);

/** frames takes bytes apart: type, body. */
function frames(hexed) {
  const r = new Reader(unhex(hexed)), out = [];
  while (r.at < r.b.length) out.push({ type: r.u8(), r: new Reader(r.var16(16384)) });
  return out;
}

function hello(v) {
  const [h, want, ...more] = frames(v.hello), { r } = h;
  check(h.type === 1 && want.type === 7 && more.length === 0, 'HELLO and WANT');
  check(r.u8() === 1 && r.u8() === 1 && r.u8() === 1 && r.u8() === 0 && zeros(r.raw(8)), 'HELLO: version, purpose, WANTs, flags or profile');
  equal(r.raw(16), new Uint8Array(16).fill(4), 'HELLO: session');
  const key = r.raw(32);
  check(zeros(r.raw(16)), 'HELLO: secret');
  equal(key, ed25519.getPublicKey(unhex(v.key_seed)), 'mailbox key');
  equal(hash('hotline/1/mailbox', key), unhex(v.mailbox), 'mailbox');
  const signed = cat(number(20, 1), text('hotline/1/link-hello'), unhex(v.exporter), unhex(v.relay), r.b.subarray(0, r.at));
  check(ed25519.verify(r.raw(64), signed, key, { zip215: false }), 'HELLO: proof');
  r.done();
  check(want.r.u8() === 1, 'WANT: lane');
  equal(want.r.raw(16), new Uint8Array(16).fill(5), 'WANT: id');
  check(want.r.u32() === 700, 'WANT: bytes');
  want.r.done();
}

function invite(v) {
  const t = Buffer.from(unhex(v.invite)).toString();
  check(t.startsWith('relayinvite1'), 'invitation');
  const bits = [...t.slice(12)].map((c) => { const n = 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(c); check(n >= 0, 'letter'); return n.toString(2).padStart(5, '0'); }).join('');
  const b = new Uint8Array(Array.from({ length: Math.floor(bits.length / 8) }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8), 2)));
  equal(hash('hotline/1/invite', b.subarray(0, -4)).subarray(0, 4), b.subarray(-4), 'invitation: check');
  const r = new Reader(b.subarray(0, -4));
  check(r.text(255) === 'relay.example:8651', 'invitation: address');
  equal(r.raw(32), unhex(v.relay), 'invitation: relay');
  r.raw(16);
  check(r.u64() === 64n << 20n && r.u64() === 1800000000n, 'invitation: quota or expiry');
  r.done();
}

/** joined puts an envelope together again; it is for slot and handle. */
function joined(records, lane, slot, handle, id) {
  let env, at = 0;
  for (const { type, r } of records.flatMap(frames)) {
    check(type === (env ? 3 : 2) && r.u8() === lane, 'ENV or CHUNK, or lane');
    if (!env) {
      const flags = r.u8();
      env = new Uint8Array(r.u32());
      check(flags === (records.length > 1 ? 1 : 0), 'ENV: flags');
      equal(r.raw(8), cat(number(slot, 2), number(handle, 6)), 'ENV: stamp');
      if (flags) { equal(r.raw(16), id, 'ENV: id'); check(r.u32() === 0, 'ENV: offset'); }
    } else check(r.u32() === at, 'CHUNK: offset');
    const part = r.rest();
    env.set(part, at);
    at += part.length;
  }
  check(at === env.length, 'envelope is not whole');
  return env;
}

export function readLink(v) {
  hello(v);
  invite(v);
  const env = unhex(v.envelope), id = sha384(env).subarray(0, 16);
  equal(joined([v.whole], 3, 2, 9, id), env, 'envelope in one piece');
  check(v.parts.length > 1, 'parts');
  equal(joined(v.parts, 2, 1, 10, id), env, 'envelope in parts');
  const [a] = frames(v.accepted);
  check(a.type === 4 && a.r.u64() === 1n && a.r.u16() === 3 && a.r.u64() === 9n && a.r.u16() === 1, 'ACCEPTED');
  a.r.done();
}

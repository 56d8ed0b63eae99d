// docs/spec/link.md, Sections 1, 2 and 5, against link1.json.
import { ed25519 } from '@noble/curves/ed25519.js';
import { Reader, cat, check, equal, fail, number, sha384, text, unhex, zeros } from './lib.mjs';

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

const hexes = (all) => all.map(unhex);
const alike = (got, want, what) => check(JSON.stringify(got) === JSON.stringify(want), `${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
/** list is all of a body in values of 32 bytes. */
function list(r, want, most, what) {
  const all = [];
  while (r.at < r.b.length) all.push(r.raw(32));
  check(all.length <= most, `${what}: ${all.length}`);
  equal(cat(...all), cat(...hexes(want)), what);
}
/** listHash is link.md, Section 2: the list of putters in force. */
const listHash = (keys) => sha384(cat(...hexes([...new Set(keys)].sort()))).subarray(0, 8);
const u64 = (r) => Number(r.u64());

/** bodies read a frame of each type against what it says. */
const bodies = {
  DEST: [0x0b, (r, says) => { check(r.u16() === says.slot && says.slot < 64, 'slot'); list(r, says.mailboxes, 256, 'mailboxes'); }],
  ALLOW: [0x0c, (r, says) => list(r, says.keys, 512, 'keys')],
  REVOKE: [0x17, (r, says) => list(r, says.keys, 64, 'keys')],
  FORGET: [0x18, (r, says) => list(r, says.mailboxes, 64, 'mailboxes')],
  COMMITTED: [0x05, (r, says) => alike(says.lanes.map(() => [r.u8(), u64(r)]), says.lanes, 'lanes')],
  FLOW: [0x06, (r, says) => alike([0, 0].map(() => [r.u32(), r.u32()]), [says.urgent, says.bulk], 'connections')],
  PING: [0x09, (r, says) => alike(r.u32(), says.stamp, 'stamp')],
  PONG: [0x0a, (r, says) => alike(r.u32(), says.stamp, 'stamp')],
  REFUSE: [0x08, (r, says) => alike([u64(r), r.u16(), r.u8(), r.u32(), r.u8()], [says.handle, says.index, says.reason, says.retry, says.last], 'refusal')],
  ALLOWED: [0x0f, (r, says) => equal(r.raw(8), listHash(says.keys), 'hash of the list')],
  BULK: [0x0d, () => {}],
  BYE: [0x0e, (r, says) => alike(r.u8(), says.reason, 'reason')],
  MEET: [0x14, (r, says) => { alike(r.u8(), says.op, 'op'); equal(r.raw(16), unhex(says.slot), 'slot'); alike([r.u8(), r.u32()], [says.step, says.length], 'step and length'); }],
};

/** several are frames with others behind them. */
const several = {
  DROPPED(all, says) {
    check(all.length === says.what.length, 'one for each');
    for (const [i, { type, r }] of all.entries()) {
      check(type === 0x19 && r.u8() === says.of, 'type');
      equal(r.raw(32), unhex(says.what[i]), 'key or mailbox');
      alike(r.u32(), says.envelopes[i], 'envelopes');
      r.done();
    }
  },
  HELLO([h, ...wants], says) {
    const { r } = h;
    alike([h.type, r.u8(), r.u8(), r.u8(), r.u8()], [1, 1, says.reason, says.flags, wants.length], 'version, reason, flags or WANTs');
    equal(r.raw(16), unhex(says.session), 'session');
    alike([u64(r), u64(r), u64(r), u64(r)], [says.epoch, says.quota, says.used, says.clock], 'epoch, quota, used or clock');
    equal(r.raw(8), says.keys ? listHash(says.keys) : new Uint8Array(8), 'hash of the list');
    r.done();
    alike(wants.length, says.want ? 1 : 0, 'WANTs');
    for (const w of wants) {
      alike([w.type, w.r.u8()], [7, says.want.lane], 'WANT');
      equal(w.r.raw(16), unhex(says.want.id), 'WANT: id');
      alike(w.r.u32(), says.want.have, 'WANT: bytes');
      w.r.done();
    }
  },
  MET([m, ...parts], says) {
    const blob = unhex(says.blob ?? '');
    alike([m.type, m.r.u8(), m.r.u32()], [0x15, says.reason, blob.length], 'reason or length');
    m.r.done();
    check(parts.every((p, i) => p.type === 0x16 && (i === parts.length - 1 || p.r.b.length === 16384)), 'PARTs');
    equal(cat(...parts.map((p) => p.r.b)), blob, 'blob');
  },
};

function frame(f) {
  const all = frames(f.bytes);
  if (several[f.name]) return several[f.name](all, f.says);
  const [type, read] = bodies[f.name] ?? fail('nobody reads this frame: write it');
  check(all.length === 1 && all[0].type === type, `type ${all[0].type}`);
  read(all[0].r, f.says);
  all[0].r.done();
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
  for (const f of v.frames) {
    try { frame(f); } catch (err) { fail(`${f.name}: ${err.message}`); }
  }
}

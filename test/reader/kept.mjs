// What stands beside a line, kept1.json: key slots, a root file and shares
// (docs/spec/store.md, Section 4; line.md, Section 5.4), a rendezvous and a record
// (pairing.md, Sections 7 and 9), a repair (chain.md, Section 5.1).
import { createHmac, pbkdf2Sync } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import { gcm } from '@noble/ciphers/aes.js';
import { header } from './chain.mjs';
import { Reader, Suite, cat, check, equal, fail, number, sha384, text, unhex, zeros } from './lib.mjs';

const b64 = (s) => { const b = new Uint8Array(Buffer.from(s, 'base64')); check(Buffer.from(b).toString('base64') === s, 'base64'); return b; };
const open = (key, aad, sealed) => gcm(key, sealed.subarray(0, 12), aad).decrypt(sealed.subarray(12));
const keys = (o, names, what) => check(Object.keys(o).join() === names, `${what}: fields ${Object.keys(o)}`);

function spelled(hexed, indent) {
  const b = Buffer.from(unhex(hexed)).toString(), o = JSON.parse(b);
  check(JSON.stringify(o, null, indent) + '\n' === b, 'another spelling');
  return o;
}

function derive(o, passphrase) {
  const salt = b64(o.salt);
  check(salt.length === 16, 'salt');
  if (o.kdf === 'pbkdf2-hmac-sha-512') return new Uint8Array(pbkdf2Sync(passphrase, salt, o.time, 32, 'sha512'));
  check(o.kdf === 'argon2id', 'kdf');
  return argon2id(text(passphrase), salt, { t: o.time, m: o.memory_kib, p: o.threads, dkLen: 32 });
}

// GF(2^8), x^8+x^4+x^3+x+1.
const times = (a, b) => { let out = 0; for (; b; b >>= 1) { if (b & 1) out ^= a; a = (a << 1) ^ (a & 128 ? 0x11b : 0); } return out; };
const inverse = (a) => { let out = 1; for (let i = 0; i < 254; i++) out = times(out, a); return out; };

/** share reads the text of one: store.md, Section 4.5. */
function share(hexed) {
  const t = Buffer.from(unhex(hexed)).toString().toLowerCase();
  check(t.startsWith('share1'), 'share');
  const letters = [...t.slice(6)].filter((c) => !' -\n'.includes(c)).map((c) => ({ 0: 'o', 1: 'l', 8: 'b' }[c] ?? c));
  const bits = letters.map((c) => { const v = 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(c); check(v >= 0, 'letter'); return v.toString(2).padStart(5, '0'); }).join('');
  const n = Math.floor(bits.length / 8), b = new Uint8Array(Array.from({ length: n }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8), 2)));
  check(!bits.slice(8 * n).includes('1'), 'letters left over');
  equal(sha384(cat(text('hotline/1/share\0'), b.subarray(0, n - 8))).subarray(0, 8), b.subarray(n - 8), 'share: check');
  const r = new Reader(b.subarray(0, n - 8));
  check(r.u8() === 1, 'share: version');
  return { purpose: r.u8(), owner: r.raw(16), set: r.raw(8), need: r.u8(), of: r.u8(), x: r.u8(), y: r.rest() };
}

function join(texts, purpose) {
  const all = texts.map(share), [first] = all;
  for (const s of all) equal(cat(number(s.purpose, 1), s.owner, s.set, number(s.need, 1)), cat(number(purpose, 1), first.owner, first.set, number(all.length, 1)), 'shares of one split');
  const secret = new Uint8Array(first.y.length);
  for (const s of all) {
    let weight = 1;
    for (const o of all) if (o.x !== s.x) weight = times(weight, times(o.x, inverse(o.x ^ s.x)));
    s.y.forEach((y, i) => { secret[i] ^= times(weight, y); });
  }
  return { ...first, secret };
}

function slots(v) {
  const doc = spelled(v.file, 2), key = unhex(v.key), kinds = [];
  keys(doc, 'version,desk,slots', 'slots.json');
  check(doc.version === 1 && doc.desk === v.desk, 'version or desk');
  for (const s of doc.slots) {
    kinds.push(s.kind);
    keys(s, `id,kind,${s.kind}${s.kind === 'passphrase' ? '' : ',wrapped'}`, s.kind);
    const aad = cat(text(`hotline/1/keyring-slot\0${s.kind}\0`), number(s.id, 4));
    const holds = (cipher, wrapped, mark) => equal(open(cipher, aad, b64(wrapped)), cat(key, number(mark, 1)), `slot ${s.id}`);
    const of = (secret) => new Uint8Array(createHmac('sha384', secret).update(`hotline/1/keyring-secret\0${s.kind}`).digest().subarray(0, 32));
    if (s.kind === 'passphrase') {
      keys(s.passphrase, 'kdf,time,salt,places', 'passphrase');
      for (const [mark, word] of [v.passphrase, v.duress].entries()) {
        const cipher = derive(s.passphrase, word);
        const at = s.passphrase.places.filter((p) => { try { holds(cipher, p, mark); return true; } catch { return false; } });
        check(at.length === 1 && s.passphrase.places.length === 2, `a word opens ${at.length} places`);
      }
    } else if (s.kind === 'credential') {
      check(s.credential.name === `hotline-${v.desk.toLowerCase()}`, 'credential');
      holds(of(unhex(v.credential)), s.wrapped, 0);
    } else {
      const j = join(v.shares, 1);
      check(s.recovery.need === j.need && s.recovery.of === j.of && zeros(j.owner), 'recovery');
      equal(b64(s.recovery.set), j.set, 'recovery: set');
      holds(of(j.secret), s.wrapped, 0);
    }
  }
  check(kinds.join() === 'passphrase,credential,recovery', 'kinds of slots');
}

function root(v) {
  const doc = spelled(v.file, 2), s = new Suite(1);
  keys(doc, 'version,purpose,kdf,time,memory_kib,threads,salt,sealed', 'sealed file');
  check(doc.version === 1 && doc.purpose === 'party-root', 'version or purpose');
  const content = open(derive(doc, v.passphrase), text('hotline/1/keyring-file\0party-root'), b64(doc.sealed));
  const r = new Reader(content);
  check(r.u8() === 1, 'suite');
  equal(r.raw(32), unhex(v.party), 'party');
  const next = r.raw(48), seed = r.rest();
  equal(cat(s.keyOf('root', seed), next), unhex(v.public), 'root');
  equal(s.hash32('party', unhex(v.public)), unhex(v.party), 'party of the root');
  const j = join(v.shares, 2);
  equal(j.secret, content, 'root from shares');
  equal(j.owner, unhex(v.party).subarray(0, 16), 'owner');
}

function rendezvous(v) {
  const letters = v.code.split('/').at(-1).toLowerCase().replace(/[ -]/g, '').replace(/o/g, '0').replace(/[il]/g, '1');
  check(/^[0-9a-hjkmnp-tv-z]{10}$/.test(letters), 'code');
  const both = new Uint8Array(pbkdf2Sync(letters, cat(text('hotline/1/rendezvous'), unhex(v.relay)), 600000, 48, 'sha384'));
  equal(both, unhex(v.keys), 'slot and key');
  const r = new Reader(open(both.subarray(16), cat(text('hotline/1/rendezvous'), number(v.step, 1)), unhex(v.blob)));
  equal(r.var32(1 << 20), unhex(v.file), 'file');
  check(zeros(r.rest()) && r.at % 4096 === 0, 'padding');
}

function repair(v) {
  const s = new Suite(1), seed = unhex(v.seal_seed), env = unhex(v.envelope);
  header(s, env, 'control', s.hash('slice-tag', s.keyOf('seal', seed)).subarray(0, 16));
  const r = new Reader(s.openSealed(seed, 'repair', env.subarray(0, 45), env.subarray(45)));
  equal(r.raw(64), cat(unhex(v.sender), unhex(v.group)), 'sender and group');
  const evidence = r.var16(), body = r.var32(71680);
  equal(evidence, unhex(v.evidence), 'evidence');
  equal(body, unhex(v.body), 'body');
  check(zeros(r.rest()), 'padding');
  const e = new Reader(evidence), prefix = e.raw(33), g = e.raw(16), inside = e.raw(87);
  s.verify('message', unhex(v.message_public), 'message', e.rest(), unhex(v.group), unhex(v.sender), g, prefix, cat(inside, body));
}

function record(v) {
  const all = Buffer.from(unhex(v.text)).toString(), [said, seal, more] = all.split('signed by the desk above, base64:\n');
  check(said.startsWith('hotline/1 pairing record\nat: ') && more === undefined, 'record');
  const lines = seal.split('\n');
  check(lines.pop() === '' && lines.slice(0, -1).every((l) => l.length === 76), 'lines of the signature');
  new Suite(1).verify('desk', unhex(v.desk_public), 'pairing-record', b64(lines.join('')), text(said));
}

export function readKept(v) {
  for (const [name, read] of Object.entries({ slots, root, rendezvous, repair, record })) {
    try { read(v[name]); } catch (err) { fail(`${name}: ${err.message}`); }
  }
}

// What stands beside a line, kept1.json: key slots, a root file, shares, key files
// of offices (docs/spec/store.md, Section 4; line.md, Section 5.4), a rendezvous and a record
// (pairing.md, Sections 7 and 9), a repair (chain.md, Section 5.1).
import { createHmac, pbkdf2Sync } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import { gcm } from '@noble/ciphers/aes.js';
import { header } from './chain.mjs';
import { Reader, Suite, cat, check, equal, fail, number, sha256, sha384, text, unhex, zeros } from './lib.mjs';
import { readWarrant } from './roster.mjs';

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

const ascending = (pcrs) => check(pcrs.every((n, i) => Number.isInteger(n) && n >= 0 && n < 24 && (i === 0 || pcrs[i - 1] < n)), 'pcrs');
const fields = {
  passphrase: ['kdf,time,salt,places', (p) => check(p.places.length === 2, 'places')],
  tpm: ['public,private,pcrs,pin', (t) => {
    for (const part of [b64(t.public), b64(t.private)]) check(part.length >= 1 && part.length <= 1024, 'sealed object');
    ascending(t.pcrs);
    check(typeof t.pin === 'boolean', 'pin');
  }],
  credential: ['name', (c) => check(/^hotline-[a-z0-9-]{0,56}$/.test(c.name), 'name of a credential')],
  recovery: ['set,need,of', (r) => check(b64(r.set).length === 8 && r.need >= 2 && r.of >= r.need, 'numbers of shares')],
};

/** form reads slots.json as far as nobody opens anything: store.md, Section 4. */
function form(file) {
  const doc = spelled(file, 2), ids = new Set();
  keys(doc, `version,desk${'counter' in doc ? ',counter' : ''},slots`, 'slots.json');
  check(doc.version === 1 && doc.slots.length > 0, 'version or slots');
  for (const s of doc.slots) {
    const [names, holds] = fields[s.kind] ?? fail(`kind ${s.kind}`);
    keys(s, `id,kind,${s.kind}${s.kind === 'passphrase' ? '' : ',wrapped'}`, s.kind);
    keys(s[s.kind], names, s.kind);
    holds(s[s.kind]);
    check(s.id >= 1 && !ids.has(s.id), 'id');
    ids.add(s.id);
  }
  return doc;
}

/** sealed is store.md, Section 4.2: what a TPM's object says of itself, and what has to be so for it to open. */
function sealed(slot, o) {
  const t = slot.tpm, has = (pcrs) => pcrs.length > 0;
  equal(b64(t.public), unhex(o.public), 'tpm: public');
  equal(b64(t.private), unhex(o.private), 'tpm: private');
  check(t.pcrs.join() === o.pcrs.join() && t.pin === (o.pin !== ''), 'tpm: pcrs or pin');
  const r = new Reader(b64(t.public));
  check(r.u16() === 0x0008 && r.u16() === 0x000b, 'tpm: a sealed object under SHA-256');
  const fixed = 0x12, userWithAuth = 0x40, noDA = 0x400; // fixedTPM and fixedParent
  check(r.u32() === fixed + (has(t.pcrs) ? 0 : userWithAuth) + (t.pin ? 0 : noDA), 'tpm: attributes');
  let policy = new Uint8Array(has(t.pcrs) ? 32 : 0);
  if (has(t.pcrs)) {
    const bits = new Uint8Array(3);
    for (const n of t.pcrs) bits[n >> 3] |= 1 << (n & 7);
    policy = sha256(cat(policy, number(0x17f, 4), number(1, 4), number(0x000b, 2), number(3, 1), bits, sha256(unhex(o.pcr_values))));
    if (t.pin) policy = sha256(cat(policy, number(0x16b, 4)));
  }
  equal(r.var16(64), policy, 'tpm: policy');
  check(r.u16() === 0x0010 && r.var16(64).length === 32, 'tpm: scheme or unique');
  r.done();
  const p = new Reader(b64(t.private));
  check(p.var16(64).length === 32 && p.var16(16).length === 16 && p.rest().length > 32, 'tpm: private');
}

function slots(v) {
  const doc = form(v.file), key = unhex(v.key), kinds = [], objects = [...v.tpm];
  check(doc.desk === v.desk, 'desk');
  check(doc.counter >= 0x01c10000 && doc.counter <= 0x01c17fff, 'counter');
  for (const s of doc.slots) {
    kinds.push(s.kind);
    const aad = cat(text(`hotline/1/keyring-slot\0${s.kind}\0`), number(s.id, 4));
    const holds = (cipher, wrapped, mark) => equal(open(cipher, aad, b64(wrapped)), cat(key, number(mark, 1)), `slot ${s.id}`);
    const of = (secret) => new Uint8Array(createHmac('sha384', secret).update(`hotline/1/keyring-secret\0${s.kind}`).digest().subarray(0, 32));
    if (s.kind === 'passphrase') {
      for (const [mark, word] of [v.passphrase, v.duress].entries()) {
        const cipher = derive(s.passphrase, word);
        const at = s.passphrase.places.filter((p) => { try { holds(cipher, p, mark); return true; } catch { return false; } });
        check(at.length === 1, `a word opens ${at.length} places`);
      }
    } else if (s.kind === 'tpm') {
      const o = objects.shift();
      sealed(s, o);
      holds(of(unhex(o.secret)), s.wrapped, 0);
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
  check(kinds.join() === 'passphrase,tpm,tpm,credential,recovery', 'kinds of slots');
  for (const bad of v.refused) {
    let took = true;
    try { form(bad.file); } catch { took = false; }
    check(!took, `takes what must be refused: ${bad.note}`);
  }
}

/** opened is the content of a sealed file: store.md, Section 4.7. */
function opened(file, passphrase, purpose) {
  const doc = spelled(file, 2);
  keys(doc, `version,purpose,kdf,time,${'memory_kib' in doc ? 'memory_kib,threads,' : ''}salt,sealed`, 'sealed file');
  check(doc.version === 1 && doc.purpose === purpose, 'version or purpose');
  return open(derive(doc, passphrase), text(`hotline/1/keyring-file\0${purpose}`), b64(doc.sealed));
}

/** office is the key file of a delegate or a custodian: line.md, Section 5.4. */
function office(v) {
  const s = new Suite(v.suite), r = new Reader(opened(v.file, v.passphrase, v.purpose));
  check(r.u8() === 1 && r.text(1024) === v.name, 'version or name');
  const seed = r.var16(1024), w = readWarrant(s, r.var32(65536));
  r.done();
  equal(s.keyOf('desk', seed), unhex(v.public), 'key');
  equal(w.key, unhex(v.public), 'key of the warrant');
  check(w.name === v.name && w.office === { 'party-delegate': 2, 'party-custodian': 3 }[v.purpose], 'name or office');
  const root = unhex(v.root), pub = root.subarray(0, s.size.root.public);
  equal(s.hash32('party', root), unhex(v.party), 'party');
  equal(w.party, unhex(v.party), 'party of the warrant');
  equal(w.root, s.hash32('key', pub), 'root of the warrant');
  s.verify('root', pub, 'warrant', w.signature, w.body);
}

function root(v) {
  const s = new Suite(1), content = opened(v.file, v.passphrase, 'party-root');
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
  for (const [name, read] of Object.entries({ slots, root, offices: (all) => all.forEach(office), rendezvous, repair, record })) {
    try { read(v[name]); } catch (err) { fail(`${name}: ${err.message}`); }
  }
}

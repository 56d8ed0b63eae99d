// What every layout is made of: docs/spec/suite.md and docs/spec/envelope.md,
// Section 1. Nothing here comes from the Go code. It is for tests: it makes no
// claim to run in constant time.
import { gcm } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { p384 } from '@noble/curves/nist.js';
import { extract as hkdfExtract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import { sha3_256, shake256 } from '@noble/hashes/sha3.js';
import { ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem1024, ml_kem768 } from '@noble/post-quantum/ml-kem.js';

export { sha256, sha384 };

/** A disagreement between the specification and what was read. */
export class Disagreement extends Error {}

export const fail = (what) => { throw new Disagreement(what); };
export const check = (ok, what) => ok || fail(what);

const encoder = new TextEncoder();
export const text = (s) => encoder.encode(s);
export const hex = (b) => Buffer.from(b).toString('hex');
export const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));
export const same = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0;
export const equal = (got, want, what) => check(same(got, want), `${what}: ${hex(got).slice(0, 80)}, want ${hex(want).slice(0, 80)}`);
export const zeros = (b) => b.every((x) => x === 0);
export const cat = (...parts) => new Uint8Array(Buffer.concat(parts));

export function number(v, bytes) {
  const b = Buffer.alloc(bytes);
  if (bytes === 8) b.writeBigUInt64BE(BigInt(v));
  else b.writeUIntBE(Number(v), 0, bytes);
  return new Uint8Array(b);
}
export const var16 = (b) => cat(number(b.length, 2), b);
export const var32 = (b) => cat(number(b.length, 4), b);

/** Reader takes one layout apart and refuses what is left over. */
export class Reader {
  constructor(b) { this.b = b; this.at = 0; }
  raw(n) {
    check(this.at + n <= this.b.length, `${n} bytes wanted, ${this.b.length - this.at} there`);
    return this.b.subarray(this.at, (this.at += n));
  }
  u8() { return this.raw(1)[0]; }
  u16() { return Buffer.from(this.raw(2)).readUInt16BE(); }
  u32() { return Buffer.from(this.raw(4)).readUInt32BE(); }
  u64() { return Buffer.from(this.raw(8)).readBigUInt64BE(); }
  var16(limit = 65535) { return this.bounded(this.u16(), limit); }
  var32(limit) { return this.bounded(this.u32(), limit); }
  bounded(n, limit) { check(n <= limit, `field of ${n} bytes, limit ${limit}`); return this.raw(n); }
  text(limit) { return new TextDecoder('utf-8', { fatal: true }).decode(this.var16(limit)); }
  line(s) { equal(this.raw(s.length), text(s), 'first line'); }
  rest() { return this.raw(this.b.length - this.at); }
  done() { check(this.at === this.b.length, `${this.b.length - this.at} bytes left over`); }
}

// RFC 5869, Section 2.3. The library's own refuses keys under 48 bytes, as the RFC
// asks; suite.md, Section 1, says why some of ours have 32.
function expand(prk, info, n) {
  let out = new Uint8Array(0), block = new Uint8Array(0);
  for (let i = 1; out.length < n; i++) {
    block = hmac(sha384, prk, cat(block, info, new Uint8Array([i])));
    out = cat(out, block);
  }
  return out.subarray(0, n);
}

const halfOrder = p384.Point.Fn.ORDER >> 1n;

const ed = {
  public: 32, signature: 64,
  verify: (pub, m, sig) => ed25519.verify(sig, m, pub, { zip215: false }),
  keyOf: (seed) => ed25519.getPublicKey(seed),
};
const ecdsa = {
  public: 97, signature: 96,
  verify: (pub, m, sig) => pub[0] === 4 && BigInt('0x' + hex(sig.subarray(48))) <= halfOrder && p384.verify(sig, m, pub, { lowS: false, format: 'compact' }),
  keyOf: (seed) => p384.getPublicKey(seed, false),
};
const mldsa = (alg, pub, sig) => ({
  public: pub, signature: sig,
  verify: (p, m, s) => alg.verify(s, m, p),
  keyOf: (seed) => alg.keygen(seed).publicKey,
});
const both = (a, b) => ({
  public: a.public + b.public, signature: a.signature + b.signature,
  verify: (p, m, s) => a.verify(p.subarray(0, a.public), m, s.subarray(0, a.signature)) && b.verify(p.subarray(a.public), m, s.subarray(a.signature)),
  keyOf: (seed) => cat(a.keyOf(seed.subarray(0, 32)), b.keyOf(seed.subarray(32))),
});

// X-Wing: draft-connolly-cfrg-xwing-kem. The seed gives both private halves.
const xwing = {
  id: 0x647a, public: 1216, encapsulation: 1120,
  private(seed) {
    const long = shake256(seed, { dkLen: 96 });
    return { kem: ml_kem768.keygen(long.subarray(0, 64)), x: long.subarray(64) };
  },
  keyOf(seed) {
    const k = this.private(seed);
    return cat(k.kem.publicKey, x25519.getPublicKey(k.x));
  },
  decapsulate(seed, enc) {
    const k = this.private(seed);
    const cx = enc.subarray(1088);
    return sha3_256(cat(ml_kem768.decapsulate(enc.subarray(0, 1088), k.kem.secretKey), x25519.getSharedSecret(k.x, cx), cx, x25519.getPublicKey(k.x), text('\\.//^\\')));
  },
};
const mlkem = {
  id: 0x0042, public: 1568, encapsulation: 1568,
  keyOf: (seed) => ml_kem1024.keygen(seed).publicKey,
  decapsulate: (seed, enc) => ml_kem1024.decapsulate(enc, ml_kem1024.keygen(seed).secretKey),
};

const profiles = {
  1: {
    kem: xwing, message: ['', ed],
    desk: ['hotline/1/hybrid/ed25519+ml-dsa-65', both(ed, mldsa(ml_dsa65, 1952, 3309))],
    root: ['hotline/1/hybrid/ed25519+ml-dsa-87', both(ed, mldsa(ml_dsa87, 2592, 4627))],
  },
  2: {
    kem: mlkem, message: ['', ecdsa],
    desk: ['hotline/2/desk/ml-dsa-87', mldsa(ml_dsa87, 2592, 4627)],
    root: ['hotline/2/root/ml-dsa-87', mldsa(ml_dsa87, 2592, 4627)],
  },
};

/** Suite is one suite of suite.md. Labels are given by their purpose alone. */
export class Suite {
  constructor(id) {
    this.id = id;
    this.p = profiles[id] ?? fail(`suite ${id}`);
    const size = (kind) => ({ public: this.p[kind][1].public, signature: this.p[kind][1].signature });
    this.size = { message: size('message'), desk: size('desk'), root: size('root'), seal: this.p.kem.public, encapsulation: this.p.kem.encapsulation };
  }
  label(purpose) { return text(`hotline/${this.id}/${purpose}`); }
  frame(label, ...parts) { return cat(number(label.length, 2), label, ...parts.flatMap((p) => [number(p.length, 4), p])); }
  hash(purpose, ...parts) { return sha384(this.frame(this.label(purpose), ...parts)); }
  hash32(purpose, ...parts) { return this.hash(purpose, ...parts).subarray(0, 32); }
  extract(salt, secret) { return hkdfExtract(sha384, secret, salt); }
  expand(prk, purpose, context, n) { return expand(prk, this.frame(this.label(purpose), context), n); }
  /** open undoes AES-256-GCM: nonce 12, ciphertext, tag. */
  open(key, aad, sealed) { return gcm(key, sealed.subarray(0, 12), aad).decrypt(sealed.subarray(12)); }
  keyOf(kind, seed) { return kind === 'seal' ? this.p.kem.keyOf(seed) : this.p[kind][1].keyOf(seed); }
  verify(kind, pub, purpose, sig, ...parts) {
    const [name, scheme] = this.p[kind];
    check(pub.length === scheme.public && sig.length === scheme.signature, `${kind} key of ${pub.length}, signature of ${sig.length} bytes`);
    const signed = name === '' ? this.frame(this.label(purpose), ...parts) : this.frame(text(name), this.label(purpose), ...parts);
    check(scheme.verify(pub, signed, sig), `signature by the ${kind} key over ${purpose} does not hold`);
  }
  /** openSealed undoes HPKE in base mode, RFC 9180, with HKDF-SHA-384 and AES-256-GCM. */
  openSealed(seed, purpose, aad, box) {
    const { kem } = this.p;
    const enc = box.subarray(0, kem.encapsulation);
    const id = cat(text('HPKE'), number(kem.id, 2), number(2, 2), number(2, 2));
    const labeledExtract = (salt, label, ikm) => hkdfExtract(sha384, cat(text('HPKE-v1'), id, text(label), ikm), salt);
    const labeledExpand = (prk, label, info, n) => expand(prk, cat(number(n, 2), text('HPKE-v1'), id, text(label), info), n);
    const none = new Uint8Array(0);
    const context = cat(number(0, 1), labeledExtract(none, 'psk_id_hash', none), labeledExtract(none, 'info_hash', this.frame(this.label(purpose))));
    const secret = labeledExtract(kem.decapsulate(seed, enc), 'secret', none);
    const key = labeledExpand(secret, 'key', context, 32);
    return gcm(key, labeledExpand(secret, 'base_nonce', context, 12), aad).decrypt(box.subarray(kem.encapsulation));
  }
}

/** bucket is envelope.md, Section 2: the size that an envelope is padded to. */
export function bucket(n) {
  for (const b of [256, 320, 384, 512, 768, 1024, 1536, 2048]) if (n <= b) return b;
  if (n <= 65536) { let b = 4096; while (b < n) b *= 2; return b; }
  const e = Math.floor(Math.log2(n)), s = Math.floor(Math.log2(e)) + 1, unit = 2 ** (e - s);
  return Math.ceil(n / unit) * unit;
}

// docs/spec/chain.md and docs/spec/envelope.md against chain1.json and
// chain2.json: a slice, the messages under its key, a control envelope, chunks.
import { Reader, Suite, bucket, cat, check, equal, number, unhex, zeros } from './lib.mjs';

const types = { chain: 1, slice: 2, control: 3, chunk: 4 };

/** header reads envelope.md, Section 2. */
export function header(s, env, type, tag) {
  const r = new Reader(env);
  check(r.u8() === 1 && r.u8() === s.id && r.u8() === types[type], `${type}: version, suite or type`);
  const h = { lane: r.u8(), tag: r.raw(16), masked: r.raw(5), expiry: r.u32(), length: r.u32(), nonce: r.raw(12), prefix: env.slice(0, 33) };
  check(h.length === env.length, `${type}: says ${h.length} bytes, has ${env.length}`);
  equal(h.tag, tag, `${type}: tag`);
  return h;
}

/** inside reads envelope.md, Section 4, and what stands behind it. */
export function inside(plain, signature) {
  const r = new Reader(plain);
  const i = { previous: r.raw(32), digest: r.raw(32), message: r.raw(16), kind: r.u8(), precedence: r.u8(), flags: r.u8() };
  const length = r.u32();
  i.body = r.raw(length);
  i.signed = plain.subarray(0, 87 + length);
  i.signature = r.raw(signature);
  check(i.flags === 0 && zeros(r.rest()), 'flags or padding');
  return i;
}

export function readChain(v, id) {
  const s = new Suite(id);
  const message = s.keyOf('message', unhex(v.message_seed));
  const desk = s.keyOf('desk', unhex(v.desk_seed));
  equal(desk, unhex(v.desk_public), 'desk key');
  const names = { group: unhex(v.group), desk: unhex(v.sender), g: unhex(v.generation) };
  const key = readSlice(s, v, names, message);
  equal(s.hash32('generation', names.group, names.desk, names.g, unhex(v.predecessor)), unhex(v.identity), 'identity');
  equal(s.hash32('generation', names.group, names.desk, unhex(v.previous_generation), new Uint8Array(32)), unhex(v.predecessor), 'predecessor');
  readMessages(s, v, names, message, key);
  readControl(s, v, desk);
  for (const c of v.chunks) readChunk(s, c);
  return `${v.messages.length} messages, a slice, a control envelope, ${v.chunks.length} chunks`;
}

/** openSlice reads chain.md, Section 4: to is a desk and the number of its seal key. */
export function openSlice(s, env, seed, to, messageKeyOf) {
  const h = header(s, env, 'slice', s.hash('slice-tag', s.keyOf('seal', seed)).subarray(0, 16));
  check(env.length === (s.id === 1 ? 1536 : 2048) && zeros(h.masked) && zeros(h.nonce), 'slice: size, masked or nonce');
  const r = new Reader(s.openSealed(seed, 'slice', env.subarray(0, 45), env.subarray(45)));
  const key = r.raw(32), from = r.at, commitment = r.raw(48);
  const sl = { key, commitment, group: r.raw(32), desk: r.raw(32), g: r.raw(16), before: r.raw(32), digest: r.raw(32), time: r.u64() };
  check(r.u8() === 0, 'slice: flags');
  sl.last = [0, 1, 2, 3, 4].map(() => r.u32());
  const statement = r.b.subarray(from, r.at), signature = r.raw(s.size.message.signature);
  check(zeros(r.rest()), 'slice: padding');
  s.verify('message', messageKeyOf(sl.desk), 'slice', signature, to.subarray(0, 32), to.subarray(32), statement);
  equal(s.hash('commitment', key, sl.desk, sl.group, sl.g), commitment, 'slice: commitment');
  sl.proof = cat(to, statement, signature);
  sl.identity = s.hash32('generation', sl.group, sl.desk, sl.g, sl.before);
  return sl;
}

function readSlice(s, v, n, messageKey) {
  const to = cat(unhex(v.slice.recipient), number(v.slice.seal_number, 8));
  const sl = openSlice(s, unhex(v.slice.envelope), unhex(v.slice.seal_seed), to, () => messageKey);
  equal(cat(sl.group, sl.desk, sl.g, sl.before), cat(n.group, n.desk, n.g, unhex(v.predecessor)), 'slice: names');
  equal(sl.digest, unhex(v.slice.digest), 'slice: digest');
  check(sl.time === BigInt(v.slice.time_unix_ms) && sl.last.join() === v.slice.last.join(), 'slice: time or last sequences');
  equal(sl.proof, unhex(v.slice.proof), 'slice: proof');
  equal(sl.commitment, unhex(v.commitment), 'commitment');
  equal(sl.key, unhex(v.sending_key), 'sending key');
  return sl.key;
}

/** SendingKey is chain.md, Sections 2 and 3: one generation, read in order. */
export class SendingKey {
  constructor(s, n, key) {
    const prk = s.extract(n.group, key);
    Object.assign(this, { s, n, chains: new Map(), derive: (label, purpose, size) => s.expand(prk, label, cat(n.desk, n.g, purpose), size) });
    this.tag = this.derive('group-tag', new Uint8Array(0), 16);
    this.headerKey = this.derive('header-key', new Uint8Array(0), 32);
  }
  /** open returns what is in an envelope; receiptTo is the party of a chain of receipts. */
  open(env, messageKey, receiptTo) {
    const { s, n } = this, none = new Uint8Array(0), h = header(s, env, 'chain', this.tag);
    check(bucket(env.length) === env.length, 'no bucket');
    const mask = s.expand(this.headerKey, 'mask', h.nonce, 5);
    for (let j = 0; j < 5; j++) h.prefix[20 + j] ^= mask[j];
    const at = new Reader(h.prefix.subarray(20, 25)), lane = at.u8(), sequence = at.u32();
    const [label, purpose] = lane === 4 ? ['receipts', receiptTo] : ['lane', number(lane, 1)];
    const name = `${label} ${Buffer.from(purpose).toString('hex')}`;
    if (!this.chains.has(name)) {
      this.chains.set(name, { key: this.derive(label, purpose, 32), running: s.hash32('running-start', n.group, n.desk, n.g, purpose), next: 1 });
    }
    const c = this.chains.get(name);
    check(sequence === c.next++, `sequence ${sequence}`);
    const o = inside(s.open(s.expand(c.key, 'message-key', none, 32), h.prefix, env.subarray(33)), s.size.message.signature);
    c.key = s.expand(c.key, 'next-key', none, 32);
    s.verify('message', messageKey, 'message', o.signature, n.group, n.desk, n.g, h.prefix, o.signed);
    equal(o.previous, c.running, 'running hash before it');
    c.running = s.hash32('running', c.running, s.hash32('inside', o.signed));
    check(bucket(45 + 87 + o.body.length + o.signature.length + 16) === env.length, 'bucket');
    return { ...o, lane, sequence, expiry: h.expiry, running: c.running, evidence: cat(h.prefix, n.g, o.signed.subarray(0, 87), o.signature) };
  }
}

function readMessages(s, v, n, messageKey, key) {
  const k = new SendingKey(s, n, key);
  equal(k.tag, unhex(v.tag), 'group tag');
  equal(k.headerKey, unhex(v.header_key), 'header key');
  for (const [i, m] of v.messages.entries()) {
    if (m.lane === 4) equal(unhex(m.receipt_to), unhex(v.slice.party), `message ${i}: receipts are to the recipient's party`);
    const o = k.open(unhex(m.envelope), messageKey, unhex(m.receipt_to));
    check(o.lane === m.lane && o.sequence === m.sequence, `message ${i}: at ${o.lane}/${o.sequence}`);
    equal(o.body, unhex(m.body), `message ${i}: body`);
    equal(o.digest, unhex(m.digest), `message ${i}: digest`);
    equal(o.message, unhex(m.message), `message ${i}: id`);
    check(o.kind === m.kind && o.precedence === m.precedence && o.expiry === Math.ceil(m.expiry_unix / 60), `message ${i}: kind, precedence or expiry`);
    equal(o.running, unhex(m.running), `message ${i}: running hash`);
    equal(o.evidence, unhex(m.evidence), `message ${i}: evidence`);
  }
}

function readControl(s, v, deskKey) {
  const seed = unhex(v.control.control_seed), env = unhex(v.control.envelope), pub = s.keyOf('seal', seed);
  header(s, env, 'control', s.hash('control-tag', pub).subarray(0, 16));
  const r = new Reader(s.openSealed(seed, 'control', env.subarray(0, 45), env.subarray(45)));
  const sender = r.raw(32), kind = r.u8(), body = r.var32(60 << 10), signature = r.raw(s.size.desk.signature);
  check(zeros(r.rest()) && kind === v.control.kind, 'control: padding or kind');
  equal(sender, unhex(v.sender), 'control: sender');
  equal(body, unhex(v.control.body), 'control: body');
  s.verify('desk', deskKey, 'control', signature, pub, sender, number(kind, 1), body);
}

function readChunk(s, c) {
  const none = new Uint8Array(0), key = unhex(c.content_key), env = unhex(c.envelope);
  const h = header(s, env, 'chunk', s.expand(key, 'file-tag', none, 16));
  check(h.masked[0] === 0 && new Reader(h.masked.subarray(1)).u32() === c.index && h.lane === c.lane, 'chunk: index or lane');
  const r = new Reader(s.open(s.expand(key, 'chunk-key', none, 32), env.subarray(0, 33), env.subarray(33)));
  check(r.u8() === (c.final ? 1 : 0), 'chunk: final');
  equal(r.var32(64 << 10), unhex(c.data), 'chunk: data');
  const padding = r.rest();
  check(zeros(padding) && (c.final ? bucket(env.length - padding.length) === env.length : padding.length === 0), 'chunk: padding');
}

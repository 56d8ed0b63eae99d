// docs/spec/chain.md and docs/spec/envelope.md against chain1.json and
// chain2.json: a slice, the messages under its key, a control envelope, chunks.
import { Reader, Suite, bucket, cat, check, equal, number, unhex, zeros } from './lib.mjs';

const types = { chain: 1, slice: 2, control: 3, chunk: 4 };

/** header reads envelope.md, Section 2. */
function header(s, env, type, tag) {
  const r = new Reader(env);
  check(r.u8() === 1 && r.u8() === s.id && r.u8() === types[type], `${type}: version, suite or type`);
  const h = { lane: r.u8(), tag: r.raw(16), masked: r.raw(5), expiry: r.u32(), length: r.u32(), nonce: r.raw(12), prefix: env.slice(0, 33) };
  check(h.length === env.length, `${type}: says ${h.length} bytes, has ${env.length}`);
  equal(h.tag, tag, `${type}: tag`);
  return h;
}

/** inside reads envelope.md, Section 4, and what stands behind it. */
function inside(plain, signature) {
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

function readSlice(s, v, n, messageKey) {
  const env = unhex(v.slice.envelope), seed = unhex(v.slice.seal_seed);
  const h = header(s, env, 'slice', s.hash('slice-tag', s.keyOf('seal', seed)).subarray(0, 16));
  check(env.length === (s.id === 1 ? 1536 : 2048) && zeros(h.masked) && zeros(h.nonce), 'slice: size, masked or nonce');
  const r = new Reader(s.openSealed(seed, 'slice', env.subarray(0, 45), env.subarray(45)));
  const key = r.raw(32), from = r.at;
  const commitment = r.raw(48);
  equal(r.raw(112), cat(n.group, n.desk, n.g, unhex(v.predecessor)), 'slice: names');
  equal(r.raw(32), unhex(v.slice.digest), 'slice: digest');
  check(r.u64() === BigInt(v.slice.time_unix_ms) && r.u8() === 0, 'slice: time or flags');
  for (const last of v.slice.last) check(r.u32() === last, 'slice: last sequences');
  const statement = r.b.subarray(from, r.at), signature = r.raw(s.size.message.signature);
  check(zeros(r.rest()), 'slice: padding');
  const to = cat(unhex(v.slice.recipient), number(v.slice.seal_number, 8));
  s.verify('message', messageKey, 'slice', signature, to.subarray(0, 32), to.subarray(32), statement);
  equal(cat(to, statement, signature), unhex(v.slice.proof), 'slice: proof');
  equal(s.hash('commitment', key, n.desk, n.group, n.g), commitment, 'slice: commitment');
  equal(commitment, unhex(v.commitment), 'commitment');
  equal(key, unhex(v.sending_key), 'sending key');
  return key;
}

function readMessages(s, v, n, messageKey, key) {
  const none = new Uint8Array(0), prk = s.extract(n.group, key);
  const derive = (label, purpose, size) => s.expand(prk, label, cat(n.desk, n.g, purpose), size);
  const tag = derive('group-tag', none, 16), headerKey = derive('header-key', none, 32);
  equal(tag, unhex(v.tag), 'group tag');
  equal(headerKey, unhex(v.header_key), 'header key');
  const chains = new Map();
  for (const [i, m] of v.messages.entries()) {
    const env = unhex(m.envelope), h = header(s, env, 'chain', tag);
    check(bucket(env.length) === env.length, `message ${i}: no bucket`);
    const mask = s.expand(headerKey, 'mask', h.nonce, 5);
    for (let j = 0; j < 5; j++) h.prefix[20 + j] ^= mask[j];
    const at = new Reader(h.prefix.subarray(20, 25)), lane = at.u8(), sequence = at.u32();
    const [label, purpose] = lane === 4 ? ['receipts', unhex(m.receipt_to)] : ['lane', number(lane, 1)];
    if (lane === 4) equal(purpose, unhex(v.slice.party), `message ${i}: receipts are to the recipient's party`);
    const name = `${label} ${Buffer.from(purpose).toString('hex')}`;
    if (!chains.has(name)) {
      chains.set(name, { key: derive(label, purpose, 32), running: s.hash32('running-start', n.group, n.desk, n.g, purpose), next: 1 });
    }
    const c = chains.get(name);
    check(lane === m.lane && sequence === m.sequence && sequence === c.next++, `message ${i}: at ${lane}/${sequence}`);
    const plain = s.open(s.expand(c.key, 'message-key', none, 32), h.prefix, env.subarray(33));
    c.key = s.expand(c.key, 'next-key', none, 32);
    const in_ = inside(plain, s.size.message.signature);
    s.verify('message', messageKey, 'message', in_.signature, n.group, n.desk, n.g, h.prefix, in_.signed);
    equal(in_.previous, c.running, `message ${i}: running hash before it`);
    equal(in_.body, unhex(m.body), `message ${i}: body`);
    equal(in_.digest, unhex(m.digest), `message ${i}: digest`);
    equal(in_.message, unhex(m.message), `message ${i}: id`);
    check(in_.kind === m.kind && in_.precedence === m.precedence && h.expiry === Math.ceil(m.expiry_unix / 60), `message ${i}: kind, precedence or expiry`);
    c.running = s.hash32('running', c.running, s.hash32('inside', in_.signed));
    equal(c.running, unhex(m.running), `message ${i}: running hash`);
    equal(cat(h.prefix, n.g, in_.signed.subarray(0, 87), in_.signature), unhex(m.evidence), `message ${i}: evidence`);
    check(bucket(45 + 87 + in_.body.length + in_.signature.length + 16) === env.length, `message ${i}: bucket`);
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

// docs/spec/linecheck.md against attestation1.json.
import { Reader, Suite, check, equal, unhex } from './lib.mjs';

function lanes(r, want, to) {
  const n = r.u8();
  check(n === want.length, 'number of lanes');
  let before = -1;
  for (const w of want) {
    const lane = r.u8();
    check(lane === w.lane && lane > before && (lane === 4) === to, 'lane');
    before = lane;
    check(r.u32() === w.last, 'last sequence');
    equal(r.raw(32), unhex(w.running), 'running hash');
  }
}

export function readAttestations(v) {
  const s = new Suite(1), desk = unhex(v.desk_public), chain = new Map();
  for (const a of v.attestation) {
    const r = new Reader(unhex(a.bytes));
    check(r.u8() === 1 && r.u8() === 1, 'version or suite');
    equal(r.raw(32), unhex(a.sender), 'sender');
    equal(r.raw(32), unhex(a.group), 'group');
    check(r.u64() === BigInt(a.time_ms), 'time');
    equal(r.raw(16), unhex(a.generation), 'generation');
    equal(r.raw(48), unhex(a.commitment), 'commitment');
    equal(r.raw(32), unhex(a.before), 'before');
    const to = r.raw(32);
    equal(to, unhex(a.to), 'to');
    check(r.u8() === (a.final ? 1 : 0), 'final');
    lanes(r, a.lanes, to.some((x) => x !== 0));
    const unsigned = r.b.subarray(0, r.at);
    equal(s.hash32('attestation', unsigned), unhex(a.hash), 'hash');
    s.verify('desk', desk, 'attestation', r.rest(), unsigned);
    chain.set(a.generation, a);
  }
  const { vector } = v, r = new Reader(unhex(vector.bytes));
  check(r.u8() === 1 && r.u8() === 1, 'vector: version or suite');
  equal(r.raw(32), unhex(vector.holder), 'vector: holder');
  const group = r.raw(32);
  r.u64();
  r.raw(32);
  const from = r.at;
  check(r.u16() === vector.chains.length, 'vector: number of chains');
  for (const c of vector.chains) {
    equal(r.raw(32), unhex(c.sender), 'vector: sender');
    equal(r.raw(16), unhex(c.generation), 'vector: generation');
    equal(r.raw(32), unhex(c.before), 'vector: before');
    lanes(r, c.lanes, false);
  }
  const chains = r.b.subarray(from, r.at), unsigned = r.b.subarray(0, r.at);
  s.verify('desk', desk, 'vector', r.rest(), unsigned);
  equal(s.hash32('vector', group, chains), unhex(vector.digest), 'vector: digest');
  equal(s.hash32('vector', unsigned), unhex(vector.hash), 'vector: hash');
  return `${v.attestation.length} attestations and a vector`;
}

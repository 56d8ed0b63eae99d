// docs/spec/complaint.md against complaint1.json.
import { Reader, Suite, check, equal, fail, hex, same, unhex } from './lib.mjs';

const sayings = [
  (by, about) => `${by} says that the sending key which ${about} sealed to it is not the one that ${about} signed for.`,
  (by, about, to) => `${by} says that a sending key of ${about}, made out to ${to}, came to it: ${about} or ${to} gave it away.`,
  (by, about) => `${about} signed two sending keys under one name; ${by} shows both.`,
  (by, about, to) => `${about} signed another sending key for ${to} than it attests; ${by} shows both.`,
];

/** quotedSlice takes the signed part of a slice apart (chain.md, Section 4). */
function quotedSlice(s, about, b) {
  const r = new Reader(b), to = r.raw(32), seal = r.raw(8), from = r.at, commitment = r.raw(48), group = r.raw(32);
  equal(r.raw(32), unhex(about.desk), 'slice: sender');
  const generation = r.raw(16), predecessor = r.raw(32);
  r.raw(32 + 8 + 1 + 20);
  const statement = b.subarray(from, r.at);
  s.verify('message', unhex(about.message_public), 'slice', r.rest(), to, seal, statement);
  return { to, commitment, group, generation, predecessor };
}

export function readComplaints(v) {
  const s = new Suite(1), desk = (id) => v.desks.find((d) => same(unhex(d.desk), id)) ?? fail('a desk that is not known');
  for (const c of v.complaints) {
    const r = new Reader(unhex(c.bytes));
    check(r.u8() === 1 && r.u8() === 1, 'version or suite');
    const by = desk(r.raw(32)), about = desk(r.raw(32)), line = r.raw(32);
    check(by.desk === c.by && about.desk === c.about && by !== about, 'by or about');
    equal(line, unhex(v.line), 'line');
    const parties = Array.from({ length: r.u8() }, () => r.raw(32));
    check(parties.every((p, i) => i === 0 || hex(parties[i - 1]) < hex(p)), 'parties are not in order');
    const member = (d) => check(parties.some((p) => same(p, unhex(d.of))), 'a desk of no party of the audience');
    member(by);
    member(about);
    const group = s.hash32('group', line, ...parties);
    equal(group, unhex(c.group), 'group');
    equal(r.raw(16), unhex(c.generation), 'generation');
    check(r.u8() === c.kind && c.kind >= 1 && c.kind <= 4, 'kind');
    check(r.u64() === BigInt(c.time_ms), 'time');
    equal(r.var16(6144), unhex(c.slice), 'slice');
    equal(r.var16(6144), unhex(c.beside), 'beside');
    const unsigned = r.b.subarray(0, r.at);
    s.verify('desk', unhex(by.desk_public), 'complaint', r.rest(), unsigned);
    check(c.proves === c.kind > 2 && c.proves === c.beside.length > 0, 'proves');

    const ours = (x) => { equal(x.group, group, 'quoted: group'); equal(x.generation, unhex(c.generation), 'quoted: generation'); return x; };
    const slice = ours(quotedSlice(s, about, unhex(c.slice))), to = desk(slice.to);
    equal(slice.to, unhex(c.to), 'to');
    if (c.kind === 1) check(to === by, 'garbage: not the complainer’s slice');
    if (c.kind === 2) { check(to !== by && to !== about, 'astray: nobody else’s slice'); member(to); }
    if (c.kind === 3) {
      const other = ours(quotedSlice(s, about, unhex(c.beside)));
      check(!same(other.commitment, slice.commitment) || !same(other.predecessor, slice.predecessor), 'two keys: one key');
    }
    if (c.kind === 4) {
      const a = new Reader(unhex(c.beside));
      check(a.u8() === 1 && a.u8() === 1, 'attestation: version or suite');
      equal(a.raw(32), unhex(about.desk), 'attestation: sender');
      const it = { group: a.raw(32) };
      a.u64();
      it.generation = a.raw(16);
      check(!same(a.raw(48), slice.commitment), 'unattested: it is attested');
      a.raw(32 + 32 + 1);
      for (let n = a.u8(); n > 0; n--) a.raw(1 + 4 + 32);
      const signed = a.b.subarray(0, a.at);
      s.verify('desk', unhex(about.desk_public), 'attestation', a.rest(), signed);
      ours(it);
    }
    check(sayings[c.kind - 1](by.name, about.name, to.name) === c.text, `says ${c.text}`);
  }
  return `${v.complaints.length} complaints`;
}

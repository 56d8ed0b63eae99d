// One whole exercise, scenario1.json and scenario2.json, read step by step as a
// desk of each side would: pairing, charter, slices, messages, receipts,
// attestations, a cut-off, new keys, a checkpoint and a file of evidence.
import { decode, message, receipt } from './bodies.mjs';
import { SendingKey, openSlice } from './chain.mjs';
import { include, readNote } from './journal.mjs';
import { Reader, Suite, cat, check, equal, fail, hex, number, same, text, unhex, zeros } from './lib.mjs';
import { ceremony } from './pairing.mjs';
import { Line, charter, deskCard, id, offer, parse, statement, use } from './roster.mjs';

const kinds = { message: 1, receipt: 2, statements: 3, attestation: 4, confirmation: 6 };

class Story {
  constructor(v, s, here) {
    Object.assign(this, { s, here, said: [], attested: [], bodies: new Map(), keys: new Map(), parties: new Map(v.parties.map((p) => [p.name, p])), desks: new Map(v.desks.map((d) => [d.name, { ...d, held: new Map() }])) });
    for (const p of v.parties) {
      equal(s.keyOf('root', unhex(p.root_seed)), unhex(p.root), 'root');
      equal(s.hash32('party', unhex(p.root)), unhex(p.party), 'party');
    }
  }
  /** certificate is that of a desk which the line's statements add. */
  certificate(name) {
    const d = this.desks.get(name);
    return this.line.all.map((st) => st.content.certificate).find((c) => c && hex(c.id) === d.desk) ?? fail(`${name} is not on`);
  }
  nameOf(desk) { return [...this.desks.values()].find((d) => d.desk === hex(desk))?.name ?? fail('a desk of nobody'); }
  state(name) { return this.line.states()[id('desk1', unhex(this.desks.get(name).desk))]; }

  pairing(x) {
    for (const side of ceremony(this.s, x, this.here)) {
      const p = this.parties.get(side.name), card = parse(unhex(side.payload), deskCard);
      check(side.root === p.root && hex(card.root) === p.root && card.name === side.name, 'pairing: root');
      const own = new Line(new Uint8Array(32), [card.root]);
      for (const st of card.statements) own.add(st);
    }
  }
  charter(x) {
    const c = parse(unhex(x.data), charter);
    this.c = c;
    equal(c.hash, unhex(x.line), 'line');
    this.group = this.s.hash32('group', c.hash, ...c.members.map((m) => m.party));
    equal(this.group, unhex(x.group), 'group');
    this.line = new Line(c.hash, c.members.map((m) => m.root));
  }
  statement(x) {
    const st = parse(unhex(x.data), statement);
    if (st.type === 2) equal(unhex(x.data), this.stated, 'the removal that came on the line');
    check(hex(st.author) === this.parties.get(x.by).party, 'author');
    this.line.add(st);
    equal(this.line.digest(), unhex(x.digest), 'digest');
    const states = this.line.states(), names = Object.fromEntries(Object.keys(x.states).map((n) => [n, this.state(n)]));
    check(JSON.stringify(names) === JSON.stringify(x.states) && Object.keys(states).length === Object.keys(x.states).length, `states ${JSON.stringify(states)}`);
    const c = st.content.certificate;
    if (!c) return;
    const d = this.desks.get(this.nameOf(c.id));
    const pairs = [['desk', c.desk, d.desk_seed], ['message', c.message, d.message_seed], ['seal', c.control, d.control_seed], ['seal', st.content.seal.key, d.seal_seed]];
    for (const [kind, key, seed] of pairs) equal(this.s.keyOf(kind, unhex(seed)), key, `${kind} key`);
  }
  consent(x) {
    const o = parse(unhex(x.data), (r) => { r.line('hotline/1 line offer\n'); return offer(r); });
    equal(o.charter.hash, this.c.hash, 'charter that is signed');
    for (const g of o.signatures) {
      const cert = this.certificate(this.nameOf(g.desk));
      check(same(g.charter, this.c.hash) && same(g.party, cert.party), 'consent of another');
      this.s.verify('desk', cert.desk, 'charter-signature', g.signature, g.body);
    }
    check(new Set(o.signatures.map((g) => hex(g.party))).size === this.c.members.length, 'not all have signed');
  }
  slice(x) {
    const d = this.desks.get(x.for), to = cat(unhex(d.desk), number(1, 8));
    check(this.state(x.for) === 'in', 'a slice for a desk that is not on');
    const sl = openSlice(this.s, unhex(x.data), unhex(d.seal_seed), to, (desk) => this.certificate(this.nameOf(desk)).message);
    check(this.nameOf(sl.desk) === x.by && same(sl.group, this.group), 'slice of another');
    equal(sl.identity, unhex(x.identity), 'identity');
    equal(sl.digest, unhex(x.digest), 'slice: digest');
    const before = this.keys.get(hex(sl.before));
    check(zeros(sl.before) || same(before.n.desk, sl.desk), 'predecessor');
    for (const [lane, n] of sl.last.entries()) if (before && lane < 4) check(n === (before.chains.get(`lane ${hex(number(lane, 1))}`)?.next ?? 1) - 1, 'slice: last sequences');
    if (!this.keys.has(x.identity)) this.keys.set(x.identity, Object.assign(new SendingKey(this.s, sl, sl.key), { commitment: sl.commitment }));
    d.held.set(hex(this.keys.get(x.identity).tag), x.identity);
  }
  sealed(x) {
    const env = unhex(x.data), tag = hex(env.subarray(4, 20)), by = this.certificate(x.by);
    for (const [name, d] of this.desks) {
      check(!x.readers.includes(name) || d.held.has(tag), `${name} has no key`);
      if (d.held.has(tag)) check(x.readers.includes(name) || this.state(name) === 'in', `${name} was cut off and reads`);
    }
    const key = this.keys.get(this.desks.get(x.readers[0]).held.get(tag));
    check(same(key.n.desk, by.id), 'sealed under the key of another');
    const to = { receipt: 'JPN', confirmation: 'NATO' }[x.do];
    const o = key.open(env, by.message, to && unhex(this.parties.get(to).party));
    check(o.kind === kinds[x.do] && o.lane === (x.lane ?? 0) && o.sequence === x.sequence, 'kind or place');
    for (const field of ['body', 'digest', 'message', 'running']) equal(o[field], unhex(x[field]), field);
    equal(o.digest, this.line.digest(), 'digest of the sender');
    this[x.do](o, by);
    if (o.kind < 3) this.said.push({ desk: id('desk1', by.id), evidence: hex(o.evidence), body: x.body });
  }
  message(o) {
    const m = decode(o.body), one = new Suite(1); // no suite governs the hashes of bodies
    message(m);
    this.bodies.set(hex(o.message), { content: one.hash32('content', o.body), label: one.hash32('label', m.raw.get(13)) });
  }
  receipt(o) {
    const m = decode(o.body);
    receipt(m);
    const about = this.bodies.get(hex(m.get(2))) ?? fail('receipt of nothing');
    equal(m.get(4), about.content, 'receipt: content');
    equal(m.get(5), about.label, 'receipt: label');
    equal(m.get(6), this.group, 'receipt: group');
  }
  statements(o) {
    check(o.body[0] === 2, 'kind of statements');
    this.stated = o.body.subarray(1);
  }
  confirmation(o) {
    const st = parse(this.stated, statement);
    equal(o.body.subarray(0, 64), cat(st.id, st.content.desk), 'confirmation');
    check(o.body.length === 72, 'confirmation: size');
  }
  attestation(o, by) {
    const r = new Reader(o.body), before = this.before ?? new Uint8Array(32);
    check(r.u8() === 1 && r.u8() === this.s.id, 'version or suite');
    equal(r.raw(64), cat(by.id, this.group), 'attestation: desk and group');
    r.u64();
    const g = r.raw(16), attested = [...this.keys.values()].find((k) => same(k.n.g, g)) ?? fail('attestation of another key');
    equal(r.raw(48), attested.commitment, 'attestation: commitment');
    equal(r.raw(32), before, 'attestation: before');
    check(zeros(r.raw(32)) && r.u8() === 1 && r.u8() === 1 && r.u8() === 3, 'attestation: to, final or lanes');
    const c = attested.chains.get('lane 03');
    check(r.u32() === c.next - 1, 'attestation: last');
    equal(r.raw(32), c.running, 'attestation: running hash');
    const unsigned = r.b.subarray(0, r.at);
    this.s.verify('desk', by.desk, 'attestation', r.rest(), unsigned);
    this.before = this.s.hash32('attestation', unsigned);
    this.attested.push(o.body);
  }
  checkpoint(x) {
    const leaf = unhex(x.leaf), r = new Reader(leaf);
    r.line('hotline/1/leaf\0');
    const n = Number(r.u64());
    r.u64();
    check(r.text(16) === 'sent', 'kind of leaf');
    const about = this.bodies.get(hex(r.raw(16))) ?? fail('leaf of nothing');
    equal(r.rest(), cat(this.c.hash, this.certificate(x.by).id, number(3, 1), about.content), 'leaf');
    const [, , root, generation, time] = Buffer.from(unhex(x.data)).toString().split('\n');
    const want = include(leaf, n - 1, x.size, (x.proof ?? []).map(unhex));
    equal(want, new Uint8Array(Buffer.from(root, 'base64')), 'inclusion');
    const cert = this.certificate(x.by);
    readNote(this.s, unhex(x.data), id('desk1', cert.id), cert.desk, { size: x.size, root: hex(want), generation: generation.split(' ')[1], time_ms: time.split(' ')[1] });
    this.note = x.data;
  }
  evidence(x) {
    const file = Buffer.from(unhex(x.data)).toString(), f = JSON.parse(file), b64 = (b) => new Uint8Array(Buffer.from(b, 'base64'));
    check(JSON.stringify(f, null, 1) + '\n' === file && f.format === 'hotline/1 evidence' && f.suite === this.s.id, 'spelling');
    this.s.verify('desk', this.certificate(x.by).desk, 'evidence', b64(f.signature), text(JSON.stringify({ ...f, signature: '' }, null, 1) + '\n'));
    check(f.signed.length === this.said.length && f.attestations.length === this.attested.length && f.checkpoints.length === 1, 'evidence: not all of it');
    f.signed.forEach((e, i) => check(e.desk === this.said[i].desk && hex(b64(e.evidence)) === this.said[i].evidence && hex(b64(e.body)) === this.said[i].body, 'evidence: signed'));
    f.attestations.forEach((a, i) => equal(b64(a), this.attested[i], 'evidence: attestation'));
    equal(b64(f.charter), this.c.bytes, 'evidence: charter');
    equal(b64(f.checkpoints[0]), unhex(this.note), 'evidence: checkpoint');
  }
}

export function readScenario(v, suite, here) {
  const s = new Suite(suite), story = new Story(v, s, here);
  use(s);
  check(v.suite === suite, 'suite');
  for (const [i, x] of v.steps.entries()) {
    try {
      story[x.do in kinds ? 'sealed' : x.do](x);
    } catch (err) { fail(`step ${i}, ${x.do} by ${x.by}: ${err.message}`); }
  }
}

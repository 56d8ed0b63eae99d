// docs/spec/line.md against roster1.json and roster2.json: certificates, warrants, statements,
// charters with their versions, files, and what they come to: who is on.
import { Reader, Suite, cat, check, equal, fail, hex, number, same, sha256, unhex } from './lib.mjs';

let s = new Suite(1);
/** use reads what follows in that suite. */
export const use = (suite) => { s = suite; };
const none = new Uint8Array(32);
const zero = (b) => same(b, none);
export const id = (prefix, b) => {
  let out = prefix, acc = 0n;
  for (const x of b) acc = (acc << 8n) | BigInt(x);
  const bits = b.length * 8, groups = Math.ceil(bits / 5);
  acc <<= BigInt(groups * 5 - bits);
  for (let i = groups - 1; i >= 0; i--) out += 'abcdefghijklmnopqrstuvwxyz234567'[Number((acc >> BigInt(5 * i)) & 31n)];
  return out;
};
const order = (...keys) => (a, b) => { for (const k of keys) { const c = Buffer.compare(Buffer.from(k(a)), Buffer.from(k(b))); if (c) return c; } return 0; };

/** Layout reads the fields of line.md and remembers where signed parts end. */
export class Layout extends Reader {
  version() { const from = this.at; check(this.u8() === 1 && this.u8() === s.id, 'version or suite'); return from; }
  number() { const n = this.u64(); check(n >= 1n && n <= 1n << 32n, `number ${n}`); return Number(n); }
  time() { const n = this.u64(); check(n >= 1n && n <= 253402300799999n, `time ${n}`); return Number(n); }
  flag() { const n = this.u8(); check(n < 2, 'flag'); return n === 1; }
  words(limit, empty = false) { const t = this.text(limit); check((empty || t !== '') && t.trim() === t && !/[\p{Cc}\p{Cf}]/u.test(t), 'text'); return t; }
  list(least, most, each, rising) {
    const n = this.u16(), out = [];
    check(n >= least && n <= most, `list of ${n}`);
    for (let i = 0; i < n; i++) {
      out.push(each());
      check(!rising || i === 0 || rising(out[i - 1], out[i]) < 0, 'list is not in order');
    }
    return out;
  }
  from(at) { return this.b.subarray(at, this.at); }
  root() {
    const b = this.var32(s.size.root.public + 48);
    check(b.length === s.size.root.public || b.length === s.size.root.public + 48, 'root');
    return b;
  }
  nested(read) { const r = new Layout(this.var32(256 << 10)), v = read(r); r.done(); return { ...v, whole: r.b }; }
}

const publicOf = (root) => root.subarray(0, s.size.root.public), keyID = (pub) => s.hash32('key', pub), partyOf = (root) => s.hash32('party', root);

function certificate(r) {
  const at = r.version();
  const c = { party: r.raw(32), name: r.words(64), role: r.words(64), message: r.raw(s.size.message.public), desk: r.raw(s.size.desk.public), control: r.raw(s.size.seal), from: r.time(), to: r.time() };
  check(c.from < c.to, 'validity');
  c.body = r.from(at);
  c.signature = r.raw(s.size.root.signature);
  c.fingerprint = s.hash('certificate', c.body);
  c.id = s.hash32('desk', c.party, c.fingerprint);
  return c;
}

function warrant(r) {
  const at = r.version();
  const w = { party: r.raw(32), root: r.raw(32), office: r.u8(), name: r.words(64), key: r.raw(s.size.desk.public) };
  check(w.office === 2 || w.office === 3, 'office');
  w.body = r.from(at);
  w.signature = r.raw(s.size.root.signature);
  return w;
}

/** readWarrant is line.md, Section 2.2, in the suite given. */
export function readWarrant(suite, bytes) { use(suite); return parse(bytes, warrant); }

function announcement(r) {
  const at = r.version();
  const a = { desk: r.raw(32), number: r.number(), key: r.raw(s.size.seal), time: r.time() };
  a.body = r.from(at);
  a.signature = r.raw(s.size.desk.signature);
  return a;
}

const holders = (r) => {
  const all = r.list(0, 8, () => ({ name: r.words(64), key: r.raw(32) }), order((h) => h.key));
  check(all.length !== 1, 'a holder alone');
  return all;
};

const types = {
  1: ['add desk', [1], (r) => addition(r, true)],
  2: ['remove desk', [1, 2], (r) => ({ desk: r.raw(32), fingerprint: r.raw(48), reason: r.words(512, true) })],
  3: ['contact card', [1, 3], (r) => ({ notice: r.number(), fields: [0, 1, 2, 3].map(() => r.words(128, true)) })],
  4: ['dormant desk', [1], (r) => addition(r, false)],
  5: ['activate desk', [3], (r) => ({ seal: announcement(r) })],
  6: ['suspend party', [1, 2], notice],
  7: ['reopen party', [1, 3], notice],
  10: ['rotate root', [1], (r, st) => {
    const at = r.at, root = r.root(), survivors = r.list(0, 768, () => r.raw(32), order((x) => x));
    return { root, survivors, signed: cat(new Uint8Array([1, s.id]), st.author, r.from(at)), signature: r.raw(s.size.root.signature) };
  }],
};

function addition(r, seal) {
  const a = { certificate: certificate(r) };
  a.mailboxes = r.list(1, 4, () => ({ addr: r.words(260), relay: r.raw(32), box: r.raw(32), putter: r.raw(32) }));
  a.delegates = holders(r);
  a.custodians = holders(r);
  if (seal) a.seal = announcement(r);
  return a;
}

function notice(r) {
  const n = { subject: r.raw(32), notice: r.number(), reason: r.words(512, true) };
  if (r.flag()) n.until = r.time();
  return n;
}

export function statement(r) {
  const at = r.version(), st = { type: r.u8(), line: r.raw(32), author: r.raw(32), by: r.u8(), signer: r.raw(32), number: r.number(), time: r.time() };
  const [name, by, content] = types[st.type] ?? fail(`statement type ${st.type}`);
  check(by.includes(st.by), `${name} by office ${st.by}`);
  Object.assign(st, { name, content: content(r, st) });
  st.body = r.from(at);
  st.id = s.hash32('statement', st.body);
  st.endorsements = st.by === 1 ? [{ signature: r.raw(s.size.root.signature) }] : Array.from({ length: st.by - 1 }, () => ({ warrant: warrant(r), signature: r.raw(s.size.desk.signature) }));
  st.bytes = r.from(at);
  return st;
}

const heads = (r) => r.list(0, 1024, () => ({ author: r.raw(32), signer: r.raw(32), line: r.raw(32), number: r.number(), digest: r.raw(32) }), order((h) => h.author, (h) => h.signer, (h) => h.line));

export function charter(r) {
  const at = r.version();
  const c = { number: r.number(), line: r.raw(32), before: r.list(0, 16, () => r.raw(32), order((x) => x)), taken: heads(r), nonce: r.raw(32), name: r.words(64), profile: r.words(64), created: r.time() };
  const first = c.number === 1;
  check(first === zero(c.line) && first === (c.before.length === 0), 'version');
  c.members = r.list(2, 64, () => ({ party: r.raw(32), name: r.words(64), root: r.root() }), order((m) => m.party));
  for (const m of c.members) equal(partyOf(m.root), m.party, 'member');
  c.quorum = r.u8();
  check(c.quorum > Math.floor(c.members.length / 2) && c.quorum <= c.members.length, 'quorum');
  for (let i = 0; i < 4; i++) { r.u32(); r.list(0, 8, () => number(r.u32(), 4), order((x) => x)); }
  for (let i = 0; i < 5; i++) r.words(1024, true);
  c.exercise = r.flag();
  r.list(0, 64, () => r.raw(32), order((x) => x));
  const period = r.u32();
  check(period >= 600 && period <= 8 * 86400 && r.u8() === 1 && r.u8() === 1 && [1, 2].includes(r.u8()), 'period or policies');
  c.bytes = r.from(at);
  c.hash = s.hash32('charter', c.bytes);
  c.id = first ? c.hash : c.line;
  return c;
}

function charterSignature(r) {
  const at = r.version(), g = { line: r.raw(32), charter: r.raw(32), party: r.raw(32), desk: r.raw(32), time: r.time() };
  g.body = r.from(at);
  if (!same(g.line, g.charter)) { g.warrant = warrant(r); check(zero(g.desk), 'a custodian is no desk'); }
  g.signature = r.raw(s.size.desk.signature);
  return g;
}

export const statements = (r) => r.list(0, 65535, () => r.nested(statement), order((x) => x.author, (x) => x.signer, (x) => x.line, (x) => number(x.number, 8), (x) => x.body));
const signatures = (r) => r.list(0, 1024, () => charterSignature(r), order((g) => g.charter, (g) => g.party, (g) => g.desk, (g) => g.warrant?.key ?? new Uint8Array(0)));
export const offer = (r) => ({ charter: r.nested(charter), signatures: signatures(r) });
export const parse = (bytes, read) => { const r = new Layout(bytes), v = read(r); r.done(); return v; };

/** Line is a set of statements and charter versions, and what follows. */
export class Line {
  constructor(line, members) {
    this.line = line;
    this.seats = new Map(members.map((m) => [hex(partyOf(m)), [m]]));
    this.all = [];
  }
  root(party, key) { return (this.seats.get(hex(party)) ?? []).find((root) => same(keyID(publicOf(root)), key)) ?? fail('root is not known'); }
  warrant(w, party, office) {
    check(same(w.party, party) && w.office === office, 'warrant of another');
    s.verify('root', publicOf(this.root(party, w.root)), 'warrant', w.signature, w.body);
  }
  /** add takes a statement in, or throws. */
  add(st) {
    check(this.seats.has(hex(st.author)), 'author is no member');
    check(zero(st.line) || same(st.line, this.line), 'another line');
    if (st.by === 1) s.verify('root', publicOf(this.root(st.author, st.signer)), 'statement', st.endorsements[0].signature, st.body);
    else {
      const keys = st.endorsements.map((e) => {
        this.warrant(e.warrant, st.author, st.by);
        s.verify('desk', e.warrant.key, 'statement', e.signature, st.body);
        return hex(keyID(e.warrant.key));
      });
      check(keys[0] === hex(st.signer) && new Set(keys).size === keys.length, 'signed by another key, or twice');
    }
    const c = st.content;
    if (c.certificate) {
      const cert = c.certificate;
      check(same(cert.party, st.author) && st.time >= cert.from && st.time <= cert.to, 'certificate');
      s.verify('root', publicOf(this.root(st.author, st.signer)), 'certificate', cert.signature, cert.body);
      if (c.seal) this.seal(c.seal, cert);
    }
    if (st.type === 2) equal(s.hash32('desk', st.author, c.fingerprint), c.desk, 'removed desk');
    if (st.type === 10) {
      const old = this.root(st.author, st.signer);
      equal(old.subarray(s.size.root.public), s.hash('successor', publicOf(c.root)), 'committed successor');
      s.verify('root', publicOf(c.root), 'rotation', c.signature, c.signed);
      this.seats.get(hex(st.author)).push(c.root);
    }
    if (!this.all.some((o) => same(o.id, st.id))) this.all.push(st);
  }
  seal(a, cert) {
    equal(a.desk, cert.id, 'seal key of another desk');
    s.verify('desk', cert.desk, 'seal-key', a.signature, a.body);
  }
  digest(extra = []) { return s.hash32('statement-set', this.line, cat(...[...this.all.map((x) => x.id), ...extra].sort(Buffer.compare))); }
  slot(st) { return `${hex(st.author)}${hex(st.signer)}${hex(st.line)}${st.number}`; }
  contested(st) { return this.all.filter((o) => this.slot(o) === this.slot(st)).length > 1; }
  /** reign lists a party's roots, and the rotations that each signed. */
  reign(party) {
    const out = { seats: [], rotations: [] };
    let root = this.seats.get(hex(party))[0];
    for (;;) {
      const key = keyID(publicOf(root));
      out.seats.push(hex(key));
      out.root = root;
      const by = this.all.filter((st) => st.type === 10 && same(st.author, party) && same(st.signer, key));
      out.rotations.push(by);
      if (by.length !== 1) return out;
      root = by[0].content.root;
    }
  }
  holds(st) {
    const r = this.reign(st.author), signers = st.endorsements.map((e) => hex(e.warrant ? e.warrant.root : st.signer));
    const era = Math.min(...signers.map((k) => r.seats.indexOf(k)));
    return era >= 0 && r.rotations.slice(era).flat().every((rot) => rot.content.survivors.some((x) => same(x, st.id)));
  }
  /** states is line.md, Sections 3.1 and 3.3. */
  states() {
    const states = new Map(), adds = this.all.filter((st) => st.content.certificate);
    for (const st of adds) states.set(hex(st.content.certificate.id), 'void');
    const counts = adds.filter((st) => !this.contested(st) && this.holds(st));
    for (const st of counts.filter((x) => x.type === 4)) {
      const { certificate: cert, custodians } = st.content, named = (k) => custodians.some((h) => same(h.key, k));
      const seals = this.all.filter((a) => a.type === 5 && same(a.content.seal.desk, cert.id) && same(a.author, st.author) && this.holds(a) && a.endorsements.every((e) => named(keyID(e.warrant.key))))
        .filter((a) => { try { this.seal(a.content.seal, cert); return true; } catch { return false; } }).map((a) => hex(a.content.seal.key));
      const n = new Set(seals).size;
      if (n < 2) states.set(hex(cert.id), n ? 'in' : 'dormant');
    }
    for (const st of counts.filter((x) => x.type === 1)) states.set(hex(st.content.certificate.id), 'in');
    for (const st of this.all.filter((x) => x.type === 2)) {
      const named = adds.some((a) => same(a.content.certificate.id, st.content.desk) && a.content.delegates.some((h) => same(h.key, st.signer)));
      if (st.by === 1 || named) states.set(hex(st.content.desk), 'removed');
    }
    return Object.fromEntries([...states].map(([d, state]) => [id('desk1', unhex(d)), state]));
  }
  suspended() {
    const latest = new Map();
    for (const st of this.all.filter((x) => x.type === 6 || (x.type === 7 && this.holds(x)))) {
      const key = hex(st.author) + hex(st.content.subject), old = latest.get(key);
      if (!old || st.content.notice > old.content.notice || (st.content.notice === old.content.notice && st.type < old.type)) latest.set(key, st);
    }
    return [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, st]) => st).filter((st) => st.type === 6)
      .map((st) => ({ author: id('party1', st.author), subject: id('party1', st.content.subject), notice: st.content.notice }));
  }
  /** consent lists the members that signed a version, each by two custodians. */
  consent(o) {
    const by = new Map();
    for (const g of o.signatures) {
      equal(g.charter, o.charter.hash, 'signature under another charter');
      if (!o.charter.members.some((m) => same(m.party, g.party)) || !this.seats.has(hex(g.party))) continue;
      this.warrant(g.warrant, g.party, 3);
      s.verify('desk', g.warrant.key, 'charter-signature', g.signature, g.body);
      by.set(hex(g.party), (by.get(hex(g.party)) ?? new Set()).add(hex(g.warrant.key)));
    }
    return [...by].filter(([, keys]) => keys.size > 1).map(([p]) => p);
  }
}

/** current walks the versions of a charter, without competing ones. */
function current(first, offers) {
  const line = new Line(first.hash, first.members.map((m) => m.root));
  let now = first;
  for (;;) {
    const parties = now.members.map((m) => hex(m.party));
    const next = offers.filter((o) => o.charter.number === now.number + 1 && o.charter.before.length === 1 && same(o.charter.before[0], now.hash)).filter((o) => {
      if (line.consent(o).filter((p) => parties.includes(p)).length < now.quorum) return false;
      const admitted = o.charter.members.filter((m) => !parties.includes(hex(m.party)));
      for (const m of admitted) line.seats.set(hex(m.party), [m.root]);
      const signed = line.consent(o);
      return admitted.every((m) => signed.includes(hex(m.party)));
    });
    check(next.length < 2, 'competing versions');
    if (next.length === 0) return now;
    now = next[0].charter;
  }
}

export function readRoster(v, suite) {
  use(new Suite(suite));
  for (const p of v.parties) {
    equal(s.keyOf('root', unhex(p.root_seed)), unhex(p.root), 'root');
    equal(partyOf(unhex(p.root)), unhex(p.party), 'party');
    check(id('party1', unhex(p.party)) === p.party_text, 'party as text');
  }
  const c = parse(unhex(v.charter), charter);
  equal(c.hash, unhex(v.line), 'line');
  check(id('line1', c.hash) === v.line_text, 'line as text');
  const line = new Line(c.hash, c.members.map((m) => m.root)), rootOf = (party) => unhex(v.parties.find((p) => p.party === hex(party)).root);
  const certs = v.desks.map((d, i) => {
    const cert = parse(unhex(d.certificate), certificate);
    equal(s.keyOf('desk', unhex(d.desk_seed)), cert.desk, 'desk key');
    equal(cert.fingerprint, unhex(d.fingerprint), 'fingerprint');
    equal(cert.id, unhex(d.desk), 'desk');
    check(id('desk1', cert.id) === d.desk_text, 'desk as text');
    s.verify('root', rootOf(cert.party), 'certificate', cert.signature, cert.body);
    line.seal(parse(unhex(v.seal_key_announcements[i]), announcement), cert);
    return cert;
  });
  for (const g of v.charter_signatures.map((x) => parse(unhex(x), charterSignature))) {
    const cert = certs.find((x) => same(x.id, g.desk)) ?? fail('charter is signed by nobody');
    check(same(g.charter, c.hash) && same(g.line, c.hash) && same(g.party, cert.party), 'charter signature of another');
    s.verify('desk', cert.desk, 'charter-signature', g.signature, g.body);
  }
  for (const w of v.warrants.map((x) => parse(unhex(x), warrant))) line.warrant(w, w.party, w.office);
  const all = v.statements.map((x) => {
    const st = parse(unhex(x.bytes), statement);
    equal(st.id, unhex(x.id), 'statement id');
    check(st.name === x.note, 'statement name');
    return st;
  });
  for (const st of all) line.add(st);
  const rising = order((x) => x.author, (x) => x.signer, (x) => x.line, (x) => number(x.number, 8), (x) => x.body);
  equal(sha256(cat(number(all.length, 2), ...all.sort(rising).flatMap((x) => [number(x.bytes.length, 4), x.bytes]))), unhex(v.set_sha256), 'stored set');
  equal(line.digest(), unhex(v.digest), 'digest');
  readHeads(line, unhex(v.heads));
  compare(line.states(), v.states, 'states');
  compare(Object.entries(line.states()).filter(([, x]) => x === 'in').map(([d]) => d).sort(), [...v.roster].sort(), 'roster');
  compare(Object.entries(line.states()).filter(([, x]) => x === 'removed').map(([d]) => d).sort(), [...v.removed].sort(), 'removed');
  compare(line.suspended(), v.suspended, 'suspended');
  check(new Set(line.all.filter((x) => line.contested(x)).map((x) => line.slot(x))).size === v.contested, 'contested');
  for (const r of v.refused) {
    let took = true;
    try { line.add(parse(unhex(r.bytes), statement)); } catch { took = false; }
    check(!took, `takes what must be refused: ${r.note}`);
  }
  const parties = c.members.map((m) => m.party);
  equal(s.hash32('group', c.hash, ...parties), unhex(v.group_of_both), 'group');
  equal(s.hash32('group', c.hash, parties[0]), unhex(v.group_of_first_party), 'group of one');
  readFiles(v, c, line);
  readRotation(v.rotation);
  const last = current(parse(unhex(v.succession.first), charter), v.succession.offers.map((o) => parse(unhex(o), (r) => { r.line('hotline/1 line offer\n'); return offer(r); })));
  equal(last.hash, unhex(v.succession.current_hash), 'charter that counts');
  check(last.number === v.succession.current_version, 'version that counts');
}

const compare = (got, want, what) => {
  const sorted = (o) => JSON.stringify(Array.isArray(o) ? o : Object.fromEntries(Object.entries(o).sort()));
  check(sorted(got) === sorted(want), `${what}: ${sorted(got)}, want ${sorted(want)}`);
};

/** readHeads is line.md, Section 3.2. */
function readHeads(line, bytes) {
  const got = parse(bytes, (r) => { r.line('hotline/1 heads\n'); return heads(r); }), scope = (x) => `${hex(x.author)}${hex(x.signer)}${hex(x.line)}`;
  check(new Set(line.all.filter((x) => line.all.some((o) => scope(o) === scope(x) && o.number === 1)).map(scope)).size === got.length, 'number of heads');
  for (const h of got) {
    const of = line.all.filter((x) => scope(x) === scope(h));
    let n = 0;
    while (of.some((x) => x.number === n + 1)) n++;
    check(n === h.number, `head says ${h.number}, ${n} are held`);
    equal(s.hash32('statement-set', h.line, cat(...of.filter((x) => x.number <= n).map((x) => x.id).sort(Buffer.compare))), h.digest, 'head');
  }
}

export function deskCard(r) {
  r.line('hotline/1 desk card\n');
  r.version();
  return { name: r.words(64), root: r.root(), statements: statements(r) };
}

function readFiles(v, c, line) {
  const card = parse(unhex(v.card), deskCard);
  check(card.name === v.parties[0].name, 'card: name');
  equal(card.root, unhex(v.parties[0].root), 'card: root');
  const own = new Line(c.hash, [card.root]);
  for (const st of card.statements) own.add(st);
  const o = parse(unhex(v.offer), (r) => { r.line('hotline/1 line offer\n'); return offer(r); });
  equal(o.charter.hash, c.hash, 'offer: charter');
  const first = [o];
  const pack = parse(unhex(v.pack), (r) => {
    r.line('hotline/1 joining pack\n');
    const p = { first: offer(r), versions: r.list(0, 256, () => offer(r)), statements: statements(r) };
    p.seals = r.list(0, 65535, () => announcement(r), order((a) => a.desk));
    p.names = r.list(0, 64, () => ({ party: r.raw(32), name: r.words(64) }), order((n) => n.party));
    return p;
  });
  first.push(pack.first);
  const joined = new Line(c.hash, pack.first.charter.members.map((m) => m.root));
  for (const st of pack.statements) joined.add(st);
  const certs = joined.all.map((st) => st.content.certificate).filter(Boolean);
  for (const a of pack.seals) joined.seal(a, certs.find((x) => same(x.id, a.desk)) ?? fail('pack: seal key of a stranger'));
  for (const f of first) {
    for (const g of f.signatures) {
      const cert = certs.find((x) => same(x.id, g.desk)) ?? fail('signed by a stranger');
      s.verify('desk', cert.desk, 'charter-signature', g.signature, g.body);
    }
  }
  check(pack.names.length > 0 && line.seats.has(hex(pack.names[0].party)), 'pack: names');
}

function readRotation(v) {
  const root = unhex(v.founding_root), line = new Line(none, [root]);
  check(id('party1', partyOf(root)) === v.party_text, 'rotation: party');
  let waiting = v.statements.map((x) => parse(unhex(x), statement)), before = Infinity;
  while (waiting.length && waiting.length < before) {
    before = waiting.length;
    waiting = waiting.filter((st) => { try { line.add(st); return false; } catch { return true; } });
  }
  check(waiting.length === 0, 'rotation: a statement is refused');
  const last = line.reign(partyOf(root)).root;
  equal(last, unhex(v.root_now), 'rotation: root');
  compare(line.states(), v.states, 'rotation: states');
}

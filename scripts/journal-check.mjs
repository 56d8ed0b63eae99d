// Checks a file of evidence with the ids of the parties alone, written apart from hotline from docs/spec/journal.md.
//   npm ci --prefix test/reader && node scripts/journal-check.mjs FILE [party1…]     exit 0: it holds; 1: it does not
// It does not read `terms`: who was cut off, and roots that were rotated, are for `hotline journal check` to say.
import { readFileSync } from 'node:fs'; import { createHash, createPublicKey, verify } from 'node:crypto'
const { ml_dsa65, ml_dsa87 } = await import(new URL('../test/reader/node_modules/@noble/post-quantum/ml-dsa.js', import.meta.url))
const must = (ok, what) => { if (!ok) throw new Error(what) }, cat = (...parts) => Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : p)))
const sha = (n, ...parts) => createHash('sha' + n).update(cat(...parts)).digest(), same = (a, b) => Buffer.compare(a, b) === 0, int = (v, n) => Buffer.from(BigInt(v).toString(16).padStart(2 * n, '0'), 'hex')
const b64 = (s) => { const b = Buffer.from(s, 'base64'); must(b.toString('base64') === s, 'base64 in another spelling'); return b }
const letters = 'abcdefghijklmnopqrstuvwxyz234567', binary = (n) => (x) => x.toString(2).padStart(n, '0')
const id = (prefix, b) => prefix + [...b].map(binary(8)).join('').match(/.{1,5}/g).map((g) => letters[parseInt(g.padEnd(5, '0'), 2)]).join('')
const unid = (s) => Buffer.from([...s.replace(/^[a-z]+1/, '')].map((c) => binary(5)(letters.indexOf(c))).join('').match(/.{8}/g).map((x) => parseInt(x, 2)))
class Reader { // takes octets from the front
  constructor(b) { this.b = b; this.at = 0 } raw(n) { must(this.at + n <= this.b.length, 'cut short'); return this.b.subarray(this.at, this.at += n) } n(size) { return Number(BigInt('0x' + this.raw(size).toString('hex'))) } var(size) { return this.raw(this.n(size)) } }
const fields = 'format,use,suite,at,by,line,message,party,due,groups,terms,charter,certificates,signed,slices,attestations,complaints,paths,checkpoints,leaves,signature'
const text = readFileSync(process.argv[2], 'utf8'), trusted = process.argv.slice(3), f = JSON.parse(text); must(JSON.stringify(f, null, 1) + '\n' === text && Object.keys(f).join() === fields, 'not the one spelling')
must(f.format === 'hotline/1 evidence' && ['transcript', 'nonanswer', 'conviction'].includes(f.use) && [1, 2].includes(f.suite), 'format, use or suite')
// Cryptography of the suite: docs/spec/suite.md.
const one = f.suite === 1, size = one ? { m: 32, ms: 64, d: 1984, r: 2624, rs: 4691, k: 1216 } : { m: 97, ms: 96, d: 2592, r: 2592, rs: 4627, k: 1568 }
const label = (l) => `hotline/${f.suite}/${l}`, frame = (l, parts) => cat(int(label(l).length, 2), label(l), ...parts.flatMap((p) => [int(p.length, 4), p])); const hash = (l, ...parts) => sha(384, frame(l, parts)), short = (l, ...parts) => hash(l, ...parts).subarray(0, 32)
const jwk = (key) => createPublicKey({ format: 'jwk', key }), ed = (k, m, s) => verify(null, m, jwk({ kty: 'OKP', crv: 'Ed25519', x: k.toString('base64url') }), s)
const half = Buffer.from('7fffffffffffffffffffffffffffffffffffffffffffffffe3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9', 'hex')
const ec = (k, m, s) => Buffer.compare(s.subarray(48), half) <= 0 && verify('sha384', m, { dsaEncoding: 'ieee-p1363', key: jwk({ kty: 'EC', crv: 'P-384', x: k.subarray(1, 49).toString('base64url'), y: k.subarray(49).toString('base64url') }) }, s)
const message = (k, l, s, ...parts) => s.length === size.ms && (one ? ed : ec)(k, frame(l, parts), s)
const long = (k, l, s, parts, name, dsa) => { const m = frame(name, [Buffer.from(label(l)), ...parts]), cut = one ? 32 : 0; return (!one || ed(k.subarray(0, 32), m, s.subarray(0, 64))) && dsa.verify(s.subarray(2 * cut), m, k.subarray(cut)) }
const desk = (k, l, s, ...parts) => long(k, l, s, parts, one ? 'hybrid/ed25519+ml-dsa-65' : 'desk/ml-dsa-87', one ? ml_dsa65 : ml_dsa87)
const root = (k, l, s, ...parts) => long(k, l, s, parts, one ? 'hybrid/ed25519+ml-dsa-87' : 'root/ml-dsa-87', ml_dsa87)
// The line is the hash of its charter, its members are in it, and each member's id is the hash of its root.
const charter = new Reader(b64(f.charter)), roots = {}, desks = {}
must(f.line === id('line1', short('charter', charter.b)), 'charter is not that of the line')
for (const skip of [() => 42, () => 32 * charter.n(2), () => 136 * charter.n(2), () => 32, () => charter.n(2), () => charter.n(2), () => 8]) charter.raw(skip())
for (let n = charter.n(2); n > 0; n--) { const p = charter.raw(32), name = charter.var(2).toString(), key = charter.var(4); must(same(p, short('party', key)), 'a member is not the hash of its root'); roots[id('party1', p)] = { name, key: key.subarray(0, size.r) } }
for (const c of f.certificates.map(b64)) { const r = new Reader(c); r.raw(2)
  const p = r.raw(32), party = id('party1', p), name = r.var(2).toString(), m = (r.var(2), r.raw(size.m)), d = r.raw(size.d), body = (r.raw(size.k + 16), c.subarray(0, r.at))
  must(roots[party] && root(roots[party].key, 'certificate', r.raw(size.rs), body) && r.at === c.length, `certificate of ${name}`)
  must(trusted.length === 0 || trusted.includes(party), `${name} is of ${party}, which was not named`)
  desks[id('desk1', short('desk', p, hash('certificate', body)))] = { name, party, m, d } }
const of = (d) => { must(desks[d], `no certificate of ${d}`); return desks[d] }, maker = of(f.by)
must(desk(maker.d, 'evidence', b64(f.signature), Buffer.from(JSON.stringify({ ...f, signature: '' }, null, 1) + '\n')), 'the maker did not sign this file')
const groups = f.groups.map((g) => { const ids = g.map(unid); must(g.every((p) => roots[p]) && ids.every((b, i) => i === 0 || Buffer.compare(ids[i - 1], b) < 0), 'group'); return { g, key: short('group', unid(f.line), ...ids) } })
const member = (e) => { must(groups[e.group]?.g.includes(of(e.desk).party), 'a desk outside its group'); return groups[e.group].key }
// What desks signed. CBOR is read as far as receipts need it: a map of small numbers, bytes, texts and lists.
const cbor = (r) => { const b = r.n(1), kind = b >> 5, v = (b & 31) < 24 ? b & 31 : r.n(1 << ((b & 31) - 24))
  return kind < 2 ? v : kind < 4 ? r.raw(v) : kind === 4 ? Array.from({ length: v }, () => cbor(r)) : Object.fromEntries(Array.from({ length: v }, () => [cbor(r), cbor(r)])) }
const signed = f.signed.map((e, i) => { const group = member(e), ev = new Reader(b64(e.evidence)), body = b64(e.body), prefix = ev.raw(33), g = ev.raw(16), inside = ev.raw(87)
  const sig = ev.raw(size.ms), kind = inside[80], all = cat(inside, body), k = unid(e.desk)
  must(ev.at === ev.b.length && inside.readUInt32BE(83) === body.length && message(of(e.desk).m, 'message', sig, group, k, g, prefix, all), `signed[${i}]`)
  const x = { ...e, kind, group, g: g.toString('hex'), lane: prefix[20], n: prefix.readUInt32BE(21), before: inside.subarray(0, 32), id: id('msg1', inside.subarray(64, 80)),
    hash: short('inside', all), content: sha(384, int(17, 2), 'hotline/1/content', int(body.length, 4), body).toString('hex', 0, 32) }
  if (kind === 2) { const r = cbor(new Reader(body)); Object.assign(x, { state: r[1], about: id('msg1', r[2]), at: r[3] }); must(same(r[6], group), `signed[${i}]: group`) } return x })
const slice = (b, where) => { const st = b.subarray(40, b.length - size.ms), d = id('desk1', st.subarray(80, 112)), to = id('desk1', b.subarray(0, 32))
  must(st.length === 221 && message(of(d).m, 'slice', b.subarray(b.length - size.ms), b.subarray(0, 32), b.subarray(32, 40), st), where)
  return { d, to, commitment: st.subarray(0, 48), group: st.subarray(48, 80), sender: st.subarray(80, 112), g: st.subarray(112, 128), before: st.subarray(128, 160), time: Number(st.readBigUInt64BE(192)), restart: st[200], last: st.readUInt32BE(217) } }, slices = f.slices.map((s, i) => slice(b64(s), `slices[${i}]`))
const attestation = (b, where) => { const r = new Reader(b); r.raw(2); const d = id('desk1', r.raw(32)), group = r.raw(32), time = r.n(8), g = r.raw(16).toString('hex')
  const commitment = r.raw(48), before = r.raw(32), to = r.raw(32), final = r.n(1), lanes = {}; for (let n = r.n(1); n > 0; n--) lanes[r.n(1)] = { last: r.n(4), running: r.raw(32) }
  must(desk(of(d).d, 'attestation', b.subarray(r.at), b.subarray(0, r.at)), where)
  return { d, group, time, g, commitment, before, final, lanes, to: to.every((x) => x === 0) ? '' : id('party1', to) } }, attested = f.attestations.map((s, i) => attestation(b64(s), `attestations[${i}]`))
// A complaint is one desk's word about another's slice (docs/spec/complaint.md); what it quotes is signed, and counts like the rest.
const complaints = f.complaints.map((s, i) => { const b = b64(s), r = new Reader(b), where = `complaints[${i}]`, head = r.raw(2), [by, about] = [0, 0].map(() => id('desk1', r.raw(32))), line = r.raw(32)
  const ps = Array.from({ length: r.n(1) }, () => r.raw(32)), in_ = (d) => ps.some((p) => id('party1', p) === of(d).party), g = r.raw(16), kind = r.n(1), time = r.n(8), sl = slice(r.var(2), where), beside = r.var(2)
  must(same(head, Buffer.of(1, f.suite)) && same(line, unid(f.line)) && ps.every((p, i) => roots[id('party1', p)] && (i === 0 || Buffer.compare(ps[i - 1], p) < 0)) && in_(by) && in_(about) && by !== about, where)
  must(desk(of(by).d, 'complaint', b.subarray(r.at), b.subarray(0, r.at)) && kind > 0 && kind < 5 && (kind > 2) === (beside.length > 0), where)
  const group = short('group', line, ...ps), fits = (x) => x.d === about && same(x.group, group) && same(Buffer.from(x.g, 'hex'), g), other = kind === 3 ? slice(beside, where) : kind === 4 ? attestation(beside, where) : sl
  must(fits(sl) && fits(other) && [sl.to === by, kind === 2 && sl.to !== by && sl.to !== about && in_(sl.to), !same(sl.commitment, other.commitment) || !same(sl.before, other.before), !same(sl.commitment, other.commitment)][kind - 1], where)
  slices.push(sl); if (kind > 2) (kind === 3 ? slices : attested).push(other); return `COMPLAINT of ${of(by).name} about ${of(about).name}: ${['the key in its slice is not the one signed for', `its slice for ${desks[sl.to]?.name} came astray`, 'two sending keys under one name', 'another sending key than it attests'][kind - 1]} (${kind > 2 ? 'proven' : 'its word, not proof'})` })
const found = new Set(), convict = (d, what) => found.add(`desk ${of(d).name} signed ${what}`)
const paths = f.paths.map((p, i) => { const group = member(p), g = b64(p.generation), hs = p.insides.map(b64), x = { ...p, group, g: g.toString('hex'), hs, sure: 0 }
  x.running = [short('running-start', group, unid(p.desk), g, p.lane === 4 ? unid(p.to) : int(p.lane, 1))]
  for (const h of hs) { must(h.length === 32, `paths[${i}]`); x.running.push(short('running', x.running.at(-1), h)) }
  x.place = (s) => s.desk === p.desk && s.g === x.g && s.lane === p.lane && same(s.group, group) && s.n > 0 && s.n <= hs.length && same(hs[s.n - 1], s.hash) && same(x.running[s.n - 1], s.before)
  for (const l of attested.filter((a) => a.d === p.desk && a.g === x.g && a.to === p.to && same(a.group, group)).map((a) => a.lanes[p.lane]).filter(Boolean)) {
    must(l.last <= hs.length, `paths[${i}] is shorter than what is attested`)
    if (same(x.running[l.last], l.running)) x.sure = Math.max(x.sure, l.last)
    else { must(signed.some((s) => s.n === l.last && x.place(s)), `paths[${i}] does not lead to what is attested`); convict(p.desk, 'another message than it attests') } } return x })
const points = f.checkpoints.map((c, i) => { const m = /^(hotline\/journal\/(\S+)\n(\d+)\n(\S{44})\ngeneration (\d+)\ntime \d+\n)\n— \2 (\S+)\n$/.exec(b64(c).toString()), s = b64(m?.[6] ?? '')
  must(m?.[2] === f.by && same(s.subarray(0, 4), sha(256, f.by + '\n', Buffer.of(255), 'hotline hybrid desk key', maker.d).subarray(0, 4)) && desk(maker.d, 'checkpoint', s.subarray(4), Buffer.from(m[1])), `checkpoints[${i}]`)
  return { size: Number(m[3]), root: b64(m[4]) } })
f.leaves.forEach((l, i) => { const leaf = b64(l.leaf), down = (v) => Math.floor(v / 2); let n = Number(leaf.readBigUInt64BE(15)) - 1, end = points[l.checkpoint].size - 1, h = sha(256, Buffer.of(0), leaf)
  for (const p of l.proof.map(b64)) { must(p.length === 32 && end > 0, `leaves[${i}]`); const left = n % 2 === 1 || n === end
    h = sha(256, Buffer.of(1), left ? p : h, left ? h : p); while (left && n % 2 === 0 && n > 0) { n = down(n); end = down(end) } n = down(n); end = down(end) }
  must(end === 0 && same(h, points[l.checkpoint].root), `leaves[${i}]`) })
for (const a of signed) for (const b of signed) if (a.desk === b.desk && !same(a.hash, b.hash) && ((a.g === b.g && a.lane === b.lane && a.n === b.n && (a.lane < 4 || same(a.before, b.before))) ||
  (a.kind === 1 && b.kind === 1 && a.id === b.id && a.content !== b.content))) convict(a.desk, 'two things in one place, or under one id')
const keys = [...slices.map((s) => ({ ...s, g: s.g.toString('hex') })), ...attested.map((a) => ({ ...a, att: true }))], lane = (a, l) => a.lanes[l] ?? { last: 0, running: Buffer.alloc(32) }
for (const a of keys) for (const b of keys) if (a.d === b.d && a.g === b.g && same(a.group, b.group)) {
  if (!same(a.commitment, b.commitment) || (!a.att === !b.att && !same(a.before, b.before))) convict(a.d, 'two sending keys under one name')
  if (a.att && b.att && a.to === b.to) for (const l of [0, 1, 2, 3, 4]) { const x = lane(a, l), y = lane(b, l)
    if ((x.last === y.last && !same(x.running, y.running)) || (a.final && y.last > x.last)) convict(a.d, 'two attestations that contradict each other') } }
must(f.use !== 'conviction' || found.size > 0, 'nothing in it contradicts anything else')
const said = f.use === 'nonanswer' ? signed.filter((s) => s.about === f.message && of(s.desk).party === f.party) : [], had = said.filter((s) => s.state === 3)
if (f.use === 'nonanswer') must(f.party !== maker.party && had.length > 0 && [undefined, 14].includes(said.filter((s) => [5, 6, 7, 8, 9, 14].includes(s.state)).at(-1)?.state), 'it was answered, or never delivered')
for (const d of had) for (let g = d.g, until = 0; ;) { const p = paths.find((p) => p.desk === d.desk && p.g === g && p.lane === 4 && p.to === maker.party && same(p.group, d.group)) ?? { hs: [], running: [], place: () => false }
  must((g !== d.g || p.place(d)) && p.hs.every((_, i) => signed.some((s) => s.n === i + 1 && p.place(s))), 'not all of a chain of receipts is shown')
  const own = slices.find((s) => s.d === d.desk && s.g.toString('hex') === g && same(s.group, d.group)), name = own && short('generation', own.group, own.sender, own.g, own.before)
  const next = own && slices.find((s) => s.d === d.desk && same(s.group, d.group) && same(s.before, name) && desks[s.to]?.party === maker.party)
  if (next) { must(next.last === p.hs.length && !next.restart, 'a chain of receipts ended elsewhere'); until = next.time; g = next.g.toString('hex'); continue }
  for (const a of attested) if (a.d === d.desk && a.g === g && a.to === maker.party && same(a.group, d.group) && a.lanes[4]?.last <= p.hs.length && same(p.running[a.lanes[4].last], a.lanes[4].running)) until = Math.max(until, a.time)
  must(until > 0 && until >= f.due, 'not attested up to the time when the answer fell due'); break }
for (const s of signed) if (s.kind === 1) console.log(`${s.id}  ${of(s.desk).name}  content ${s.content.slice(0, 16)}…  ${paths.some((p) => p.place(s) && s.n <= p.sure) ? 'attested' : 'not attested'}`)
for (const row of [...Object.entries(roots).map(([p, r]) => `${r.name}  ${p}`), ...complaints, ...[...found].map((what) => `CONVICTS: ${what}`)]) console.log(row)
console.log(`${f.use} on ${f.line} by ${maker.name}: it holds; ${signed.length} signed, ${attested.length} attestations, ${f.leaves.length} leaves`)

// docs/spec/pairing.md against ceremony1.json: three files, twelve words, and
// what each side stores.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Reader, Suite, cat, check, equal, hex, sha256, text, unhex, var16, var32 } from './lib.mjs';

const hello = (id, name) => cat(new Uint8Array([1, id]), var16(text(name)));

/** words reads what both sides say: docs/spec/pairing.md, Section 3. */
function wordsOf(s, here, ...parts) {
  const file = readFileSync(join(here, '../../internal/ceremony/words.txt'));
  check(hex(sha256(file)) === '5ab90a3052b25cc1c9240af2272459ede842676313df7bce1b4176da655d909b', 'the list of words is another');
  const list = file.toString().trim().split('\n');
  const bits = BigInt('0x' + hex(s.hash('pairing-words', ...parts)));
  const places = Array.from({ length: 12 }, (_, i) => Number((bits >> BigInt(384 - 11 * (i + 1))) & 2047n));
  return { places, words: places.map((p) => list[p]) };
}

function side(r, id, want) {
  check(r.u8() === 1 && r.u8() === id, 'version or suite');
  check(r.text(64) === want.name, 'name');
  equal(r.var16(4096), unhex(want.root), 'root');
  equal(r.raw(32), unhex(want.nonce), 'nonce');
  equal(r.var32(1 << 20), unhex(want.payload), 'card');
}

export function readPairing(v, here) {
  const s = new Suite(1), { a, b } = v;
  const parts = (x) => [hello(1, x.name), unhex(x.root), unhex(x.nonce), unhex(x.payload)];
  const [ha, ra, na, ca] = parts(a), [hb, rb, nb, cb] = parts(b);
  const commitment = s.hash('pairing-commitment', ha, ra, na, ca);
  let r = new Reader(unhex(v.file_1));
  r.line('hotline/1 pairing 1 of 3\n');
  equal(r.raw(ha.length), ha, 'file 1: hello');
  equal(r.raw(48), commitment, 'file 1: commitment');
  r.done();
  r = new Reader(unhex(v.file_2));
  r.line('hotline/1 pairing 2 of 3\n');
  equal(r.raw(48), commitment, 'file 2: commitment');
  side(r, 1, b);
  r.done();
  const answer = s.hash('pairing-answer', unhex(v.file_2));
  r = new Reader(unhex(v.file_3));
  r.line('hotline/1 pairing 3 of 3\n');
  equal(r.raw(48), answer, 'file 3: answer');
  side(r, 1, a);
  r.done();

  const { places, words } = wordsOf(s, here, ha, hb, ra, rb, na, nb, ca, cb);
  check(words.join(' ') === v.words.join(' '), 'words');

  stored(s, v.stored_a_waiting, 1, 1, commitment, new Uint8Array(48), a, null);
  stored(s, v.stored_a_compare, 1, 2, commitment, answer, a, b);
  stored(s, v.stored_b_compare, 2, 2, commitment, answer, b, a);
  r = stored(s, v.stored_a_done, 1, 3, commitment, answer, a, b);
  for (const p of places.slice(0, 6)) check(r.u16() === p, 'stored words');
  r.done();
}

/** stored reads pairing.md, Section 5. */
function stored(s, bytes, role, step, commitment, answer, own, other) {
  const r = new Reader(unhex(bytes));
  check(r.u8() === 1 && r.u8() === role && r.u8() === step && r.u8() === 3, 'stored: version, role, state or attempts');
  equal(r.raw(48), commitment, 'stored: commitment');
  equal(r.raw(48), answer, 'stored: answer');
  check(r.text(64) === own.name && r.text(64) === (other?.name ?? ''), 'stored: names');
  if (step < 3) side(r, s.id, own);
  if (step === 2) side(r, s.id, other);
  if (step < 3) r.done();
  return r;
}

/** ceremony reads three files and both sides' stored state, and returns the sides. */
export function ceremony(s, { files: [one, two, three], stored: states, words }, here) {
  const open = (file, line) => {
    const r = new Reader(unhex(file));
    r.line(line);
    const named = r.raw(48);
    check(r.u8() === 1 && r.u8() === s.id, 'version or suite');
    const x = { name: r.text(64), root: hex(r.var16(4096)), nonce: hex(r.raw(32)), payload: hex(r.var32(1 << 20)) };
    r.done();
    return { named, x, parts: [hello(s.id, x.name), unhex(x.root), unhex(x.nonce), unhex(x.payload)] };
  };
  const a = open(three, 'hotline/1 pairing 3 of 3\n'), b = open(two, 'hotline/1 pairing 2 of 3\n');
  const commitment = s.hash('pairing-commitment', ...a.parts), answer = s.hash('pairing-answer', unhex(two));
  equal(unhex(one), cat(text('hotline/1 pairing 1 of 3\n'), a.parts[0], commitment), 'file 1');
  equal(b.named, commitment, 'file 2: commitment');
  equal(a.named, answer, 'file 3: answer');
  const said = wordsOf(s, here, a.parts[0], b.parts[0], a.parts[1], b.parts[1], a.parts[2], b.parts[2], a.parts[3], b.parts[3]);
  check(said.words.join(' ') === words.join(' '), 'words');
  stored(s, states[0], 1, 2, commitment, answer, a.x, b.x);
  stored(s, states[1], 2, 2, commitment, answer, b.x, a.x);
  return [a.x, b.x];
}

// docs/spec/journal.md, Sections 2 and 3, against journal1.json.
import { Suite, cat, check, equal, number, sha256, text, unhex } from './lib.mjs';

const leafHash = (b) => sha256(cat(number(0, 1), b));
const node = (a, b) => sha256(cat(number(1, 1), a, b));

/** root is RFC 6962, Section 2.1. */
function root(hashes) {
  if (hashes.length === 1) return hashes[0];
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return node(root(hashes.slice(0, k)), root(hashes.slice(k)));
}

/** path is RFC 6962, Section 2.1.1. */
function path(n, hashes) {
  if (hashes.length === 1) return [];
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return n < k ? [...path(n, hashes.slice(0, k)), root(hashes.slice(k))] : [...path(n - k, hashes.slice(k)), root(hashes.slice(0, k))];
}

/** extension is RFC 6962, Section 2.1.2. */
function extension(m, hashes, whole = true) {
  if (m === hashes.length) return whole ? [] : [root(hashes)];
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return m <= k ? [...extension(m, hashes.slice(0, k), whole), root(hashes.slice(k))] : [...extension(m - k, hashes.slice(k), false), root(hashes.slice(0, k))];
}

function same(got, want, what) {
  check(got.length === want.length, `${what}: ${got.length} hashes, want ${want.length}`);
  got.forEach((h, i) => equal(h, unhex(want[i]), what));
}

/** readNote is journal.md, Section 3: the note says c, and the desk signed it. */
export function readNote(s, bytes, name, desk, c) {
  const note = Buffer.from(bytes).toString();
  const first = `hotline/journal/${name}\n${c.size}\n${Buffer.from(unhex(c.root)).toString('base64')}\ngeneration ${c.generation}\ntime ${c.time_ms}\n`;
  const begin = `${first}\n— ${name} `;
  check(note.startsWith(begin) && note.endsWith('\n'), 'text of the checkpoint');
  const b64 = note.slice(begin.length, -1), sig = Buffer.from(b64, 'base64');
  check(sig.toString('base64') === b64, 'signature line');
  equal(sig.subarray(0, 4), sha256(cat(text(`${name}\n`), number(255, 1), text('hotline hybrid desk key'), desk)).subarray(0, 4), 'key hash');
  s.verify('desk', desk, 'checkpoint', new Uint8Array(sig.subarray(4)), text(first));
}

/** include walks an inclusion proof, RFC 9162, Section 2.1.3.2; n counts from 0. */
export function include(leaf, n, size, proof) {
  let fn = n, sn = size - 1, h = leafHash(leaf);
  for (const p of proof) {
    check(sn > 0 && p.length === 32, 'proof is too long');
    if (fn % 2 === 1 || fn === sn) {
      h = node(p, h);
      while (fn % 2 === 0 && fn > 0) { fn >>= 1; sn >>= 1; }
    } else h = node(h, p);
    fn >>= 1;
    sn >>= 1;
  }
  check(sn === 0, 'proof is too short');
  return h;
}

export function readJournal(v) {
  const s = new Suite(1), desk = unhex(v.desk_public), hashes = [];
  for (const [i, l] of v.leaves.entries()) {
    const kind = text(l.kind);
    const b = cat(text('hotline/1/leaf\0'), number(l.number, 8), number(l.time_ms, 8), number(kind.length, 2), kind, unhex(l.data));
    check(l.number === i + 1, 'number of a leaf');
    equal(b, unhex(l.bytes), 'leaf');
    equal(leafHash(b), unhex(l.hash), 'hash of a leaf');
    hashes.push(leafHash(b));
    equal(root(hashes), unhex(v.roots[i]), 'root');
  }
  for (const p of v.included) same(path(p.number - 1, hashes.slice(0, p.size)), p.hashes, 'inclusion');
  for (const p of v.extended) same(extension(p.number, hashes.slice(0, p.size)), p.hashes, 'consistency');
  const c = v.checkpoint;
  readNote(s, unhex(c.note), v.desk, desk, c);
  equal(unhex(c.root), root(hashes.slice(0, c.size)), 'root of the checkpoint');
  return `${v.leaves.length} leaves, ${v.included.length + v.extended.length} proofs and a checkpoint`;
}

// The second reader: reads all frozen vectors of hotline, from the pages of
// docs/spec alone. `node read.mjs [--flip] [folder]` prints a line per file and
// ends with 1 where it disagrees. Each disagreement is a bug, in a page or in the
// program; with --flip, in this reader.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readAttestations } from './attestation.mjs';
import { readLink } from './link.mjs';
import { readMessages, readReceipts } from './bodies.mjs';
import { readChain } from './chain.mjs';
import { readComplaints } from './complaint.mjs';
import { readJournal } from './journal.mjs';
import { readKept } from './kept.mjs';
import { readPairing } from './pairing.mjs';
import { readRoster } from './roster.mjs';
import { readScenario } from './scenario.mjs';
import { readSuite } from './suites.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv.slice(2).find((a) => !a.startsWith('--')) ?? join(here, '../../internal/wire/testdata/vectors');

const readers = {
  'attestation1.json': readAttestations,
  'ceremony1.json': readPairing,
  'chain1.json': (v) => readChain(v, 1),
  'chain2.json': (v) => readChain(v, 2),
  'complaint1.json': readComplaints,
  'journal1.json': readJournal,
  'kept1.json': readKept,
  'link1.json': readLink,
  'message1.json': readMessages,
  'receipt1.json': readReceipts,
  'roster1.json': (v) => readRoster(v, 1),
  'roster2.json': (v) => readRoster(v, 2),
  'scenario1.json': (v, here) => readScenario(v, 1, here),
  'scenario2.json': (v, here) => readScenario(v, 2, here),
  'suite1.json': (v) => readSuite(v, 1),
  'suite2.json': (v) => readSuite(v, 2),
};

const files = readdirSync(folder).filter((n) => n.endsWith('.json')).sort();
const load = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

/** disagreement is what a reader says against a file, or ''. */
function disagreement(name, v) {
  try {
    (readers[name] ?? (() => { throw new Error('nobody reads this file: write a reader'); }))(v, here);
    return '';
  } catch (err) {
    return err.message || String(err);
  }
}

/** leaves lists where in v a value in hexadecimal stands that a reader must hold to. */
function leaves(v, path = []) {
  if (typeof v === 'string') return v.length >= 8 && /^([0-9a-f]{2})+$/.test(v) ? [path] : [];
  if (!v || typeof v !== 'object') return [];
  return Object.entries(v).flatMap(([k, x]) => (notHeld.has(k) ? [] : leaves(x, [...path, k])));
}
// The state of a chain is private to a desk; what is refused stays so, or not;
// of the parties of a group only those that get receipts show.
const notHeld = new Set(['parties', 'sender_state', 'receiver_state', 'refused', 'fields']);

let bad = 0;
const say = (name, what) => { if (what) bad++; console.log(`${name}: ${what || 'agrees'}`); };
if (process.argv.includes('--flip')) {
  // Each value in turn, or a fair sample of them, with one bit changed: if the
  // reader still agrees, it does not read that value.
  const most = 16;
  for (const name of files) {
    const all = leaves(load(name)), step = Math.max(1, all.length / most), unread = [];
    for (let i = 0; i < all.length; i += step) {
      const path = all[Math.floor(i)], v = load(name);
      let o = v;
      for (const k of path.slice(0, -1)) o = o[k];
      const key = path.at(-1), at = 2 * Math.floor(o[key].length / 8);
      o[key] = o[key].slice(0, at) + (parseInt(o[key].slice(at, at + 2), 16) ^ 1).toString(16).padStart(2, '0') + o[key].slice(at + 2);
      if (!disagreement(name, v)) unread.push(path.join('.'));
    }
    say(name, unread.length ? `agrees with a bit changed in ${unread.join(', ')}` : '');
  }
} else {
  for (const name of files) say(name, disagreement(name, load(name)));
}
process.exit(bad ? 1 : 0);

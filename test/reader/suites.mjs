// docs/spec/suite.md against suite1.json and suite2.json.
import { Suite, check, equal, hex, unhex } from './lib.mjs';

export function readSuite(v, id) {
  const s = new Suite(id), parts = v.parts.map(unhex), purpose = v.label.replace('hotline/1/', '');
  equal(s.hash(purpose, ...parts), unhex(v.hash), 'hash');
  equal(s.extract(parts[0], parts[1]), unhex(v.extract), 'extract');
  equal(s.expand(unhex(v.extract), purpose, parts[0], 80), unhex(v.expand), 'expand');
  equal(s.open(unhex(v.key), parts[0], unhex(v.sealed)), parts[1], 'sealed');
  equal(s.keyOf('seal', unhex(v.seal_seed)), unhex(v.seal_public), 'seal key');
  equal(s.openSealed(unhex(v.seal_seed), purpose, parts[0], unhex(v.sealed_to)), parts[1], 'sealed to a key');
  for (const kind of ['message', 'desk', 'root']) {
    equal(s.keyOf(kind, unhex(v[`${kind}_seed`])), unhex(v[`${kind}_public`]), `${kind} key`);
    const sig = unhex(v[`${kind}_signature`]);
    s.verify(kind, unhex(v[`${kind}_public`]), purpose, sig, ...parts);
    for (const other of [1, 2]) {
      if (other === id) continue;
      let took = true;
      try { new Suite(other).verify(kind, unhex(v[`${kind}_public`]), purpose, sig, ...parts); } catch { took = false; }
      check(!took, `${kind} signature verifies in suite ${other}`);
    }
    sig[sig.length - 1] ^= 1;
    let took = true;
    try { s.verify(kind, unhex(v[`${kind}_public`]), purpose, sig, ...parts); } catch { took = false; }
    check(!took, `${kind} signature ${hex(sig).slice(0, 16)}… verifies with a bit changed`);
  }
}

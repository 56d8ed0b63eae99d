// Package wycheproof pins the test vectors of Project Wycheproof, which are
// too big for the module itself. `make wycheproof` reads them from here into
// the tests of package suite; nothing of them is built into a program.
package wycheproof

import _ "github.com/c2sp/wycheproof" // for its testvectors_v1

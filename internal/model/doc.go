// Package model searches small cases of a line for every order in which things
// can happen: three desks at two relays, changes of who belongs to the line,
// new keys, messages, copies that are lost, desks that restart, and one that
// comes back from yesterday's backup.
//
// Tests of the real desks try some orders. Where several things happen at once
// some orders are too rare to be met by chance and too many to be thought of,
// and protocols for groups have failed exactly there. So the rules that decide
// what a desk does with what arrives are written down once more, without bytes
// and keys (rules.go), and every reachable state is looked
// at: no message is shown twice or to a desk that is gone, no number of a
// generation is used twice, no removal is lost; and from each state, once the
// faults stop, everybody who remains has one roster and every message, and
// nobody waits for ever.
//
// A model can be wrong in the same way as its author. Two things tie it to the
// code: who belongs to the line is asked of package roster, statement by
// statement and in every order (TestRosterOfTheModelIsTheRealOne), and faults
// planted in the rules must each be found ([Fault]).
//
// Nothing of this is in the binary.
package model

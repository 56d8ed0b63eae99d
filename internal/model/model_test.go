package model

import (
	"flag"
	"testing"
)

// long is what `make model` sets: it looks at the cases of millions of states.
var long = flag.Bool("long", false, "search the large cases too, whole")

func remove(actor, subject int) Change { return Change{Actor: actor, Subject: subject, Remove: true} }
func add(actor, subject int) Change    { return Change{Actor: actor, Subject: subject} }

// small cases are searched whole in each run of the tests.
func small() []Case {
	all := Set(0b111)
	return []Case{
		{Name: "a copy is lost", Members: all, Senders: []int{0}, Drops: 1, Retries: 1},
		{Name: "a removal while two write", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{0, 1}, Drops: 1, Prompt: true},
		{Name: "a removal, a loss and another try", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{1}, Drops: 1, Retries: 1, Prompt: true},
		{Name: "a removal of one who writes", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{2}, Drops: 1, Rekeys: 1, Prompt: true},
		{Name: "an addition and its removal at once", Members: 0b011, Changes: []Change{add(0, 2), remove(1, 2)}, Senders: []int{1}, Drops: 1, Prompt: true},
		{Name: "a removal and a restart", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{1}, Restarts: 1, Retries: 1, Prompt: true},
		{Name: "a removal and a desk from its backup", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{1}, Restores: 1, Prompt: true},
		{Name: "one desk writes twice and comes back from its backup", Members: 0b011, Senders: []int{0, 0}, Restores: 1, Drops: 1, Prompt: true},
		{Name: "two remove each other", Members: all, Changes: []Change{remove(0, 1), remove(1, 0)}, Senders: []int{2}, Drops: 1, Prompt: true},
		{Name: "two relays, a loss, a restart and a desk from its backup", Members: 0b011, Senders: []int{0}, Drops: 1, Restarts: 1, Restores: 1, Both: true, Prompt: true},
		{Name: "two relays", Members: 0b011, Senders: []int{0, 1}, Rekeys: 1, Drops: 1, Both: true, Prompt: true},
	}
}

// large cases take minutes.
func large() []Case {
	all := Set(0b111)
	return []Case{
		{Name: "two write and a copy is lost", Members: all, Senders: []int{0, 1}, Drops: 1, Retries: 1},
		{Name: "three changes", Members: 0b011, Changes: []Change{add(0, 2), remove(1, 2), remove(2, 1)}, Senders: []int{0}, Prompt: true},
		{Name: "three changes and a loss", Members: all, Changes: []Change{remove(0, 2), remove(1, 2), remove(2, 1)}, Senders: []int{0}, Drops: 1, Prompt: true},
		{Name: "an addition, a removal and a new key while two write", Members: 0b011, Changes: []Change{add(0, 2), remove(1, 2)}, Senders: []int{0, 1}, Rekeys: 1, Prompt: true},
		{Name: "removal, backup, restart and loss", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{1}, Restores: 1, Restarts: 1, Drops: 1, Prompt: true},
		{Name: "a removal at two relays", Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{1}, Both: true, Prompt: true},
	}
}

func searchAll(t *testing.T, cases []Case) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			c.Roster = real(t, &c)
			res := c.Search(0)
			t.Logf("%d states, %d moves", res.States, res.Moves)
			if res.Wrong != "" {
				t.Errorf("%s after %q", res.Wrong, res.Trace)
			}
			if res.States < 1000 {
				t.Error("so few states that nothing can have happened")
			}
		})
	}
}

// Attack 11: nobody stuck, no removal lost, one roster, in every order.
func TestConcurrentChangesConverge(t *testing.T) { searchAll(t, small()) }

func TestLargeCasesConverge(t *testing.T) {
	if !*long {
		t.Skip("minutes: make model")
	}
	searchAll(t, large())
}

// A search that finds nothing may be blind.
func TestSearchFindsPlantedFaults(t *testing.T) {
	all := Set(0b111)
	cases := map[string]Case{
		"addition beats removal": {Fault: AdditionBeatsRemoval, Members: 0b011, Changes: []Change{remove(1, 2), add(0, 2)}, Senders: []int{1}},
		"restore keeps the key":  {Fault: RestoreKeepsKey, Members: 0b011, Senders: []int{0, 0, 0}, Restores: 1},
		"sets are not compared":  {Fault: NoDigest, Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{1}, Restores: 1},
		"nothing is sealed anew": {Fault: NoSealingAnew, Members: all, Senders: []int{0}, Restarts: 1, Drops: 1},
		"unreadable is signed":   {Fault: EarlyMessageDropped, Members: all, Senders: []int{0}},
		"removed is shown":       {Fault: ShowRemoved, Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{2}},
		"no replay check":        {Fault: NoReplayCheck, Members: all, Senders: []int{0}, Both: true},
		"no new key at removal":  {Fault: OldReaders, Members: all, Changes: []Change{remove(0, 2)}, Senders: []int{0, 0}},
		"restore is not told":    {Fault: RestoreUntold, Members: 0b011, Senders: []int{0, 0}, Restores: 1},
		"no other try":           {Fault: NoRetry, Members: 0b011, Senders: []int{0}, Drops: 1},
	}
	if len(cases) != int(faults)-1 {
		t.Errorf("%d faults are planted, %d exist", len(cases), faults-1)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.Prompt = true
			res := c.Search(2_000_000)
			if res.Wrong == "" {
				t.Fatalf("not found in %d states", res.States)
			}
			t.Logf("%s: after %d states and %q", res.Wrong, res.States, res.Trace)
			if c.Fault = None; c.Search(200_000).Wrong != "" {
				t.Error("found without the fault as well")
			}
		})
	}
}

package marking

import "time"

// Door is one way in which something can reach a reader. A new way is a new
// constant: there is no "other".
type Door uint8

// The doors, in the order of the table in docs/spec/line.md.
const (
	Console     Door = 1  // opened on a console of an audience party
	OwnTools    Door = 2  // own API, TAXII, MISP, search; readers inside the party
	OwnSIEM     Door = 3  // monitoring that the party runs itself
	Provider    Door = 4  // monitoring or service run by somebody outside
	Clients     Door = 5  // the party's named clients
	FurtherDesk Door = 6  // shared again with a further party of the same line
	OtherLine   Door = 7  // shared again on another line
	Public      Door = 8  // public feed, web
	Export      Door = 9  // file, print, copy
	Bundle      Door = 10 // sealed bundle: ciphertext only
	Alarm       Door = 11 // alarm without content
)

// Action is what a connector does with what it reads. The zero value means
// that it did not declare it, and counts as [Active].
type Action uint8

// The actions.
const (
	Passive Action = 1 // stores, searches past logs
	Query   Action = 2 // asks third parties: whois, reputation, DNS
	Active  Action = 3 // blocks, sinkholes, scans, contacts
)

// Subject is who would get it through a door, and what they would do. In the
// zero value nothing speaks for letting it pass.
type Subject struct {
	// Parties are those who could read it then, all of them: the own party at
	// own doors and for clients, the provider, the further parties.
	Parties []string
	// InAudience: the message was sealed to the own party, or it wrote it.
	InAudience bool
	// Addressed: the officer holds a role that the message is addressed to.
	Addressed bool
	// NeedToKnow: the need of these clients to know is on record.
	NeedToKnow bool
	// SameCommunity: the other line belongs to the community of this one.
	SameCommunity bool
	// Ceiling is the lower one of the door's and the reader's.
	Ceiling Classification
	// Action is what the connector declared.
	Action Action
	// Actual: the message's status is actual, not exercise or test.
	Actual bool
	// At is the time by which an embargo is judged. Zero: before every end.
	At time.Time
}

// Verdict is what [Decide] says. The zero value is [Deny].
type Verdict uint8

// The verdicts.
const (
	Deny    Verdict = 0
	Consent Verdict = 1 // only as a new message under the originator's grant
	Allow   Verdict = 2
)

// String returns "deny", "consent" or "allow".
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Consent:
		return "consent"
	default:
		return "deny"
	}
}

// Decision is a verdict with its reason.
type Decision struct {
	Verdict Verdict
	Code    string // stable, for programs: "tlp", "rel", "pap", "orcon", …
	Reason  string // one sentence for the user; empty for Allow
	Marked  bool   // allowed with the label on every page
}

func deny(code, reason string) Decision { return Decision{Verdict: Deny, Code: code, Reason: reason} }

func consent(code, reason string) Decision {
	return Decision{Verdict: Consent, Code: code, Reason: reason}
}

// Decide says whether something with label l may reach s through door d. It is
// total and pure. Whatever it does not know, it denies; a level that it does
// not know is RED.
func Decide(l Label, s Subject, d Door) Decision {
	if d == Bundle || d == Alarm {
		return Decision{Verdict: Allow} // ciphertext, or nothing at all
	}
	if d < Console || d > Alarm {
		return deny("door", "This door is not known, so nothing leaves by it.")
	}
	for _, rule := range []func(Label, Subject, Door) (Decision, bool){
		byREL, byClassification, byAudience, byPAP,
	} {
		if no, stop := rule(l, s, d); stop {
			return no
		}
	}
	out := byTLP(l, s, d)
	if out.Verdict == Allow && leavesAudience(d) {
		if _, held := l.caveat(ORCON); held {
			return consent("orcon", "The originator keeps control (ORCON): passing it on needs the originator's consent.")
		}
	}
	return out
}

// leavesAudience reports whether a door lets somebody read to whom the
// originator did not seal it.
func leavesAudience(d Door) bool {
	switch d {
	case Provider, Clients, FurtherDesk, OtherLine, Public:
		return true
	default:
		return false
	}
}

// byREL holds that every party that could read it is in REL, whatever the TLP.
func byREL(l Label, s Subject, d Door) (Decision, bool) {
	if d == Public {
		if !l.REL.Any {
			return deny("rel", "REL does not say ANY, so it may not be made public."), true
		}
		return Decision{}, false
	}
	if len(s.Parties) == 0 {
		return deny("rel", "It is not said which party would read it."), true
	}
	for _, p := range s.Parties {
		if !l.REL.Names(p) {
			return deny("rel", "REL does not name "+clip(p)+"."), true
		}
	}
	return Decision{}, false
}

func byClassification(l Label, s Subject, _ Door) (Decision, bool) {
	if !l.Classification.Within(s.Ceiling) {
		return deny("classification", "Its classification is above the ceiling of this door or reader."), true
	}
	return Decision{}, false
}

// byAudience holds that doors of the own party serve what was sealed to it.
// The further doors open only from there, so it holds for all.
func byAudience(_ Label, s Subject, _ Door) (Decision, bool) {
	if !s.InAudience {
		return deny("audience", "It was not sent to this party."), true
	}
	return Decision{}, false
}

// byPAP holds what connectors may do. Persons and further parties get the PAP
// with the label and answer for it themselves.
func byPAP(l Label, s Subject, d Door) (Decision, bool) {
	switch d {
	case OwnTools, OwnSIEM, Provider, Clients, Public:
	default:
		return Decision{}, false
	}
	passive, query := s.Action == Passive, s.Action == Query
	if !passive && !query && !s.Actual {
		return deny("status", "It is not an actual message, so nothing may act on it."), true
	}
	switch l.PAP {
	case PAPGreen, PAPClear:
		return Decision{}, false
	case PAPAmber:
		if passive || query {
			return Decision{}, false
		}
		return deny("pap", "PAP:AMBER allows no active measures, and this connector takes or may take them."), true
	default: // RED, not chosen, not known
		if passive {
			return Decision{}, false
		}
		return deny("pap", "PAP:RED allows passive use only, and this connector does or may do more."), true
	}
}

// byTLP is the table of doors and TLP.
func byTLP(l Label, s Subject, d Door) Decision {
	allow := Decision{Verdict: Allow}
	tlp := l.TLP
	if _, held := l.caveat(EyesOnly); held || !tlp.Valid() {
		tlp = TLPRed
	}
	no := deny("tlp", tlp.String()+" does not pass this door.")
	ask := consent("tlp", tlp.String()+" needs the originator's consent here.")
	switch d {
	case Console:
		if tlp == TLPRed && !s.Addressed {
			return deny("tlp", "TLP:RED opens only for an officer in an addressed role.")
		}
		return allow
	case OwnTools, OwnSIEM:
		return pick(tlp, no, allow, allow, allow, allow)
	case Provider:
		return pick(tlp, no, no, ask, allow, allow)
	case Clients:
		known := allow
		if !s.NeedToKnow {
			known = deny("need_to_know", "TLP:AMBER goes to clients only when their need to know is on record.")
		}
		return pick(tlp, no, no, known, allow, allow)
	case FurtherDesk:
		return pick(tlp, ask, ask, ask, allow, allow)
	case OtherLine:
		green := ask
		if s.SameCommunity {
			green = allow
		}
		return pick(tlp, ask, ask, ask, green, allow)
	case Public:
		return pick(tlp, no, no, no, no, embargoed(l, s))
	case Export:
		marked := Decision{Verdict: Allow, Marked: true}
		return pick(tlp, no, marked, marked, marked, allow)
	default:
		return no
	}
}

// pick returns the column of a row of the table.
func pick(tlp TLP, red, amberStrict, amber, green, white Decision) Decision {
	switch tlp {
	case TLPAmberStrict:
		return amberStrict
	case TLPAmber:
		return amber
	case TLPGreen:
		return green
	case TLPClear:
		return white
	default:
		return red
	}
}

func embargoed(l Label, s Subject) Decision {
	if c, held := l.caveat(Embargo); held && !s.At.After(c.Until) {
		return deny("embargo", "It is under embargo until "+c.String()[len(embargoText):]+".")
	}
	return Decision{Verdict: Allow}
}

// known doors of connectors, by the reach that they declare.
var reaches = []struct {
	name string
	door Door
}{
	{"party", OwnSIEM}, {"provider", Provider}, {"client", Clients}, {"community", OtherLine}, {"public", Public},
}

// ConnectorDoor returns the door of a connector by the reach that it declared:
// party, provider, client, community or public. Undeclared counts as public.
func ConnectorDoor(reach string) Door {
	for _, r := range reaches {
		if r.name == reach {
			return r.door
		}
	}
	return Public
}

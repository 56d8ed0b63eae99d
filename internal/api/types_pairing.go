package api

// Pairing is one pairing ceremony.
type Pairing struct {
	ID      string `json:"id"`
	Session string `json:"session"` // hex; the same on both sides
	Peer    string `json:"peer"`
	// Step is what comes next here: send_file (hand File to the peer and wait
	// for theirs), words (say and type), paired, failed.
	Step string `json:"step"`
	// Ended says why a failed one failed: words (too many that did not match),
	// changed (a file is not what was committed to), abandoned, expired.
	Ended        string   `json:"ended,omitempty"`
	File         []byte   `json:"file,omitempty"` // base64 in JSON; for the peer
	Say          []string `json:"say,omitempty"`  // six words to be read aloud
	AttemptsLeft int      `json:"attempts_left"`
	Persons      int      `json:"persons"` // how many have to confirm
	Paired       bool     `json:"paired"`
	Party        string   `json:"party,omitempty"`
	PartyID      string   `json:"party_id,omitempty"`
	// Again means that this desk knows the party: its root is verified anew.
	Again bool `json:"again,omitempty"`
	// FailedBefore counts the pairings with this party that died in the last
	// day of words or of a changed file.
	FailedBefore int         `json:"failed_before,omitempty"`
	Rendezvous   *Rendezvous `json:"rendezvous,omitempty"`
	StartedAt    Time        `json:"started_at,omitzero"`
	ExpiresAt    Time        `json:"expires_at,omitzero"`
	PairedAt     Time        `json:"paired_at,omitzero"`
	Officer      string      `json:"officer,omitempty"` // who typed the words that held
	Witness      string      `json:"witness,omitempty"`
}

// Rendezvous is where the files of a pairing pass without a courier.
type Rendezvous struct {
	Code string `json:"code"` // to be told to the other side
	// State is what it waits for: relay, peer, or nothing any more (done,
	// spoiled, over).
	State   string `json:"state"`
	UntilAt Time   `json:"until_at"`
}

// PairingNew is the body of POST /pairings.
type PairingNew struct {
	Peer  string `json:"peer"`            // our name for the other party
	Again bool   `json:"again,omitempty"` // also when it is known already
	// Rendezvous makes a code, under which the files pass over our relay.
	Rendezvous bool `json:"rendezvous,omitempty"`
}

// PairingFile is the body of POST /pairings/answer, POST /pairings/open and
// POST /pairings/{id}/open.
type PairingFile struct {
	File  []byte `json:"file"`           // base64 in JSON
	Peer  string `json:"peer,omitempty"` // our name for them; empty takes theirs
	Again bool   `json:"again,omitempty"`
}

// PairingCode is the body of POST /pairings/join.
type PairingCode struct {
	Code  string `json:"code"`
	Peer  string `json:"peer,omitempty"` // our name for them; empty takes theirs
	Again bool   `json:"again,omitempty"`
}

// PairingWords is the body of POST /pairings/{id}/confirm: the six words that
// were heard. The password is the officer's own, asked for again on the web;
// the witness is the second officer, where the party asks for two.
type PairingWords struct {
	Words    []string `json:"words"`
	Password string   `json:"password,omitempty"`
	Witness  *Voucher `json:"witness,omitempty"`
}

// PartyStop is the body of POST /parties/{id}/stop.
type PartyStop struct {
	Reason   string `json:"reason"`
	Confirm  string `json:"confirm"` // the party's name, typed
	Password string `json:"password,omitempty"`
}

package api

// Cutoff is a desk that was removed, and who refuses it.
type Cutoff struct {
	ID       string `json:"id"`   // of the statement that removed it
	Desk     string `json:"desk"` // id
	DeskName string `json:"desk_name"`
	Party    string `json:"party"`
	// By is the officer who did it here, or the party where it was done.
	By     string `json:"by"`
	At     Time   `json:"at"` // it took effect here
	Reason string `json:"reason"`
	// Confirmed of Of desks have signed that they refuse it. They confirm to
	// the desk's own party only; at others both are zero.
	Confirmed   int      `json:"confirmed"`
	Of          int      `json:"of"`
	Unconfirmed []string `json:"unconfirmed"` // names of desks
	// Alarm: somebody did not confirm within ten seconds and still has not.
	Alarm bool `json:"alarm"`
	// Late is how many messages of it came afterwards. They are held, and shown
	// to nobody.
	Late int `json:"late"`
}

// CutoffIn is the body of POST /desks/{desk}/cutoff.
type CutoffIn struct {
	Reason string `json:"reason"`
	// Confirm is the desk's name, typed once more.
	Confirm  string `json:"confirm"`
	Password string `json:"password,omitempty"`
	// Statement is the removal, signed elsewhere by the party's root. Without
	// it, a delegate key that was imported into this desk signs.
	Statement []byte `json:"statement,omitempty"` // base64 in JSON
}

// CutoffData is the data of a cutoff event.
type CutoffData struct {
	Cutoff Cutoff `json:"cutoff"`
}

// DelegateIn is the body of POST /delegates: an opened delegate key file.
type DelegateIn struct {
	Key []byte `json:"key"` // base64 in JSON
}

// Delegate is a key that may only remove, kept at this desk.
type Delegate struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Desks []string `json:"desks"` // names of the desks that it may cut off
}

// LineTrust is the answer to GET /lines/{id}/trust: who is on a line by whose
// word, and what each desk has shown that it knows.
type LineTrust struct {
	Line       string           `json:"line"` // id
	Charter    TrustCharter     `json:"charter"`
	Desks      []TrustDesk      `json:"desks"`
	Statements []TrustStatement `json:"statements"`
	Cutoffs    []Cutoff         `json:"cutoffs"` // of desks that were on it
	Checks     TrustChecks      `json:"checks"`
}

// TrustCharter is the charter in force.
type TrustCharter struct {
	Version int      `json:"version"`
	Hash    string   `json:"hash"`
	Signed  []string `json:"signed"` // names of parties
	Quorum  int      `json:"quorum"`
	Record  string   `json:"record"`  // attributable
	Pending []string `json:"pending"` // sentences
}

// TrustDesk is one desk of a line, in or out.
type TrustDesk struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Party     string `json:"party"`
	Self      bool   `json:"self"`
	Role      string `json:"role"`
	State     string `json:"state"` // in, removed, dormant, suspended, left
	AddedAt   Time   `json:"added_at,omitzero"`
	ExpiresAt Time   `json:"expires_at,omitzero"` // of its certificate; it does not fall silent then
	// HoldsMyKey: yes, it has shown so; sent, a relay has its slice; no.
	HoldsMyKey string `json:"holds_my_key"`
	// Roster compares the statements that it last showed with ours: same,
	// behind, ahead, unknown.
	Roster      string       `json:"roster"`
	RosterAt    Time         `json:"roster_at,omitzero"`
	SealKey     TrustSealKey `json:"seal_key"`
	LastHeardAt Time         `json:"last_heard_at,omitzero"`
	AttestedAt  Time         `json:"attested_at,omitzero"`
	Delegates   []string     `json:"delegates"` // who may remove it, by name
}

// TrustSealKey is the newest seal key that a desk announced.
type TrustSealKey struct {
	Number uint64 `json:"number"`
	AgeS   int64  `json:"age_s"`
	Amber  bool   `json:"amber"` // older than two periods
}

// TrustStatement is one statement, as a sentence.
type TrustStatement struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Text   string `json:"text"`
	Author string `json:"author"`
	Signer string `json:"signer"`
	Number uint64 `json:"number"`
	At     Time   `json:"at"`
}

// TrustChecks is how the last comparison of records went.
type TrustChecks struct {
	LastAt Time   `json:"last_at,omitzero"`
	Agree  *bool  `json:"agree"` // null: none yet, or being compared
	Text   string `json:"text"`
	// Desks holds the newest line check of each desk that was heard.
	Desks []TrustCheck `json:"desks"`
	// Alarms are differences that stayed and contradictions, newest first.
	Alarms []TrustAlarm `json:"alarms"`
	// Complaints are what desks signed about slices that they refused, this desk's
	// own too: what is proven, then what is its maker's word, the newest first.
	Complaints []TrustComplaint `json:"complaints"`
	// Amber lists, in sentences, what is not wrong and needs a look.
	Amber []string `json:"amber"`
	// AskedAt is set in the answer to POST /lines/{id}/check.
	AskedAt Time `json:"asked_at,omitzero"`
}

// TrustCheck is how the record of one desk compared with ours.
type TrustCheck struct {
	Desk  string `json:"desk"` // id
	Name  string `json:"name"`
	At    Time   `json:"at"`
	Agree *bool  `json:"agree"` // null: being compared
	Text  string `json:"text"`  // the first that differs, and on whose side
}

// TrustComplaint is what one desk says of a slice of another's.
type TrustComplaint struct {
	At     Time   `json:"at"`    // when it was made or came
	By     string `json:"by"`    // desk, by name
	About  string `json:"about"` // desk, by name
	Kind   string `json:"kind"`  // garbage, astray, two-keys, unattested
	Proven bool   `json:"proven"`
	Text   string `json:"text"`
}

// TrustAlarm is something that does not fit what was signed.
type TrustAlarm struct {
	At   Time   `json:"at"`
	Desk string `json:"desk"` // whom it is about, by name
	Kind string `json:"kind"`
	// Verdict: sender, two values of its own convict it; or path or sender.
	Verdict string `json:"verdict"`
	Text    string `json:"text"`
}

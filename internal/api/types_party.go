package api

// PartyDetail is the answer to GET /parties/{id}: what this desk knows of a
// party, by whose word.
type PartyDetail struct {
	ID            string           `json:"id"`
	Name          string           `json:"name"`
	Self          bool             `json:"self"`
	Root          string           `json:"root"`    // key1…: the root that signs for it now
	Commits       bool             `json:"commits"` // that root named its successor
	Rotated       int              `json:"rotated"` // how often the root was replaced
	PairedAt      Time             `json:"paired_at,omitzero"`
	How           string           `json:"how"`   // self, words, introduced
	State         string           `json:"state"` // paired, stopped, frozen, suspended
	Stopped       string           `json:"stopped,omitempty"`
	Desks         []PartyDesk      `json:"desks"`
	Delegates     []PartyHolder    `json:"delegates"`
	Custodians    []PartyHolder    `json:"custodians"`
	Contact       *PartyContact    `json:"contact,omitempty"`
	Suspended     *PartySuspension `json:"suspended,omitempty"`       // by us, or by itself: it is sent nothing new
	SuspendedByIt *PartySuspension `json:"suspended_by_it,omitempty"` // it sends us nothing new
	Statements    []TrustStatement `json:"statements"`
}

// PartyDesk is one desk of a party.
type PartyDesk struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	State string `json:"state"` // in, dormant, void, removed
}

// PartyHolder is a delegate or custodian that a desk's addition names.
type PartyHolder struct {
	ID    string   `json:"id"` // key1…
	Name  string   `json:"name"`
	Desks []string `json:"desks"` // names of the desks that it may remove, or activate
}

// PartyContact is how a party is reached when the line is not.
type PartyContact struct {
	Role  string `json:"role"`
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
	Note  string `json:"note,omitempty"`
}

// PartySuspension says since when and why nothing new is sent.
type PartySuspension struct {
	By     string `json:"by"` // party
	Signer string `json:"signer"`
	Reason string `json:"reason"`
	At     Time   `json:"at"`
	Until  Time   `json:"until,omitzero"` // announced; it does not end by itself
	Text   string `json:"text"`
}

// SuspendIn is the body of POST /parties/{id}/suspend.
type SuspendIn struct {
	Reason   string `json:"reason"`
	Until    Time   `json:"until,omitzero"`
	Password string `json:"password,omitempty"`
}

// StatementIn is the body of POST /statements and POST /parties/{id}/reopen: a
// statement of the own party, signed elsewhere.
type StatementIn struct {
	Statement []byte `json:"statement"` // base64 in JSON
}

// CharterVersion is one version of a line's charter.
type CharterVersion struct {
	Version   uint64   `json:"version"`
	Hash      string   `json:"hash"`
	State     string   `json:"state"` // current, past, competing, pending, void
	Signed    []string `json:"signed"`
	Missing   []string `json:"missing"`
	Quorum    int      `json:"quorum"` // how many members of the version before it must sign
	CreatedAt Time     `json:"created_at,omitzero"`
	Text      []string `json:"text"`           // what it changes
	File      []byte   `json:"file,omitempty"` // base64: the version with its signatures, to be signed
}

// CharterChange is the body of POST /lines/{id}/versions. What is empty stays.
type CharterChange struct {
	Name            string   `json:"name,omitempty"`
	Admit           []string `json:"admit,omitempty"`
	Remove          []string `json:"remove,omitempty"`
	Quorum          int      `json:"quorum,omitempty"`
	Classification  string   `json:"classification,omitempty"`
	PAP             string   `json:"pap,omitempty"`
	SealKeyPeriodMS int64    `json:"seal_key_period_ms,omitempty"`
	Record          string   `json:"record,omitempty"`
	Attest          string   `json:"attest,omitempty"`
}

// VersionIn is the body of POST /lines/versions: a version with signatures.
type VersionIn struct {
	File []byte `json:"file"` // base64 in JSON
}

package roster

import "time"

// Our own limits. They bound what a stranger's bytes can make this package
// hold or do, and stand far above what an alliance line needs.
const (
	// MaxName is the longest name of a party, desk, role or line, in bytes.
	MaxName = 64
	// MaxReason is the longest reason of a removal or suspension, in bytes.
	MaxReason = 512
	// MaxRule is the longest written rule or marking in a charter, in bytes.
	MaxRule = 1024
	// MaxAddr is the longest address of a relay: a DNS name of 253 bytes and a port.
	MaxAddr = 260
	// MaxMailboxes is how many relays one desk may be reached through.
	MaxMailboxes = 4
	// MaxMembers is how many parties a line may have: an alliance hub has 32.
	MaxMembers = 64
	// MaxRelays is how many relays a charter may allow by name.
	MaxRelays = 64
	// MaxEscalations is how many steps one precedence's escalation may have.
	MaxEscalations = 8
	// MaxNumber is the highest number of a statement: no author gets there, and
	// the next number never overflows.
	MaxNumber = 1 << 32
	// MaxPerSigner is how many statements of one type a set keeps per signer.
	// Types and signers are counted apart, so that no flood of additions, and no
	// stolen delegate, can shut another's removal out. 256 additions are 4.7 MB.
	MaxPerSigner = 256
	// MaxHolders is how many delegates, or custodians, an addition may name.
	MaxHolders = 8
	// MaxVersions is how many charter versions a set holds.
	MaxVersions = 256
	// MaxHeads is how many signers and scopes a list of heads tells apart.
	MaxHeads = 1024
	// MaxContact is the longest entry of a contact card, in bytes.
	MaxContact = 128
	// MaxCompeting is how many charter versions that compete one may name.
	MaxCompeting = 16
	// MaxStatement is the longest statement in bytes: an activation by two
	// custodians, or an addition with everything that it may name, rounded up.
	MaxStatement = 48 << 10
	// MaxCharter is the longest charter in bytes: [MaxMembers] roots and the rest.
	MaxCharter = 256 << 10
	// MaxFile is the longest card, offer or pack in bytes.
	MaxFile = 32 << 20
	// MaxSealKeyPeriod is the longest life of a seal key: an offline desk may keep
	// one for eight days.
	MaxSealKeyPeriod = 8 * 24 * time.Hour
	// MinSealKeyPeriod keeps a line from announcing keys all the time.
	MinSealKeyPeriod = 10 * time.Minute
	// MaxClock is the longest acknowledgement clock of a charter.
	MaxClock = 30 * 24 * time.Hour
	// ClockSkew is how far this desk's clock may be off before it counts against
	// a certificate's validity. Two days, because a clock that is a day off must
	// not keep a desk off the line.
	ClockSkew = 48 * time.Hour
)

package stix

// Our own limits.
const (
	// MaxBundle is the largest bundle that is sent, in bytes: 25 MiB holds all
	// of ATT&CK's objects for a domain.
	MaxBundle = 25 << 20
	// MaxDepth is how deep JSON may be nested. STIX needs about ten; Go's own
	// reader stops only above 10,000.
	MaxDepth = 64
	// maxTypes bounds the types that a summary counts, and maxType their
	// length in bytes (STIX 2.1, Section 3.8, allows 250 characters in a type).
	maxTypes = 1000
	maxType  = 250
	// maxTitle bounds a title for display, in bytes: one row.
	maxTitle = 200
	// few is how many keys of an object are compared one by one before a set
	// is made of them.
	few = 16
)

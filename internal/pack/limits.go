package pack

// Our own limits, against bytes from a peer that unpack to a flood.
const (
	// MaxUnpacked is the most that is ever unpacked, in bytes: a STIX bundle of
	// 25 MB and room. Callers give smaller limits for texts.
	MaxUnpacked = 64 << 20
	// MaxRatio is how many times its packed size a result may have. Texts and
	// bundles of ours reach 4 to 20.
	MaxRatio = 100
	// FreeOutput is the size below which the ratio is not asked: a short text
	// that repeats itself is no danger.
	FreeOutput = 16 << 10
)

package wire

// Our own limits, each with its reason. Both ends keep them: the sender so
// that a person gets a sentence, the receiver because a peer may lie.
const (
	// MaxText is the longest text of a message, unpacked, in bytes: about six
	// pages. What is longer is a document, and travels as a file.
	MaxText = 16 << 10
	// MaxBody bounds an encoded body in bytes, so that an envelope with the
	// longest text and the most parties still fits 64 KiB.
	MaxBody = 48 << 10
	// MaxSubject is the longest subject in bytes: one row of a list.
	MaxSubject = 240
	// MaxName bounds names in one row: a role, an exercise, in bytes.
	MaxName = 120
	// MaxSerial bounds a serial, "JPN-1:NATO/0017", in bytes.
	MaxSerial = 120
	// MaxLanguage bounds a language tag in bytes (RFC 5646, Section 4.4.1).
	MaxLanguage = 35
	// MaxParties bounds each list of parties, as package marking does.
	MaxParties = 256
	// MaxReferences bounds the serials that a message refers to.
	MaxReferences = 16
	// MaxFiles bounds the files of one message.
	MaxFiles = 16
	// MaxFileName is what file systems take, in bytes.
	MaxFileName = 255
	// MaxMedia bounds a media type in bytes (RFC 6838, Section 4.2).
	MaxMedia = 127
	// MaxFileSize is the largest file in bytes. A STIX bundle may have 25 MB;
	// the room above it is for evidence.
	MaxFileSize = 1 << 30
	// MinChunk and MaxChunk bound the plaintext of a chunk in bytes: a second
	// of the thinnest link that we serve, and what fits an envelope.
	MinChunk = 1 << 10
	MaxChunk = 64 << 10
	// MaxReason bounds the words of a receipt in bytes: one paragraph.
	MaxReason = 1 << 10
	// MaxRanges bounds the gaps named in one receipt; more are asked for later.
	MaxRanges = 64
	// MaxAckDue is the longest time to acknowledge, in seconds: thirty days.
	MaxAckDue = 30 * 24 * 3600
	// maxDepth bounds the nesting of CBOR. Ours needs five.
	maxDepth = 16
)

package roster

import "hotline/internal/octets"

// Labels go before everything that is hashed or signed, so that a signature
// made for one purpose never counts for another (docs/spec/line.md, Section 1).
const (
	labelParty       = "hotline/1/party"
	labelSuccessor   = "hotline/1/successor"
	labelKey         = "hotline/1/key"
	labelWarrant     = "hotline/1/warrant"
	labelCertificate = "hotline/1/certificate"
	labelDesk        = "hotline/1/desk"
	labelSealKey     = "hotline/1/seal-key"
	labelStatement   = "hotline/1/statement"
	labelRotation    = "hotline/1/rotation"
	labelCharter     = "hotline/1/charter"
	labelSignature   = "hotline/1/charter-signature"
	labelGroup       = "hotline/1/group"
	labelDigest      = "hotline/1/statement-set"
)

// suites are the sizes of keys and signatures of the suites that this version
// knows, by number. Their numbers stand in every layout, and others are refused
// (docs/spec/suite.md). A hybrid key or signature is its Ed25519 part followed
// by its ML-DSA part (FIPS 204, Table 2).
var suites = map[uint8]octets.Sizes{
	1: {Root: 32 + 2592, RootSignature: 64 + 4627, Desk: 32 + 1952, DeskSignature: 64 + 3309, Message: 32, Seal: 1216},
	2: {Root: 2592, RootSignature: 4627, Desk: 2592, DeskSignature: 4627, Message: 97, Seal: 1568},
}

const (
	// PutterSize is the size of a putter's key: Ed25519, of the link and not of a line.
	PutterSize     = 32
	commitmentSize = 48 // hash of the successor's public key, behind a root's
)

// layoutVersion is the version of every layout. Others are refused.
const layoutVersion = 1

// The first bytes of each file, so that a file in the wrong place is named in
// the error and not taken apart.
const (
	magicOffer = "hotline/1 line offer\n"
	magicHeads = "hotline/1 heads\n"
)

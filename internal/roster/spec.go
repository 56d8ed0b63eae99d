package roster

// Labels go before everything that is hashed or signed, so that a signature
// made for one purpose never counts for another (docs/spec/line.md, Section 1).
const (
	labelParty       = "hotline/1/party"
	labelCertificate = "hotline/1/certificate"
	labelDesk        = "hotline/1/desk"
	labelSealKey     = "hotline/1/seal-key"
	labelStatement   = "hotline/1/statement"
	labelCharter     = "hotline/1/charter"
	labelSignature   = "hotline/1/charter-signature"
	labelGroup       = "hotline/1/group"
	labelDigest      = "hotline/1/statement-set"
)

// Suite is the only suite of this version; its number stands in every charter,
// certificate and statement, and others are refused (docs/spec/suite.md).
const Suite = 1

// Sizes of suite 1 in bytes. A hybrid key or signature is its Ed25519 part
// followed by its ML-DSA part (FIPS 204, Table 2).
const (
	RootPublicSize    = 32 + 2592 // Ed25519, ML-DSA-87
	RootSignatureSize = 64 + 4627
	DeskPublicSize    = 32 + 1952 // Ed25519, ML-DSA-65
	DeskSignatureSize = 64 + 3309
	MessageKeySize    = 32   // Ed25519
	PutterSize        = 32   // Ed25519
	KEMPublicSize     = 1216 // X-Wing: control keys and seal keys
)

// Versions of the layouts. Others are refused.
const (
	certificateVersion  = 1
	announcementVersion = 1
	statementVersion    = 1
	charterVersion      = 1
	signatureVersion    = 1
)

// The first bytes of each file, so that a file in the wrong place is named in
// the error and not taken apart.
const (
	magicCard  = "hotline/1 desk card\n"
	magicOffer = "hotline/1 line offer\n"
	magicPack  = "hotline/1 joining pack\n"
	magicSet   = "hotline/1 statements\n"
	magicHeads = "hotline/1 heads\n"
)

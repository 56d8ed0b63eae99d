// Package pack makes texts and STIX bundles shorter before they are sealed.
//
// A FLASH has to pass links of a few kilobits, and its 200 words are too short
// for a compressor to learn anything from. So both ends hold a dictionary, a
// text made up for that purpose in the words of alerts, which the compressor
// has already read. Each message is packed by itself: nothing of one shows in
// the length of another.
//
// What a peer packed is unpacked under hard limits, which are checked before
// memory is used. Dictionaries are numbered and never change; a new one gets
// a new number, and a number that this version does not have is said so.
//
// This package is on floor 1: bytes in, bytes out. It imports the zstd
// library, alone in this module.
package pack

import "errors"

// Errors of [Unpack]. A caller may tell a person which it was.
var (
	ErrUnknownDictionary = errors.New("packed with a dictionary that this version does not have")
	ErrTooLarge          = errors.New("unpacks to more than is allowed")
	ErrMalformed         = errors.New("malformed packed bytes")
)

// The dictionaries. Their numbers are part of the wire format.
const (
	None   uint8 = 0 // as given
	Latest uint8 = 1 // alerts in English and Japanese, and STIX 2.1
)

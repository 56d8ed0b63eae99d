// Package hostile is the other side: a relay that speaks the link's protocol
// and misbehaves, and a desk with valid keys that lies in what it signs. They
// run against real desks, which are engines over real stores, with real links
// (TLS and frames) to the relay.
//
// A test runs in a testing/synctest bubble where it can: networks are pipes and
// 30 days pass in seconds, while every byte that the desks write, seal, send and
// open is what the product writes. [Relay] is made of the relay's half of
// package link, so it can do what a relay with any program could do, and
// nothing else; [Behaviours] lists what it does. [Puppet] holds a desk's keys.
//
// It is imported by tests only: nothing of it is in the product.
package hostile

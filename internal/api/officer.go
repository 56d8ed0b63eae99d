package api

import (
	"context"
)

// Role is what an officer may do. The zero value may do nothing.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // reads, sends, acknowledges, pairs
)

// may reports whether an officer of role r may use what needs role need.
func (r Role) may(need Role) bool {
	switch r {
	case Operator:
		return need == Viewer || need == Operator
	case Viewer:
		return need == Viewer
	}
	return false
}

// Officer is the person or system account behind a request.
type Officer struct {
	Name string
	Role Role
	// Local means that the kernel vouches for a user of this machine: the
	// request came over the control socket.
	Local bool
}

type officerKey struct{}

// WithOfficer returns ctx with the officer behind the request.
func WithOfficer(ctx context.Context, o Officer) context.Context {
	return context.WithValue(ctx, officerKey{}, o)
}

// OfficerFrom returns the officer behind a request.
func OfficerFrom(ctx context.Context) (Officer, bool) {
	o, ok := ctx.Value(officerKey{}).(Officer)
	return o, ok
}

type idempotencyKey struct{}

// IdempotencyKey returns the request's Idempotency-Key, or "".
func IdempotencyKey(ctx context.Context) string {
	s, _ := ctx.Value(idempotencyKey{}).(string)
	return s
}

// Package api is the desk's JSON door: what the console, the command line and
// a party's own tools read and ask.
//
// It translates and nothing else. A handler reads strict JSON, calls one
// method of a rule, writes JSON and returns an error; one wrapper turns that
// error into a problem document and a log line without content. The rules are
// given to it as small interfaces (rules.go), one per concern, and the JSON
// forms stand in one place (types*.go), because the console, the command line
// and other people's scripts depend on their names. docs/cli.md describes them.
//
// The same handler is served on two doors: on the desk's control socket, where
// the kernel says who asks (socket.go), and below the console, where the
// officer has signed in. Both put an [Officer] into the request's context;
// a request without one is refused.
//
// This package is on floor 4: translation only.
package api

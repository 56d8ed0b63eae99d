package main

import "github.com/spf13/cobra"

// newPartyCmd returns "hotline party" and its verbs.
func newPartyCmd(a *app) *cobra.Command {
	return a.newGroup("party", "Look after your own party, and see the others", newPartyRootCmd(a))
}

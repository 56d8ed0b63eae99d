package main

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
)

// fixed completes a flag from a list.
func fixed(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// completeWithin is how long a shell waits for the desk at a Tab key.
const completeWithin = time.Second

// completeLines completes the name of a line, once.
func (a *app) completeLines(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var ls []api.Line
	a.ask(cmd, "/lines", nil, &ls)
	var names []cobra.Completion
	for _, l := range ls {
		names = append(names, cobra.CompletionWithDesc(inertLine(l.Name), l.State))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeMessages completes the id of a message that waits for us, once.
func (a *app) completeMessages(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ms []api.Message
	a.ask(cmd, "/messages", url.Values{"limit": {"50"}}, &ms)
	var ids []cobra.Completion
	for _, m := range ms { // precedence and serial only: a shell keeps what it shows
		ids = append(ids, cobra.CompletionWithDesc(m.ID, m.Precedence+" "+inertLine(m.Serial)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// ask gets what a completion needs; without a desk there is none.
func (a *app) ask(cmd *cobra.Command, path string, q url.Values, out any) {
	cl, err := a.client()
	if err != nil {
		return
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	_ = cl.Get(ctx, path, q, out)
}

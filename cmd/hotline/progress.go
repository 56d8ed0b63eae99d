package main

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"hotline/internal/api"
)

// bar shows how far something is, on a terminal only.
type bar struct{ p *progressbar.ProgressBar }

// progress returns a bar for size bytes on stderr; without a terminal, or with
// -q, it shows nothing.
func (a *app) progress(what string, size int64) bar {
	if a.quiet || !terminal(a.err) || size < 64<<10 {
		return bar{}
	}
	return bar{progressbar.NewOptions64(size,
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// Write counts b, so that a bar can stand behind an io.TeeReader.
func (b bar) Write(p []byte) (int, error) {
	b.add(len(p))
	return len(p), nil
}

func (b bar) add(n int) {
	if b.p != nil {
		_ = b.p.Add(n) // a broken terminal stops nothing
	}
}

func (b bar) done() {
	if b.p != nil {
		_ = b.p.Finish()
	}
}

// growing shows how much of a message's bundle is there, while a verdict waits
// for something.
type growing struct {
	app  *app
	what string
	bar  bar
	have int64
}

// watch returns v with the bar drawn at each look.
func (g *growing) watch(v verdict) verdict {
	return func(m api.Message) (bool, error) {
		if s := m.STIX; s != nil && s.State != "none" {
			if g.bar.p == nil {
				g.bar = g.app.progress(g.what, s.Size)
			}
			g.bar.add(int(s.Have - g.have))
			g.have = s.Have
		}
		return v(m)
	}
}

func (g *growing) done() { g.bar.done() }

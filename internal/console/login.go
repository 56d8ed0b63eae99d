package console

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hotline/internal/fault"
)

// One sentence for every cause: a stranger learns neither which names exist
// nor whether a link was ever good.
var (
	errWrongPassword = fault.New(fault.Denied, "Name and password do not match.")
	errWrongLink     = fault.New(fault.Denied, "This link does not serve any more.").WithHint("A link serves once, and for 15 minutes. Ask for a new one.")
)

// showLink answers whom a one-time link is for, without using it up.
func (c *Console) showLink(w http.ResponseWriter, r *http.Request) {
	var in struct{ Link string }
	if err := readJSON(w, r, &in); err != nil {
		writeFault(w, err)
		return
	}
	o, err := c.byLink(w, r, in.Link)
	if err != nil {
		writeFault(w, err)
		return
	}
	writeJSON(w, http.StatusOK, who(o))
}

// firstPassword uses a link up: it sets the officer's password and signs in.
func (c *Console) firstPassword(w http.ResponseWriter, r *http.Request) {
	var in struct{ Link, Password string }
	if err := readJSON(w, r, &in); err != nil {
		writeFault(w, err)
		return
	}
	_, err := c.byLink(w, r, in.Link)
	if err == nil {
		err = CheckNewPassword(in.Password)
	}
	if err != nil {
		writeFault(w, err)
		return
	}
	hash, err := c.passes.hash(r.Context(), in.Password)
	if err != nil {
		writeFault(w, err)
		return
	}
	o, err := c.cfg.Accounts.UseLink(r.Context(), LinkHash(in.Link), hash, c.cfg.Now())
	if errors.Is(err, ErrNoOfficer) {
		err = errWrongLink // somebody else was faster
	}
	if err == nil {
		err = c.begin(w, r, o)
	}
	if err != nil {
		writeFault(w, err)
		return
	}
	c.record(r.Context(), "link_used", o.Name)
	writeJSON(w, http.StatusOK, who(o))
}

// byLink finds the officer of a link, under the throttle of the address.
func (c *Console) byLink(w http.ResponseWriter, r *http.Request, link string) (Officer, error) {
	addr := addressKey(r)
	if err := c.mayTry(w, addr); err != nil {
		return Officer{}, err
	}
	o, err := c.cfg.Accounts.Link(r.Context(), LinkHash(link), c.cfg.Now())
	if errors.Is(err, ErrNoOfficer) {
		c.throttle.failed(addr, triesPerAddress)
		c.record(r.Context(), "refused", "")
		return Officer{}, errWrongLink
	}
	return o, err
}

// signIn checks name and password. An unknown name costs the same work.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name, Password string }
	if err := readJSON(w, r, &in); err != nil {
		writeFault(w, err)
		return
	}
	in.Name = strings.TrimSpace(in.Name)
	if len(in.Password) > maxPassword || len(in.Name) > maxPassword {
		writeFault(w, errWrongPassword)
		return
	}
	o, err := c.checkPassword(w, r, in.Name, in.Password)
	if err == nil {
		err = c.begin(w, r, o)
	}
	if err != nil {
		writeFault(w, err)
		return
	}
	c.record(r.Context(), "signed_in", o.Name)
	writeJSON(w, http.StatusOK, who(o))
}

func (c *Console) checkPassword(w http.ResponseWriter, r *http.Request, name, password string) (Officer, error) {
	addr, acct := addressKey(r), nameKey(name)
	if err := c.mayTry(w, addr, acct); err != nil {
		c.record(r.Context(), "throttled", "")
		return Officer{}, err
	}
	o, err := c.cfg.Voucher.check(r.Context(), name, password)
	if errors.Is(err, errWrongPassword) {
		c.throttle.failed(addr, triesPerAddress)
		c.record(r.Context(), "refused", o.Name)
	}
	return o, err
}

// mayTry refuses while any of the keys has to wait.
func (c *Console) mayTry(w http.ResponseWriter, keys ...string) error {
	d := c.throttle.wait(keys...)
	if d <= 0 {
		return nil
	}
	s := int(math.Ceil(d.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(s))
	return tooMany(d)
}

// signOut ends the sign-in, its cookie and its running requests.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	ctx, o, err := c.officer(r)
	if err != nil {
		writeFault(w, err)
		return
	}
	token := c.sessions.Token(ctx)
	if err := c.sessions.Destroy(ctx); err != nil {
		writeFault(w, err)
		return
	}
	c.live.end(token)
	c.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	c.record(r.Context(), "signed_out", o.Name)
	w.WriteHeader(http.StatusNoContent)
}

// me answers who is signed in.
func (c *Console) me(w http.ResponseWriter, r *http.Request) {
	_, o, err := c.officer(r)
	if err != nil {
		writeFault(w, err)
		return
	}
	writeJSON(w, http.StatusOK, who(o))
}

func (c *Console) record(ctx context.Context, act, officer string) {
	c.cfg.Accounts.Record(ctx, SignIn{Act: act, Officer: officer, At: c.cfg.Now()})
	c.cfg.Log.Info("sign in", "act", act, "officer", officer)
}

// who is what a page may know of an officer.
func who(o Officer) map[string]string { return map[string]string{"officer": o.Name, "role": o.Role} }

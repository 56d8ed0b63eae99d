package console

import (
	"net/http"
	"slices"
	"strings"

	"hotline/internal/fault"
)

// view is how an officer wants to see the console. It is kept in a cookie, so
// that the server can write it into the page and nothing flashes white at
// night.
type view struct {
	Theme string `json:"theme"` // auto, day, dark or night
	Lang  string `json:"lang"`  // en or ja
	Zone  string `json:"zone"`  // zulu or local: which time comes first
}

var (
	themes = []string{"auto", "day", "dark", "night"}
	langs  = []string{"en", "ja"}
	zones  = []string{"zulu", "local"}
)

func (v view) valid() bool {
	return slices.Contains(themes, v.Theme) && slices.Contains(langs, v.Lang) && slices.Contains(zones, v.Zone)
}

// viewCookie names the cookie; it is no secret and lasts a year.
func (c *Console) viewCookie() string { return "__Host-hotline-view-" + deskTag(c.cfg.DeskID) }

// viewOf reads the cookie; where there is none, the browser's language counts.
func (c *Console) viewOf(r *http.Request) view {
	v := view{Theme: "auto", Lang: langs[0], Zone: zones[0]}
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "ja") {
		v.Lang = "ja"
	}
	cookie, err := r.Cookie(c.viewCookie())
	if err != nil {
		return v
	}
	parts := strings.Split(cookie.Value, ".")
	if len(parts) != 3 {
		return v
	}
	if w := (view{Theme: parts[0], Lang: parts[1], Zone: parts[2]}); w.valid() {
		return w
	}
	return v
}

// setView stores the choice. It needs no sign-in: the sign-in page has it too.
func (c *Console) setView(w http.ResponseWriter, r *http.Request) {
	var v view
	if err := readJSON(w, r, &v); err != nil {
		writeFault(w, err)
		return
	}
	if !v.valid() {
		writeFault(w, fault.New(fault.Invalid, "There is no such theme, language or zone."))
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.viewCookie(), Value: v.Theme + "." + v.Lang + "." + v.Zone, Path: "/",
		MaxAge: 365 * 24 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

package console

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// securityHeaders stand on every answer, errors too (docs/console.md,
// Section 2).
// Trusted Types: Svelte's own policy makes the page's fixed markup; no other
// text can become markup or script.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob:; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types svelte-trusted-html hotline-worker; report-uri /api/v1/csp",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Permissions-Policy": "camera=(self), microphone=(self), screen-wake-lock=(self), publickey-credentials-get=(self), " +
		"publickey-credentials-create=(self), geolocation=(), usb=(), serial=()",
}

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for k, v := range securityHeaders {
			h.Set(k, v)
		}
		// Assets say otherwise themselves; nothing else may be kept.
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// withHost answers 421 to any name that is not the console's own, so that a
// page whose name was rebound to this address gets nothing.
func withHost(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if !slices.Contains(hosts, host) {
			http.Error(w, "This console does not answer to that name.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

package api

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// setHeaders makes an answer useless to a browser that got hold of it.
func setHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}

// local accepts requests that name a loopback host and do not come from a page of another origin. The port is not compared
// with ours: behind a tunnel it differs, and a rebinding page cannot choose the host.
func local(r *http.Request) error {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	switch host {
	case "127.0.0.1", "localhost", "::1", "[::1]":
	default:
		return ErrForeign
	}
	if origins, ok := r.Header["Origin"]; ok && (len(origins) != 1 || origins[0] != "http://"+r.Host) {
		return ErrForeign
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return nil
	}
	return ErrForeign
}

// authorized lets only requests with the token through to h.
func (s *Server) authorized(h http.Handler) http.Handler {
	want := []byte(s.cfg.Token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		// An empty token in the configuration must let nobody in rather than everybody.
		if !ok || len(want) == 0 || subtle.ConstantTimeCompare([]byte(got), want) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(w, ErrToken)
			return
		}
		h.ServeHTTP(w, r)
	})
}

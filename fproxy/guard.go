package fproxy

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// guard decides whether a request may be answered at all, before anything is looked at that costs or tells something.
func (p *Proxy) guard(r *http.Request) error {
	if len(r.RequestURI) > maxTarget {
		return errLongTarget
	}
	if !p.addressed(r) {
		return errForeignHost
	}
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
	case r.Method == http.MethodPost && (r.URL.Path == openPath || r.URL.Path == unlockPath):
		if !ownForm(r) {
			return errForeignSite
		}
	default:
		return errMethod
	}
	return invited(r)
}

// addressed is F3. A page of a stranger whose DNS answers 127.0.0.1 is, for the browser, of one origin with this proxy:
// only the Host header tells them apart. Loopback addresses and localhost are names that DNS does not decide (RFC 6761 §6.3),
// and the port must be the one that this connection came to.
func (p *Proxy) addressed(r *http.Request) bool {
	if slices.ContainsFunc(p.hosts, func(h string) bool { return strings.EqualFold(h, r.Host) }) {
		return true
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if at, err := netip.ParseAddrPort(local.String()); err == nil {
			if want := at.Port(); port != itoa(want) {
				return false
			}
			// Somebody who listens on another address than loopback did so on purpose; a literal is no name.
			if lit, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && lit.Unmap() == at.Addr().Unmap() {
				return true
			}
		}
	}
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	lit, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && lit.Unmap().IsLoopback()
}

// invited is F4. Browsers say where a request comes from (W3C Fetch Metadata), and a page cannot forge it. From another
// site only a person who follows a link is let in: nothing embedded, and no navigation by a script or a redirect, because
// making the node fetch a chosen key is how a page finds out who runs one, or makes it look as if its user had asked.
// Other ports of this machine count as other sites. Programs that are no browsers send nothing and are let in.
func invited(r *http.Request) error {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return nil
	case "":
		// A browser that does not say where requests come from still says so when a script makes them.
		if o := r.Header.Get("Origin"); o != "" && !ownOrigin(r, o) {
			return errForeignSite
		}
		return nil
	}
	navigation := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Method != http.MethodPost
	switch {
	case !navigation:
		return errForeignSite
	case r.Header.Get("Sec-Fetch-User") != "?1":
		return errUninvited
	}
	return nil
}

// asker is what a request comes from.
type asker uint8

const (
	program asker = iota // no browser, or one that does not say
	page                 // a person who looks at what is answered
	part                 // a page that the answer is a part of
)

// askerOf tells from what a browser says (W3C Fetch Metadata); one that does not say it names HTML first when it wants a page.
func askerOf(r *http.Request) asker {
	switch dest := r.Header.Get("Sec-Fetch-Dest"); {
	case dest == "document", dest == "" && strings.Contains(r.Header.Get("Accept"), "text/html"):
		return page
	case dest != "":
		return part
	}
	return program
}

// ownForm reports whether a POST comes from a page of this proxy, or from no browser.
func ownForm(r *http.Request) bool {
	o := r.Header.Get("Origin")
	return o == "" || ownOrigin(r, o)
}

// ownOrigin reports whether an Origin header names this proxy as the request does.
func ownOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == "http" && strings.EqualFold(u.Host, r.Host)
}

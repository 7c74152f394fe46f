package fproxy

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

// answered runs a request through a proxy without a connection, as if it had come to a local address.
func answered(h http.Handler, r *http.Request, local string) *httptest.ResponseRecorder {
	if local != "" {
		addr, err := net.ResolveTCPAddr("tcp", local)
		if err != nil {
			panic(err)
		}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// F3
func TestOnlyNamesThatNoStrangerCanAnswerAreAnswered(t *testing.T) {
	h := New(Config{Source: newNetwork().of, Node: fixed{}, Hosts: []string{"box.lan:9000"}})
	for _, c := range []struct {
		local, host string
		status      int
	}{
		{"127.0.0.1:8888", "127.0.0.1:8888", 200},
		{"127.0.0.1:8888", "localhost:8888", 200},
		{"127.0.0.1:8888", "LOCALHOST:8888", 200},
		{"127.0.0.1:8888", "site.localhost:8888", 200},
		{"127.0.0.1:8888", "127.1.2.3:8888", 200},
		{"[::1]:8888", "[::1]:8888", 200},
		{"127.0.0.1:80", "localhost", 200},
		{"192.0.2.7:8888", "192.0.2.7:8888", 200},
		{"127.0.0.1:8888", "box.lan:9000", 200},
		{"127.0.0.1:8888", "127.0.0.1:8889", 421},
		{"127.0.0.1:8888", "127.0.0.1", 421},
		{"127.0.0.1:8888", "localhost:", 421},
		{"127.0.0.1:8888", "evil.example:8888", 421},
		{"127.0.0.1:8888", "evil.example", 421},
		{"127.0.0.1:8888", "localhost.evil.example:8888", 421},
		{"127.0.0.1:8888", "evillocalhost:8888", 421},
		{"127.0.0.1:8888", "127.0.0.1.evil.example:8888", 421},
		{"127.0.0.1:8888", "192.0.2.7:8888", 421},
		{"127.0.0.1:8888", "0.0.0.0:8888", 421},
		{"127.0.0.1:8888", "box.lan:8888", 421},
		{"127.0.0.1:8888", "", 421},
		{"127.0.0.1:8888", "[::1", 421},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		w := answered(h, r, c.local)
		if w.Code != c.status {
			t.Errorf("Host %q at %s: status %d, want %d", c.host, c.local, w.Code, c.status)
		}
		if w.Code != 200 && strings.Contains(w.Body.String(), "evil") {
			t.Errorf("Host %q: the page repeats it", c.host)
		}
	}
}

// F4
func TestAnotherSiteCanOnlyOfferALink(t *testing.T) {
	n := newNetwork()
	uri := "/" + n.put(t, []byte("hello"), content.PutOptions{Target: keys.URI{Type: keys.KSK, Doc: "lure"}}).Encode()
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"a program", nil, 200},
		{"the address bar", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"a page of this proxy", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 200},
		{"a link that a person followed", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"}, 200},
		{"a picture", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"a frame", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-User", "?1"}, 403},
		{"a script", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Origin", "https://evil.example"}, 403},
		{"a script that sends the page away", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"another port of this machine", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"a word that browsers may learn", []string{"Sec-Fetch-Site", "news"}, 403},
		{"a script in an old browser", []string{"Origin", "https://evil.example"}, 403},
		{"a script in a sandbox", []string{"Origin", "null"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New(Config{Source: n.of, Node: fixed{}})
			before := n.count()
			r := httptest.NewRequest("GET", uri, nil)
			r.Host = "127.0.0.1:8888"
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Set(c.headers[i], c.headers[i+1])
			}
			w := answered(h, r, "127.0.0.1:8888")
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if fetched := n.count() > before; fetched != (c.status == 200) {
				t.Errorf("fetched: %v", fetched)
			}
		})
	}
}

func TestNavigationThatNobodyAskedForOffersTheLink(t *testing.T) {
	h := New(Config{Source: newNetwork().of, Node: fixed{}})
	for path, want := range map[string]string{
		"/KSK@lure":                   `href="/KSK@lure"`,
		"/freenet:KSK@a%22b/":         `href="/KSK@a%22b/"`,
		"//evil.example/KSK@x":        `href="/"`,
		"/http://evil.example/KSK@x/": `href="/KSK@x/"`,
		"/nothing":                    `href="/"`,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath = strings.ReplaceAll(path, "%22", `"`), path
		r.Host = "127.0.0.1:8888"
		for k, v := range map[string]string{"Site": "cross-site", "Mode": "navigate", "Dest": "document"} {
			r.Header.Set("Sec-Fetch-"+k, v)
		}
		w := answered(h, r, "127.0.0.1:8888")
		if w.Code != 403 || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s: status %d, want a page with %s\n%s", path, w.Code, want, w.Body)
		}
	}
}

func TestMethods(t *testing.T) {
	origin := serve(t, newNetwork(), nil)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/", 200}, {"GET", "/-/open", 303},
		{"POST", "/", 405}, {"PUT", "/KSK@x", 405}, {"DELETE", "/KSK@x", 405}, {"OPTIONS", "/", 405}, {"PATCH", "/-/open", 405},
		{"TRACE", "/", 405}, {"BREW", "/", 405},
	} {
		a := ask(t, c.method, origin+c.path)
		a.want(t, c.status)
		if c.status == 405 {
			a.wantHeader(t, "Allow", "GET, HEAD")
		}
	}
}

func TestTargetsAreBounded(t *testing.T) {
	origin := serve(t, newNetwork(), nil)
	a := ask(t, "GET", origin+"/KSK@"+strings.Repeat("a", maxTarget))
	a.want(t, 414, "too long")
	ask(t, "GET", origin+"/?"+strings.Repeat("a", maxTarget)).want(t, 414)
	ask(t, "GET", origin+"/", "X-Large", strings.Repeat("a", 64<<10)).want(t, 431)
}

package fproxy

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// tries is an unlock that knows one passphrase and counts.
func tries(n *int) func([]byte) (bool, error) {
	return func(p []byte) (bool, error) {
		*n++
		if string(p) == "broken" {
			return false, errors.New("no disk")
		}
		return string(p) == "secret", nil
	}
}

func typed(passphrase string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", unlockPath, strings.NewReader(url.Values{"passphrase": {passphrase}}.Encode()))
	r.Host = "127.0.0.1:8888"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// F13
func TestLockedNodeShowsOnePage(t *testing.T) {
	n := 0
	h := NewLocked(tries(&n))
	for path, status := range map[string]int{"/": 423, "/KSK@word": 423, "/-/open": 423, "/follow/x": 423, "/-/style.css": 200, "/favicon.ico": 200} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "127.0.0.1:8888"
		w := answered(h, r, "127.0.0.1:8888")
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", path, w.Code, status)
		}
		if status == 200 {
			continue
		}
		body := w.Body.String()
		for _, want := range []string{`action="/-/unlock"`, `method="post"`, `type="password"`, "<label"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page has no %s", path, want)
			}
		}
		if strings.Contains(body, "<script") || strings.Contains(body, "KSK") {
			t.Errorf("%s: the page has a script or repeats the address", path)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != ownPolicy {
			t.Errorf("%s: the policy is %q", path, got)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", path)
		}
	}
	if n != 0 {
		t.Errorf("%d tries by looking", n)
	}
}

// F13
func TestOnlyAFormOfThisProxyIsATry(t *testing.T) {
	for _, c := range []struct {
		name   string
		r      *http.Request
		status int
		tries  int
	}{
		{"right", typed("secret", "Origin", "http://127.0.0.1:8888", "Sec-Fetch-Site", "same-origin"), 303, 1},
		{"right, by a program", typed("secret"), 303, 1},
		{"wrong", typed("Secret", "Origin", "http://127.0.0.1:8888"), 403, 1},
		{"empty", typed(""), 403, 0},
		{"too long", typed(strings.Repeat("a", maxPassphrase+1)), 403, 0},
		{"another site", typed("secret", "Origin", "https://evil.example"), 403, 0},
		{"another site, newer browser", typed("secret", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"), 403, 0},
		{"a content page in a sandbox", typed("secret", "Origin", "null"), 403, 0},
		{"another port", typed("secret", "Origin", "http://127.0.0.1:8889", "Sec-Fetch-Site", "same-site"), 403, 0},
		{"a disk that fails", typed("broken"), 500, 1},
	} {
		n := 0
		w := answered(NewLocked(tries(&n)), c.r, "127.0.0.1:8888")
		if w.Code != c.status || n != c.tries {
			t.Errorf("%s: status %d after %d tries, want %d after %d", c.name, w.Code, n, c.status, c.tries)
		}
		if strings.Contains(w.Body.String(), "ecret") {
			t.Errorf("%s: the page repeats what was typed", c.name)
		}
		if c.status == 303 && w.Header().Get("Location") != "/" {
			t.Errorf("%s: leads to %q", c.name, w.Header().Get("Location"))
		}
	}
	n := 0
	r := typed("secret")
	r.Host = "evil.example:8888"
	if w := answered(NewLocked(tries(&n)), r, "127.0.0.1:8888"); w.Code != 421 || n != 0 {
		t.Errorf("rebinding: status %d after %d tries", w.Code, n)
	}
	r = typed("secret")
	r.Body = http.NoBody
	r.URL.Path, r.RequestURI = openPath, openPath
	if w := answered(NewLocked(tries(&n)), r, "127.0.0.1:8888"); w.Code != 303 || n != 0 {
		t.Errorf("another form: status %d after %d tries", w.Code, n)
	}
}

func TestOpeningNodeSaysSo(t *testing.T) {
	h := NewLocked(nil)
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "127.0.0.1:8888"
	w := answered(h, r, "127.0.0.1:8888")
	if w.Code != 503 || w.Header().Get("Refresh") == "" || !strings.Contains(w.Body.String(), "being opened") || strings.Contains(w.Body.String(), "<form") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w := answered(h, typed("secret"), "127.0.0.1:8888"); w.Code != 303 {
		t.Errorf("a second form: %d", w.Code)
	}
}

func TestUnlockedNodeKnowsTheOldForm(t *testing.T) {
	h := New(Config{Source: newNetwork().of, Node: fixed{}})
	if w := answered(h, typed("secret"), "127.0.0.1:8888"); w.Code != 303 || w.Header().Get("Location") != "/" {
		t.Errorf("status %d, to %q", w.Code, w.Header().Get("Location"))
	}
}

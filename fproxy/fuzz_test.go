package fproxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

// FuzzPath asks for any path: the answer is a page, content or a redirect to a path of this proxy, never a panic, and always
// with a policy that allows no script.
func FuzzPath(f *testing.F) {
	n := newNetwork()
	word := n.put(f, []byte("hello"), content.PutOptions{Target: keys.URI{Type: keys.KSK, Doc: "word"}, MIME: "text/html"})
	folder := n.putFolder(f, map[string]entry{"index.html": {"<p>", ""}, "a b/c.txt": {"c", ""}})
	for _, s := range []string{
		"/", "//", "/-/", "/-/open", "/" + word.Encode(), "/" + word.Encode() + "/x", "/" + folder.Encode(), "/" + folder.Encode() + "/a%20b/",
		"/" + folder.Encode() + "/?list", "/" + folder.Encode() + "/..%2f..", "/" + hyphanet, "//evil.example/KSK@word", "/%2F%2Fevil.example/KSK@word",
		"/nightjar:KSK@word", "/KSK%40word", "/KSK@w\u202Eord", "/KSK@%0d%0aLocation:%20x", "/KSK@%00", "/http://KSK@word", `/\evil.example/KSK@word`,
	} {
		f.Add(s)
	}
	h := New(Config{Source: n.of, Node: fixed{}})
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r := &http.Request{
			Method: "GET", URL: u, RequestURI: target, Host: "localhost:8888", Header: http.Header{}, Body: http.NoBody,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if p := w.Header().Get("Content-Security-Policy"); p != ownPolicy && p != contentPolicy {
			t.Errorf("policy %q", p)
		}
		switch w.Code {
		case 200, 400, 404, 414:
		case 303:
			to := w.Header().Get("Location")
			next, err := u.Parse(to)
			if err != nil || next.Host != u.Host || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
				t.Errorf("redirect to %q", to)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

package fproxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/node"
	"nightjar/store"
)

func TestStartPage(t *testing.T) {
	a := ask(t, "GET", serve(t, newNetwork(), func(c *Config) {
		c.Node = fixed{Started: time.Now().Add(-5 * time.Minute), Peers: make([]node.Peer, 7), Store: store.Stats{Bytes: 3 << 20, Quota: 1 << 30}}
	})+"/")
	a.want(t, 200, "<dd>7</dd>", "3.0 MiB of 1.0 GiB", "5 minutes", `action="/-/open"`, `method="post"`, `name="uri"`, "<label")
	a.wantHeader(t, "Content-Type", "text/html; charset=utf-8")
	ask(t, "GET", serve(t, newNetwork(), nil)+"/").want(t, 200, "none", "Without peers nothing can be fetched")
}

// F8
func TestOwnPagesSayThatTheOriginatorIsNotHidden(t *testing.T) {
	const warning = "You are not hidden."
	for _, path := range []string{"/", "/nonsense", "/-/nothing", "/KSK@unknown"} {
		for hops, want := range map[int]bool{0: true, 3: false} {
			a := ask(t, "GET", serve(t, newNetwork(), func(c *Config) { c.Node = fixed{Onion: node.Onion{Hops: hops}} })+path)
			if got := strings.Contains(a.body, warning); got != want {
				t.Errorf("%s with %d hops: warns %v", path, hops, got)
			}
		}
	}
}

// F8
func TestContentSaysThatTheOriginatorIsNotHidden(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, []byte("hello"), content.PutOptions{MIME: "text/plain"})
	for hops, want := range map[int]string{0: "the originator is not hidden: this node asks the network directly (hops 0)", 3: ""} {
		a := ask(t, "GET", serve(t, n, func(c *Config) { c.Node = fixed{Onion: node.Onion{Hops: hops}} })+"/"+uri.Encode())
		a.want(t, 200, "hello")
		a.wantHeader(t, warning, want)
	}
}

func TestStartPageSaysWhatTheNodeHidesBehind(t *testing.T) {
	onion := node.Onion{Hops: 3, Relays: 11, Warnings: []string{"The network is young"}}
	ask(t, "GET", serve(t, newNetwork(), func(c *Config) { c.Node = fixed{Onion: onion} })+"/").want(t, 200, "behind 3 other nodes, of 11", "The network is young.")
	onion.Obstacle = &node.ObstacleError{Why: "2 more relays are needed", Missing: 2}
	ask(t, "GET", serve(t, newNetwork(), func(c *Config) { c.Node = fixed{Onion: onion} })+"/").want(t, 200, "2 more relays are needed.")
}

func TestFormLeadsToTheContent(t *testing.T) {
	origin := serve(t, newNetwork(), nil)
	post := func(uri string, headers ...string) answer {
		r, err := http.NewRequest("POST", origin+"/-/open", strings.NewReader(url.Values{"uri": {uri}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, r, headers...)
	}
	for uri, want := range map[string]string{
		"KSK@word":                        "/KSK@word",
		"  nightjar:KSK@two words/a.html": "/KSK@two%20words/a.html",
		"ksk@word/":                       "/KSK@word/",
		"http://127.0.0.1:8888/KSK@word":  "/KSK@word",
		"//evil.example/KSK@word":         "",
		"https://evil.example/":           "",
		"javascript:alert(1)":             "",
		"":                                "",
	} {
		a := post(uri)
		a.wantHeader(t, "Location", want)
		if want == "" {
			a.want(t, 400, "Not a URI that can be read", "More precisely: it")
		} else {
			a.want(t, 303)
		}
	}
	post("KSK@word", "Origin", origin).want(t, 303)
	post("KSK@word", "Origin", origin, "Sec-Fetch-Site", "same-origin").want(t, 303)
	post("KSK@word", "Origin", "https://evil.example").want(t, 403)
	post("KSK@word", "Origin", "null").want(t, 403)
	post("KSK@word", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1").want(t, 403)
	post(strings.Repeat("a", 2*maxForm)).want(t, 413)
	post("KSK@word", "Content-Type", "text/plain").want(t, 400)
}

func TestAssets(t *testing.T) {
	origin := serve(t, newNetwork(), nil)
	for path, want := range map[string]string{
		"/-/style.css": "text/css; charset=utf-8", "/-/icon.svg": "image/svg+xml", "/favicon.ico": "image/svg+xml",
	} {
		a := ask(t, "GET", origin+path)
		a.want(t, 200)
		a.wantHeader(t, "Content-Type", want)
		if a.body == "" {
			t.Errorf("%s is empty", path)
		}
	}
	ask(t, "GET", origin+"/-/pages/style.css").want(t, 404)
	ask(t, "GET", origin+"/-/").want(t, 404, "No such page")
}

// Every page that a person can meet is whole: it has a language, a title, one heading and its own style, and no script.
func TestPagesAreWhole(t *testing.T) {
	origin := serve(t, newNetwork(), nil)
	for _, path := range []string{"/", "/nonsense", "/KSK@unknown", "/-/nothing"} {
		a := ask(t, "GET", origin+path)
		for _, part := range []string{"<!DOCTYPE html>", `<html lang="en">`, "<title>", "<h1>", `href="/-/style.css"`, "<main>", "</html>"} {
			if !strings.Contains(a.body, part) {
				t.Errorf("%s lacks %s", path, part)
			}
		}
		for _, part := range []string{"<script", "javascript:", " style=", "<no value>", "ZgotmplZ"} {
			if strings.Contains(a.body, part) {
				t.Errorf("%s has %s", path, part)
			}
		}
		if strings.Count(a.body, "<h1") != 1 {
			t.Errorf("%s has not one heading", path)
		}
	}
}

func TestServerBoundsEveryRequest(t *testing.T) {
	s := Server("127.0.0.1:0", http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 || s.ErrorLog == nil {
		t.Errorf("a limit is missing: %+v", s)
	}
}

func TestConfigWithoutASourceIsABug(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New accepted it")
		}
	}()
	New(Config{Node: fixed{}})
}

package fproxy

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

// pushing is a network that tells who waits for a record when it is inserted.
type pushing struct {
	*network
	mu      sync.Mutex
	changed chan struct{} // closed and replaced by push
}

// of is the network on behalf of one site.
func (p *pushing) of(site []byte) Source { return pushed{p.network.of(site), p} }

type pushed struct {
	Source
	p *pushing
}

func (s pushed) Await(ctx context.Context, id keys.ID) (keys.Block, error) {
	for {
		s.p.mu.Lock()
		changed := s.p.changed
		s.p.mu.Unlock()
		s.p.network.mu.Lock()
		b, ok := s.p.blocks[id]
		s.p.network.mu.Unlock()
		if ok {
			return b, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return keys.Block{}, ctx.Err()
		}
	}
}

func (p *pushing) push() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

// blog is a site under test; each edition has a page that names it, and a picture.
type blog struct {
	t   *testing.T
	n   *network
	usk keys.URI // to insert
}

func newBlog(t *testing.T, n *network, name string) *blog {
	author, err := keys.NewAuthor(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	author.Type, author.Doc = keys.USK, name
	return &blog{t, n, author}
}

func (b *blog) publish(edition int64) {
	b.t.Helper()
	u := b.usk
	u.Edition = edition
	files := map[string]entry{"index.html": {fmt.Sprintf("page of %d", edition), ""}, "a.png": {fmt.Sprintf("picture of %d", edition), ""}}
	_, err := content.PutFolder(context.Background(), b.n, &tree{files, []string{"a.png", "index.html"}}, content.PutOptions{Target: u})
	if err != nil {
		b.t.Fatal(err)
	}
}

// uri is that of an edition.
func (b *blog) uri(edition int64) keys.URI {
	u, err := b.usk.Public()
	if err != nil {
		b.t.Fatal(err)
	}
	u.Edition = edition
	return u
}

// path is that of a file of an edition.
func (b *blog) path(edition int64, file string) string {
	return "/" + b.uri(edition).Encode() + "/" + file
}

// read asks for a path as a page, a part of one, or a program.
func read(h http.Handler, path string, by asker) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "127.0.0.1:8888"
	if by != program {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Dest", map[asker]string{page: "document", part: "image"}[by])
	}
	return answered(h, r, "127.0.0.1:8888")
}

func wantPage(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d\n%s", w.Code, status, w.Body)
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("page lacks %q\n%s", text, w.Body)
		}
	}
}

// waiter reads the events that a page gets.
type waiter struct {
	header http.Header
	events chan string
}

func (w *waiter) Header() http.Header { return w.header }
func (w *waiter) WriteHeader(int)     {}
func (w *waiter) Flush()              {}
func (w *waiter) Write(b []byte) (int, error) {
	if s, ok := strings.CutPrefix(string(b), "data: "); ok {
		w.events <- s
	}
	return len(b), nil
}

// waitAt opens the events of a site.
func waitAt(ctx context.Context, h http.Handler, uri keys.URI) (w *waiter, ended <-chan struct{}) {
	w = &waiter{http.Header{}, make(chan string, 16)}
	r := httptest.NewRequestWithContext(ctx, "GET", followOf(uri)+"?events", nil)
	r.Host = "localhost:8888"
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(w, r)
	}()
	return w, done
}

// next is the edition that a page is told of next.
func (w *waiter) next(t *testing.T, b *blog) int64 {
	t.Helper()
	var e event
	if err := json.Unmarshal([]byte(<-w.events), &e); err != nil {
		t.Fatal(err)
	}
	u := b.uri(e.Edition)
	if e.URI != u.Encode() || e.Open != "/"+u.Encode()+"/" {
		t.Errorf("told of %+v", e)
	}
	return e.Edition
}

package fproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"nightjar/internal/content"
	"nightjar/internal/node"
	"nightjar/keys"
)

// network keeps blocks in memory. before, if set, is called before every fetch with its number and may fail it.
type network struct {
	mu      sync.Mutex
	blocks  map[keys.ID]keys.Block
	fetches int
	sites   map[string]uint64 // those that were asked for, and how many blocks were expected
	before  func(ctx context.Context, n int) error
}

func newNetwork() *network {
	return &network{blocks: map[keys.ID]keys.Block{}, sites: map[string]uint64{}}
}

// of is the network on behalf of one site.
func (n *network) of(site []byte) Source {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sites[string(site)] += 0
	return sited{n, string(site)}
}

type sited struct {
	*network
	site string
}

func (s sited) Expect(blocks uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sites[s.site] = blocks
}

func (n *network) Insert(_ context.Context, b keys.Block, _ bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks[b.ID()] = b
	return nil
}

func (n *network) Fetch(ctx context.Context, id keys.ID, _ bool) (keys.Block, error) {
	n.mu.Lock()
	n.fetches++
	count, before := n.fetches, n.before
	b, ok := n.blocks[id]
	n.mu.Unlock()
	if before != nil {
		if err := before(ctx, count); err != nil {
			return keys.Block{}, err
		}
	}
	if !ok {
		return keys.Block{}, fmt.Errorf("network: %w", content.ErrNotFound)
	}
	return b, nil
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fetches
}

// from lets before see only what is fetched from now on.
func (n *network) from(before func(ctx context.Context, count int) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fetches, n.before = 0, before
}

// fixed is a node in one state.
type fixed node.Status

func (f fixed) Status() node.Status { return node.Status(f) }

// put inserts a file and returns its request URI.
func (n *network) put(t testing.TB, data []byte, o content.PutOptions) keys.URI {
	t.Helper()
	u, err := content.PutFile(context.Background(), n, bytes.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// entry is a file of a folder under test; an empty type is found from the name.
type entry struct{ data, mime string }

// tree gives the files of a map as content.PutFolder wants them.
type tree struct {
	files map[string]entry
	left  []string
}

func (f *tree) Next() (content.FileInfo, io.Reader, error) {
	if len(f.left) == 0 {
		return content.FileInfo{}, nil, io.EOF
	}
	name := f.left[0]
	f.left = f.left[1:]
	e := f.files[name]
	return content.FileInfo{Path: name, Size: uint64(len(e.data)), MIME: e.mime}, strings.NewReader(e.data), nil
}

// putFolder inserts a folder and returns its request URI.
func (n *network) putFolder(t testing.TB, files map[string]entry) keys.URI {
	t.Helper()
	u, err := content.PutFolder(context.Background(), n, &tree{files, slices.Sorted(maps.Keys(files))}, content.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// serve starts a proxy over the network and returns its origin.
func serve(t testing.TB, n *network, change func(*Config)) string {
	t.Helper()
	c := Config{Source: n.of, Node: fixed{}}
	if change != nil {
		change(&c)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = Server("", New(c))
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// answer is a response that was read whole.
type answer struct {
	*http.Response
	body string
}

// ask makes a request without following redirects. Headers are pairs; Host is understood.
func ask(t testing.TB, method, url string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r, headers...)
}

func do(t testing.TB, r *http.Request, headers ...string) answer {
	t.Helper()
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(body)}
}

// want checks the status and that the body holds every text.
func (a answer) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s %s: body lacks %q\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
}

func (a answer) wantHeader(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := a.Header.Get(pairs[i]); got != pairs[i+1] {
			t.Errorf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL, pairs[i], got, pairs[i+1])
		}
	}
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint64(n) | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}

package fproxy

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

func TestEveryTypeOfURIIsServed(t *testing.T) {
	n := newNetwork()
	author, err := keys.NewAuthor(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ssk, usk := author, author
	ssk.Doc = "notes"
	usk.Type, usk.Doc = keys.USK, "blog"
	for name, target := range map[string]keys.URI{
		"CHK": {}, "SSK": ssk, "USK": usk, "KSK": {Type: keys.KSK, Doc: "a word"},
	} {
		t.Run(name, func(t *testing.T) {
			uri := n.put(t, []byte("hello"), content.PutOptions{Target: target, MIME: "text/plain"})
			if uri.Insert {
				t.Fatal("PutFile returned an insert URI")
			}
			a := ask(t, "GET", serve(t, n, nil)+"/"+uri.Encode())
			a.want(t, 200, "hello")
			a.wantHeader(t, "Content-Type", "text/plain; charset=utf-8", "Content-Length", "5", "Content-Disposition", "")
		})
	}
}

func TestOtherSpellingsLeadToTheOneThatIsServed(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, []byte("hello"), content.PutOptions{Target: keys.URI{Type: keys.KSK, Doc: "a word"}}).Encode()
	origin := serve(t, n, nil)
	for _, path := range []string{
		"/nightjar:" + uri, "/freenet:" + uri, "/hyphanet:" + uri, "/ksk@a%20word", "/" + url.QueryEscape("KSK@a%20word"),
		"/http://127.0.0.1:8888/" + uri, "//" + uri, "/web+freenet:" + uri,
	} {
		a := ask(t, "GET", origin+path)
		a.want(t, 303)
		a.wantHeader(t, "Location", "/"+uri)
	}
	ask(t, "GET", origin+"/"+uri).want(t, 200, "hello")
	ask(t, "GET", origin+"/nightjar:"+uri+"/?list").wantHeader(t, "Location", "/"+uri+"/?list")
}

func TestHeadGivesTheHeadersAlone(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, noise(100_000), content.PutOptions{MIME: "image/png"})
	before := n.count()
	a := ask(t, "HEAD", serve(t, n, nil)+"/"+uri.Encode())
	a.want(t, 200)
	a.wantHeader(t, "Content-Length", "100000", "Content-Type", "image/png", "Accept-Ranges", "bytes")
	if a.body != "" {
		t.Error("HEAD has a body")
	}
	if got := n.count() - before; got > 2 {
		t.Errorf("HEAD fetched %d blocks", got)
	}
}

func TestRanges(t *testing.T) {
	n := newNetwork()
	data := noise(200_000)
	origin := serve(t, n, nil)
	page := origin + "/" + n.put(t, data, content.PutOptions{MIME: "video/mp4"}).Encode()
	tag := ask(t, "HEAD", page).Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) || len(tag) < 10 {
		t.Fatalf("ETag %q", tag)
	}
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		from    int
		to      int
	}{
		{"whole", nil, 200, 0, 200_000},
		{"first bytes", []string{"Range", "bytes=0-9"}, 206, 0, 10},
		{"over a block's end", []string{"Range", "bytes=32760-32777"}, 206, 32760, 32778},
		{"from the middle", []string{"Range", "bytes=150000-"}, 206, 150_000, 200_000},
		{"last bytes", []string{"Range", "bytes=-5"}, 206, 199_995, 200_000},
		{"if it is still the same", []string{"Range", "bytes=0-9", "If-Range", tag}, 206, 0, 10},
		{"it is not", []string{"Range", "bytes=0-9", "If-Range", `"other"`}, 200, 0, 200_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, "GET", page, c.headers...)
			a.want(t, c.status)
			if a.body != string(data[c.from:c.to]) {
				t.Errorf("got %d bytes, not bytes %d to %d", len(a.body), c.from, c.to)
			}
			a.wantHeader(t, "Content-Length", strconv.Itoa(c.to-c.from), "Content-Type", "video/mp4", "ETag", tag)
		})
	}
	a := ask(t, "GET", page, "Range", "bytes=200000-")
	a.want(t, 416)
	a.wantHeader(t, "Content-Range", "bytes */200000", "Cache-Control", "no-store")
	a = ask(t, "GET", page, "Range", "bytes=0-0,-1")
	a.want(t, 206)
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges came as %s", a.Header.Get("Content-Type"))
	}
	a = ask(t, "GET", page, "If-None-Match", tag)
	a.want(t, 304)
	if a.body != "" {
		t.Error("304 has a body")
	}
	ask(t, "GET", page, "If-None-Match", `"other"`).want(t, 200)
	ask(t, "GET", page, "If-Match", `"other"`).want(t, 412)
}

func TestTagsTellFilesApart(t *testing.T) {
	n := newNetwork()
	origin := serve(t, n, nil)
	tag := func(data string) string {
		return ask(t, "HEAD", origin+"/"+n.put(t, []byte(data), content.PutOptions{}).Encode()).Header.Get("ETag")
	}
	if tag("one") == tag("two") {
		t.Error("two files have one tag")
	}
}

func TestEmptyFile(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, nil, content.PutOptions{MIME: "text/plain"})
	a := ask(t, "GET", serve(t, n, nil)+"/"+uri.Encode())
	a.want(t, 200)
	a.wantHeader(t, "Content-Length", "0")
}

// The first bytes arrive while the network has not yet given the rest.
func TestFilesStreamFromTheFirstBlock(t *testing.T) {
	n := newNetwork()
	data := noise(40 * keys.DataSize)
	uri := n.put(t, data, content.PutOptions{MIME: "video/mp4"})
	gate := make(chan struct{})
	n.from(func(ctx context.Context, count int) error { return waitAfter(ctx, count, 10, gate) })
	resp, err := http.Get(serve(t, n, nil) + "/" + uri.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(gate)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != string(data) {
		t.Errorf("got %d bytes, %v", len(first)+len(rest), err)
	}
}

// waitAfter lets the first fetches pass and holds the others until the gate is open.
func waitAfter(ctx context.Context, count, first int, gate <-chan struct{}) error {
	if count <= first {
		return nil
	}
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// F5: no reader takes a part for the whole.
func TestFailureInTheMiddleEndsTheConnection(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, noise(40*keys.DataSize), content.PutOptions{MIME: "video/mp4"})
	gate := make(chan struct{})
	n.from(func(ctx context.Context, count int) error {
		if err := waitAfter(ctx, count, 10, gate); err != nil || count <= 10 {
			return err
		}
		return content.ErrNotFound
	})
	resp, err := http.Get(serve(t, n, nil) + "/" + uri.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	close(gate)
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading the rest: %v, want an unexpected end", err)
	}
}

// F5: a fetch that fails before the first byte is answered with a page, not with a broken file.
func TestFailureBeforeTheFirstByteIsAPage(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, noise(40*keys.DataSize), content.PutOptions{MIME: "video/mp4"})
	origin := serve(t, n, nil)
	ask(t, "HEAD", origin+"/"+uri.Encode()).want(t, 200)
	n.from(func(context.Context, int) error { return content.ErrNotFound })
	a := ask(t, "GET", origin+"/"+uri.Encode(), "Range", "bytes=70000-")
	a.want(t, 404, "Not found in the network")
	a.wantHeader(t, "Content-Type", "text/html; charset=utf-8", "ETag", "", "Content-Range", "", "Content-Security-Policy", ownPolicy)
}

// F7: a fetch ends with the request that asked for it.
func TestFetchEndsWhenTheBrowserGoesAway(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, []byte("hello"), content.PutOptions{})
	started, ended := make(chan struct{}), make(chan error, 1)
	n.from(func(ctx context.Context, count int) error {
		close(started)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	})
	ctx, leave := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", serve(t, n, nil)+"/"+uri.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-started
		leave()
	}()
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("client: %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("fetch ended with %v", err)
	}
}

func TestFilesOfOneFolderAreFetchedOnce(t *testing.T) {
	n := newNetwork()
	uri := n.putFolder(t, map[string]entry{"index.html": {"<p>", ""}, "a.png": {"a", ""}, "b.png": {"b", ""}})
	origin := serve(t, n, nil)
	n.from(nil)
	ask(t, "GET", origin+"/"+uri.Encode()+"/").want(t, 200, "<p>")
	first := n.count()
	ask(t, "GET", origin+"/"+uri.Encode()+"/a.png").want(t, 200, "a")
	ask(t, "GET", origin+"/"+uri.Encode()+"/b.png").want(t, 200, "b")
	if got := n.count(); got != first {
		t.Errorf("the page took %d fetches, its pictures %d more", first, got-first)
	}
}

package fproxy

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	latency = 30 * time.Millisecond // of every block
	filmLen = 96 << 20
)

// film is a file of which every byte follows from its place, and which zstd makes a good part smaller.
type film struct{ pos, size int64 }

func (f *film) Read(b []byte) (int, error) {
	if f.pos >= f.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), f.size-f.pos))
	fill(b[:n], f.pos)
	f.pos += int64(n)
	return n, nil
}

// fill fills b with the bytes of the film from a place on. Every 16 bytes are their number, mixed, and again their number.
func fill(b []byte, pos int64) {
	var word [16]byte
	for i := 0; i < len(b); {
		at := pos + int64(i)
		x := uint64(at / 16)
		binary.BigEndian.PutUint64(word[8:], x)
		x *= 0x9e3779b97f4a7c15
		binary.BigEndian.PutUint64(word[:], x^x>>29)
		i += copy(b[i:], word[at%16:])
	}
}

// bytesOf are the bytes of the film from one place to another.
func bytesOf(from, to int64) string {
	b := make([]byte, to-from)
	fill(b, from)
	return string(b)
}

// shelf inserts a film with few check blocks and returns what serves it, slowly, and its path.
func shelf(t testing.TB, mime string) (*network, string) {
	t.Helper()
	n := newNetwork()
	few, err := content.ParseRedundancy("1.25")
	if err != nil {
		t.Fatal(err)
	}
	uri, err := content.PutFile(context.Background(), n, &film{size: filmLen}, content.PutOptions{MIME: mime, Redundancy: few})
	if err != nil {
		t.Fatal(err)
	}
	return n, "/" + uri.Encode()
}

// viewer is a browser that goes away after the first bytes.
type viewer struct {
	*httptest.ResponseRecorder
	n     *network
	want  int
	first time.Time // when something came
	asked int       // blocks until then
}

func (v *viewer) Write(b []byte) (int, error) {
	if v.first.IsZero() {
		v.first, v.asked = time.Now(), v.n.count()
	}
	v.ResponseRecorder.Write(b)
	if v.Body.Len() >= v.want {
		return 0, http.ErrHandlerTimeout // any: what matters is that the connection is gone
	}
	return len(b), nil
}

// watchPart asks for a range of a path and leaves when it has some bytes.
func watchPart(h http.Handler, n *network, path, ranges string, want int) *viewer {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "127.0.0.1:8888"
	r.Header.Set("Range", ranges)
	v := &viewer{ResponseRecorder: httptest.NewRecorder(), n: n, want: want}
	h.ServeHTTP(v, r)
	return v
}

// A film plays from wherever it is wanted, and costs the network little more than what is seen of it. Time is virtual.
func TestSeekingInAFilm(t *testing.T) {
	for _, mime := range []string{"video/mp4", "text/plain"} { // as it is, and compressed
		n, path := shelf(t, mime)
		synctest.Test(t, func(t *testing.T) {
			n.from(func(context.Context, int) error { time.Sleep(latency); return nil })
			h := New(Config{Source: n.of, Node: fixed{}})
			for _, at := range []int64{filmLen / 2, 0, filmLen - 1, filmLen / 3, filmLen / 2, filmLen - 100_000, 32 << 20} {
				before, began := n.count(), time.Now()
				v := watchPart(h, n, path, fmt.Sprintf("bytes=%d-", at), 1000)
				got := v.Body.String()
				if want := bytesOf(at, at+int64(len(got))); v.Code != 206 || len(got) < 1 || got != want {
					t.Errorf("%s at %d: status %d, %d bytes, not those of the file", mime, at, v.Code, len(got))
				}
				// Root, tables and what is there: five at most one after the other, of which compression takes two.
				if took := v.first.Sub(began); took > 5*latency {
					t.Errorf("%s at %d: the first byte took %v", mime, at, took)
				}
				if all := n.count() - before; all > 32 {
					t.Errorf("%s at %d: %d blocks for the first bytes, %d when the reader was gone", mime, at, v.asked-before, all)
				}
			}
			time.Sleep(recentTime)
		})
		rangesOf(t, n, path, mime)
	}
}

// rangesOf asks for parts of a film over HTTP in every way that there is.
func rangesOf(t *testing.T, n *network, path, mime string) {
	n.from(nil)
	page := serve(t, n, nil) + path
	head := ask(t, "HEAD", page)
	head.want(t, 200)
	head.wantHeader(t, "Content-Length", fmt.Sprint(filmLen), "Accept-Ranges", "bytes")
	if got := n.count(); got > 1 {
		t.Errorf("%s: HEAD asked for %d blocks", mime, got)
	}
	tag := head.Header.Get("ETag")
	for _, c := range []struct {
		ranges   string
		from, to int64
	}{
		{"bytes=-70000", filmLen - 70_000, filmLen},
		{"bytes=-1", filmLen - 1, filmLen},
		{fmt.Sprintf("bytes=%d-", filmLen-5), filmLen - 5, filmLen},
		{fmt.Sprintf("bytes=%d-%d", filmLen/2, filmLen/2+99_999), filmLen / 2, filmLen/2 + 100_000},
		{fmt.Sprintf("bytes=%d-%d", filmLen-3, int64(filmLen)+1000), filmLen - 3, filmLen},
	} {
		a := ask(t, "GET", page, "Range", c.ranges, "If-Range", tag)
		a.want(t, 206)
		a.wantHeader(t, "Content-Range", fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, filmLen))
		if a.body != bytesOf(c.from, c.to) {
			t.Errorf("%s, %s: %d bytes, not those of the file", mime, c.ranges, len(a.body))
		}
	}
	ask(t, "HEAD", page, "Range", "bytes=5-9").wantHeader(t, "Content-Length", "5")
	for _, beyond := range []string{fmt.Sprintf("bytes=%d-", filmLen), "bytes=9-5", "bytes=x"} {
		ask(t, "GET", page, "Range", beyond).want(t, 416)
	}
}

// Many ranges are many seeks: some are answered, too many are answered with the whole file.
func TestManyRangesAreBounded(t *testing.T) {
	n := newNetwork()
	page := serve(t, n, nil) + "/" + n.put(t, noise(100*keys.DataSize), content.PutOptions{MIME: "video/mp4"}).Encode()
	ranges := func(count int) string {
		s := "bytes=0-0"
		for i := 1; i < count; i++ {
			s += fmt.Sprintf(",%d-%[1]d", i*keys.DataSize)
		}
		return s
	}
	a := ask(t, "GET", page, "Range", ranges(maxRanges))
	a.want(t, 206)
	if got := strings.Count(a.body, "Content-Range:"); got != maxRanges {
		t.Errorf("%d parts", got)
	}
	a = ask(t, "GET", page, "Range", ranges(maxRanges+1))
	a.want(t, 200)
	a.wantHeader(t, "Content-Length", fmt.Sprint(100*keys.DataSize), "Content-Range", "")
}

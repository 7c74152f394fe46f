package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"nightjar/keys"

	"pgregory.net/rapid"
)

func open(t testing.TB, src Source, uri keys.URI, o GetOptions) *Object {
	t.Helper()
	obj, err := Open(context.Background(), src, uri, o)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

// A reader does what bytes.Reader does, at any place, whatever is lost, however the file is stored.
func TestReaderReadsAndSeeksLikeOneInMemory(t *testing.T) {
	long := noise(1100*keys.DataSize+77, 1) // two segments
	longNetwork := newNetwork()
	longURI := put(t, longNetwork, long, PutOptions{})
	rapid.Check(t, func(t *rapid.T) {
		data, n, uri := long, longNetwork, longURI
		if rapid.IntRange(0, 9).Draw(t, "long") != 0 {
			data, n = drawContent(t), newNetwork()
			var err error
			if uri, err = PutFile(context.Background(), n, bytes.NewReader(data), PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		// k+1 of n of small segments always survive 10 % in these tests' seeds, or the read fails and says so.
		n.loseShare(rapid.SampledFrom([]float64{0, 0.02, 0.1}).Draw(t, "loss"), rapid.Uint64().Draw(t, "losses"))
		obj, err := Open(context.Background(), n, uri, GetOptions{Parallel: rapid.IntRange(1, 70).Draw(t, "parallel")})
		if err != nil {
			t.Fatal(err)
		}
		r, want := obj.NewReader(context.Background()), bytes.NewReader(data)
		defer r.Close()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "seek") {
				whence := rapid.IntRange(0, 2).Draw(t, "whence")
				offset := rapid.Int64Range(-int64(len(data))-10, int64(len(data))+10).Draw(t, "offset")
				a, errA := r.Seek(offset, whence)
				b, errB := want.Seek(offset, whence)
				if (errA == nil) != (errB == nil) || errB == nil && a != b {
					t.Fatalf("Seek(%d, %d) = %d, %v, want %d, %v", offset, whence, a, errA, b, errB)
				}
			}
			size := rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 200_000)).Draw(t, "size")
			a, b := make([]byte, size), make([]byte, size)
			na, errA := io.ReadFull(r, a)
			nb, errB := io.ReadFull(want, b)
			if errors.Is(errA, ErrNotFound) && len(n.order) < 20 {
				return // a tiny segment lost too much
			}
			if na != nb || errA != errB || !bytes.Equal(a[:na], b[:nb]) {
				t.Fatalf("read %d bytes, %v, want %d, %v", na, errA, nb, errB)
			}
		}
	})
}

// F10, and that reading a little fetches a little.
func TestReaderFetchesWhatItReadsAndALittleAhead(t *testing.T) {
	n := newNetwork()
	data := noise(1400*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	obj := open(t, n, uri, GetOptions{})
	n.fetched = nil
	r := obj.NewReader(context.Background())
	if end, err := r.Seek(0, io.SeekEnd); err != nil || end != int64(len(data)) {
		t.Fatalf("Seek = %d, %v", end, err)
	}
	if _, err := r.Seek(-5, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(1300*keys.DataSize+7, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if len(n.fetched) != 0 {
		t.Fatalf("seeking made %d requests", len(n.fetched))
	}
	var one [1]byte
	if _, err := io.ReadFull(r, one[:]); err != nil || one[0] != data[1300*keys.DataSize+7] {
		t.Fatalf("read %v, %v", one, err)
	}
	r.Close()
	// firstAhead blocks of the file, and of its table, which is a stream too.
	if got := len(n.fetched); got > 2*firstAhead {
		t.Errorf("one byte took %d requests", got)
	}

	n.fetched = nil
	r = obj.NewReader(context.Background())
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, 600*keys.DataSize); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if got := len(n.fetched); got > 600+maxAhead+2*firstAhead+16 {
		t.Errorf("600 blocks in sequence took %d requests", got)
	}
}

func TestFirstBytesComeAfterTheFirstBlock(t *testing.T) {
	n := newNetwork()
	data := noise(200*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	_, s := onlySegment(t, n, uri)
	src := stalled{n, func(id keys.ID) bool { return n.top[id] || id == s.id(0) }}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := open(t, src, uri, GetOptions{}).NewReader(ctx)
	head := make([]byte, keys.DataSize)
	if _, err := io.ReadFull(r, head); err != nil || !bytes.Equal(head, data[:keys.DataSize]) {
		t.Errorf("first block: %v", err)
	}
	cancel()
	r.Close()
}

func TestReaderFailsAfterClose(t *testing.T) {
	n := newNetwork()
	for _, size := range []int{10, 100_000} {
		r := open(t, n, put(t, n, noise(size, 1), PutOptions{}), GetOptions{}).NewReader(context.Background())
		if _, err := io.ReadFull(r, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Read(make([]byte, 5)); err == nil || err == io.EOF {
			t.Errorf("%d bytes: read after Close: %v", size, err)
		}
	}
}

// A reader that failed for want of a block reads on elsewhere.
func TestReaderSurvivesAMissingSegment(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	data := noise(1250*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	obj := open(t, n, uri, GetOptions{})
	r := obj.NewReader(context.Background())
	defer r.Close()
	if _, err := r.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	first := map[keys.ID]bool{}
	for i := range 2 * maxData {
		first[(*segment)(r.(*fileReader).open.blocks.segs[0]).id(i)] = true
	}
	r.Seek(100*keys.DataSize, io.SeekStart)
	n.mu.Lock() // the reader asks ahead
	n.lose = func(id keys.ID) error {
		if first[id] {
			return ErrNotFound
		}
		return nil
	}
	n.mu.Unlock()
	if _, err := io.CopyN(io.Discard, r, 900*keys.DataSize); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v, want ErrNotFound", err)
	}
	r.Seek(1200*keys.DataSize, io.SeekStart)
	got := make([]byte, 1000)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[1200*keys.DataSize:][:1000]) {
		t.Errorf("after a failure elsewhere: %v", err)
	}
}

func TestReaderServesHTTPRanges(t *testing.T) {
	n := newNetwork()
	for name, data := range map[string][]byte{
		"plain": noise(500_000, 1), "compressed": bytes.Repeat([]byte("seven words repeat themselves in this text. "), 40_000), "inline": noise(1000, 1),
	} {
		obj := open(t, n, put(t, n, data, PutOptions{}), GetOptions{})
		for _, span := range [][2]int{{0, 9}, {len(data) - 10, len(data) - 1}, {len(data) / 2, len(data)/2 + 100}} {
			req := httptest.NewRequest("GET", "/", nil)
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", span[0], span[1]))
			w := httptest.NewRecorder()
			r := obj.NewReader(context.Background())
			w.Header().Set("Content-Type", obj.Info().MIME)
			http.ServeContent(w, req, "", time.Time{}, r)
			r.Close()
			if w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), data[span[0]:span[1]+1]) {
				t.Errorf("%s: bytes %v: status %d, %d bytes", name, span, w.Code, w.Body.Len())
			}
		}
	}
}

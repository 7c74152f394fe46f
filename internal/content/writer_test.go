package content

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"nightjar/keys"
)

// F11: what a stream takes up in the manifest does not depend on how far its blocks have got: here only one is sealed.
func TestWhatAStreamCarriesFollowsFromItsSize(t *testing.T) {
	for size, want := range map[int]int{
		100: 100, maxInline: maxInline, maxInline + 1: keySize + 7*nameSize, 20 * keys.DataSize: keySize + 40*nameSize,
		495 * keys.DataSize: keySize + 990*nameSize, 496 * keys.DataSize: 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			sink := stalled{newNetwork(), func(keys.ID) bool { return false }}
			p, err := newPutter(ctx, sink, PutOptions{Parallel: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			w := p.newStream()
			if _, err := w.Write(noise(size, 1)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := w.carried(); got != want {
				t.Errorf("%d bytes carry %d, want %d", size, got, want)
			}
		})
	}
}

// F5: a large segment of a table of names waits until few buffers are in use, and counts from then on.
func TestALargeTableWaitsForRoom(t *testing.T) {
	for k, waits := range map[int]bool{minTail - 1: false, minTail: true} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			p, err := newPutter(t.Context(), n, PutOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			if err := p.ins.acquire(settled + 1); err != nil {
				t.Fatal(err)
			}
			w := &streamWriter{p: p, direct: maxDirectTable, nested: true}
			if _, err := w.Write(noise(k*keys.DataSize, 1)); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- w.Close() }() // ends once there is room
			synctest.Wait()
			select {
			case err := <-done:
				if waits || err != nil {
					t.Fatalf("%d blocks: coded while %d buffers are in use, %v", k, settled+1, err)
				}
				return
			default:
			}
			if !waits {
				t.Fatalf("%d blocks wait", k)
			}
			p.ins.free(1)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if err := p.ins.drain(); err != nil {
				t.Fatal(err)
			}
			if p.ins.buffers != settled {
				t.Errorf("%d buffers are in use in the end, want the %d that others have", p.ins.buffers, settled)
			}
		})
	}
}

// An edition can be wiped when the next one, which shares its tables, is still needed.
func TestTheNextEditionOutlivesItsBase(t *testing.T) {
	film := &stream{Size: 33 << 20, Nested: tabled(layoutOf(33<<20).tableSize(), maxDirectTable)}
	film.Nested.Table = noise(len(film.Nested.Table), 1)
	inline := &stream{Size: 3, Inline: []byte("abc")}
	base := &Edition{files: []keptFile{{Sum: [32]byte{1}, Size: film.Size, Stream: film}, {Sum: [32]byte{2}, Size: 3, Stream: inline}}}
	before, err := base.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	a, b := file("a", nil), file("b", nil)
	a.info.Sum, a.info.MIME = [32]byte{1}, "video/webm"
	b.info.Sum, b.info.MIME = [32]byte{2}, "text/plain"
	_, next, err := PutFolderEdition(context.Background(), Nowhere{}, &memFolder{[]memFile{a, b}}, PutOptions{Base: base})
	if err != nil {
		t.Fatal(err)
	}
	base.Wipe()
	after, err := next.MarshalBinary()
	if err != nil || !bytes.Equal(after, before) {
		t.Errorf("the next edition is another after its base was wiped (%v)", err)
	}
}

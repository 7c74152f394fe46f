package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"nightjar/keys"

	"pgregory.net/rapid"
)

var _ encoding.BinaryMarshaler = (*Edition)(nil)

// webSite is a folder that is published again and again, by path.
type webSite map[string][]byte

// reader gives the files in order; known says whether their sums are told.
func (s webSite) reader(known bool) *memFolder {
	r := &memFolder{}
	for _, p := range slices.Sorted(maps.Keys(s)) {
		f := file(p, s[p])
		if known {
			f.info.Sum = sha256.Sum256(s[p])
		}
		r.files = append(r.files, f)
	}
	return r
}

// publish inserts an edition and returns how many blocks that took, the edition having been written and read.
func publish(t rapid.TB, n *network, s webSite, o PutOptions, known bool) (keys.URI, *Edition, int) {
	t.Helper()
	before := len(n.order)
	uri, e, err := PutFolderEdition(context.Background(), n, s.reader(known), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if e, err = ParseEdition(b); err != nil {
		t.Fatal(err)
	}
	return uri, e, len(n.order) - before
}

// comesBack reads a whole folder.
func comesBack(t rapid.TB, n *network, uri keys.URI, s webSite) {
	t.Helper()
	root, err := Open(context.Background(), n, uri, GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Files()) != len(s) {
		t.Fatalf("%d files, want %d", len(root.Files()), len(s))
	}
	for p, data := range s {
		o, err := root.File(p)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := o.WriteTo(context.Background(), &b); err != nil || !bytes.Equal(b.Bytes(), data) {
			t.Fatalf("%s: %v, or other bytes", p, err)
		}
	}
}

func pagesOf(pages, size int) webSite {
	s := webSite{}
	for i := range pages {
		s[fmt.Sprintf("%02d/page-%03d.html", i/20, i)] = noise(size, byte(i))
	}
	return s
}

// F12, and the figure: a site of 200 files of which one changes takes at most 20 blocks, for pages of any usual size.
func TestOneChangedPageTakesFewBlocks(t *testing.T) {
	t.Parallel()
	for _, size := range sized([]int{300, 10_000, 100_000}, []int{300, 10_000}) {
		s := pagesOf(200, size)
		s["film.webm"] = noise(1<<20, 1)
		n := newNetwork()
		target := author(keys.USK, "site")
		_, e, all := publish(t, n, s, PutOptions{Target: target}, true)
		for edition := int64(1); edition < 3; edition++ {
			s["03/page-077.html"] = noise(size, byte(100+edition))
			target.Edition = edition
			uri, next, blocks := publish(t, n, s, PutOptions{Target: target, Base: e}, true)
			if blocks > 20 {
				t.Errorf("pages of %d bytes, edition %d: %d blocks, of %d at first", size, edition, blocks, all)
			}
			if size < 100_000 {
				comesBack(t, n, uri, s)
			}
			e = next
		}
	}
}

func TestRenamesAndDeletionsAreFree(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		s := pagesOf(60, 20_000)
		film := noise(2<<20, 1)
		if known {
			s["a film.webm"] = film
		}
		n := newNetwork()
		_, e, _ := publish(t, n, s, PutOptions{}, known)
		delete(s, "00/page-003.html")
		s["other/name.html"] = s["02/page-041.html"]
		delete(s, "02/page-041.html")
		if known {
			s["another film.webm"] = film // and both: a stream may be there twice
		}
		uri, e, blocks := publish(t, n, s, PutOptions{Base: e}, known)
		if blocks != 1 {
			t.Errorf("sums known: %v: %d blocks, want a root", known, blocks)
		}
		comesBack(t, n, uri, s)
		s["copy.html"] = s["00/page-005.html"] // no two files share a place in a container
		uri, _, blocks = publish(t, n, s, PutOptions{Base: e}, known)
		if blocks != 1 && blocks != 1+4 {
			t.Errorf("sums known: %v: a copy took %d blocks", known, blocks)
		}
		comesBack(t, n, uri, s)
	}
}

// A container of which more than half is dead is packed anew, and what is alive of it comes from the folder.
func TestContainersThatAreMostlyDeadArePackedAnew(t *testing.T) {
	s := pagesOf(100, 20_000)
	n := newNetwork()
	_, e, _ := publish(t, n, s, PutOptions{}, true)
	total := func(e *Edition) (size, live uint64) {
		for i := range e.containers {
			size += e.containers[i].Size
		}
		for i := range e.files {
			live += e.files[i].Size
		}
		return size, live
	}
	for i := range 100 {
		if i%5 != 0 {
			delete(s, fmt.Sprintf("%02d/page-%03d.html", i/20, i))
		}
	}
	uri, e, blocks := publish(t, n, s, PutOptions{Base: e}, true)
	if size, live := total(e); blocks != 1 || size < 4*live {
		t.Errorf("deleting took %d blocks, %d of %d bytes live", blocks, live, size)
	}
	comesBack(t, n, uri, s)
	uri, e, _ = publish(t, n, s, PutOptions{Base: e}, true)
	if size, live := total(e); size != live {
		t.Errorf("%d of %d bytes are live after packing", live, size)
	}
	comesBack(t, n, uri, s)
}

// Many editions that each change a page do not spread the site over as many containers.
func TestSmallContainersArePackedTogether(t *testing.T) {
	s := pagesOf(100, 5000)
	n := newNetwork()
	_, e, _ := publish(t, n, s, PutOptions{}, true)
	for i := range 45 { // fewer than half of the first container
		s[fmt.Sprintf("%02d/page-%03d.html", i/20, i)] = noise(5000, byte(100+i))
		var uri keys.URI
		var blocks int
		uri, e, blocks = publish(t, n, s, PutOptions{Base: e}, true)
		small := 0
		for c := range e.containers {
			if e.containers[c].Size < smallContainer {
				small++
			}
		}
		if small > maxSmall+1 || len(e.containers) > 2*maxSmall || blocks > 20 {
			t.Fatalf("edition %d: %d containers, %d of them small, %d blocks", i, len(e.containers), small, blocks)
		}
		if i%10 == 0 {
			comesBack(t, n, uri, s)
		}
	}
}

// F1 for editions: whatever changes, in any order, the newest comes back whole.
func TestEditionsOfAnyHistoryComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork()
		s := webSite{}
		var e *Edition
		for range rapid.IntRange(1, 6).Draw(t, "editions") {
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				p := fmt.Sprintf("%c/%d", rapid.RuneFrom([]rune("abc")).Draw(t, "dir"), rapid.IntRange(0, 9).Draw(t, "name"))
				if rapid.Bool().Draw(t, "deleted") {
					delete(s, p)
					continue
				}
				size := rapid.SampledFrom([]int{0, 1, 3000, 40_000, maxPacked, maxPacked + 1, 700_000}).Draw(t, "size")
				s[p] = noise(size, rapid.ByteRange(0, 3).Draw(t, "seed")) // often what another file had
			}
			o := PutOptions{Base: e, Redundancy: rapid.SampledFrom([]Redundancy{0, 0, 12}).Draw(t, "redundancy")}
			if rapid.Bool().Draw(t, "salted") {
				o.Salt = &[32]byte{1}
			}
			var uri keys.URI
			uri, e, _ = publish(t, n, s, o, rapid.Bool().Draw(t, "known"))
			comesBack(t, n, uri, s)
		}
	})
}

// An earlier edition with less redundancy is no base for one with more.
func TestAnotherRedundancyInsertsAnew(t *testing.T) {
	s := pagesOf(20, 50_000)
	n := newNetwork()
	_, e, all := publish(t, n, s, PutOptions{}, true)
	uri, _, blocks := publish(t, n, s, PutOptions{Base: e, Redundancy: 16}, true)
	if blocks < 3*all/2 {
		t.Errorf("%d blocks after %d with half the redundancy", blocks, all)
	}
	comesBack(t, n, uri, s)
}

func TestAFileThatIsNotWhatItsSumSaysIsNoticed(t *testing.T) {
	for _, size := range []int{100, maxPacked, 500_000} {
		data := noise(size, 1)
		f := file("a", data)
		f.info.Sum = sha256.Sum256(data[1:])
		n := newNetwork()
		if _, err := PutFolder(context.Background(), n, &memFolder{[]memFile{f}}, PutOptions{}); !errors.Is(err, ErrChanged) {
			t.Errorf("%d bytes: %v, want ErrChanged", size, err)
		}
		for id := range n.blocks {
			if n.top[id] {
				t.Errorf("%d bytes: a root was inserted", size)
			}
		}
	}
	// A file that the base has is not read but for its type; one that has become empty shows even so.
	s := webSite{"a": []byte("some text")}
	_, e, _ := publish(t, newNetwork(), s, PutOptions{}, true)
	f := file("a", nil)
	f.info.Sum = sha256.Sum256(s["a"])
	if _, err := PutFolder(context.Background(), newNetwork(), &memFolder{[]memFile{f}}, PutOptions{Base: e}); !errors.Is(err, ErrChanged) {
		t.Errorf("%v, want ErrChanged", err)
	}
}

// What is taken from the base is not read, and may have no reader at all.
func TestWhatTheBaseHasIsNotRead(t *testing.T) {
	s := webSite{"a.txt": noise(3000, 1), "b.bin": noise(400_000, 2)}
	n := newNetwork()
	_, e, _ := publish(t, n, s, PutOptions{}, true)
	r := unread{s.reader(true)}
	uri, err := PutFolder(context.Background(), n, r, PutOptions{Base: e})
	if err != nil {
		t.Fatal(err)
	}
	comesBack(t, n, uri, s)
}

// unread gives files without content.
type unread struct{ *memFolder }

func (u unread) Next() (FileInfo, io.Reader, error) {
	info, _, err := u.memFolder.Next()
	return info, nil, err
}

// Redacted, and wiped one by one.
func TestEditionsKeepTheirSecrets(t *testing.T) {
	s := pagesOf(10, 50_000)
	n := newNetwork()
	_, e, _ := publish(t, n, s, PutOptions{}, true)
	_, next, _ := publish(t, n, s, PutOptions{Base: e}, true)
	want, err := next.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, e); got != redactedEdition {
			t.Errorf("%s prints %.60s", verb, got)
		}
	}
	table := e.containers[0].Table
	e.Wipe()
	if len(table) == 0 || len(bytes.Trim(table, "\x00")) > 0 || len(e.files)+len(e.containers) > 0 {
		t.Error("keys are left after Wipe")
	}
	if got, err := next.MarshalBinary(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the next edition was wiped with it (%v)", err)
	}
}

func TestEditionVectors(t *testing.T) {
	accepted, rejected := 0, 0
	for _, v := range readVectors(t, "edition") {
		encoded := v.bytes(t, "cbor")
		e, err := ParseEdition(encoded)
		v.expected(t, err)
		if err != nil {
			rejected++
			continue
		}
		accepted++
		if again, err := e.MarshalBinary(); err != nil || !bytes.Equal(again, encoded) {
			t.Errorf("%s: encoded again it is something else (%v)", v.name, err)
		}
	}
	if rejected < accepted {
		t.Errorf("%d vectors are rejected and %d accepted", rejected, accepted)
	}
}

// FuzzEdition: whatever is accepted has one encoding, and a folder can be inserted on it that readers accept.
func FuzzEdition(f *testing.F) {
	for _, v := range readVectors(f, "edition") {
		f.Add(v.bytes(f, "cbor"))
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		e, err := ParseEdition(encoded)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again, err := e.MarshalBinary(); err != nil || !bytes.Equal(again, encoded) {
			t.Fatal("an edition has two encodings")
		}
		var files []memFile
		for i := range e.files {
			kept := file(fmt.Sprintf("%06d.txt", i), nil)
			kept.info.Sum, kept.info.MIME = e.files[i].Sum, "text/plain"
			files = append(files, kept)
		}
		n := newNetwork()
		uri, err := PutFolder(context.Background(), n, &memFolder{files}, PutOptions{Base: e})
		if err != nil {
			return // a file that is not taken from the base is not what its sum says
		}
		if _, err := Open(context.Background(), n, uri, GetOptions{}); err != nil {
			t.Fatal(err)
		}
	})
}

package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
)

// placedFiles is a folder of files at arbitrary places of containers, and whether §7.2 allows them, found by counting bytes.
func placedFiles(sizes [2]int, places []byte) (files []entry, allowed bool) {
	used := [2][]bool{make([]bool, sizes[0]), make([]bool, sizes[1])}
	seen := [2]bool{sizes[0] == 0, sizes[1] == 0}
	allowed = true
	for len(places) >= 3 {
		c, offset, size := int(places[0]&1), int(places[1]), int(places[2])
		places = places[3:]
		if size == 0 {
			continue
		}
		files = append(files, entry{Path: fmt.Sprintf("%04d", len(files)), Size: uint64(size), Container: uint64(c) + 1, Offset: uint64(offset)})
		seen[c] = true
		for i := offset; i < offset+size; i++ {
			if i >= len(used[c]) || used[c][i] {
				allowed = false
				break
			}
			used[c][i] = true
		}
	}
	return files, allowed && seen[0] && seen[1] && sizes[0] > 0 && sizes[1] > 0 && len(files) >= 2
}

// FuzzContainers: exactly what does not overlap and lies inside is accepted, and then each file has its own bytes.
func FuzzContainers(f *testing.F) {
	f.Add(uint8(3), uint8(3), []byte{0, 0, 1, 0, 1, 2, 1, 0, 3})
	f.Add(uint8(9), uint8(200), []byte{0, 8, 1, 1, 100, 100, 1, 0, 99})
	f.Add(uint8(3), uint8(3), []byte{0, 0, 2, 0, 1, 1, 1, 2, 1})
	f.Add(uint8(3), uint8(3), []byte{0, 0, 2, 1, 2, 2})
	f.Add(uint8(3), uint8(3), []byte{0, 0, 1, 0, 1, 1})
	f.Fuzz(func(t *testing.T, a, b uint8, places []byte) {
		files, allowed := placedFiles([2]int{int(a), int(b)}, places[:min(len(places), 300)])
		m := &manifest{Version: 1, Kind: kindFolder, MIMEs: []string{"text/plain"}, Files: files}
		if len(files) == 0 {
			return
		}
		contents := [][]byte{noise(int(a), 1), noise(int(b), 2)}
		for _, c := range contents {
			m.Containers = append(m.Containers, stream{Size: uint64(len(c)), Inline: c})
		}
		encoded, err := encodeManifest(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeManifest(encoded); (err == nil) != allowed || err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%v, allowed: %v", err, allowed)
		}
		if !allowed {
			return
		}
		n := newNetwork()
		root, err := Open(context.Background(), n, putRoot(t, n, formatRoot(encoded)), GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range files {
			o, err := root.File(e.Path)
			if err != nil {
				t.Fatal(err)
			}
			if want := contents[e.Container-1][e.Offset:][:e.Size]; !bytes.Equal(content(t, o), want) {
				t.Fatalf("%s has other bytes", e.Path)
			}
		}
	})
}

// The limits of what is written: a file of maxPacked-1 bytes travels in a container and one of maxPacked does not; a
// container is filled up to maxContainer and not further.
func TestLimitsOfContainersThatAreWritten(t *testing.T) {
	s := webSite{"a": noise(maxPacked-1, 1), "b": noise(maxPacked, 2)}
	n := newNetwork()
	_, e, _ := publish(t, n, s, PutOptions{}, false)
	for _, f := range e.files {
		if (f.Container != 0) != (f.Size < maxPacked) {
			t.Errorf("a file of %d bytes is in container %d", f.Size, f.Container)
		}
	}
	for more, want := range map[int]int{0: 1, 1: 2} {
		s := webSite{}
		for i := range 16 {
			s[fmt.Sprint(i)] = noise(maxContainer/16, byte(i))
		}
		s["0"] = noise(maxContainer/16+more, 0)
		_, e, _ := publish(t, newNetwork(), s, PutOptions{}, false)
		if len(e.containers) != want {
			t.Errorf("%d bytes more than a container holds: %d containers, want %d", more, len(e.containers), want)
		}
	}
}

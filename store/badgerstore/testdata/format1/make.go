//go:build ignore

// This program made the archives beside it, with the store as it was in commit 9c02c5d, the last one that wrote format 1:
//
//	git archive 9c02c5d | tar -x -C "$EMPTY" && cp make.go "$EMPTY" && cd "$EMPTY" && go run make.go "$OUT"
//
// closed.tar.gz is a store that was closed, killed.tar.gz the files of one at a moment when it was open. expect.txt says what both
// hold: kind, name, size, SHA-256 of the block. The reserve, random bytes that the store makes again, is left out.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/badgerstore"
	"nightjar/store/storetest"
)

func main() {
	out := os.Args[1]
	var text string
	for _, b := range blocks() {
		text += fmt.Sprintf("%d %x %d %x\n", b.ID().Kind, b.ID().Name, len(b.Data()), sha256.Sum256(b.Data()))
	}
	check(os.WriteFile(filepath.Join(out, "expect.txt"), []byte(text), 0o644))
	for _, name := range []string{"closed", "killed"} {
		dir, err := os.MkdirTemp("", "format1")
		check(err)
		s, err := badgerstore.Open(badgerstore.Config{Dir: dir, Quota: 8 << 20, Self: 1 << 62})
		check(err)
		check(s.Put(storetest.Record(new(testing.T), "doc 0", 1, 700), store.Sink, 0)) // a newer one replaces it
		for i, b := range blocks() {
			check(s.Put(b, store.Class(1+i%2), b.ID().Location(uint8(i%4))))
		}
		if name == "closed" {
			check(s.Close())
		}
		pack(dir, filepath.Join(out, name+".tar.gz"))
	}
}

func blocks() (all []keys.Block) {
	for n := range uint64(4) {
		all = append(all, storetest.Data(1, n))
	}
	for n := range 12 {
		all = append(all, storetest.Record(new(testing.T), fmt.Sprint("doc ", n), 2, n*250))
	}
	return all
}

func pack(dir, name string) {
	f, err := os.Create(name)
	check(err)
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	check(err)
	t := tar.NewWriter(z)
	check(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "reserve" {
			return err
		}
		b, err := os.ReadFile(path)
		check(err)
		rel, err := filepath.Rel(dir, path)
		check(err)
		check(t.WriteHeader(&tar.Header{Name: filepath.ToSlash(rel), Mode: 0o600, Size: int64(len(b))}))
		_, err = t.Write(b)
		return err
	}))
	check(t.Close())
	check(z.Close())
	check(f.Close())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

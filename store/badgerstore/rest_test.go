package badgerstore

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// needles are the pieces of a block by which somebody who knows it could find it: bytes of its name, its positions and
// its content.
func needles(b keys.Block) (all [][]byte) {
	id := b.ID()
	for i := 0; i < len(id.Name); i += 8 {
		all = append(all, id.Name[i:i+8])
	}
	for r := range uint8(keys.Rotations) {
		at := uint64(id.Location(r))
		all = append(all, binary.BigEndian.AppendUint64(nil, at), binary.LittleEndian.AppendUint64(nil, at))
	}
	for i := 0; i+16 < len(b.Data()); i += len(b.Data()) / 8 {
		all = append(all, b.Data()[i:i+16])
	}
	return all
}

// TestDiskShowsNothing_SPEC9 looks for what is stored in every file, while the store is open and after it was closed.
func TestDiskShowsNothing_SPEC9(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: 16 << 20})
	var all [][]byte
	for n := range uint64(40) {
		b := storetest.Data(1, n)
		if n%4 == 0 {
			b = storetest.Record(t, fmt.Sprint("doc-", n), 1, int(n)*50)
		}
		for _, c := range []store.Class{store.Cache, store.Sink} { // the change of class leaves two keys of one block behind
			if err := s.Put(b, c, b.ID().Location(uint8(n%4))); err != nil && !errors.Is(err, store.ErrStale) {
				t.Fatal(err)
			}
		}
		all = append(all, needles(b)...)
	}
	search := func(when string) {
		key, err := os.ReadFile(filepath.Join(dir, fileKey))
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || !info.Mode().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, n := range all {
				if bytes.Contains(b, n) {
					t.Errorf("%s: %s has a piece of a block", when, info.Name())
				}
			}
			if info.Name() != fileKey && info.Name() != fileKeyCopy && bytes.Contains(b, key[offKey:offKey+8]) {
				t.Errorf("%s: %s has a piece of the store key", when, info.Name())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	search("open")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	search("closed")
}

// TestLogShowsNothing: at the lowest level, through the troubles that are logged.
func TestLogShowsNothing(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := mustOpen(t, Config{Dir: dir, Quota: 16 << 20, Log: log})
	b := storetest.Data(1, 1)
	if err := s.Put(b, store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	quiet{log}.Errorf("Unable to read: Key: %v", b.ID().Name)
	// A block that the books have and Badger does not.
	lost := storetest.Data(1, 2)
	s.mu.Lock()
	s.ledger.Set(store.Entry{ID: lost.ID(), Class: store.Sink, Size: keys.DataSize})
	s.mu.Unlock()
	if _, err := s.Get(lost.ID()); err == nil {
		t.Error("found what is not there")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, block := range []keys.Block{b, lost} {
		name := block.ID().Name
		for _, secret := range []string{string(name[:8]), hex.EncodeToString(name[:4]), base64.StdEncoding.EncodeToString(name[:6]), dir} {
			if bytes.Contains(out.Bytes(), []byte(secret)) {
				t.Errorf("the log has %q:\n%s", secret, out.String())
			}
		}
	}
}

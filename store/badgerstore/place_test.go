package badgerstore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nightjar/crypto"
	"nightjar/store"
	"nightjar/store/storetest"
)

// cheap is as little as a passphrase may cost.
var cheap = crypto.Effort{Memory: 19 << 10, Passes: 1, Lanes: 1}

func take(t *testing.T, dir string) *Place {
	t.Helper()
	p, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	p.effort = cheap
	t.Cleanup(func() {
		if err := p.Release(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// mustUnlock is without a passphrase if there is none.
func mustUnlock(t *testing.T, p *Place, passphrase []byte) {
	t.Helper()
	if err := p.Unlock(passphrase); err != nil {
		t.Fatal(err)
	}
}

// holding opens the store of a place and reports whether it holds block n, which it puts if it may.
func holding(t *testing.T, p *Place, n uint64, put bool) bool {
	t.Helper()
	s, err := Open(Config{Place: p, Quota: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if put {
		if err := s.Put(storetest.Data(3, n), store.Sink, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Get(storetest.Data(3, n).ID())
	if closeErr := s.Close(); closeErr != nil {
		t.Fatal(closeErr)
	}
	return err == nil
}

func TestPassphrase_SPEC3(t *testing.T) {
	dir := t.TempDir()
	p := take(t, dir)
	if sealed, err := p.Sealed(); sealed || err != nil {
		t.Errorf("a new directory: %v %v", sealed, err)
	}
	mustUnlock(t, p, nil)
	holding(t, p, 1, true)
	bare := mustRead(t, filepath.Join(dir, fileKey))
	derived, err := p.Derive("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ChangePassphrase([]byte("first"), nil); !errors.Is(err, ErrNoPassphrase) {
		t.Errorf("a passphrase where there is none: %v", err)
	}
	if err := p.Unlock([]byte("first")); !errors.Is(err, ErrNoPassphrase) {
		t.Errorf("unlocking with a passphrase where there is none: %v", err)
	}
	for _, pass := range []string{"first", "second", ""} {
		before := tree(t, filepath.Join(dir, dirBlocks))
		if err := p.SetPassphrase([]byte(pass)); err != nil {
			t.Fatal(err)
		}
		if after := tree(t, filepath.Join(dir, dirBlocks)); before != after {
			t.Error("the store was rewritten")
		}
		for _, name := range []string{fileKey, fileKeyCopy} {
			b := mustRead(t, filepath.Join(dir, name))
			if len(b) != 111 || bytes.Contains(b, bare[offKey:offKey+4]) || b[offWrap] != keyWrapped {
				t.Errorf("%s has %d bytes, with %x in front", name, len(b), b[:offWrap+1])
			}
		}
		if sealed, err := p.Sealed(); !sealed || err != nil {
			t.Errorf("with a passphrase: %v %v", sealed, err)
		}
		p.Lock()
		if _, err := p.Derive("x"); !errors.Is(err, ErrLocked) {
			t.Errorf("a key of a locked place: %v", err)
		}
		if _, err := Open(Config{Place: p}); !errors.Is(err, ErrLocked) {
			t.Errorf("a store in a locked place: %v", err)
		}
		if err := p.SetPassphrase(nil); !errors.Is(err, ErrLocked) {
			t.Errorf("another passphrase for a locked place: %v", err)
		}
		if err := p.Unlock(nil); !errors.Is(err, ErrLocked) {
			t.Errorf("no passphrase: %v", err)
		}
		for _, wrong := range []string{"First", pass + " ", "x"} {
			if err := p.Unlock([]byte(wrong)); !errors.Is(err, ErrPassphrase) {
				t.Errorf("%q for %q: %v", wrong, pass, err)
			}
		}
		mustUnlock(t, p, []byte(pass))
		if err := p.ChangePassphrase([]byte(pass+"x"), nil); !errors.Is(err, ErrPassphrase) {
			t.Errorf("a change with another passphrase: %v", err)
		}
		if again, err := p.Derive("x"); again != derived || err != nil {
			t.Errorf("other keys after a change of passphrase, %v", err)
		}
		if !holding(t, p, 1, false) {
			t.Error("the block is lost")
		}
	}
	if err := p.SetPassphrase(nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mustRead(t, filepath.Join(dir, fileKey)), bare) {
		t.Error("without a passphrase the key file is another")
	}
}

// tree is the names, sizes and times of what is in a directory.
func tree(t *testing.T, dir string) (all string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		all += path + st.ModTime().String() + string(rune(st.Size())) + "\n"
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNewStoreWithPassphrase: the key was never on the disk without it.
func TestNewStoreWithPassphrase(t *testing.T) {
	dir := t.TempDir()
	p := take(t, dir)
	mustUnlock(t, p, []byte("secret"))
	if sealed, err := p.Sealed(); !sealed || err != nil {
		t.Errorf("%v %v", sealed, err)
	}
	if !holding(t, p, 1, true) {
		t.Error("the block is lost")
	}
	if err := p.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened without the passphrase: %v", err)
	}
}

// TestWrappedKeyIsBound: every byte of the file matters.
func TestWrappedKeyIsBound(t *testing.T) {
	key := crypto.Key{1, 2, 3}
	k, err := wrappedFile(&key, []byte("pass"), cheap)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.open([]byte("pass")); got != key || err != nil {
		t.Fatalf("%v", err)
	}
	if other, err := wrappedFile(&key, []byte("pass"), cheap); err != nil || bytes.Equal(k[offSalt:offEffort], other[offSalt:offEffort]) || bytes.Equal(k[offNonce:], other[offNonce:]) {
		t.Errorf("salt or nonce come again, %v", err)
	}
	for _, at := range []int{offSalt, offEffort - 1, offEffort + 3, offEffort + 4, offNonce, offBox - 1, offBox, len(k) - 1} {
		bad := bytes.Clone(k)
		bad[at] ^= 1
		parsed, err := parseKeyFile(keyFile(bad).checked())
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		if _, err := parsed.open([]byte("pass")); !errors.Is(err, ErrPassphrase) && !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	for name, e := range map[string]crypto.Effort{"none": {}, "all memory": {Memory: 1<<32 - 1, Passes: 1, Lanes: 1}} {
		bad := bytes.Clone(k)
		copy(bad[offEffort:], []byte{byte(e.Memory >> 24), byte(e.Memory >> 16), byte(e.Memory >> 8), byte(e.Memory), e.Passes, e.Lanes})
		if _, err := keyFile(bad).open([]byte("pass")); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("effort %s: %v", name, err)
		}
	}
}

// TestOldKeyIsOverwritten: a file that a change of passphrase replaces holds random bytes afterwards, not the key.
func TestOldKeyIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	p := take(t, dir)
	mustUnlock(t, p, nil)
	bare := mustRead(t, filepath.Join(dir, fileKey))
	for _, name := range []string{fileKey, fileKeyCopy} { // another name for what will be replaced
		if err := os.Link(filepath.Join(dir, name), filepath.Join(dir, name+".link")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.SetPassphrase([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fileKey, fileKeyCopy} {
		if b := mustRead(t, filepath.Join(dir, name+".link")); bytes.Contains(b, bare[offKey:offKey+4]) || bytes.Contains(b, bare[:4]) {
			t.Errorf("%s still has what it had", name)
		}
	}
}

// TestHalfWrittenKeyIsOverwritten: what a kill left of taking a passphrase away is the bare key, which goes when the place is unlocked.
func TestHalfWrittenKeyIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	p := take(t, dir)
	mustUnlock(t, p, []byte("secret"))
	bare := bareFile(p.key)
	for _, name := range []string{fileKey, fileKeyCopy} {
		path := filepath.Join(dir, name+".new")
		if err := errors.Join(os.WriteFile(path, bare.checked(), 0o600), os.Link(path, path+".link")); err != nil {
			t.Fatal(err)
		}
	}
	p.Lock()
	mustUnlock(t, p, []byte("secret"))
	for _, name := range []string{fileKey, fileKeyCopy} {
		if _, err := os.Stat(filepath.Join(dir, name+".new")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s.new: %v", name, err)
		}
		if b := mustRead(t, filepath.Join(dir, name+".new.link")); bytes.Contains(b, bare[offKey:offKey+4]) {
			t.Errorf("%s.new still has the key", name)
		}
	}
}

// TestChangesTakeTurns: of changes at once that name the same old passphrase, one happens.
func TestChangesTakeTurns(t *testing.T) {
	p := take(t, t.TempDir())
	mustUnlock(t, p, []byte("old"))
	results := make(chan error)
	for _, pass := range []string{"a", "b", "c"} {
		go func() { results <- p.ChangePassphrase([]byte("old"), []byte(pass)) }() // ends by itself
	}
	done := 0
	for range 3 {
		if err := <-results; err == nil {
			done++
		} else if !errors.Is(err, ErrPassphrase) {
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d changes", done)
	}
}

// TestNoTryAfterRelease: a passphrase that was waiting its turn brings no key back, and keeps nobody waiting.
func TestNoTryAfterRelease(t *testing.T) {
	p := take(t, t.TempDir())
	mustUnlock(t, p, []byte("secret"))
	if err := p.Release(); err != nil {
		t.Fatal(err)
	}
	if err := p.Unlock([]byte("secret")); !errors.Is(err, store.ErrClosed) {
		t.Error(err)
	}
	if _, err := p.Derive("x"); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}

func TestPlaceInUse(t *testing.T) {
	dir := t.TempDir()
	p := take(t, dir)
	if _, err := Take(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
	mustUnlock(t, p, nil)
	holding(t, p, 1, true)
	if _, err := Take(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("closing a store gave the place away: %v", err)
	}
}

// TestLockForgetsTheKey looks into the memory that held it.
func TestLockForgetsTheKey(t *testing.T) {
	p := take(t, t.TempDir())
	mustUnlock(t, p, nil)
	key := p.key
	p.Lock()
	if *key != (crypto.Key{}) {
		t.Error("the key is still in memory")
	}
}

func TestBlur(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 24, 17, 3, 4, 5, time.UTC)
	for _, name := range []string{"a/b/c", "a/d", "e"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	Blur(dir, now)
	mustBeBlurred(t, dir, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
}

func mustBeBlurred(t *testing.T, dir string, day time.Time) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && !st.ModTime().Equal(day) {
			t.Errorf("%s is of %v", path, st.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestClosedStoreTellsTheDayAlone: and so does one that opens after a crash, of what it does not write to again.
func TestClosedStoreTellsTheDayAlone_SPEC9(t *testing.T) {
	dir := closedStore(t)
	mustBeBlurred(t, dir, time.Now().UTC().Truncate(24*time.Hour))
	late := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC) // as after a crash
	path := filepath.Join(dir, fileVersion)
	if err := os.Chtimes(path, late, late); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Config{Dir: dir})
	if st, err := os.Stat(path); err != nil || st.ModTime() != st.ModTime().Truncate(24*time.Hour) {
		t.Errorf("%v %v", st.ModTime(), err)
	}
}

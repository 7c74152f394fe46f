package badgerstore

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/store"
	"nightjar/store/storetest"
)

func TestWipe(t *testing.T) {
	dir := closedStore(t)
	var links []string
	for _, name := range []string{fileKey, fileKeyCopy} {
		links = append(links, filepath.Join(dir, name+".link"))
		if err := os.Link(filepath.Join(dir, name), filepath.Join(dir, name+".link")); err != nil {
			t.Fatal(err)
		}
	}
	key := mustRead(t, links[0])[offKey : offKey+4]
	if err := Wipe(dir); err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if got := mustRead(t, link); string(got[offKey:offKey+4]) == string(key) || string(got[:8]) == keyMagic {
			t.Error("the key was only unlinked")
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := filepath.Glob(filepath.Join(dir, fileKey+"*")); len(keys) > 0 || err != nil {
		t.Errorf("%v %v", keys, err)
	}
	if err := Wipe(dir); !errors.Is(err, ErrWiped) {
		t.Errorf("a second time: %v", err)
	}
	if err := Wipe(filepath.Join(dir, "nowhere")); !errors.Is(err, ErrWiped) {
		t.Errorf("where no store is: %v", err)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrWiped) {
		t.Errorf("opening: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, fileKey)); err == nil {
		t.Error("another key was drawn for a store that was wiped")
	}
}

// TestWipeWaitsForNobody has eight writers put without end, and looks at the key file when Wipe returns and they still put. The bound of a second is
// the promise; what it takes is logged.
func TestWipeWaitsForNobody(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: 64 << 20})
	var puts atomic.Int64
	var writers sync.WaitGroup
	stop := make(chan struct{})
	busy := make(chan struct{}, 8)
	for w := range uint64(8) {
		writers.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.Put(storetest.Data(w, n), store.Sink, 0); err != nil && !errors.Is(err, store.ErrFull) {
					t.Error(err)
					return
				}
				puts.Add(1)
				select {
				case busy <- struct{}{}:
				default:
				}
			}
		})
	}
	for range cap(busy) {
		<-busy
	}
	began := time.Now()
	err := Wipe(dir)
	took := time.Since(began)
	_, gone := os.Stat(filepath.Join(dir, fileKey))
	_, copyGone := os.Stat(filepath.Join(dir, fileKeyCopy))
	before := puts.Load()
	for puts.Load() == before { // the writers never stopped
		<-busy
	}
	close(stop)
	writers.Wait()
	if err != nil || !os.IsNotExist(gone) || !os.IsNotExist(copyGone) {
		t.Errorf("%v, %v, %v", err, gone, copyGone)
	}
	t.Logf("destroyed in %v, %d puts before", took, before)
	if took > time.Second {
		t.Errorf("it took %v", took)
	}
	// What is left is noise: the store cannot be opened again once it is closed.
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrWiped) {
		t.Errorf("it opens: %v", err)
	}
}

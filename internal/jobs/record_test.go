package jobs

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/internal/content"
	"nightjar/keys"
)

// samples are records of every kind and state.
func samples() []*record {
	secrets := secret{Salt: [32]byte{1}, Key: [32]byte{2}}
	return []*record{
		{Version: 1, Kind: Put, State: Waiting, Created: 1, Order: orders{Path: "/a", Priority: High, Tries: 3, Timeout: time.Hour}, Secret: secrets,
			Put: &putRecord{Name: "a", MIME: "text/plain", Convergent: true, Redundancy: 12}, Progress: progress{Source: make([]byte, 32)}},
		{Version: 1, Kind: Get, State: Retrying, Created: 1, Next: 5, Tries: 2, Fault: &fault{"not found", "nobody has it"}, Order: orders{Path: "/a"},
			Get: &getRecord{URI: "KSK@a", MaxSize: 7, Force: true}, Progress: progress{Tag: "t", File: 3, Offset: 9}, Secret: secrets},
		{Version: 1, Kind: Keep, State: Done, Created: 1, Ended: 3, Keep: &keepRecord{URI: "KSK@a", Every: time.Hour},
			Result: result{Health: &healthRecord{Blocks: 10, Missing: 2, Weakest: segmentRecord{Needed: 5, Blocks: 10}}}},
	}
}

func TestRecords(t *testing.T) {
	c := newCodec()
	for _, r := range samples() {
		b, err := c.encode(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.decode(b)
		if err != nil {
			t.Fatalf("%s: %v", r.Kind, err)
		}
		if diff := cmp.Diff(r, back, cmp.AllowUnexported(record{})); diff != "" {
			t.Errorf("%s: %s", r.Kind, diff)
		}
		for n := range b {
			if _, err := c.decode(b[:n]); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s cut to %d of %d bytes: %v", r.Kind, n, len(b), err)
			}
		}
	}
}

func TestRecordsThatAreRefused(t *testing.T) {
	c := newCodec()
	for name, change := range map[string]func(*record){
		"version":    func(r *record) { r.Version = 2 },
		"kind":       func(r *record) { r.Kind = Put },
		"state":      func(r *record) { r.State = "new" },
		"no part":    func(r *record) { r.Get = nil },
		"two parts":  func(r *record) { r.Keep = &keepRecord{URI: "KSK@a"} },
		"URI":        func(r *record) { r.Get.URI = "KSK" },
		"path":       func(r *record) { r.Order.Path = "../a" },
		"long path":  func(r *record) { r.Order.Path = "/" + strings.Repeat("a", maxPath) },
		"tries":      func(r *record) { r.Tries = -1 },
		"most tries": func(r *record) { r.Order.Tries = -1 },
		"priority":   func(r *record) { r.Order.Priority = 9 },
		"timeout":    func(r *record) { r.Order.Timeout = -1 },
		"file":       func(r *record) { r.Progress.File = content.MaxFiles + 1 },
		"offset":     func(r *record) { r.Progress.Offset = content.MaxStream + 1 },
		"edition":    func(r *record) { r.Progress.Edition = -1 },
		"tag":        func(r *record) { r.Progress.Tag = strings.Repeat("a", 65) },
		"source":     func(r *record) { r.Progress.Source = make([]byte, 65) },
		"text":       func(r *record) { r.Fault.Text = strings.Repeat("a", maxText+1) },
		"health":     func(r *record) { r.Result.Health = &healthRecord{Weakest: segmentRecord{Found: -1}} },
		"health path": func(r *record) {
			r.Result.Health = &healthRecord{Weakest: segmentRecord{Path: strings.Repeat("a", maxHealthPath+1)}}
		},
	} {
		r := samples()[1]
		change(r)
		b, err := c.enc.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.decode(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.decode(make([]byte, maxRecord+1)); !errors.Is(err, ErrDamaged) {
		t.Errorf("too long: %v", err)
	}
}

// A fault is recognised after a restart as it was before.
func TestFaults(t *testing.T) {
	for code, sentinel := range sentinels() {
		f := newFault(errors.Join(errors.New("about a job"), sentinel))
		if f.Code != code || !errors.Is(f, sentinel) {
			t.Errorf("%s became %s", code, f.Code)
		}
	}
	if f := newFault(fs.ErrExist); f.Code != "" || f.Error() != fs.ErrExist.Error() || errors.Unwrap(f) != nil {
		t.Errorf("an unknown error became %+v", f)
	}
}

// Invariant 8: records that cannot be read cost themselves alone, are listed, and do not keep the queue from starting.
func TestDamagedRecords(t *testing.T) {
	r := newRig(t, Config{})
	good := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(t.TempDir(), "a")})
	good.Pause()
	bad := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "b"}, Path: filepath.Join(t.TempDir(), "b")})
	bad.Pause()
	r.Close()
	b, err := r.vault.Get(space, []byte(bad.ID()))
	if err != nil {
		t.Fatal(err)
	}
	for id, value := range map[string][]byte{
		string(bad.ID()): b[:len(b)-1], "aaaaaaaaaaaaaaaa": []byte("garbage"), "../../../etc": b, "bbbbbbbbbbbbbbbb": nil,
	} {
		if err := r.vault.Put(space, []byte(id), value); err != nil {
			t.Fatal(err)
		}
	}
	r.Manager = New(Config{Network: r.net.each, Vault: r.vault, Dir: filepath.Join(r.dir, "jobs")})
	if damaged, err := r.Start(); err != nil || damaged != 4 {
		t.Fatalf("%d damaged, %v", damaged, err)
	}
	if s, err := r.Job(good.ID()); err != nil || s.Snapshot().State != Paused {
		t.Errorf("the other job: %v", err)
	}
	if len(r.Trouble()) != 1 {
		t.Errorf("the user is told %q", r.Trouble())
	}
	listed := 0
	for _, s := range r.List() {
		if errors.Is(s.Err, ErrDamaged) && s.State == Failed {
			listed++
			if err := r.Remove(s.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if listed != 3 {
		t.Errorf("%d damaged jobs are listed", listed)
	}
	if _, err := r.vault.Get(space, []byte("aaaaaaaaaaaaaaaa")); err == nil {
		t.Error("a damaged record stays when it is removed")
	}
}

func FuzzRecord(f *testing.F) {
	c := newCodec()
	for _, r := range samples() {
		b, err := c.encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	m := New(Config{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := c.decode(b)
		if err != nil {
			return
		}
		j, err := m.fromRecord("aaaaaaaaaaaaaaaa", r)
		if err != nil {
			return
		}
		j.Snapshot()
		j.due()
		again, err := c.encode(j.toRecord())
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		r2, err := c.decode(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		j2, err := m.fromRecord("aaaaaaaaaaaaaaaa", r2)
		if err != nil {
			t.Fatalf("what was written makes no job: %v", err)
		}
		if third, err := c.encode(j2.toRecord()); err != nil || !bytes.Equal(third, again) {
			t.Errorf("a record changes each time that it is read: %v", err)
		}
	})
}

// A spool and a journal that are torn or full of garbage are as good as shorter ones.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	key := keyOf(1)
	n := newNetwork()
	var all []keys.Block
	s, err := openSpool(filepath.Join(dir, "s"), key)
	if err != nil {
		t.Fatal(err)
	}
	done, err := openJournal(filepath.Join(dir, "j"), key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		b := block(byte(i))
		all = append(all, b)
		n.Insert(t.Context(), b, false)
		s.Needed(b.ID()) // so that it is in slot i
		s.put(b)
		done.add(b.ID())
	}
	s.close()
	done.close()
	flip(t, filepath.Join(dir, "s"), 5*slotSize+100)
	cutFile(t, filepath.Join(dir, "s"), 18*slotSize+1)
	flip(t, filepath.Join(dir, "j"), 5*entrySize)
	cutFile(t, filepath.Join(dir, "j"), 18*entrySize+1)
	if s, err = openSpool(filepath.Join(dir, "s"), key); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if done, err = openJournal(filepath.Join(dir, "j"), key); err != nil {
		t.Fatal(err)
	}
	defer done.close()
	for i, b := range all {
		want := i != 5 && i < 18
		got, ok := s.get(b.ID())
		if ok != want || s.Holds(b.ID()) != want || ok && !bytes.Equal(got.Data(), b.Data()) {
			t.Errorf("the spool has block %d: %t", i, ok)
		}
		if done.has(b.ID()) != want {
			t.Errorf("the journal has block %d: %t", i, !want)
		}
	}
	if other, err := openSpool(filepath.Join(dir, "s"), keyOf(2)); err != nil || len(other.slots) != 0 {
		t.Errorf("with another key the spool has %d blocks, %v", len(other.slots), err)
	}
}

// A spool keeps the blocks that are needed to the end and the latest others, over a restart as well, and grows no more.
func TestSpoolIsARing(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "s"), keyOf(1)
	s, err := openSpool(path, key)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) keys.Block {
		return keys.Restore(keys.ID{Kind: keys.KindData, Name: [32]byte{byte(i), byte(i >> 8), 1}}, make([]byte, keys.DataSize))
	}
	for i := range ring + 10 {
		s.put(at(i))
	}
	for i := ring + 10; i < ring+10+pinned+2; i++ { // two more than there is room for: they are like others
		s.Needed(at(i).ID())
		s.put(at(i))
	}
	s.close()
	if s, err = openSpool(path, key); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for i := ring + 10 + pinned + 2; i < ring+pinned+20; i++ {
		s.put(at(i))
	}
	for _, c := range []struct {
		i    int
		want bool
	}{{0, false}, {19, false}, {20, true}, {ring + 10, true}, {ring + 10 + pinned - 1, true}, {ring + pinned + 11, true}, {ring + pinned + 19, true}} {
		if s.Holds(at(c.i).ID()) != c.want {
			t.Errorf("block %d: want %t", c.i, c.want)
		}
	}
	if len(s.names) != pinned+ring {
		t.Errorf("%d slots", len(s.names))
	}
}

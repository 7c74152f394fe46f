package jobs

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"nightjar/keys"
)

// damaged puts a record that cannot be read where the next start finds it.
func (r *rig) damaged(id string) {
	r.t.Helper()
	if err := r.vault.Put(space, []byte(id), []byte("garbage")); err != nil {
		r.t.Fatal(err)
	}
}

// Invariant 8: what cannot be read stays however many jobs finish, since it may be repaired or of a later program.
func TestFinishedJobsDoNotPushOutDamagedOnes(t *testing.T) {
	const id = "aaaaaaaaaaaaaaaa"
	r := newRig(t, Config{})
	r.damaged(id)
	r.Close()
	r.Manager = New(Config{Network: r.net.each, Vault: r.vault, Dir: filepath.Join(r.dir, "jobs"), Keep: 1})
	if damaged, err := r.Start(); err != nil || damaged != 1 {
		t.Fatalf("%d damaged, %v", damaged, err)
	}
	for i := range 3 {
		j := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(t.TempDir(), "a")})
		j.Cancel()
		untilState(t, j, Cancelled)
		if _, err := r.vault.Get(space, []byte(id)); err != nil {
			t.Fatalf("after %d jobs: %v", i+1, err)
		}
	}
	if _, err := r.Job(id); err != nil {
		t.Errorf("it is not listed: %v", err)
	}
}

// A job whose record does not go stays listed: it would come back with the next start.
func TestRemoveSaysThatTheRecordStays(t *testing.T) {
	r := newRig(t, Config{})
	j := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(t.TempDir(), "a")})
	j.Cancel()
	untilState(t, j, Cancelled)
	if err := r.vault.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(j.ID()); err == nil {
		t.Error("Remove says that the job is gone")
	}
	if _, err := r.Job(j.ID()); errors.Is(err, ErrNoJob) {
		t.Error("the job is not listed")
	}
}

// What a keep inserts must not show when the node starts: one whose time came meanwhile waits for a random time.
func TestALateKeepDoesNotRunAtTheStart(t *testing.T) {
	c := newCodec()
	now := time.Now()
	var first time.Time
	for range 20 {
		r := &record{
			Version: recordVersion, Kind: Keep, State: Waiting, Created: millis(now.Add(-48 * time.Hour)), Next: millis(now.Add(-time.Hour)),
			Keep: &keepRecord{URI: keys.URI{Type: keys.KSK, Doc: "a"}.Encode(), Every: 24 * time.Hour},
		}
		b, err := c.encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = c.decode(b); err != nil {
			t.Fatal(err)
		}
		j, err := New(Config{}).fromRecord("aaaaaaaaaaaaaaaa", r)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := j.due()
		if at.Before(now) || at.After(time.Now().Add(lateKeep)) {
			t.Fatalf("it is due after %v", at.Sub(now))
		}
		if first.IsZero() {
			first = at
		}
		if d := at.Sub(first); d > time.Minute || d < -time.Minute {
			return
		}
	}
	t.Error("twenty keeps are due within two minutes of each other")
}

package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/keys"
)

// putInto inserts a file and returns its URI.
func putInto(t *testing.T, r *rig, b []byte) keys.URI {
	t.Helper()
	return untilState(t, r.queue(PutSpec{Path: write(t, filepath.Join(t.TempDir(), "in"), b)}), Done).URI
}

// A disk that is full is a pause with a reason, which ends by itself once there is room: that is looked at before anything is fetched again, here in a
// place where no file can be.
func TestDiskFull(t *testing.T) {
	files := t.TempDir()
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		want := noise(1, 100_000)
		uri := untilState(t, r.queue(PutSpec{Path: write(t, filepath.Join(files, "in"), want)}), Done).URI
		for _, room := range []bool{false, true} {
			r.broken(fmt.Errorf("write: %w", syscall.ENOSPC))
			j := r.queue(GetSpec{URI: uri, Path: filepath.Join(files, "out"), Tries: 1})
			s := untilState(t, j, Paused)
			if !errors.Is(s.Err, ErrDiskFull) || time.Until(s.Next) != fullRetry {
				t.Errorf("%v, next in %v", s.Err, time.Until(s.Next))
			}
			if !room {
				if err := os.Mkdir(j.target().room(), 0o777); err != nil {
					t.Fatal(err)
				}
			}
			r.broken(nil)
			<-j.Ended()
			if s := j.Snapshot(); room != (s.Err == nil) || !room && !errors.Is(s.Err, syscall.EISDIR) {
				t.Errorf("room %v: it ends with %v", room, s.Err)
			}
		}
		wantFile(t, filepath.Join(files, "out"), want)
		wantNames(t, files, "in", "out")
	})
}

// Something that has come to the target meanwhile is not replaced, and what was fetched is not thrown away.
func TestTargetTakenMeanwhile(t *testing.T) {
	r := newRig(t, Config{})
	want := noise(1, 100_000)
	uri := putInto(t, r, want)
	files := t.TempDir()
	out := filepath.Join(files, "out")
	r.broken(errors.New("later"))
	j := r.queue(GetSpec{URI: uri, Path: out})
	untilState(t, j, Retrying)
	write(t, out, []byte("mine"))
	r.broken(nil)
	if err := j.Resume(); err != nil {
		t.Fatal(err)
	}
	if s := untilState(t, j, Paused); !errors.Is(s.Err, ErrTarget) || !s.Next.IsZero() {
		t.Errorf("%v, next %v", s.Err, s.Next)
	}
	wantFile(t, out, []byte("mine"))
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if err := j.Resume(); err != nil {
		t.Fatal(err)
	}
	untilState(t, j, Done)
	wantFile(t, out, want)
}

// With Force files and folders are replaced, links and devices never.
func TestForce(t *testing.T) {
	r := newRig(t, Config{})
	want := noise(1, 100_000)
	uri := putInto(t, r, want)
	files := t.TempDir()
	out := write(t, filepath.Join(files, "out"), []byte("old"))
	untilState(t, r.queue(GetSpec{URI: uri, Path: out, Force: true}), Done)
	wantFile(t, out, want)
	write(t, filepath.Join(files, "dir", "a"), nil)
	untilState(t, r.queue(GetSpec{URI: uri, Path: filepath.Join(files, "dir"), Force: true}), Done)
	wantFile(t, filepath.Join(files, "dir"), want)
	link := filepath.Join(files, "link")
	if err := os.Symlink(out, link); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Queue(GetSpec{URI: uri, Path: link, Force: true}); !errors.Is(err, ErrTarget) {
		t.Errorf("a link: %v", err)
	}
	wantNames(t, files, "dir", "link", "out")
}

// A job that is cancelled leaves nothing behind, wherever it is.
func TestCancelLeavesNothing(t *testing.T) {
	r := newRig(t, Config{})
	uri := putInto(t, r, noise(1, 3_000_000))
	files := t.TempDir()
	var top keys.ID
	r.net.mu.Lock()
	for id := range r.net.blocks {
		if id.Name != uri.Routing && top == (keys.ID{}) {
			top = id
		}
	}
	r.net.mu.Unlock()
	get := r.queue(GetSpec{URI: uri, Path: filepath.Join(files, "out")})
	until(t, get, "on its way", func(s Snapshot) bool { return s.State == Done || s.Progress.Done > 5 })
	write(t, get.target().room(), nil)
	get.Cancel()
	<-get.Ended()
	if s := get.Snapshot(); s.State == Cancelled {
		wantNames(t, files)
	}
	r.net.hold = make(chan struct{})
	put := r.queue(PutSpec{Path: write(t, filepath.Join(t.TempDir(), "in"), noise(2, 1_000_000))})
	untilState(t, put, Running)
	put.Cancel()
	if s := untilState(t, put, Cancelled); !errors.Is(s.Err, ErrCancelled) {
		t.Errorf("cancelled with %v", s.Err)
	}
	wantNames(t, filepath.Join(r.dir, "jobs"))
	if err := put.Pause(); !errors.Is(err, ErrState) {
		t.Errorf("pausing what is over: %v", err)
	}
}

// A more urgent job takes the place of a less urgent one, which goes on afterwards and inserts nothing twice.
func TestUrgentJobsTakePlaces(t *testing.T) {
	r := newRig(t, Config{Puts: 1, Window: 4})
	files := t.TempDir()
	r.net.hold = make(chan struct{})
	slow := r.queue(PutSpec{Path: write(t, filepath.Join(files, "a"), noise(1, 2_000_000)), Priority: Low})
	untilState(t, slow, Running)
	later := r.queue(PutSpec{Path: write(t, filepath.Join(files, "b"), noise(2, 100_000)), Priority: Low})
	urgent := r.queue(PutSpec{Path: write(t, filepath.Join(files, "c"), noise(3, 100_000)), Priority: High})
	untilState(t, urgent, Running)
	untilState(t, slow, Waiting)
	if s := later.Snapshot(); s.State != Waiting {
		t.Errorf("the other one is %s", s.State)
	}
	close(r.net.hold)
	untilState(t, urgent, Done)
	untilState(t, slow, Done)
	untilState(t, later, Done)
	if s, l := slow.Snapshot(), later.Snapshot(); l.Started.Before(s.Started) {
		t.Error("the one that was made later went first")
	}
	for id, n := range r.net.inserted {
		if n > 1 && id.Kind == keys.KindData {
			t.Errorf("a block was inserted %d times", n)
		}
	}
}

// Names that lead out of the target, or that another system would take for something else, end the job.
func TestCheckNames(t *testing.T) {
	for _, bad := range []string{"../a", "/a", "a/../../b", "a//b", "", ".", "nul", "a."} {
		if err := checkNames([]content.FileInfo{{Path: bad}}); !errors.Is(err, foldertar.ErrPath) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := checkNames([]content.FileInfo{{Path: "a/B"}, {Path: "a/b"}}); !errors.Is(err, foldertar.ErrName) {
		t.Errorf("two names that are one: %v", err)
	}
}

package jobs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// broken has fetches fail from now on, or go on.
func (r *rig) broken(err error) {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	r.net.broken = err
}

// retrying is a get that the network is in the way of.
func (r *rig) retrying(uri keys.URI, path string) *Job {
	r.t.Helper()
	r.broken(errors.New("later"))
	j := r.queue(GetSpec{URI: uri, Path: path})
	untilState(r.t, j, Retrying)
	return j
}

// Invariant 10: what was taken away of a part is fetched again, be it all of it.
func TestAPartThatWasTakenAway(t *testing.T) {
	r := newRig(t, Config{})
	src := t.TempDir()
	want := map[string][]byte{}
	for i, name := range []string{"a", "b", "d/c"} {
		want[name] = noise(byte(i), 300_000)
		write(t, filepath.Join(src, filepath.FromSlash(name)), want[name])
	}
	uri := untilState(t, r.queue(PutSpec{Path: src}), Done).URI
	o, err := content.Open(t.Context(), r.net, uri, content.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, left := range map[string]map[string]int{
		"all": nil, "one": {"b": 300_000}, "a piece": {"a": 300_000, "b": 299_999}, "nothing": {"a": 300_000, "b": 300_000},
	} {
		out := filepath.Join(t.TempDir(), "out")
		j := r.retrying(uri, out)
		for file, n := range left {
			write(t, filepath.Join(j.target().part, file), want[file][:n])
		}
		j.update(func(p *progress) { *p = progress{Tag: o.Tag(), File: 2, Offset: 100_000} })
		r.broken(nil)
		if err := j.Resume(); err != nil {
			t.Fatal(err)
		}
		if s := untilState(t, j, Done); s.Err != nil {
			t.Errorf("%s was taken away: %v", name, s.Err)
		}
		for file := range want {
			wantFile(t, filepath.Join(out, filepath.FromSlash(file)), want[file])
		}
	}
}

// Invariant 10: wherever the process ends while a part is being given its name, the next one ends it, or the target is as it was.
func TestPlacingThatWasBrokenOff(t *testing.T) {
	for _, c := range []struct {
		name             string
		part, path, old  string // what is there; "" = nothing
		linked           bool   // part and path are one file
		placed           bool
		wantPath, wantAt string // of path in the end, and after remove
	}{
		{name: "before", part: "new", path: "mine", wantPath: "mine", wantAt: "mine"},
		{name: "nothing there", part: "new"},
		{name: "linked", part: "new", path: "new", linked: true, placed: true, wantPath: "new", wantAt: "new"},
		{name: "moved aside", part: "new", old: "mine", wantPath: "mine", wantAt: "mine"},
		{name: "in place", path: "new", old: "mine", placed: true, wantPath: "new", wantAt: "new"},
		{name: "done", path: "new", placed: true, wantPath: "new", wantAt: "new"},
	} {
		for _, after := range []string{"placed", "removed"} {
			dir := t.TempDir()
			at := target{path: filepath.Join(dir, "out"), part: filepath.Join(dir, ".out.part"), force: true}
			for path, text := range map[string]string{at.part: c.part, at.path: c.path, at.old(): c.old} {
				if text != "" && !(c.linked && path == at.path) {
					write(t, path, []byte(text))
				}
			}
			if c.linked {
				if err := os.Link(at.part, at.path); err != nil {
					t.Fatal(err)
				}
			}
			want, names := c.wantPath, []string{}
			if after == "removed" {
				at.remove()
				want = c.wantAt
			} else {
				placed, err := at.placed()
				if placed != c.placed || err != nil {
					t.Errorf("%s: placed %t, %v", c.name, placed, err)
				}
				if c.part != "" && !c.linked {
					names = append(names, ".out.part")
				}
			}
			if want != "" {
				wantFile(t, at.path, []byte(want))
				names = append(names, "out")
			}
			if after == "removed" && c.path != "" && c.old != "" {
				continue // what is in place stays, and what was there before is what placed removes
			}
			wantNames(t, dir, names...)
		}
	}
}

// A process ends when a cancelled get is final on the disk, and its part is still there.
func TestAPartOfACancelledGetGoes(t *testing.T) {
	r := newRig(t, Config{})
	files := t.TempDir()
	j := r.retrying(putInto(t, r, noise(1, 100_000)), filepath.Join(files, "out"))
	write(t, j.target().part, []byte("a part"))
	j.mu.Lock()
	j.q.over, j.q.outcome = true, &outcome{ErrCancelled, time.Now()}
	j.mu.Unlock()
	if err := j.save(); err != nil {
		t.Fatal(err)
	}
	r.restart(Config{})
	again, err := r.Job(j.ID())
	if err != nil || again.Snapshot().State != Cancelled {
		t.Fatalf("after a restart: %v", err)
	}
	wantNames(t, files)
}

package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

func TestQueuedFile(t *testing.T) {
	r := newRig(t, Config{})
	files := t.TempDir()
	want := noise(1, 300_000)
	put := r.queue(PutSpec{Path: write(t, filepath.Join(files, "film.ogv"), want)})
	done := untilState(t, put, Done)
	if done.URI.Type != keys.CHK || done.URI.Path != "film.ogv" || done.Size != uint64(len(want)) || !done.Queued || done.Folder {
		t.Errorf("the put is %+v", done)
	}
	out := filepath.Join(files, "copy")
	get := untilState(t, r.queue(GetSpec{URI: done.URI, Path: out}), Done)
	if get.Size != uint64(len(want)) || get.MIME != "video/ogg" {
		t.Errorf("the get is %+v", get)
	}
	wantFile(t, out, want)
	wantNames(t, files, "copy", "film.ogv")
	wantNames(t, filepath.Join(r.dir, "jobs"))
	if r.net.open != 0 {
		t.Errorf("%d networks are open", r.net.open)
	}
}

func TestQueuedFolder(t *testing.T) {
	r := newRig(t, Config{})
	files := t.TempDir()
	want := map[string][]byte{"index.html": []byte("<p>"), "a/b/c.txt": noise(2, 100), "big": noise(3, 400_000), "empty": nil}
	for name, b := range want {
		write(t, filepath.Join(files, "site", name), b)
	}
	write(t, filepath.Join(files, "site", ".secret"), noise(4, 10))
	if err := os.Chmod(filepath.Join(files, "site", "index.html"), 0o755); err != nil {
		t.Fatal(err)
	}
	done := untilState(t, r.queue(PutSpec{Path: filepath.Join(files, "site"), EarlyURI: true}), Done)
	if !done.Folder {
		t.Errorf("the put is %+v", done)
	}
	out := filepath.Join(files, "copy")
	get := untilState(t, r.queue(GetSpec{URI: done.URI, Path: out}), Done)
	if !get.Folder {
		t.Errorf("the get is %+v", get)
	}
	for name, b := range want {
		wantFile(t, filepath.Join(out, name), b)
	}
	wantNames(t, out, "a", "big", "empty", "index.html")
	wantNames(t, files, "copy", "site")
	if info, err := os.Stat(filepath.Join(out, "index.html")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("the executable bit is lost: %v", err)
	}
}

// The URI is known before anything is inserted, and it is the one.
func TestEarlyURI(t *testing.T) {
	r := newRig(t, Config{})
	r.net.hold = make(chan struct{})
	put := r.queue(PutSpec{Path: write(t, filepath.Join(t.TempDir(), "a"), noise(1, 200_000)), EarlyURI: true})
	early := until(t, put, "told its URI", func(s Snapshot) bool { return s.URI.Type == keys.CHK })
	if early.State != Running || r.net.count() != 0 {
		t.Errorf("the put is %s, and %d blocks are in the network", early.State, r.net.count())
	}
	close(r.net.hold)
	if done := untilState(t, put, Done); done.URI != early.URI {
		t.Error("another URI came")
	}
}

// A job that is there survives a stop in any state, with what was said about it.
func TestJobsSurviveARestart(t *testing.T) {
	r := newRig(t, Config{})
	files := t.TempDir()
	path := write(t, filepath.Join(files, "a"), noise(1, 200_000))
	r.net.hold = make(chan struct{})
	running := r.queue(PutSpec{Path: path, Priority: High})
	untilState(t, running, Running)
	paused := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(files, "out")})
	if err := paused.Pause(); err != nil {
		t.Fatal(err)
	}
	untilState(t, paused, Paused)
	cancelled := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "b"}, Path: filepath.Join(files, "out2")})
	cancelled.Cancel()
	untilState(t, cancelled, Cancelled)
	r.restart(Config{})
	for id, want := range map[ID]State{paused.ID(): Paused, cancelled.ID(): Cancelled} {
		j, err := r.Job(id)
		if err != nil {
			t.Fatal(err)
		}
		s := j.Snapshot()
		if s.State != want || !s.Queued || want == Cancelled && !errors.Is(s.Err, ErrCancelled) {
			t.Errorf("a job that was %s is %s (%v)", want, s.State, s.Err)
		}
	}
	again, err := r.Job(running.ID())
	if err != nil {
		t.Fatal(err)
	}
	if s := again.Snapshot(); s.Priority != High || s.Path != path || s.Created.UnixMilli() != running.Snapshot().Created.UnixMilli() {
		t.Errorf("the job that ran is %+v", s)
	}
	close(r.net.hold)
	untilState(t, again, Done)
	if s := running.Snapshot(); s.State != Failed || !errors.Is(s.Err, ErrClosed) {
		t.Errorf("in the process that stopped the job is %s (%v)", s.State, s.Err)
	}
}

// The same again is the job that is there; something else to the same place is not made.
func TestTheSameJobAgain(t *testing.T) {
	r := newRig(t, Config{})
	spec := GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(t.TempDir(), "out")}
	j := r.queue(spec)
	j.Pause()
	if again := r.queue(spec); again != j {
		t.Error("there are two")
	}
	r.restart(Config{})
	if again := r.queue(spec); again.ID() != j.ID() {
		t.Error("after a restart there are two")
	}
	spec.URI.Doc = "b"
	if _, err := r.Queue(spec); !errors.Is(err, ErrTarget) {
		t.Errorf("another get to the same place: %v", err)
	}
	if n := len(r.List()); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

func TestSpecsThatMakeNoSense(t *testing.T) {
	r := newRig(t, Config{})
	dir := t.TempDir()
	there := write(t, filepath.Join(dir, "there"), nil)
	u := keys.URI{Type: keys.KSK, Doc: "a"}
	for name, c := range map[string]struct {
		spec Spec
		want error
	}{
		"relative":        {PutSpec{Path: "a"}, ErrSpec},
		"NUL in a path":   {PutSpec{Path: dir + "/a\x00b"}, ErrSpec},
		"not clean":       {GetSpec{URI: u, Path: dir + "/../a"}, ErrSpec},
		"path too long":   {GetSpec{URI: u, Path: "/" + strings.Repeat("a", maxPath)}, ErrSpec},
		"no URI":          {GetSpec{Path: dir + "/a"}, ErrSpec},
		"the root":        {GetSpec{URI: u, Path: "/"}, ErrSpec},
		"negative":        {PutSpec{Path: there, Timeout: -1}, ErrSpec},
		"tries":           {PutSpec{Path: there, Tries: -1}, ErrSpec},
		"priority":        {PutSpec{Path: there, Priority: 2}, ErrSpec},
		"name":            {PutSpec{Path: there, Name: strings.Repeat("a", maxName+1)}, ErrSpec},
		"target":          {PutSpec{Path: there, Target: keys.URI{Type: keys.SSK, Doc: "a"}}, ErrSpec},
		"too often":       {KeepSpec{URI: u, Every: 1}, ErrSpec},
		"no source":       {PutSpec{Path: dir + "/gone"}, fs.ErrNotExist},
		"empty folder":    {PutSpec{Path: t.TempDir()}, ErrEmpty},
		"taken":           {GetSpec{URI: u, Path: there}, ErrTarget},
		"no folder there": {GetSpec{URI: u, Path: dir + "/gone/a"}, fs.ErrNotExist},
	} {
		if _, err := r.Queue(c.spec); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := len(r.List()); n != 0 {
		t.Errorf("%d jobs", n)
	}
}

func TestQueueIsBounded(t *testing.T) {
	r := newRig(t, Config{MaxQueued: 2, Keep: 2})
	dir := t.TempDir()
	var all []*Job
	for i := range 3 {
		j, err := r.Queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: fmt.Sprint(i)}, Path: filepath.Join(dir, fmt.Sprint(i))})
		if want := i == 2; want != errors.Is(err, ErrQueueFull) {
			t.Fatalf("job %d: %v", i, err)
		}
		if err == nil {
			j.Pause()
			all = append(all, j)
		}
	}
	for i := range 3 {
		all[0].Cancel()
		all = append(all[1:], r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: fmt.Sprint(i)}, Path: filepath.Join(dir, fmt.Sprint("n", i))}))
		all[1].Pause()
	}
	if n := len(r.List()); n != 4 {
		t.Errorf("%d jobs are listed: 2 open ones and 2 final ones should be", n)
	}
	if n := r.Clear(); n != 2 {
		t.Errorf("%d were cleared", n)
	}
	if err := r.Remove(all[0].ID()); !errors.Is(err, ErrState) {
		t.Errorf("removing an open job: %v", err)
	}
	r.restart(Config{})
	if n := len(r.List()); n != 2 {
		t.Errorf("after a restart %d jobs are listed", n)
	}
}

// A source that is not what it was is never mixed with what it was.
func TestChangedSource(t *testing.T) {
	r := newRig(t, Config{})
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "a"), noise(1, 200_000))
	r.net.hold = make(chan struct{})
	between := r.queue(PutSpec{Path: path})
	untilState(t, between, Running)
	between.Pause()
	untilState(t, between, Paused)
	write(t, path, noise(2, 200_001))
	if err := between.Resume(); err != nil {
		t.Fatal(err)
	}
	if s := untilState(t, between, Failed); !errors.Is(s.Err, ErrChanged) {
		t.Errorf("changed in between: %v", s.Err)
	}
	wantNames(t, filepath.Join(r.dir, "jobs"))

	large := write(t, filepath.Join(dir, "large"), noise(3, 200<<20>>3))
	during := r.queue(PutSpec{Path: large})
	untilState(t, during, Running) // nothing of it is inserted, so that it cannot be read to its end
	f, err := os.OpenFile(large, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("more"))
	f.Close()
	close(r.net.hold)
	if s := untilState(t, during, Failed); !errors.Is(s.Err, ErrChanged) {
		t.Errorf("changed while it was read: %v", s.Err)
	}
}

// What is in the vault's records and in the job's files is not in the clear anywhere.
func TestJobsAreNotReadableOnTheDisk(t *testing.T) {
	r := newRig(t, Config{})
	dir := t.TempDir()
	j := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a-word-to-search-for"}, Path: filepath.Join(dir, "a-path-to-search-for")})
	j.Pause()
	r.end()
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("to-search-for")) {
			t.Errorf("%s says what a job is about", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchSendsEveryFinalState(t *testing.T) {
	r := newRig(t, Config{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	first := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(t.TempDir(), "a"), Tries: 1})
	events := r.Watch(ctx)
	put := r.queue(PutSpec{Path: write(t, filepath.Join(t.TempDir(), "a"), noise(1, 300_000))})
	final, gone := map[ID]State{}, map[ID]bool{}
	for len(gone) < 2 {
		s := <-events
		if s.State.Final() && final[s.ID] == "" {
			final[s.ID] = s.State
			if err := r.Remove(s.ID); err != nil {
				t.Fatal(err)
			}
		}
		gone[s.ID] = gone[s.ID] || s.Gone
		if !s.Gone {
			delete(gone, s.ID)
		}
	}
	if final[first.ID()] != Failed || final[put.ID()] != Done {
		t.Errorf("the events end with %v", final)
	}
	if !errors.Is(first.Snapshot().Err, content.ErrNotFound) {
		t.Errorf("the get ended with %v", first.Snapshot().Err)
	}
	stop()
	for range events { // ends
	}
}

// A save that comes after the manager was closed does not write down that the node was stopping, or what was wiped then.
func TestAClosedJobIsLeftAsItIs(t *testing.T) {
	r := newRig(t, Config{})
	target := keys.URI{Type: keys.KSK, Doc: "a"}
	r.net.hold = make(chan struct{})
	j := r.queue(PutSpec{Path: write(t, filepath.Join(t.TempDir(), "a"), noise(1, 100)), Target: target})
	untilState(t, j, Running)
	r.Close()
	if err := j.save(); err != nil {
		t.Fatal(err)
	}
	r.restart(Config{})
	again, err := r.Job(j.ID())
	if err != nil {
		t.Fatal(err)
	}
	if s := again.Snapshot(); s.State.Final() || again.put.Target != target {
		t.Errorf("it is %s (%v), and its target has changed: %t", s.State, s.Err, again.put.Target != target)
	}
}

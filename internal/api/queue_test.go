package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/sites"
	"nightjar/keys"
)

func (r *rig) done(id jobs.ID) Job {
	r.Helper()
	job, err := r.client.wait(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	return job
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestQueuedThereAndBack(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	in := writeFile(t, filepath.Join(dir, "in.txt"), "hello")
	job, err := r.client.CreateJob(t.Context(), JobRequest{Kind: jobs.Put, Queueing: Queueing{
		Path: in, Priority: "high", Redundancy: "3", EarlyURI: true, Tries: 2,
	}})
	if err != nil || !job.Queued || job.Path != in || job.Priority != "high" {
		t.Fatalf("%+v, %v", job, err)
	}
	put := r.done(job.ID)
	if put.State != jobs.Done || !strings.HasSuffix(put.URI, "/in.txt") {
		t.Fatalf("%+v", put)
	}
	out := filepath.Join(dir, "out.txt")
	get := JobRequest{Kind: jobs.Get, URI: put.URI, Queueing: Queueing{Path: out}}
	if job = r.done(r.create(get)); job.State != jobs.Done {
		t.Fatalf("%+v", job)
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := r.client.CreateJob(t.Context(), get); !errors.Is(err, jobs.ErrTarget) {
		t.Errorf("over it: %v", err)
	}
	get.Force = true
	if job = r.done(r.create(get)); job.State != jobs.Done {
		t.Errorf("over it by force: %+v", job)
	}
}

func TestWhatCannotBeQueued(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "a"), "a")
	if err := os.Symlink(file, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "a"), "a")
	for name, c := range map[string]struct {
		req  JobRequest
		want error
	}{
		"a relative source":   {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: "a"}}, ErrRequest},
		"a relative target":   {JobRequest{Kind: jobs.Get, URI: "KSK@x", Queueing: Queueing{Path: "a"}}, ErrRequest},
		"nothing":             {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: filepath.Join(dir, "no")}}, fs.ErrNotExist},
		"no folder to be in":  {JobRequest{Kind: jobs.Get, URI: "KSK@x", Queueing: Queueing{Path: filepath.Join(dir, "no", "a")}}, fs.ErrNotExist},
		"a link":              {JobRequest{Kind: jobs.Get, URI: "KSK@x", Queueing: Queueing{Path: filepath.Join(dir, "link"), Force: true}}, jobs.ErrTarget},
		"what is there":       {JobRequest{Kind: jobs.Get, URI: "KSK@x", Queueing: Queueing{Path: file}}, jobs.ErrTarget},
		"an empty folder":     {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: closed}}, nil},
		"a priority":          {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: file, Priority: "urgent"}}, ErrRequest},
		"a redundancy":        {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: file, Redundancy: "9"}}, ErrRequest},
		"negative tries":      {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: file, Tries: -1}}, ErrRequest},
		"another kind":        {JobRequest{Kind: "x", Queueing: Queueing{Path: file}}, ErrRequest},
		"a URI":               {JobRequest{Kind: jobs.Get, URI: "CHK@x", Queueing: Queueing{Path: filepath.Join(dir, "b")}}, keys.ErrBadURI},
		"no site":             {JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: folder, Site: "blog"}}, sites.ErrNoSite},
		"a keep with a path":  {JobRequest{Kind: jobs.Keep, URI: "KSK@x", Queueing: Queueing{Path: file}}, ErrRequest},
		"a keep of nothing":   {JobRequest{Kind: jobs.Keep}, keys.ErrBadURI},
		"a keep too often":    {JobRequest{Kind: jobs.Keep, URI: "KSK@x", Queueing: Queueing{EveryMS: 1}}, ErrRequest},
		"a sample":            {JobRequest{Kind: jobs.Keep, URI: "KSK@x", Queueing: Queueing{Sample: 2}}, ErrRequest},
		"attached and forced": {JobRequest{Kind: jobs.Get, URI: "KSK@x", Queueing: Queueing{Force: true}}, ErrRequest},
		"an odd name":         {JobRequest{Kind: jobs.Put, Name: "a\x1b[2J"}, ErrRequest},
		"an odd queued name":  {JobRequest{Kind: jobs.Put, Name: "a\nb", Queueing: Queueing{Path: file}}, ErrRequest},
	} {
		job, err := r.client.CreateJob(t.Context(), c.req)
		if told := (*Error)(nil); !errors.As(err, &told) || told.Code == internalCode || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, job, err)
		}
	}
	if n := len(r.jobs.List()); n > 0 {
		t.Errorf("it made %d jobs", n)
	}
}

func TestQueueIsDirected(t *testing.T) {
	r := newRig(t)
	r.net.answer(0)
	out := filepath.Join(t.TempDir(), "out")
	id := r.create(JobRequest{Kind: jobs.Get, URI: "KSK@word", Queueing: Queueing{Path: out}})
	<-r.net.stuck
	if _, err := r.client.SetPriority(t.Context(), id, "low"); err != nil {
		t.Error(err)
	}
	if _, err := r.client.SetPriority(t.Context(), id, "urgent"); !errors.Is(err, ErrRequest) {
		t.Errorf("an unknown priority: %v", err)
	}
	if err := r.client.Remove(t.Context(), id); !errors.Is(err, jobs.ErrState) {
		t.Errorf("removing a job that runs: %v", err)
	}
	if _, err := r.client.Pause(t.Context(), id); err != nil {
		t.Error(err)
	}
	var job Job
	for job.State != jobs.Paused {
		var err error
		if job, err = r.client.Job(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if job.Priority != "low" {
		t.Errorf("the priority is %s", job.Priority)
	}
	if _, err := r.client.Resume(t.Context(), id); err != nil {
		t.Error(err)
	}
	if err := r.client.Cancel(t.Context(), id); err != nil {
		t.Error(err)
	}
	if job = r.done(id); job.State != jobs.Cancelled {
		t.Errorf("%+v", job)
	}
	for name, f := range map[string]func(context.Context, jobs.ID) (Job, error){"pause": r.client.Pause, "resume": r.client.Resume} {
		if _, err := f(t.Context(), id); !errors.Is(err, jobs.ErrState) {
			t.Errorf("%s a job that is final: %v", name, err)
		}
		if _, err := f(t.Context(), "unknown"); !errors.Is(err, jobs.ErrNoJob) {
			t.Errorf("%s an unknown job: %v", name, err)
		}
	}
	if err := r.client.Remove(t.Context(), id); err != nil {
		t.Error(err)
	}
	if n, err := r.client.Clear(t.Context()); n != 0 || err != nil {
		t.Errorf("Clear: %d, %v", n, err)
	}
}

var errEnough = errors.New("enough")

func TestEventsOfAllJobs(t *testing.T) {
	r := newRig(t)
	old := r.put([]byte("x"), -1)
	seen := map[jobs.ID][]jobs.State{}
	var file jobs.ID
	err := r.client.WatchAll(t.Context(), func(j Job, gone bool) error {
		switch {
		case gone:
			if j.ID != old.ID {
				t.Errorf("%s is gone", j.ID)
			}
			return errEnough
		case len(seen) == 0: // the snapshot has come: what follows is new
			file = r.create(JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: writeFile(t, filepath.Join(t.TempDir(), "a"), "a")}})
		case j.ID == file && j.State.Final():
			if err := r.client.Remove(t.Context(), old.ID); err != nil {
				t.Error(err)
			}
		}
		seen[j.ID] = append(seen[j.ID], j.State)
		return nil
	})
	if err != errEnough || len(seen[old.ID]) != 1 || len(seen[file]) == 0 {
		t.Errorf("%v, %v", err, seen)
	}
}

// pipeWriter is a connection that nobody reads once it is full: it takes room bytes, and then fails when the deadline has passed.
type pipeWriter struct {
	recorder
	room     int
	deadline time.Time
}

func (w *pipeWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }

func (w *pipeWriter) Write(b []byte) (int, error) {
	if w.room -= len(b); w.room < 0 {
		time.Sleep(time.Until(w.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	return len(b), nil
}

// Invariant 5.
func TestAListenerThatDoesNotReadIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := jobs.New(jobs.Config{Patience: time.Hour})
		defer m.Close()
		for range 20 {
			if _, err := m.NewPut(jobs.PutSpec{Name: strings.Repeat("n", 200)}); err != nil {
				t.Fatal(err)
			}
		}
		s := New(Config{Jobs: m, Token: testToken})
		began := time.Now()
		s.ServeHTTP(&pipeWriter{recorder: newRecorder(), room: 4000}, request("GET", "jobs/events", "", nil))
		if took := time.Since(began); took > listenTime+time.Second {
			t.Errorf("it was let go after %v", took)
		}
		m.Close()
	})
}

// At most ten bursts a second, whatever happens.
func TestEventsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := jobs.New(jobs.Config{})
		s := New(Config{Jobs: m, Token: testToken})
		ctx, cancel := context.WithCancel(t.Context())
		w := &counter{recorder: newRecorder()}
		ended := make(chan struct{})
		go func() { // ends with ctx
			defer close(ended)
			s.ServeHTTP(w, request("GET", "jobs/events", "", nil).WithContext(ctx))
		}()
		for range 500 {
			j, err := m.NewPut(jobs.PutSpec{})
			if err != nil {
				t.Fatal(err)
			}
			j.Cancel()
			time.Sleep(2 * time.Millisecond)
		}
		cancel()
		<-ended
		m.Close()
		if w.flushes > 14 || w.flushes < 8 { // fewer: jobs that never rest would be one burst without end
			t.Errorf("%d bursts in a second", w.flushes)
		}
	})
}

type counter struct {
	recorder
	flushes int
}

func (c *counter) Flush() { c.flushes++ }

func TestSitesOverHTTP(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	site, err := r.client.CreateSite(ctx, "my blog")
	if err != nil || site.Edition != -1 || !strings.HasSuffix(site.URI, "/my%20blog/-1") || site.EditionURI != "" {
		t.Fatalf("%+v, %v", site, err)
	}
	if _, err := r.client.CreateSite(ctx, "my blog"); !errors.Is(err, sites.ErrTaken) {
		t.Errorf("again: %v", err)
	}
	if _, err := r.client.CreateSite(ctx, "a/b"); !errors.Is(err, sites.ErrName) {
		t.Errorf("a name that cannot be: %v", err)
	}
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "index.html"), "<p>hello")
	job := r.done(r.create(JobRequest{Kind: jobs.Put, Queueing: Queueing{Path: folder, Site: "my blog"}}))
	if job.State != jobs.Done || !strings.HasSuffix(job.URI, "/my%20blog/0") || job.Site != "my blog" {
		t.Fatalf("%+v", job)
	}
	if site, err = r.client.Site(ctx, "my blog"); err != nil || site.Edition != 0 || site.Files != 1 || site.Folder != folder || site.EditionURI != job.URI {
		t.Errorf("%+v, %v", site, err)
	}
	if newest, err := r.client.Newest(ctx, site.URI); err != nil || newest != job.URI {
		t.Errorf("the newest is %s, %v", newest, err)
	}
	if newest, err := r.client.Follow(ctx, site.URI); err != nil || newest != job.URI {
		t.Errorf("Follow found %s, %v", newest, err)
	}
	sealed, err := r.client.ExportSite(ctx, "my blog", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.client.RemoveSite(ctx, "my blog"); err != nil {
		t.Error(err)
	}
	if _, err := r.client.Site(ctx, "my blog"); !errors.Is(err, sites.ErrNoSite) {
		t.Errorf("after it was removed: %v", err)
	}
	if _, err := r.client.ImportSite(ctx, sealed, "wrong horse"); !errors.Is(err, sites.ErrSealed) {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := r.client.ImportSite(ctx, sealed, ""); !errors.Is(err, ErrRequest) {
		t.Errorf("no passphrase: %v", err)
	}
	again, err := r.client.ImportSite(ctx, sealed, "correct horse")
	if err != nil || again.URI != site.URI || again.Edition != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	all, err := r.client.Sites(ctx)
	if err != nil || len(all.Sites) != 1 || all.Sites[0] != again || all.Trouble != "" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestKeepOverHTTP(t *testing.T) {
	r := newRig(t)
	large := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(large) // random, so that it stays several blocks
	uri := r.put(large, -1).URI
	verify, err := r.client.Verify(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := keys.ParseURI(verify); err != nil || !u.Verify {
		t.Errorf("%s is no verify capability: %v", verify, err)
	}
	for _, uri := range []string{uri, verify} {
		job := r.done(r.create(JobRequest{Kind: jobs.Keep, URI: uri}))
		if job.State != jobs.Done || job.Health == nil || job.Health.Blocks == 0 || job.Health.Missing > 0 || (uri == verify) != (len(job.Health.Classes) == 0) {
			t.Errorf("%+v, %+v", job, job.Health)
		}
	}
	if job := r.done(r.create(JobRequest{Kind: jobs.Get, URI: verify, Queueing: Queueing{Path: filepath.Join(t.TempDir(), "x")}})); !errors.Is(job.Error, content.ErrVerifyOnly) {
		t.Errorf("reading with a verify capability: %+v", job)
	}
}

func TestNetworkErrorsHaveNoAddressesInThem(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	write := &net.OpError{Op: "write", Net: "tcp", Source: addr, Addr: addr, Err: &os.SyscallError{Syscall: "write", Err: syscall.EPIPE}}
	for _, err := range []error{
		write,
		&net.OpError{Op: "readfrom", Net: "tcp", Source: addr, Addr: addr, Err: write},
		&url.Error{Op: "Put", URL: "http://127.0.0.1:1/x", Err: fmt.Errorf("net/http: %w", write)},
	} {
		if got := plain(err); got != error(syscall.EPIPE) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	if got := plain(&watchError{}); got != io.ErrUnexpectedEOF {
		t.Errorf("an early end becomes %v", got)
	}
}

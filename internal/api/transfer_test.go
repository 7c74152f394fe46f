package api

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/internal/api/datadir"
	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/node"
	"nightjar/keys"
)

func TestFileThereAndBack(t *testing.T) {
	r := newRig(t)
	for _, size := range []int{0, 1, 32767, 32768, 32769, 300_000} {
		want := bytes.Repeat([]byte("x1"), size/2+1)[:size]
		for _, announced := range []int64{int64(size), -1} {
			job := r.put(want, announced)
			if job.State != jobs.Done || job.Size != uint64(size) || !strings.HasSuffix(job.URI, "/a.txt") {
				t.Errorf("%d bytes: %+v", size, job)
			}
			d, err := r.client.Download(t.Context(), r.create(JobRequest{Kind: jobs.Get, URI: job.URI}))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(d)
			if err != nil || !bytes.Equal(got, want) || d.Folder || d.Size != int64(size) || d.MIME == "" {
				t.Errorf("%d bytes: got %d, %v, %+v", size, len(got), err, d)
			}
			d.Close()
		}
	}
}

// tarOf is a folder as a client sends it.
func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := foldertar.NewWriter(&b)
	for name, text := range files {
		err := w.File(content.FileInfo{Path: name, Size: uint64(len(text))}, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFolderThereAndBack(t *testing.T) {
	r := newRig(t)
	files := map[string]string{"index.html": "<p>", "a/b.txt": strings.Repeat("b", 50_000), "empty": ""}
	padded := append(tarOf(t, files), make([]byte, 10_240)...) // as tar programs fill their last record
	job, err := r.client.Upload(t.Context(), r.create(JobRequest{Kind: jobs.Put, Folder: true}), bytes.NewReader(padded), -1)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.client.Download(t.Context(), r.create(JobRequest{Kind: jobs.Get, URI: job.URI}))
	if err != nil || !d.Folder {
		t.Fatalf("Download: %+v, %v", d, err)
	}
	defer d.Close()
	got := map[string]string{}
	for folder := foldertar.NewReader(d); ; {
		info, body, err := folder.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		got[info.Path] = string(b)
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
}

// Names are checked where they enter.
func TestHostileFoldersAreRefused(t *testing.T) {
	hostile := func(h tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := errors.Join(w.WriteHeader(&h), w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := tarOf(t, map[string]string{"a": strings.Repeat("a", 5000)})
	for name, body := range map[string][]byte{
		"parent":     hostile(tar.Header{Typeflag: tar.TypeReg, Name: "../a"}),
		"link":       hostile(tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc/passwd"}),
		"cut":        good[:3000],
		"no tar":     bytes.Repeat([]byte("x"), 2000),
		"more after": append(good[:len(good):len(good)], make([]byte, maxPadding+1)...),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			id := r.create(JobRequest{Kind: jobs.Put, Folder: true})
			_, err := r.client.Upload(t.Context(), id, bytes.NewReader(body), -1)
			var e *Error
			if !errors.As(err, &e) || e.Code != "bad_folder" && name != "cut" {
				t.Errorf("Upload: %v", err)
			}
			if job, err := r.client.Job(t.Context(), id); err != nil || job.State != jobs.Failed {
				t.Errorf("the job is %s, %v", job.State, err)
			}
		})
	}
}

// Invariant 4: what is cut is an error for the reader, and the error says why.
func TestDownloadThatBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*rig, jobs.ID)
		want error
	}{
		"cancelled": {func(r *rig, id jobs.ID) { r.client.Cancel(context.WithoutCancel(r.Context()), id) }, jobs.ErrCancelled},
		"closing":   {func(r *rig, _ jobs.ID) { r.jobs.Close() }, jobs.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			large := make([]byte, 300_000)
			rand.NewChaCha8([32]byte{}).Read(large) // random, so that it stays several blocks
			job := r.put(large, -1)
			id := r.create(JobRequest{Kind: jobs.Get, URI: job.URI})
			r.net.answer(4)
			ended := make(chan error, 1)
			go func() {
				d, err := r.client.Download(t.Context(), id)
				if err == nil {
					_, err = io.Copy(io.Discard, d)
					d.Close()
				}
				ended <- err
			}()
			<-r.net.stuck
			c.end(r, id)
			if err := <-ended; !errors.Is(err, c.want) {
				t.Errorf("the reader got %v, want %v", err, c.want)
			}
		})
	}
}

func TestClientThatGoesAwayEndsItsJob(t *testing.T) {
	r := newRig(t)
	id := r.create(JobRequest{Kind: jobs.Put})
	ctx, cancel := context.WithCancel(t.Context())
	body, w := io.Pipe()
	defer w.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := r.client.Upload(ctx, id, body, -1)
		ended <- err
	}()
	w.Write([]byte("the beginning"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Upload: %v", err)
	}
	if job, err := r.client.wait(t.Context(), id); err != nil || job.State == jobs.Done {
		t.Errorf("the job is %s, %v", job.State, err)
	}
}

func TestUploadMayTakeLongerThanOtherRequests(t *testing.T) {
	r := newRig(t)
	id := r.create(JobRequest{Kind: jobs.Put})
	body, w := io.Pipe()
	go func() {
		io.WriteString(w, "begun")
		<-time.After(2 * readTimeout)
		io.WriteString(w, " and ended")
		w.Close()
	}()
	job, err := r.client.Upload(t.Context(), id, body, -1)
	if err != nil || job.Size != 15 {
		t.Errorf("%d bytes, %v", job.Size, err)
	}
}

func TestUploadSaysWhyItsSourceFailed(t *testing.T) {
	r := newRig(t)
	broken := errors.New("disk on fire")
	source := io.MultiReader(strings.NewReader("the beginning"), &brokenReader{broken})
	if _, err := r.client.Upload(t.Context(), r.create(JobRequest{Kind: jobs.Put}), source, -1); !errors.Is(err, broken) {
		t.Errorf("Upload: %v", err)
	}
}

type brokenReader struct{ err error }

func (b *brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestFailuresComeBackOverHTTP(t *testing.T) {
	r := newRig(t)
	job := r.put([]byte("hello"), 5)
	r.net.forget()
	if _, err := r.client.Download(t.Context(), r.create(JobRequest{Kind: jobs.Get, URI: job.URI})); !errors.Is(err, content.ErrNotFound) {
		t.Errorf("lost content: %v", err)
	}
	if _, err := r.client.Job(t.Context(), "x"); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("unknown job: %v", err)
	}
	if _, err := r.client.CreateJob(t.Context(), JobRequest{Kind: jobs.Get, URI: "CHK@x"}); !errors.Is(err, keys.ErrBadURI) {
		t.Errorf("bad URI: %v", err)
	}
}

// Invariant 5, seen from the listener: the final state always comes, and the stream ends.
func TestEventsEndWithTheFinalState(t *testing.T) {
	r := newRig(t)
	id := r.create(JobRequest{Kind: jobs.Put})
	var states []jobs.State
	first := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- r.client.Watch(t.Context(), id, func(j Job) {
			if states = append(states, j.State); len(states) == 1 {
				close(first)
			}
		})
	}()
	<-first
	if _, err := r.client.Upload(t.Context(), id, strings.NewReader("hello"), 5); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Watch: %v", err)
	}
	if len(states) < 2 || states[0] != jobs.Waiting || states[len(states)-1] != jobs.Done {
		t.Errorf("states %v", states)
	}
	var again []jobs.State
	if err := r.client.Watch(t.Context(), id, func(j Job) { again = append(again, j.State) }); err != nil || len(again) != 1 {
		t.Errorf("a listener that comes late: %v, %v", again, err)
	}
}

// A get that waits for relays tells its listeners so, and when there are enough, that too.
func TestEventsTellWhatAJobWaitsFor(t *testing.T) {
	r := newRig(t)
	r.net.answer(0)
	r.net.obstruct(&node.ObstacleError{Why: "2 more relays are needed", Missing: 2})
	id := r.create(JobRequest{Kind: jobs.Get, URI: "KSK@word"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fetched := make(chan error, 1)
	go func() { // ends with the job
		_, err := r.client.Download(ctx, id)
		fetched <- err
	}()
	<-r.net.stuck
	var told []string
	err := r.client.Watch(t.Context(), id, func(j Job) {
		if n := len(told); n == 0 || told[n-1] != j.Obstacle {
			told = append(told, j.Obstacle)
			r.net.obstruct(nil)
		}
		if len(told) == 2 {
			cancel()
		}
	})
	if err != nil {
		t.Errorf("Watch: %v", err)
	}
	if len(told) < 2 || told[0] != "2 more relays are needed" || told[1] != "" {
		t.Errorf("told %q", told)
	}
	<-fetched
}

func TestDialFindsOnlyItsOwnNode(t *testing.T) {
	dir, err := datadir.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no node: %v", err)
	}
	if _, err := dir.NewToken(); err != nil {
		t.Fatal(err)
	}
	status := func(api string) error {
		if err := dir.Announce(datadir.Endpoint{API: api}); err != nil {
			t.Fatal(err)
		}
		c, err := Dial(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Status(t.Context())
		return err
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := status(gone.URL + "/api/v1"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a node that was killed: %v", err)
	}
	other := httptest.NewServer(nil)
	defer other.Close()
	if err := status(other.URL + "/api/v1"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a port that was taken over: %v", err)
	}
	another := httptest.NewServer(newServer(t))
	defer another.Close()
	if err := status(another.URL + "/api/v1"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("another node on the port: %v", err)
	}
}

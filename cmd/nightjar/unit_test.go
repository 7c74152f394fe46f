package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "1": 1, "17B": 17, "1KiB": 1 << 10, "1.5 MiB": 3 << 19, "2GiB": 2 << 30, "1TiB": 1 << 40,
		"500MB": 500_000_000, "1gb": 1_000_000_000, " 3 kib ": 3 << 10, "1024 B": 1024,
	} {
		var s byteSize
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%q: %d, %v, want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "-1KiB", "1XB", "1e30", "NaN", "Inf", "9000000TiB", "KiB", "1 2"} {
		var s byteSize
		if s.Set(text) == nil {
			t.Errorf("%q is accepted as %d", text, s)
		}
	}
	for size, want := range map[byteSize]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 3 << 30: "3 GiB", 5 << 40: "5 TiB", 123_456_789: "118 MiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d prints as %q, want %q", int64(size), got, want)
		}
	}
}

func TestDefaultNames(t *testing.T) {
	for want, u := range map[string]keys.URI{
		"a.txt":  {Type: keys.CHK, Path: "a.txt"},
		"b.txt":  {Type: keys.CHK, Path: "a/b.txt"},
		"doc":    {Type: keys.SSK, Doc: "doc"},
		"blog":   {Type: keys.USK, Doc: "blog", Edition: 3},
		"word":   {Type: keys.KSK, Doc: "word"},
		"ü 1.md": {Type: keys.USK, Doc: "blog", Path: "x/ü 1.md"},
	} {
		if got := defaultName(u); got != want {
			t.Errorf("%s: %q, want %q", shortURI(u), got, want)
		}
	}
	for _, path := range []string{"", ".bashrc", "a/.ssh", "..", "a/.."} {
		if got := defaultName(keys.URI{Type: keys.CHK, Path: path}); got != "" {
			t.Errorf("path %q gives the name %q", path, got)
		}
	}
}

func TestShortURIsHoldNoKeys(t *testing.T) {
	u, err := keys.NewAuthor(strings.NewReader(strings.Repeat("secret..", 8)))
	if err != nil {
		t.Fatal(err)
	}
	u.Doc, u.Path = "doc", "a/b"
	for want, u := range map[string]keys.URI{
		"SSK@…/doc/a/b": u,
		"KSK@word":      {Type: keys.KSK, Doc: "word"},
		"USK@…/blog/-1": {Type: keys.USK, Doc: "blog", Edition: -1},
		"CHK@…":         {Type: keys.CHK},
	} {
		if got := shortURI(u); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// files lists what is in a directory, by name.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// What is there is not replaced, and links and devices never are.
func TestPlacesThatAreTaken(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), nil, 0o666), os.Mkdir(at("folder"), 0o777), os.Symlink("nowhere", at("link"))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ gently, byForce error }{
		"new": {}, "file": {gently: errExists}, "folder": {gently: errExists}, "link": {errExists, errNotReplaced}, "no/new": {fs.ErrNotExist, fs.ErrNotExist},
	} {
		if err := free(at(name), false); !errors.Is(err, c.gently) {
			t.Errorf("%s: %v, want %v", name, err, c.gently)
		}
		if err := free(at(name), true); !errors.Is(err, c.byForce) {
			t.Errorf("%s by force: %v, want %v", name, err, c.byForce)
		}
	}
	if err := free(at("file/new"), true); err == nil {
		t.Error("a place in a file is accepted")
	}
}

// Exit codes are a promise: each one in the table is used, and each one used is in the table.
func TestExitCodesAreDocumented(t *testing.T) {
	documented := map[int]bool{}
	for _, m := range exitMeanings() {
		documented[m.code] = true
	}
	used := map[int]bool{exitOK: true, exitFailure: true}
	for _, o := range outcomes() {
		used[o.exit] = true
		if got := exitCodeOf(fmt.Errorf("while: %w", o.err)); got != o.exit {
			t.Errorf("%v exits with %d, want %d", o.err, got, o.exit)
		}
	}
	if diff := cmp.Diff(documented, used); diff != "" {
		t.Errorf("codes (-documented +used):\n%s", diff)
	}
	if exitCodeOf(nil) != exitOK || exitCodeOf(errors.New("odd")) != exitFailure || exitCodeOf(toldError(5)) != 5 {
		t.Error("nil, an unknown error or one that was told has the wrong code")
	}
}

// What the node reports over the API has the same exit code as the error itself.
func TestErrorsOfTheNodeKeepTheirExitCodes(t *testing.T) {
	for code, want := range map[string]int{
		"not_found": exitNotFound, "no_entry": exitNotFound, "bad_uri": exitBadURI, "hyphanet_key": exitBadURI,
		"malformed": exitMalformed, "no_peers": exitNoPeers, "timeout": exitTimeout, "cancelled": exitInterrupted,
		"bad_ref": exitUsage, "internal": exitFailure, "store_full": exitFailure,
	} {
		if got := exitCodeOf(during(&api.Error{Code: code}, "x")); got != want {
			t.Errorf("%s exits with %d, want %d", code, got, want)
		}
	}
}

func TestErrorsSayWhatHappenedToWhatAndWhatToDo(t *testing.T) {
	err := during(&api.Error{Code: "not_found", Message: "content: not found"}, "fetch %s", "CHK@…/a\x1b[2J")
	for name, c := range map[string]struct {
		e    env
		want string
	}{
		"people": {env{}, "nightjar: error: fetch CHK@…/a\uFFFD[2J: not found in the network\nnightjar: hint: check that the URI is complete; if it is, try again later\n"},
		"quiet":  {env{quiet: true}, "nightjar: error: fetch CHK@…/a\uFFFD[2J: not found in the network\n"},
		"JSON":   {env{json: true}, `{"error":{"exit":3,"hint":"check that the URI is complete; if it is, try again later","message":"fetch CHK@…/a` + "\uFFFD" + `[2J: not found in the network"}}` + "\n"},
	} {
		var b bytes.Buffer
		c.e.stderr = &b
		c.e.printError(err)
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Every command says what it does, with examples of its own.
func TestHelpHasExamples(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if !c.Runnable() {
			return // a topic
		}
		if c.Short == "" || !regexp.MustCompile(`^[A-Z].*[^.]$`).MatchString(c.Short) {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example of its own", c.CommandPath())
		}
	}
	walk(newRootCmd(&env{}))
}

func TestProgressTexts(t *testing.T) {
	j := api.Job{Kind: jobs.Get, State: jobs.Waiting}
	if got := phase(j); got != "waiting" {
		t.Error(got)
	}
	j.State = jobs.Running
	if got := phase(j); got != "searching" {
		t.Error(got)
	}
	j.Progress = api.Progress{Done: 10, Need: 20, Bytes: 10 << 15, Size: 100 << 15, Rate: 3 << 20}
	if got := phase(j); got != "fetching" {
		t.Error(got)
	}
	if got := blocksNeeded(j, 0); got != 100 {
		t.Errorf("a get needs %d blocks", got)
	}
	j.Started = time.Now().Add(-10 * time.Second)
	if got := pace(j, 0); got != " 3 MiB/s, 1m30s left" {
		t.Error(got)
	}
	j.Kind = jobs.Put
	if got := blocksNeeded(j, 100<<15); got != 200 {
		t.Errorf("a put needs %d blocks", got)
	}
	j.Started, j.Progress.Done = time.Now().Add(-time.Minute), 100
	if got := pace(j, 100<<15); got != " 26.7 KiB/s, 1m0s left" {
		t.Errorf("half of 3.1 MiB in a minute: %q", got)
	}
	if got := pace(api.Job{}, 0); got != "" {
		t.Errorf("%q before anything is known", got)
	}
}

func TestDrawnPortsAreInRange(t *testing.T) {
	for range 1000 {
		if p := drawPort(); p < lowPort || p > highPort {
			t.Fatalf("drew %d", p)
		}
	}
}

// A second thing wrong with a context: it ended before the command began.
func TestInterruptedCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := env{data: t.TempDir()}
	err := e.withClient(ctx, func(ctx context.Context, c *api.Client) error { return ctx.Err() })
	if got := exitCodeOf(err); got != exitNoNode {
		t.Errorf("without a node: %d, %v", got, err)
	}
	if got := exitCodeOf(during(ctx.Err(), "x")); got != exitInterrupted {
		t.Errorf("interrupted: %d", got)
	}
}

// What fails before anything has come over the network fails the command; later, and for a job that was there before, it waits.
func TestWhatIsNotWorthWaitingFor(t *testing.T) {
	why := &api.Error{Code: "no_peers"}
	retrying := func(kind jobs.Kind, p api.Progress) api.Job {
		return api.Job{Kind: kind, State: jobs.Retrying, Error: why, Progress: p}
	}
	for name, c := range map[string]struct {
		before, job api.Job
		attached    bool
		want        bool
	}{
		"a put of nothing yet":     {job: retrying(jobs.Put, api.Progress{Bytes: 10}), want: true},
		"a put that had begun":     {job: retrying(jobs.Put, api.Progress{Done: 1})},
		"and has begun anew":       {before: api.Job{Kind: jobs.Put, Progress: api.Progress{Done: 1}}, job: retrying(jobs.Put, api.Progress{})},
		"a get of nothing yet":     {job: retrying(jobs.Get, api.Progress{Done: 1}), want: true},
		"a get that had begun":     {job: retrying(jobs.Get, api.Progress{Bytes: 1})},
		"a job that was there":     {job: retrying(jobs.Get, api.Progress{}), attached: true},
		"a job that runs":          {job: api.Job{Kind: jobs.Get, State: jobs.Running}},
		"paused by its user":       {job: api.Job{Kind: jobs.Get, State: jobs.Paused}},
		"a full disk":              {job: api.Job{Kind: jobs.Get, State: jobs.Paused, Error: &api.Error{Code: "disk_full"}}},
		"a target taken meanwhile": {job: api.Job{Kind: jobs.Get, State: jobs.Paused, Error: &api.Error{Code: "target_taken"}, Progress: api.Progress{Bytes: 9}}, want: true},
	} {
		f := following{fresh: !c.attached}
		f.hopeless(c.before)
		if got := f.hopeless(c.job); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A log may lie on the disk: it tells days.
func TestLogTellsTheDay(t *testing.T) {
	var out bytes.Buffer
	e := env{stderr: &out}
	e.logger().Warn("something", "n", 1)
	if !regexp.MustCompile(`^time=\d{4}-\d\d-\d\d level=WARN msg=something n=1\n$`).Match(out.Bytes()) {
		t.Errorf("%q", out.String())
	}
}

// TestPassphraseIsText: bytes that JSON cannot carry would be another passphrase for a running node than for one that reads the file itself.
func TestPassphraseIsText(t *testing.T) {
	for text, ok := range map[string]bool{"caf\u00e9\x00\n": true, "caf\xe9\n": false, "\xff": false} {
		if got, err := firstSecret(&cobra.Command{}, strings.NewReader(text)); (err == nil) != ok || ok && got != strings.TrimSuffix(text, "\n") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

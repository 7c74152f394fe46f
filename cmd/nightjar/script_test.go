package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/jobs"
)

// The scripts in testdata/script are the manual of the commands, and run them as a user does. Beside testscript's own commands
// they have:
//
//	exitcode N nightjar ...    run a command that must end with this exit code
//	save NAME [REGEXP]         set a variable to the last word of stdout, or to what the group in REGEXP matches
//	serve DIR [FLAG ...]       start a node on loopback in the background, with DIR for its data
//	until file FILE            wait until a file exists
//	until state DIR ID STATE          wait until a job of the node of DIR is in this state
//	until blocks DIR N                wait until the store of the node of DIR has N blocks or more
//	until peers|jobs|relays DIR N     wait until the node of DIR has N peers or open jobs
//
// and a file noise, of 200 000 random bytes: seven blocks of data.
func TestMain(m *testing.M) {
	if os.Getenv(askedVariable) != "" { // a node of TestLong, which ends by os.Exit: Main would leave its folder of programs behind
		os.Exit(m.Run())
	}
	testscript.Main(m, map[string]func(){"nightjar": main})
}

// scriptTime bounds a wait in a script.
const scriptTime = 20 * time.Second

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("NIGHTJAR_DATA", filepath.Join(e.WorkDir, "data"))
			e.Defer(func() { stopNodes(t, e.WorkDir) })
			noise := make([]byte, 200_000)
			rand.Read(noise)
			return os.WriteFile(filepath.Join(e.WorkDir, "noise"), noise, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitcode, "save": save, "until": until, "serve": serve,
		},
	})
}

func exitcode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N COMMAND [ARG ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if args[0] != strconv.Itoa(code) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func save(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: save NAME [REGEXP]")
	}
	pattern := `(\S+)\s*$`
	if len(args) == 2 {
		pattern = args[1]
	}
	match := regexp.MustCompile(pattern).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(match) != 2 {
		ts.Fatalf("stdout does not match %s", pattern)
	}
	ts.Setenv(args[0], match[1])
}

// until looks again and again, as a person would.
func until(ts *testscript.TestScript, neg bool, args []string) {
	late := time.After(scriptTime)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !neg {
		if holds(ts, args) {
			return
		}
		select {
		case <-look.C:
		case <-late:
			ts.Fatalf("not so after %v: %s", scriptTime, strings.Join(args, " "))
		}
	}
	ts.Fatalf("until cannot be negated")
}

func holds(ts *testscript.TestScript, args []string) bool {
	switch {
	case len(args) == 2 && args[0] == "file":
		_, err := os.Stat(ts.MkAbs(args[1]))
		return err == nil
	case len(args) == 4 && args[0] == "state":
		c, err := api.Dial(datadir.At(ts.MkAbs(args[1])))
		ts.Check(err)
		defer c.Close()
		j, err := c.Job(context.Background(), jobs.ID(args[2]))
		ts.Check(err)
		return string(j.State) == args[3]
	case len(args) == 3 && args[0] == "blocks":
		c, err := api.Dial(datadir.At(ts.MkAbs(args[1])))
		ts.Check(err)
		defer c.Close()
		s, err := c.Status(context.Background())
		ts.Check(err)
		n, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		return s.Store.Blocks >= n
	case len(args) == 3 && (args[0] == "peers" || args[0] == "jobs" || args[0] == "relays"):
		c, err := api.Dial(datadir.At(ts.MkAbs(args[1])))
		ts.Check(err)
		defer c.Close()
		s, err := c.Status(context.Background())
		ts.Check(err)
		n := map[string]int{"jobs": s.Jobs, "peers": s.Peers.Total, "relays": s.Onion.Relays}[args[0]]
		return strconv.Itoa(n) == args[2]
	}
	ts.Fatalf("usage: until file FILE, or until state DIR ID STATE, or until peers|jobs|relays DIR N")
	return false
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve DIR [FLAG ...]")
	}
	// A script's nodes are too few for circuits, unless it says otherwise.
	start := []string{"start", "--data", ts.MkAbs(args[0]), "--fproxy", "127.0.0.1:0", "--listen", "tcp/127.0.0.1:0", "--hops", "0"}
	ts.Check(ts.Exec("nightjar", append(start, args[1:]...)...))
}

// stopNodes stops the nodes that a script has left running.
func stopNodes(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "node.json" {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
		defer cancel()
		e := env{data: filepath.Dir(p)}
		c, err := api.Dial(datadir.At(e.data))
		if err == nil {
			err = errors.Join(c.Shutdown(ctx), e.untilGone(ctx))
			c.Close()
		}
		if errors.Is(err, api.ErrNotRunning) {
			return nil // it was killed
		}
		return err
	})
	if err != nil {
		t.Errorf("stop the nodes of a script: %v", err)
	}
}

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"nightjar/internal/jobs"
	"nightjar/keys"
)

const (
	// askedVariable is set for a process of this test program that is a node: the file for what its jobs and its proxy ask for.
	askedVariable = "NIGHTJAR_TEST_ASKED"
	// windowVariable bounds what such a process has in flight; 0 = as the program does.
	windowVariable = "NIGHTJAR_TEST_WINDOW"
)

// TestNodeProcess is the program in a process of its own, if the environment says so: TestLong runs its nodes with it. It differs from
// the program in that it writes down what its jobs and its proxy ask the network for, where kill -9 does not reach it.
func TestNodeProcess(t *testing.T) {
	path := os.Getenv(askedVariable)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	places, err := strconv.Atoi(os.Getenv(windowVariable))
	if err != nil {
		t.Fatal(err)
	}
	var window chan struct{}
	if places > 0 {
		window = make(chan struct{}, places)
	}
	e := &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	e.watch = func(n jobs.Network) jobs.Network { return &noted{n, f, window} }
	root := newRootCmd(e)
	root.SetArgs(flag.Args())
	if err := root.ExecuteContext(context.Background()); err != nil {
		e.printError(err)
		os.Exit(exitCodeOf(err))
	}
	os.Exit(exitOK)
}

// noted is a network that writes down what it is asked for.
type noted struct {
	jobs.Network
	f      *os.File
	window chan struct{} // holds a token for each block in flight; nil = unbounded
}

// An askedEntry is what, then the kind and the name of the block.
const (
	askedFor  = 'f'
	cameBack  = 'F'
	sentOut   = 'i'
	wasTaken  = 'I'
	askedSize = 1 + 1 + 32
)

func (n *noted) note(what byte, id keys.ID) {
	b := append([]byte{what, byte(id.Kind)}, id.Name[:]...)
	if _, err := n.f.Write(b); err != nil {
		panic(err) // a count that misses something would prove nothing
	}
}

func (n *noted) enter(ctx context.Context) (leave func(), err error) {
	if n.window == nil {
		return func() {}, nil
	}
	select {
	case n.window <- struct{}{}:
		return func() { <-n.window }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (n *noted) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	leave, err := n.enter(ctx)
	if err != nil {
		return keys.Block{}, err
	}
	defer leave()
	n.note(askedFor, id)
	b, err := n.Network.Fetch(ctx, id, top)
	if err == nil {
		n.note(cameBack, id)
	}
	return b, err
}

func (n *noted) Insert(ctx context.Context, b keys.Block, top bool) error {
	leave, err := n.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	n.note(sentOut, b.ID())
	err = n.Network.Insert(ctx, b, top)
	if err == nil {
		n.note(wasTaken, b.ID())
	}
	return err
}

// asked is the file for what the given process of a node asks for.
func (n *longNet) asked(i, run int) string { return fmt.Sprintf("%s.asked-%d", n.nodes[i].data, run) }

// longMark is a moment in what a node asks for.
type longMark struct {
	run int
	at  int64
}

// now is the moment that it is.
func (n *longNet) now(i int) longMark {
	n.t.Helper()
	m := longMark{run: n.nodes[i].runs}
	if info, err := os.Stat(n.asked(i, m.run)); err == nil {
		m.at = info.Size()
	}
	return m
}

// askedEntry is one thing that a node did.
type askedEntry struct {
	what byte
	id   keys.ID
}

// since lists what a node did after a moment, by process: the first is the one that ran then.
func (n *longNet) since(i int, m longMark) (runs [][]askedEntry) {
	n.t.Helper()
	for run := m.run; run <= n.nodes[i].runs; run++ {
		b, err := os.ReadFile(n.asked(i, run))
		if err != nil {
			n.t.Fatal(err)
		}
		if run == m.run {
			b = b[m.at:]
		}
		var all []askedEntry
		for ; len(b) >= askedSize; b = b[askedSize:] {
			all = append(all, askedEntry{b[0], keys.ID{Kind: keys.Kind(b[1]), Name: [32]byte(b[2:askedSize])}})
		}
		runs = append(runs, all)
	}
	return runs
}

// blocks is the set of blocks that something was done with.
func blocksOf(did []askedEntry, what byte) map[keys.ID]bool {
	set := map[keys.ID]bool{}
	for _, e := range did {
		if e.what == what {
			set[e.id] = true
		}
	}
	return set
}

// count counts what a node has done since a moment.
func (n *longNet) count(i int, m longMark, what byte) (sum int) {
	n.t.Helper()
	for _, run := range n.since(i, m) {
		for _, e := range run {
			if e.what == what {
				sum++
			}
		}
	}
	return sum
}

// repeated counts the blocks that a node did something with, and how often it did that again in a later process.
func repeated(runs [][]askedEntry, what byte) (all, again int) {
	seen := map[keys.ID]bool{}
	for _, run := range runs {
		for id := range blocksOf(run, what) {
			if seen[id] {
				again++
			}
			seen[id] = true
		}
	}
	return len(seen), again
}

// inFlight is what a node that was killed was still asking for, and as much of what came last as may not have been noted yet.
func inFlight(run []askedEntry, window int) map[keys.ID]bool {
	pending := blocksOf(run, askedFor)
	came := 0
	for i := len(run) - 1; i >= 0; i-- {
		if run[i].what != cameBack {
			continue
		}
		if came++; came > window {
			delete(pending, run[i].id)
		}
	}
	return pending
}

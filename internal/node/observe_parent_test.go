package node_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"nightjar/routing/wire"
)

// process is a child as its parent knows it.
type process struct {
	index   int
	id      wire.NodeID
	self    wire.Descriptor
	cmd     *exec.Cmd
	orders  *json.Encoder
	replies *json.Decoder
	stdin   io.Closer
	record  string // the file
}

// processes is a network of nodes of which each is a process of its own.
type processes struct {
	t   *testing.T
	dir string
	all []*process
}

// startProcesses starts n nodes, of which those with the indices in direct do not use circuits, and waits until all have joined.
// The processes end with the test, and by themselves if this one dies: their stdin closes then.
func startProcesses(t *testing.T, n int, recorded bool, direct ...int) *processes {
	t.Helper()
	net := &processes{t: t, dir: t.TempDir()}
	var seeds [][]byte
	for i := range n {
		p := net.start(i)
		if recorded {
			p.record = filepath.Join(net.dir, fmt.Sprintf("%d.record", i))
		}
		o := order{Do: "start", Index: i, Record: p.record, Seeds: seeds}
		for _, d := range direct {
			o.Direct = o.Direct || d == i
		}
		r := net.do(p, o)
		self, _, err := wire.ParseDescriptor(r.Self)
		if err != nil {
			t.Fatal(err)
		}
		if p.self, p.id = self, self.ID; i == 0 {
			seeds = [][]byte{r.Self}
		}
	}
	net.doAll(func(int) order { return order{Do: "join", Peers: n - 1} })
	return net
}

// start starts one process.
func (net *processes) start(i int) *process {
	net.t.Helper()
	program, err := os.Executable()
	if err != nil {
		net.t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		net.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		net.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		net.t.Fatal(err)
	}
	p := &process{index: i, cmd: cmd, stdin: stdin, orders: json.NewEncoder(stdin), replies: json.NewDecoder(bufio.NewReader(stdout))}
	net.all = append(net.all, p)
	net.t.Cleanup(func() { net.kill(p) })
	return p
}

// kill ends a process at once and waits. The second time it does nothing.
func (net *processes) kill(p *process) {
	if p.cmd.ProcessState != nil {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		net.t.Errorf("node %d: %v", p.index, err)
	}
	p.stdin.Close()
	p.cmd.Wait() // that it was killed is no news
}

// stop ends all processes cleanly, so that their records are whole.
func (net *processes) stop() {
	each(net.all, func(p *process) {
		p.stdin.Close()
		if err := p.cmd.Wait(); err != nil {
			net.t.Errorf("node %d: %v", p.index, err)
		}
	})
}

// try has a process carry out an order, and calls report for what it says meanwhile.
func (net *processes) try(p *process, o order, report func(reply)) (reply, error) {
	if err := p.orders.Encode(o); err != nil {
		return reply{}, fmt.Errorf("node %d: %s: %w", p.index, o.Do, err)
	}
	for {
		var r reply
		if err := p.replies.Decode(&r); err != nil {
			return reply{}, fmt.Errorf("node %d: %s: %w", p.index, o.Do, err)
		}
		switch {
		case r.Error != "":
			return r, fmt.Errorf("node %d: %s: %s", p.index, o.Do, r.Error)
		case r.Last:
			return r, nil
		}
		report(r)
	}
}

// do is try for orders that report nothing and cannot fail.
func (net *processes) do(p *process, o order) reply {
	net.t.Helper()
	r, err := net.try(p, o, func(reply) {})
	if err != nil {
		net.t.Fatal(err)
	}
	return r
}

// doAll has all processes carry out an order at the same time; one that asks for nothing is left out.
func (net *processes) doAll(what func(i int) order) []reply {
	net.t.Helper()
	replies, errs := make([]reply, len(net.all)), make([]error, len(net.all))
	each(net.all, func(p *process) {
		if o := what(p.index); o.Do != "" {
			replies[p.index], errs[p.index] = net.try(p, o, func(reply) {})
		}
	})
	if err := errors.Join(errs...); err != nil {
		net.t.Fatal(err)
	}
	return replies
}

// each does something with all of them at once, and waits.
func each[T any](all []T, f func(T)) {
	done := make(chan struct{})
	for _, x := range all {
		go func() { // ends with f
			defer func() { done <- struct{}{} }()
			f(x)
		}()
	}
	for range all {
		<-done
	}
}

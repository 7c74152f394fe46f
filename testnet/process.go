package testnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// stopTime is how long a node may take to stop before it is killed.
const stopTime = 10 * time.Second

// process is one node command.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer // the node stops when this closes
	ended  chan struct{}
	fproxy string
	ref    string
	killed sync.Once
}

// startProcess starts a node and waits for its ready line.
func startProcess(ctx context.Context, cfg Config, data, seed string) (*process, error) {
	args := append([]string{
		"node", "--data", data, "--listen", "tcp/127.0.0.1:0", "--fproxy", "127.0.0.1:0", "--until-stdin-closes",
	}, cfg.Args...)
	if seed != "" {
		args = append(args, "--seed", seed)
	}
	cmd := exec.Command(cfg.Binary, args...)
	cmd.Stderr = cfg.Stderr
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	ready := make(chan error, 1)
	// Ends when the process closes its output, which it does at the latest when it ends.
	go func() {
		defer close(p.ended)
		ready <- p.readReady(stdout)
		io.Copy(io.Discard, stdout)
		cmd.Wait()
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return p, nil
}

// readReady reads "ready fproxy=http://HOST:PORT ref=REF".
func (p *process) readReady(stdout io.Reader) error {
	line, err := bufio.NewReader(io.LimitReader(stdout, 4096)).ReadString('\n')
	if err != nil {
		return errors.New("the node ended without becoming ready; its messages say why")
	}
	for _, field := range strings.Fields(line) {
		if v, ok := strings.CutPrefix(field, "fproxy=http://"); ok {
			p.fproxy = v
		}
		if v, ok := strings.CutPrefix(field, "ref="); ok {
			p.ref = v
		}
	}
	if p.fproxy == "" || p.ref == "" || !strings.HasPrefix(line, "ready ") {
		return fmt.Errorf("the node's ready line is not understood")
	}
	return nil
}

// stop asks the node to end and waits; after stopTime it is killed.
func (p *process) stop() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	p.stdin.Close()
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("testnet: process %d did not stop and was killed", p.cmd.Process.Pid), p.kill())
	}
}

// kill ends the process at once and waits.
func (p *process) kill() error {
	var err error
	p.killed.Do(func() {
		if err = p.cmd.Process.Kill(); errors.Is(err, os.ErrProcessDone) {
			err = nil
		}
		p.stdin.Close()
	})
	<-p.ended
	return err
}

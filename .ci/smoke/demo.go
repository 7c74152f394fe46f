package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyTime = 60 * time.Second // the demo must be ready within this time
	quietTime = 2 * time.Second  // no line for this long after "ready" means that all links are there
	endTime   = 20 * time.Second // the demo must end this soon after Ctrl-C
	goneTime  = 2 * time.Second  // its processes must be gone this soon after it
	marker    = "NIGHTJAR_SMOKE" // variable in the environment by which the demo's children are found, wherever they went
)

var link = regexp.MustCompile(`http://[^\s"'<>)]+`)

// demo is a running "nightjar demo".
type demo struct {
	cmd   *exec.Cmd
	began time.Time
	tmp   string
	token string
	lines chan string
	ended chan struct{} // closed after the process has ended and err is set
	err   error

	mu  sync.Mutex
	log bytes.Buffer
}

func start(binary, home string) (*demo, error) {
	d := &demo{
		tmp:   filepath.Join(home, "tmp"),
		token: rand.Text(),
		began: time.Now(),
		lines: make(chan string, 1024),
		ended: make(chan struct{}),
	}
	if err := os.Mkdir(d.tmp, 0o700); err != nil {
		return nil, err
	}
	d.cmd = exec.Command(binary, "demo")
	d.cmd.Dir = home
	d.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+filepath.Join(home, "data"), "TMPDIR="+d.tmp,
		"NIGHTJAR_DATA=", marker+"="+d.token)
	// Its own process group, so that an interrupt reaches all of it, as from a terminal.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	d.cmd.Stdout, d.cmd.Stderr = w, w
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting demo: %w", err)
	}
	w.Close()
	go d.read(r) // ends when the last process that holds the pipe ends
	go func() {  // ends when the demo ends
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	return d, nil
}

func (d *demo) read(r io.ReadCloser) {
	defer r.Close()
	defer close(d.lines)
	s := bufio.NewScanner(r)
	for s.Scan() {
		d.mu.Lock()
		fmt.Fprintln(&d.log, s.Text())
		d.mu.Unlock()
		d.lines <- s.Text()
	}
}

func (d *demo) output() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// ready waits for the demo's ready line and returns the links that it printed.
func (d *demo) ready() (links []string, err error) {
	late := time.After(readyTime)
	quiet := make(<-chan time.Time)
	isReady := false
	for {
		select {
		case line, ok := <-d.lines:
			if !ok {
				return nil, fmt.Errorf("demo ended before it was ready:\n%s", d.output())
			}
			links = append(links, link.FindAllString(line, -1)...)
			if isReady = isReady || strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "ready"); isReady {
				quiet = time.After(quietTime)
			}
		case <-quiet:
			if len(links) == 0 {
				return nil, fmt.Errorf("demo printed no links:\n%s", d.output())
			}
			return links, nil
		case <-late:
			return nil, fmt.Errorf("demo was not ready after %v:\n%s", readyTime, d.output())
		}
	}
}

// interrupt presses Ctrl-C and waits for a clean end.
func (d *demo) interrupt() error {
	if err := syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT); err != nil {
		return fmt.Errorf("interrupting demo: %w", err)
	}
	select {
	case <-d.ended:
	case <-time.After(endTime):
		return fmt.Errorf("demo still runs %v after Ctrl-C", endTime)
	}
	if d.err != nil {
		return fmt.Errorf("demo did not end cleanly after Ctrl-C: %w", d.err)
	}
	return nil
}

// kill ends what a failed run left, so that it does not disturb the next one.
func (d *demo) kill() {
	// The group is gone after a clean end; then there is nothing to report.
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
}

// groupGone waits until the demo's process group has no process: the system may take a moment to bury them.
func (d *demo) groupGone() error {
	for late := time.Now().Add(goneTime); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Kill(-d.cmd.Process.Pid, 0)
		if errors.Is(err, syscall.ESRCH) {
			return nil
		}
		if time.Now().After(late) {
			return fmt.Errorf("processes of the demo's group are left %v after its end (kill 0: %v)", goneTime, err)
		}
	}
}

// nothingLeft checks that the demo left no process, no listener and no temporary file.
func (d *demo) nothingLeft(links []string) error {
	if err := d.groupGone(); err != nil {
		return err
	}
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return err
	}
	for _, name := range environs {
		env, err := os.ReadFile(name)
		if err != nil {
			continue // another user's process, or one that has just ended: not ours
		}
		if bytes.Contains(env, []byte(marker+"="+d.token)) {
			return fmt.Errorf("process %s is left", filepath.Base(filepath.Dir(name)))
		}
	}
	for _, l := range links {
		u, err := url.Parse(l)
		if err != nil {
			return err
		}
		if c, err := net.DialTimeout("tcp", u.Host, time.Second); err == nil {
			c.Close()
			return fmt.Errorf("somebody still listens on %s", u.Host)
		}
	}
	left, err := os.ReadDir(d.tmp)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("temporary files are left: %v", left)
	}
	return nil
}

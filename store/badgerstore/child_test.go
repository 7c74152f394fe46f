//go:build unix

package badgerstore

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// childVar names the part that a process of this test binary plays; childDir is the store's directory.
const (
	childVar = "BADGERSTORE_TEST_CHILD"
	childDir = "BADGERSTORE_TEST_DIR"
	childArg = "BADGERSTORE_TEST_ARG"
)

// TestMain plays the part of a child, or runs the tests.
func TestMain(m *testing.M) {
	parts := map[string]func(dir, arg string) error{
		"put":    childPut,
		"churn":  childChurn,
		"limit":  childLimit,
		"open":   childOpen,
		"leave":  childLeave,
		"idle":   childIdle,
		"load":   childLoad,
		"wear":   childWear,
		"shrink": childShrink,
	}
	if part, ok := parts[os.Getenv(childVar)]; ok {
		if err := part(os.Getenv(childDir), os.Getenv(childArg)); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a process that has a store open.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	in    io.WriteCloser // the child ends when it is closed
}

func startChild(t *testing.T, part, dir, arg string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childVar+"="+part, childDir+"="+dir, childArg+"="+arg)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	return c
}

// runChild has a child play its part to the end and returns what it said.
func runChild(t *testing.T, part, dir, arg string) (said []string, ok bool) {
	t.Helper()
	c := startChild(t, part, dir, arg)
	for c.lines.Scan() {
		said = append(said, c.lines.Text())
	}
	return said, c.cmd.Wait() == nil
}

//go:build unix

package badgerstore

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nightjar/store"
	"nightjar/store/storetest"
)

// resident is what the process has in memory now, in bytes; the most that it ever had where the system does not say.
func resident() (int64, error) {
	debug.FreeOSMemory()
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(b); len(f) > 1 {
			pages, err := strconv.ParseInt(string(f[1]), 10, 64)
			return pages * int64(os.Getpagesize()), err
		}
	}
	var r unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &r)
	return r.Maxrss, err
}

// childIdle opens a store of the default size, puts one block, and says by how much it and its goroutines grew. Then it does
// nothing until its input ends, and says how much processor time that took.
func childIdle(dir, _ string) error {
	before, err := resident()
	if err != nil {
		return err
	}
	goroutines := runtime.NumGoroutine()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	if err := s.Put(storetest.Data(1, 1), store.Sink, 0); err != nil {
		return err
	}
	after, err := resident()
	if err != nil {
		return err
	}
	fmt.Println(after-before, runtime.NumGoroutine()-goroutines)
	cpu := processorTime()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	fmt.Println(int64(processorTime() - cpu))
	return s.Close()
}

func processorTime() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestIdleStoreIsSmall holds what the node counts on for its own budget: 60 MiB, and less than 1 % of a core.
func TestIdleStoreIsSmall(t *testing.T) {
	c := startChild(t, "idle", t.TempDir(), "")
	if !c.lines.Scan() {
		t.Fatal("the child says nothing")
	}
	var memory, goroutines int64
	if _, err := fmt.Sscan(c.lines.Text(), &memory, &goroutines); err != nil {
		t.Fatal(c.lines.Text(), err)
	}
	t.Logf("%.1f MiB, %d goroutines", float64(memory)/(1<<20), goroutines)
	if memory > 16<<20 || goroutines > 20 {
		t.Errorf("an empty store takes %d bytes and %d goroutines", memory, goroutines)
	}
	timer := time.NewTimer(time.Second)
	<-timer.C
	c.in.Close()
	if !c.lines.Scan() {
		t.Fatal("the child says nothing")
	}
	var cpu int64
	if _, err := fmt.Sscan(c.lines.Text(), &cpu); err != nil {
		t.Fatal(c.lines.Text(), err)
	}
	t.Logf("%v of processor time in a second", time.Duration(cpu))
	if cpu > int64(20*time.Millisecond) {
		t.Errorf("an idle store took %v in a second", time.Duration(cpu))
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

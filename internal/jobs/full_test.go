//go:build unix

package jobs

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// A vault that takes nothing more still lets go of what its user has cancelled: the next process does not go on with it.
func TestCancelledWhileTheDiskIsFull(t *testing.T) {
	r := newRig(t, Config{})
	r.net.hold = make(chan struct{})
	j := r.queue(PutSpec{Path: write(t, filepath.Join(t.TempDir(), "in"), noise(2, 100_000))})
	untilState(t, j, Running)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	small := old
	small.Cur = 3 << 20 // what the vault looks for is more
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	err := j.save()
	j.Cancel()
	<-j.Ended()
	if limitErr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); limitErr != nil {
		t.Fatal(limitErr)
	}
	if !diskFull(err) {
		t.Fatalf("the vault takes what it should not: %v", err)
	}
	r.restart(Config{})
	if again, err := r.Job(j.ID()); !errors.Is(err, ErrNoJob) && !again.Snapshot().State.Final() {
		t.Errorf("after a restart the job is %s", again.Snapshot().State)
	}
}

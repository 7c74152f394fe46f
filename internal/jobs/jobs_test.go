package jobs

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
)

// start runs work as a job's transfer, as Put and Get do with package content, and returns how to wait for its error.
func start(t *testing.T, j *Job, work func(context.Context) error) (wait func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- j.run(context.Background(), func() {}, work) }()
	return func() error { return <-done }
}

func untilCancelled(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func newPut(t *testing.T, m *Manager) *Job {
	t.Helper()
	j, err := m.NewPut(PutSpec{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wantState(t *testing.T, j *Job, state State, err error) {
	t.Helper()
	s := j.Snapshot()
	if s.State != state || !errors.Is(s.Err, err) {
		t.Errorf("job is %s with %v, want %s with %v", s.State, s.Err, state, err)
	}
	if s.State.Final() == s.Ended.IsZero() {
		t.Errorf("job is %s and ended at %v", s.State, s.Ended)
	}
}

func TestStates(t *testing.T) {
	failure := errors.New("broken")
	for _, c := range []struct {
		name string
		end  error
		want State
	}{
		{"done", nil, Done},
		{"failed", failure, Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := New(Config{})
				j := newPut(t, m)
				wantState(t, j, Waiting, nil)
				finish := make(chan error)
				wait := start(t, j, func(context.Context) error { return <-finish })
				synctest.Wait()
				wantState(t, j, Running, nil)
				finish <- c.end
				if err := wait(); !errors.Is(err, c.end) {
					t.Errorf("run returned %v", err)
				}
				wantState(t, j, c.want, c.end)
			})
		})
	}
}

// Invariant 1.
func TestFinalNeverChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		j := newPut(t, m)
		if err := start(t, j, func(context.Context) error { return nil })(); err != nil {
			t.Fatal(err)
		}
		before := j.Snapshot()
		j.Cancel()
		j.report(content.Progress{Done: 1})
		j.giveUp()
		m.Close()
		if after := j.Snapshot(); after != before {
			t.Errorf("a final job changed:\n%+v\n%+v", before, after)
		}
	})
}

// Invariant 2.
func TestSlowListenerSeesFinalState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		j := newPut(t, m)
		_, never := j.Watch() // a listener that does not come back delays nobody
		seen := make(chan []Snapshot)
		go func() {
			var all []Snapshot
			for {
				s, changed := j.Watch()
				all = append(all, s)
				if s.State.Final() {
					seen <- all
					return
				}
				<-changed
				time.Sleep(time.Minute)
			}
		}()
		synctest.Wait()
		err := start(t, j, func(context.Context) error {
			for i := range 1000 {
				j.report(content.Progress{Done: uint64(i + 1)})
			}
			return nil
		})()
		if err != nil {
			t.Fatal(err)
		}
		all := <-seen
		last := all[len(all)-1]
		if last.State != Done || last.Progress.Done != 1000 {
			t.Errorf("the last state that the listener saw is %+v", last)
		}
		if len(all) > 3 {
			t.Errorf("a listener that looks once a minute saw %d states of a job that ended at once", len(all))
		}
		<-never
	})
}

// Invariant 3.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{MaxOpen: 3, Puts: 1, Keep: 2})
		first := newPut(t, m)
		second := newPut(t, m)
		third := newPut(t, m)
		if _, err := m.NewGet(GetSpec{}); !errors.Is(err, ErrBusy) {
			t.Errorf("a fourth job: %v, want ErrBusy", err)
		}
		wait1 := start(t, first, untilCancelled)
		synctest.Wait()
		wait2 := start(t, second, func(context.Context) error { return nil })
		synctest.Wait()
		wantState(t, first, Running, nil)
		wantState(t, second, Waiting, nil)

		first.Cancel()
		if err := wait1(); !errors.Is(err, ErrCancelled) {
			t.Errorf("cancelled job returned %v", err)
		}
		if err := wait2(); err != nil {
			t.Error(err)
		}
		fourth := newPut(t, m)
		third.Cancel()
		if _, err := m.Job(first.ID()); !errors.Is(err, ErrNoJob) {
			t.Errorf("the oldest of three finished jobs is still listed: %v", err)
		}
		var listed []ID
		for _, s := range m.List() {
			listed = append(listed, s.ID)
		}
		if want := []ID{second.ID(), third.ID(), fourth.ID()}; len(listed) != 3 || [3]ID(listed) != [3]ID(want) {
			t.Errorf("listed %v, want %v", listed, want)
		}
		m.Close()
	})
}

// A put that waits for its slot can be cancelled, and gives none back that it did not have.
func TestCancelWhileWaitingForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{Puts: 1})
		running, queued := newPut(t, m), newPut(t, m)
		wait1 := start(t, running, untilCancelled)
		synctest.Wait()
		wait2 := start(t, queued, func(context.Context) error { return errors.New("ran") })
		synctest.Wait()
		queued.Cancel()
		if err := wait2(); !errors.Is(err, ErrCancelled) {
			t.Errorf("queued job returned %v", err)
		}
		wantState(t, queued, Cancelled, ErrCancelled)
		third := newPut(t, m)
		wait3 := start(t, third, func(context.Context) error { return nil })
		synctest.Wait()
		wantState(t, third, Waiting, nil)
		running.Cancel()
		wait1()
		if err := wait3(); err != nil {
			t.Error(err)
		}
	})
}

// Invariant 4.
func TestOneCallerPerJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		j := newPut(t, m)
		wait := start(t, j, untilCancelled)
		synctest.Wait()
		if err := start(t, j, untilCancelled)(); !errors.Is(err, ErrState) {
			t.Errorf("second caller: %v, want ErrState", err)
		}
		j.Cancel()
		wait()
		if err := start(t, j, untilCancelled)(); !errors.Is(err, ErrCancelled) {
			t.Errorf("caller after the end: %v, want the job's error", err)
		}
	})
}

func TestWrongKind(t *testing.T) {
	m := New(Config{})
	put := newPut(t, m)
	folder, err := m.NewPut(PutSpec{Folder: true})
	if err != nil {
		t.Fatal(err)
	}
	get, err := m.NewGet(GetSpec{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for name, err := range map[string]error{
		"get of a put":       put.Get(ctx, nil, nil),
		"folder for a file":  put.PutFolder(ctx, nil, nil),
		"file for a folder":  folder.Put(ctx, nil, nil),
		"put of a get":       get.Put(ctx, nil, nil),
		"putFolder of a get": get.PutFolder(ctx, nil, nil),
	} {
		if !errors.Is(err, ErrState) {
			t.Errorf("%s: %v, want ErrState", name, err)
		}
	}
	wantState(t, put, Waiting, nil)
	m.Close()
}

// Invariant 5.
func TestCloseWaitsForRunningJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		waiting, running := newPut(t, m), newPut(t, m)
		returned := false
		wait := start(t, running, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			returned = true
			return ctx.Err()
		})
		synctest.Wait()
		m.Close()
		if !returned {
			t.Error("Close returned before the running job had")
		}
		if err := wait(); !errors.Is(err, ErrClosed) {
			t.Errorf("running job returned %v", err)
		}
		wantState(t, waiting, Failed, ErrClosed)
		wantState(t, running, Failed, ErrClosed)
		if _, err := m.NewPut(PutSpec{}); !errors.Is(err, ErrClosed) {
			t.Errorf("a job after Close: %v", err)
		}
		if err := start(t, waiting, untilCancelled)(); !errors.Is(err, ErrClosed) {
			t.Errorf("claim after Close: %v", err)
		}
	})
}

// Invariant 6.
func TestEarlyEndInterruptsTheCaller(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*Job, context.CancelFunc)
		want error
	}{
		{"cancelled", func(j *Job, _ context.CancelFunc) { j.Cancel() }, ErrCancelled},
		{"caller gone", func(_ *Job, cancel context.CancelFunc) { cancel() }, ErrCancelled},
		{"timeout", func(*Job, context.CancelFunc) { time.Sleep(time.Hour) }, ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := New(Config{})
				j, err := m.NewPut(PutSpec{Timeout: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				interrupted := make(chan struct{})
				done := make(chan error)
				go func() {
					done <- j.run(ctx, func() { close(interrupted) }, func(context.Context) error {
						<-interrupted // stands for a read that only the interrupt ends
						return errors.New("read: deadline")
					})
				}()
				synctest.Wait()
				c.end(j, cancel)
				if err := <-done; !errors.Is(err, c.want) {
					t.Errorf("run returned %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestInterruptIsNotCalledAfterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newPut(t, New(Config{}))
		err := j.run(t.Context(), func() { t.Error("interrupted") }, func(context.Context) error { return nil })
		if err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{Patience: time.Minute})
		left, fed := newPut(t, m), newPut(t, m)
		wait := start(t, fed, untilCancelled)
		time.Sleep(time.Minute + time.Second)
		wantState(t, left, Failed, ErrAbandoned)
		wantState(t, fed, Running, nil)
		<-left.Ended()
		fed.Cancel()
		wait()
	})
}

func TestMeter(t *testing.T) {
	now := time.Unix(0, 0)
	var m meter
	m.rate(now, 0)
	var got float64
	for i := range 100 {
		now = now.Add(50 * time.Millisecond)
		got = m.rate(now, uint64(i+1)*50_000)
	}
	if got < 0.99e6 || got > 1.01e6 {
		t.Errorf("steady 1 MB/s is measured as %.0f", got)
	}
	for i := range 200 {
		now = now.Add(50 * time.Millisecond)
		got = m.rate(now, 5_000_000+uint64(i+1)*100_000)
	}
	if got < 1.9e6 || got > 2.1e6 {
		t.Errorf("10 s after a change to 2 MB/s the rate is %.0f", got)
	}
	if again := m.rate(now, 0); again != got {
		t.Errorf("a counter that falls gives %.0f", again)
	}
}

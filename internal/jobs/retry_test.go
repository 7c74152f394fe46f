package jobs

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/store/vault"
)

// TestIntervals holds the growth of the intervals, and that no two jobs keep step.
func TestIntervals(t *testing.T) {
	for tries, want := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 9: 2560 * time.Second, 10: time.Hour, 1 << 30: time.Hour} {
		seen := map[time.Duration]bool{}
		for range 20 {
			d := backoff(tries)
			seen[d] = true
			if d < want*3/4 || d > want*5/4 {
				t.Errorf("try %d: %v, want about %v", tries, d, want)
			}
		}
		if len(seen) < 2 {
			t.Errorf("try %d: always the same", tries)
		}
	}
}

// No two rounds of a keep are as far apart as others, and none farther than was said.
func TestRoundsAreNotRegular(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		d := around(24 * time.Hour)
		if d < 18*time.Hour || d > 30*time.Hour {
			t.Errorf("%v between two rounds", d)
		}
		seen[d] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different times of 100", len(seen))
	}
}

func TestFates(t *testing.T) {
	for _, c := range []struct {
		err         error
		tries, most int
		late        bool
		want        fate
	}{
		{content.ErrNotFound, 1, 0, false, proceed},
		{content.ErrNotFound, 2, 3, false, proceed},
		{content.ErrNotFound, 3, 3, false, conclude},
		{ErrTimeout, 1, 0, false, proceed}, // of finding
		{ErrTimeout, 1, 0, true, conclude},
		{errors.New("no answer"), 99, 0, false, proceed},
		{ErrTarget, 1, 1, false, hold},
		{fmt.Errorf("write: %w", syscall.ENOSPC), 1, 1, false, hold},
		{fmt.Errorf("save: %w", vault.ErrFull), 1, 1, false, hold},
		{ErrChanged, 1, 0, false, conclude},
		{content.ErrMalformed, 1, 0, false, conclude},
		{content.ErrConflict, 1, 0, false, conclude},
	} {
		if _, f := judge(c.err, c.tries, c.most, c.late); f != c.want {
			t.Errorf("%v after %d of %d tries (late: %t): %d, want %d", c.err, c.tries, c.most, c.late, f, c.want)
		}
	}
}

// inBubble runs a queue under a fake clock.
func inBubble(t *testing.T, cfg Config, f func(*testing.T, *rig)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, dir: dir, net: newNetwork()}
		r.start(cfg)
		f(t, r)
		r.end()
	})
}

// What cannot be found is looked for again and again, and found when it comes.
func TestRetrying(t *testing.T) {
	files := t.TempDir()
	var uri keys.URI
	source := newRig(t, Config{})
	want := noise(1, 100_000)
	uri = untilState(t, source.queue(PutSpec{Path: write(t, filepath.Join(files, "in"), want)}), Done).URI
	blocks := source.net.blocks
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		j := r.queue(GetSpec{URI: uri, Path: filepath.Join(files, "out")})
		last := time.Now()
		for try := 1; try <= 4; try++ {
			s := until(t, j, "retrying again", func(s Snapshot) bool { return s.State == Retrying && s.Tries == try })
			if !errors.Is(s.Err, content.ErrNotFound) || time.Until(s.Next) > 3*firstRetry<<(try-1)/2 || s.Next.Before(last) {
				t.Errorf("try %d: %v, next in %v", try, s.Err, time.Until(s.Next))
			}
			last = s.Next
		}
		r.net.mu.Lock()
		r.net.blocks = blocks
		r.net.mu.Unlock()
		if s := untilState(t, j, Done); s.Err != nil || s.Ended.Before(last) {
			t.Errorf("it is done with %v", s.Err)
		}
		wantFile(t, filepath.Join(files, "out"), want)
	})
}

// A job's own time limits all its tries together, over a restart as well.
func TestTimeoutOfAQueuedJob(t *testing.T) {
	files := t.TempDir()
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		j := r.queue(GetSpec{URI: keys.URI{Type: keys.KSK, Doc: "a"}, Path: filepath.Join(files, "out"), Timeout: time.Hour})
		until(t, j, "retrying", func(s Snapshot) bool { return s.Tries == 2 })
		r.end()
		r.start(Config{})
		j, err := r.Job(j.ID())
		if err != nil {
			t.Fatal(err)
		}
		<-j.Ended()
		s := j.Snapshot()
		if took := s.Ended.Sub(s.Created); s.State != Failed || !errors.Is(s.Err, ErrTimeout) || took < time.Hour || took > time.Hour+time.Second {
			t.Errorf("after %v it is %s (%v)", took, s.State, s.Err)
		}
	})
}

// A keep goes on for ever, and says each time what it found.
func TestKeeping(t *testing.T) {
	files := t.TempDir()
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		uri := untilState(t, r.queue(PutSpec{Path: write(t, filepath.Join(files, "in"), noise(1, 20*keys.DataSize))}), Done).URI
		all := r.net.count()
		j := r.queue(KeepSpec{URI: uri, Every: 24 * time.Hour})
		first := until(t, j, "waiting for tomorrow", func(s Snapshot) bool { return s.Health != nil && s.State == Waiting })
		if first.Health.Missing != 0 || first.Health.Blocks < 20 || time.Until(first.Next) < 17*time.Hour || time.Until(first.Next) == 24*time.Hour {
			t.Errorf("the keep found %+v, next in %v", first.Health, time.Until(first.Next))
		}
		r.net.mu.Lock()
		n := 0
		for id := range r.net.blocks {
			if id.Name != uri.Routing && n < 15 {
				delete(r.net.blocks, id)
				n++
			}
		}
		r.net.mu.Unlock()
		second := until(t, j, "waiting for the third time", func(s Snapshot) bool { return s.State == Waiting && s.Next.After(first.Next) })
		if second.Health.Missing != 15 || second.Health.Repaired < 15 || r.net.count() != all {
			t.Errorf("then %+v, and %d of %d blocks are there", second.Health, r.net.count(), all)
		}
		r.end()
		r.start(Config{})
		if j, err := r.Job(j.ID()); err != nil || j.Snapshot().Health.Missing != 15 || !j.Snapshot().Next.Equal(second.Next.Truncate(time.Millisecond)) {
			t.Errorf("after a restart: %+v, %v", j.Snapshot(), err)
		}
	})
}

// A check asks for the share of the blocks that it was told to.
func TestCheckSamples(t *testing.T) {
	files := t.TempDir()
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		uri := untilState(t, r.queue(PutSpec{Path: write(t, filepath.Join(files, "in"), noise(1, 50*keys.DataSize))}), Done).URI
		all := uint64(r.net.count())
		few := untilState(t, r.queue(KeepSpec{URI: uri, Check: true}), Done).Health
		if few.Blocks >= all {
			t.Errorf("a check asked for %d of %d blocks", few.Blocks, all)
		}
		if h := untilState(t, r.queue(KeepSpec{URI: uri, Check: true, Sample: 1}), Done).Health; h.Blocks != all {
			t.Errorf("a check of all blocks asked for %d of %d", h.Blocks, all)
		}
	})
}

// What readers found missing is inserted later, at times that say nothing, and not by who read.
func TestHealing(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		start := time.Now()
		one, two := r.Healer(), r.Healer()
		for i := range 10 {
			one(block(byte(i)), false)
			two(block(byte(100+i)), i == 0)
		}
		synctest.Wait()
		if r.net.count() != 0 || r.net.given != 0 {
			t.Error("something was inserted at once")
		}
		time.Sleep(firstHealing)
		synctest.Wait()
		early := r.net.count()
		for range 3 * maxHealing { // what is too much is dropped
			one(block(200), false)
		}
		time.Sleep(lastHealing)
		synctest.Wait()
		if early > 3 || r.net.count() != 21 || r.net.given < 2 || r.net.open != 0 {
			t.Errorf("after %v %d blocks were there, at the end %d; %d networks were given, and %d are open", firstHealing, early, r.net.count(), r.net.given, r.net.open)
		}
		if n := r.net.inserted[block(200).ID()]; n > maxHealing {
			t.Errorf("%d blocks were healed", n)
		}
		if took := time.Since(start); took > time.Hour {
			t.Errorf("it took %v", took)
		}
	})
}

package circuit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// SPEC §6.2.
func TestOpenRequestsAreLimited(t *testing.T) {
	w := newNet(t, 8, oneUser)
	c := w.nodes[0]
	w.ready(c)
	w.lookup = 3 * time.Second
	n := 1200
	for i, b := range w.keep(n) {
		w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(byte(i%2), n/2)})
	}
	most, mostGuard := 0, 0
	w.run(10*time.Minute, func() bool {
		for _, l := range c.m.net.links {
			mostGuard = max(mostGuard, l.load.open)
			if l.load.bulk > maxGuardBulk || l.load.open > maxGuardOpen {
				t.Fatalf("%d requests through one guard", l.load.open)
			}
			for _, e := range l.ends {
				if o, ok := e.carrier.(*own); ok {
					most = max(most, len(o.use.open))
				}
			}
		}
		return len(c.done) == n
	})
	if len(c.done) != n {
		t.Fatalf("%d done", len(c.done))
	}
	if most != maxOpen || mostGuard != maxGuardBulk {
		t.Errorf("at most %d requests were open on a circuit, %d through a guard", most, mostGuard)
	}
	// A page is not kept waiting by what a download has open.
	for i, b := range w.keep(600) {
		w.step(c, Get{Token: Token(n + i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, n/2)})
	}
	w.idle(100 * time.Millisecond)
	b := w.keep(1)[0]
	w.lookup = 0
	w.step(c, Get{Token: 9999, ID: b.ID(), Class: wire.Interactive, Group: groupOf(7, 1)})
	w.run(time.Minute, func() bool { _, ok := c.done[9999]; return ok })
	if !same(c.done[9999], b) {
		t.Error("a page waited for a download")
	}
}

// SPEC §6.1: a circuit is replaced after 1 024 blocks, or in its time.
func TestCircuitsAreReplaced(t *testing.T) {
	w := newNet(t, 6, oneUser)
	c := w.nodes[0]
	w.ready(c)
	n := 5000
	b := w.keep(1)[0]
	carried := map[*own]int{}
	for done := 0; done < n; {
		for i := range 500 {
			w.step(c, Get{Token: Token(done + i + 1), ID: keys.ID{Kind: keys.KindData, Name: [32]byte{byte(i), byte(i >> 8), byte(done / 500)}}, Class: wire.Bulk, Group: groupOf(1, 10)})
		}
		done += 500
		w.run(time.Minute, func() bool {
			for _, o := range c.m.origin.own {
				carried[o] = max(carried[o], o.use.blocks)
			}
			return len(c.done) == done
		})
	}
	full := 0
	for _, blocks := range carried {
		if blocks > maxBlocks {
			t.Errorf("a circuit carried %d blocks", blocks)
		}
		if blocks == maxBlocks {
			full++
		}
	}
	if len(c.done) != n || full == 0 {
		t.Errorf("%d done, %d circuits carried all they may", len(c.done), full)
	}
	first := map[*own]bool{}
	for _, o := range c.m.origin.own {
		first[o] = true
	}
	w.idle(13 * time.Minute)
	w.step(c, Get{Token: 9999, ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 10)})
	w.await(c, Token(n+1), time.Minute)
	for _, o := range c.m.origin.own {
		if o.state == used && first[o] && o.use.until < o.began+dirtyTime/2 {
			t.Error("a circuit is used past its time")
		}
	}
	w.step(c, Finished{Group: groupOf(1, 10)})
	w.idle(lingerMost)
	if s := c.m.Status(w.now); s.Used != 0 {
		t.Errorf("%d circuits of a finished group are left", s.Used)
	}
}

// SPEC §6.4: a request that is taken back is cancelled at the launch node, and nothing of it is left.
func TestCancelReachesTheLaunchNode(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	w.ready(c)
	w.route = func(*peer, Effect) bool { return true } // never answered
	for i := range 3 {
		w.step(c, Get{Token: Token(i), ID: dataID(byte(i)), Class: wire.Interactive, Group: groupOf(1, 1)})
	}
	w.step(c, Put{Token: 3, Block: w.block(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.idle(time.Second)
	for i := range 4 {
		w.step(c, Cancel{Token: Token(i)})
	}
	w.idle(time.Second)
	launched, cancels := 0, 0
	for _, p := range w.nodes {
		launched += len(p.launched)
		cancels += p.cancels
		if len(p.m.launch.refs) > 0 || p.m.launch.open > 0 {
			t.Error("a launch is left")
		}
		check(t, p)
	}
	if launched != 4 || cancels != 4 || len(c.done) != 0 {
		t.Errorf("%d launched, %d cancelled, %d done", launched, cancels, len(c.done))
	}
	for _, o := range c.m.origin.own {
		if len(o.use.open) > 0 {
			t.Error("a request is left open")
		}
	}
}

// When a circuit dies its launches are cancelled.
func TestDeadCircuitCancelsItsLaunches(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	w.ready(c)
	w.route = func(*peer, Effect) bool { return true }
	w.step(c, Get{Token: 1, ID: dataID(1), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.idle(time.Second)
	w.cut(c)
	w.idle(20 * time.Millisecond)
	for _, p := range w.nodes {
		if len(p.launched) != p.cancels || p.m.launch.open != 0 {
			t.Errorf("%s: %d launched, %d cancelled", p.name, len(p.launched), p.cancels)
		}
	}
}

// SPEC §6.6: three circuits, then the failure is reported; not found is reported at once.
func TestTriesAndReasons(t *testing.T) {
	for _, tc := range []struct {
		why, want wire.Reason
		launches  int
	}{{wire.NotFound, wire.NotFound, 1}, {wire.Failed, wire.Failed, tries}, {wire.Overload, wire.Overload, tries}} {
		t.Run(fmt.Sprint(tc.why), func(t *testing.T) {
			w := newNet(t, 9, oneUser)
			c := w.nodes[0]
			w.ready(c)
			asked := map[*relayed]bool{}
			w.route = func(p *peer, e Effect) bool {
				ref := e.(LaunchGet).Ref
				asked[p.m.launch.refs[ref].waiters[0].r] = true
				w.post(time.Millisecond, p, Launched{Ref: ref, Reason: tc.why})
				return true
			}
			began := w.now
			w.step(c, Get{Token: 1, ID: dataID(1), Class: wire.Interactive, Group: groupOf(1, 1)})
			w.await(c, 1, time.Minute)
			if c.done[1].Reason != tc.want || len(asked) != tc.launches {
				t.Errorf("%+v after %d circuits", c.done[1], len(asked))
			}
			if pause := w.now.Sub(began); pause < time.Duration(tc.launches-1)*retryMin {
				t.Errorf("tried again without a pause: %v", pause)
			}
		})
	}
}

// SPEC §7: the same key asked for over two circuits is launched once.
func TestSameKeyIsLaunchedOnce(t *testing.T) {
	w := newNet(t, 4, nil) // every circuit of a node has one of three launch nodes
	b := w.keep(1)[0]
	for _, p := range w.nodes {
		w.ready(p)
	}
	w.lookup = time.Second
	n := 0
	for _, p := range w.nodes {
		for g := range 5 {
			n++
			w.step(p, Get{Token: Token(g + 1), ID: b.ID(), Class: wire.Interactive, Group: groupOf(byte(g), 1)})
		}
	}
	for _, p := range w.nodes {
		w.await(p, 5, time.Minute)
		for g := range 5 {
			if !same(p.done[Token(g+1)], b) {
				t.Error("an answer is missing")
			}
		}
	}
	launched := 0
	for _, p := range w.nodes {
		launched += len(p.launched)
	}
	if launched > n/2 {
		t.Errorf("%d launches for %d requests of one key", launched, n)
	}
}

// SPEC §7: delays are exponential and of their own, so that the order of launches is random.
func TestLaunchesAreDelayedAndShuffled(t *testing.T) {
	for class, mean := range map[wire.Class]time.Duration{wire.Interactive: quickJitter, wire.Bulk: bulkJitter} {
		a := newAim(t)
		x, r := a.w.relayOf(a.o, 2)
		a.c.frozen = true // it has not asked for what it is sent
		const n = 30
		inOrder := 0
		var sum time.Duration
		for round := range 20 {
			var payload []byte
			for i := range n {
				e := get(uint32(round*n+i), dataID(byte(i)))
				e.class = class
				payload = e.append(payload)
			}
			began := a.w.now
			a.w.route = func(p *peer, e Effect) bool {
				sum += a.w.now.Sub(began)
				a.w.post(0, p, Launched{Ref: e.(LaunchGet).Ref, Reason: wire.NotFound})
				return true
			}
			x.launched = nil
			a.w.do(x, func(m *Machine) { // as if it had come from the originator
				b := m.newBody()
				header{cmd: cmdGet}.write(b, payload)
				r.command(m, b)
			})
			a.w.run(30*time.Second, func() bool { return len(r.exit.open) == 0 })
			if slices.IsSortedFunc(x.launched, func(a, b keys.ID) int { return int(a.Name[0]) - int(b.Name[0]) }) {
				inOrder++
			}
		}
		got := sum / (20 * n)
		if inOrder > 0 || got < mean*8/10 || got > mean*12/10 {
			t.Errorf("class %d: mean delay %v, %d rounds in order", class, got, inOrder)
		}
	}
}

// SPEC §6.2: over a link of 2 Mbit/s a download neither times out nor fills the guard, and a page gets through beside it.
func TestSlowLinkIsNotFlooded(t *testing.T) {
	w := newNet(t, 6, oneUser)
	c := w.nodes[0]
	w.ready(c)
	w.pace = func(from *peer, l Link) time.Duration {
		if to := w.other(from, l); from == c || to == c {
			return time.Second / 118
		}
		return 0
	}
	n := 400
	for i, b := range w.keep(n) {
		w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, n)})
	}
	most := 0
	page := w.keep(1)[0]
	w.run(20*time.Second, func() bool {
		for _, p := range w.nodes {
			most = max(most, p.m.net.held)
		}
		return false
	})
	began := w.now
	w.step(c, Get{Token: 9999, ID: page.ID(), Class: wire.Interactive, Group: groupOf(7, 1)})
	w.run(time.Minute, func() bool { _, ok := c.done[9999]; return ok })
	took := w.now.Sub(began)
	w.await(c, Token(n+1), 5*time.Minute)
	launched := 0
	for _, p := range w.nodes {
		launched += len(p.launched)
	}
	if launched > n+1 {
		t.Errorf("%d launches for %d requests", launched, n+1)
	}
	if took > 8*time.Second {
		t.Errorf("a page took %v", took)
	}
	if most > maxGuardBulk*16 {
		t.Errorf("%d cells waited", most)
	}
	if ideal := time.Duration(n) * 16 * time.Second / 118; w.now.Sub(rigStart) > ideal*2 {
		t.Errorf("the download took %v, %v is possible", w.now.Sub(rigStart), ideal)
	}
}

// Bodies that the shell gives back are used for the next cells.
func TestSpentBodiesAreUsedAgain(t *testing.T) {
	w := newNet(t, 1, oneUser)
	m := w.nodes[0].m
	b := new(body)
	m.Step(w.now, Written{Link: 1, Cells: 1, Spent: []*body{b}})
	if m.newBody() != b {
		t.Error("a new body was made")
	}
}

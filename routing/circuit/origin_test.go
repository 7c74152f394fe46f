package circuit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// C1: without circuits requests wait, nothing is launched, sent or connected for them, and Status says why.
func TestWithoutCircuitsRequestsWait(t *testing.T) {
	w := newNet(t, 3, nil)
	c := w.nodes[0]
	b := w.keep(1)[0]
	w.step(c, Get{Token: 1, ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.step(c, Put{Token: 2, Block: w.block(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.idle(time.Hour)
	s := c.m.Status(w.now)
	if len(c.done) != 0 || len(c.launched) != 0 || w.cells != 0 {
		t.Fatalf("something happened: %v, %d launches, %d cells", c.done, len(c.launched), w.cells)
	}
	if s.Missing != 1 || !strings.Contains(s.Why, "1 more is needed") || s.Waiting != 2 || s.Relays != 2 {
		t.Errorf("Status says %+v", s)
	}
	w.add(3, nil)
	w.step(w.nodes[3], Tick{})
	w.announce()
	w.await(c, 2, time.Minute)
	if !same(c.done[1], b) || c.done[2].Copies != 3 {
		t.Errorf("%+v", c.done)
	}
	if s := c.m.Status(w.now); s.Missing != 0 || s.Why != "" {
		t.Errorf("Status says %+v", s)
	}
}

// When every relay is unreachable requests wait too, and go on when one comes back.
func TestUnreachableGuardsAreWaitedFor(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	for _, p := range w.nodes[1:] {
		p.deaf = true
	}
	b := w.keep(1)[0]
	w.step(c, Get{Token: 1, ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.idle(5 * time.Minute)
	if s := c.m.Status(w.now); s.Why == "" || len(c.done) != 0 {
		t.Errorf("Status says %+v; %+v", s, c.done)
	}
	for _, p := range w.nodes[1:] {
		p.deaf = false
	}
	w.await(c, 1, 30*time.Minute)
	if !same(c.done[1], b) {
		t.Errorf("%+v", c.done)
	}
}

// C2, and what each role sees: SPEC §12.
func TestNobodyButTheLaunchNodeSeesKeysAndGroupsDoNotMeet(t *testing.T) {
	w := newNet(t, 10, nil)
	names := map[string]byte{} // of blocks, to their group
	leaked := 0
	w.touch = func(_, _ *peer, msg wire.Message, _ Link) []wire.Message {
		if c, ok := msg.(wire.Cell); ok {
			for name := range names {
				if bytes.Contains(c.Body[:], []byte(name)) {
					leaked++
				}
			}
		}
		return []wire.Message{msg}
	}
	token := Token(0)
	users := w.nodes[:2]
	for _, c := range users {
		w.ready(c)
	}
	groups := map[*relayed]byte{}
	for _, p := range w.nodes {
		p.spy = func(e Effect) {
			l, ok := e.(LaunchGet)
			if !ok {
				return
			}
			name := l.ID.Name
			for _, a := range p.m.launch.refs[l.Ref].waiters {
				if g, seen := groups[a.r]; seen && g != names[string(name[:])] {
					t.Error("two groups have met on a circuit")
				}
				groups[a.r] = names[string(name[:])]
			}
		}
	}
	for n, b := range w.keep(60) {
		g, name := byte(n%6), b.ID().Name
		names[string(name[:])] = g
		token++
		w.step(users[g%2], Get{Token: token, ID: b.ID(), Class: wire.Class(n / 30), Group: groupOf(g, 10)})
	}
	for _, c := range users {
		w.await(c, 30, time.Minute)
	}
	if leaked > 0 {
		t.Errorf("%d cells showed a key", leaked)
	}
	if len(groups) < 6 {
		t.Errorf("only %d circuits for six groups", len(groups))
	}
}

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

// SPEC §3.3: what G sees of set-ups is always DESC, DESCR, EXTEND, EXTEND, EXTENDED, and their number is 2 + u.
func TestSetUpsLookAlike(t *testing.T) {
	w := newNet(t, 6, oneUser)
	c := w.nodes[0]
	seen := map[uint32]string{}
	w.touch = func(a, b *peer, msg wire.Message, l Link) []wire.Message {
		if m, ok := msg.(wire.Cell); ok && (a == c || b == c) && m.Cmd == wire.Relay {
			seen[m.Circ] += map[bool]string{true: ">", false: "<"}[a == c]
		}
		return []wire.Message{msg}
	}
	for i := range 60 {
		w.ready(c)
		w.do(c, func(m *Machine) { m.origin.own[i%4].destroy(m, nil) })
	}
	sum := 0
	for _, s := range seen {
		n := strings.Count(s, "><>><")
		if s != strings.Repeat("><>><", n) || n < 2 {
			t.Fatalf("a set-up looked like %q", s)
		}
		sum += n - 2
	}
	if mean := float64(sum) / float64(len(seen)); mean < 1.2 || mean > 2.8 {
		t.Errorf("%.2f dummy exchanges on the mean of %d circuits", mean, len(seen))
	}
}

// SPEC §8: onion keys change daily, two are accepted, and both survive a restart.
func TestOnionKeysRotateAndSurvive(t *testing.T) {
	w := newNet(t, 5, func(_ int, c *Config) { c.Clean = -1 })
	p := w.nodes[1]
	first := p.desc.Onion
	w.run(keyLife+time.Hour, func() bool { return p.rekeyed == 2 })
	second := p.desc.Onion
	if first == second {
		t.Fatal("no new key after a day")
	}
	s := p.m.State()
	if len(s.Keys) != 2 {
		t.Fatalf("%d keys", len(s.Keys))
	}
	again := w.add(9, oneUser)
	again.m.Restore(s)
	w.step(again, Tick{})
	if again.desc.Onion != second {
		t.Error("the key was not restored")
	}
	w.step(again, LinkUp{Link: 99, Peer: wire.NodeID{1}})
	for _, hash := range [][32]byte{first, second, {}} {
		for _, e := range again.m.Step(w.now, Received{Link: 99, Msg: wire.AskKey{Req: 1, Hash: hash}}) {
			if _, ok := e.(Send).Msg.(wire.Key); ok != (hash != [32]byte{}) {
				t.Errorf("a key is served: %v", ok)
			}
		}
	}
	w.run(keyLife+time.Hour, func() bool { return again.rekeyed == 2 })
	if s := again.m.State(); len(s.Keys) != 2 || len(again.m.ring.secrets()) != 2 {
		t.Errorf("%d keys", len(s.Keys))
	}
	s.Wipe()
	if s.Keys[0].Seed != [32]byte{} {
		t.Error("a seed was not wiped")
	}
}

// Circuits are built to relays whose key has changed since their descriptor was signed.
func TestDescriptorOfYesterdayStillWorks(t *testing.T) {
	w := newNet(t, 5, func(i int, c *Config) {
		oneUser(i, c)
		c.NoPadding = true
	})
	c := w.nodes[0]
	w.idle(30 * time.Hour)
	for _, p := range w.nodes[1:] {
		if p.rekeyed != 2 {
			t.Fatal("a relay has not changed its key")
		}
	}
	w.do(c, func(m *Machine) {
		for len(m.origin.own) > 0 {
			m.origin.own[0].destroy(m, nil)
		}
	})
	w.ready(c)
}

// The view shrinks to nothing: circuits that exist go on.
func TestCircuitsOutliveTheView(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	w.ready(c)
	w.step(c, Known{View: relays.View{}})
	b := w.keep(1)[0]
	w.step(c, Get{Token: 1, ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.await(c, 1, time.Minute)
	if !same(c.done[1], b) {
		t.Errorf("%+v", c.done[1])
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

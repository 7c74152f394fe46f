package circuit

import (
	"bytes"
	"strings"
	"testing"
	"time"

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
	if n := len(c.m.origin.locals); n != 2 {
		t.Errorf("%d requests wait", n)
	}
	if s.Missing != 1 || !strings.Contains(s.Why, "1 more is needed") || s.Relays != 2 {
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

func TestCircuitsOfAGroupEndApart(t *testing.T) {
	w := newNet(t, 12, nil)
	c := w.nodes[0]
	w.ready(c)
	blocks := w.keep(64)
	for i, b := range blocks {
		w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, 1024)})
	}
	w.await(c, Token(len(blocks)), 5*time.Minute)
	var ends []time.Time
	c.spy = func(e Effect) {
		if s, ok := e.(Send); ok {
			if cell, ok := s.Msg.(wire.Cell); ok && cell.Cmd == wire.Destroy {
				ends = append(ends, w.now)
			}
		}
	}
	began := w.now
	w.step(c, Finished{Group: groupOf(1, 1024)})
	w.idle(2 * lingerMost)
	if len(ends) < maxGroupCircuits/2 {
		t.Fatalf("%d circuits have ended", len(ends))
	}
	for i, at := range ends {
		if at.Sub(began) > lingerMost {
			t.Errorf("a circuit ended after %v", at.Sub(began))
		}
		if i > 0 && at.Equal(ends[i-1]) {
			t.Error("two circuits ended at one instant")
		}
	}
}

// SPEC §8: while the guard answers, what is beyond it is tried often: whoever waits must not wait half a minute for each try
// because many relays are down.
func TestPausesAreShortWhileTheGuardAnswers(t *testing.T) {
	w := newNet(t, 9, oneUser)
	c := w.nodes[0]
	w.touch = func(from, _ *peer, msg wire.Message, _ Link) []wire.Message {
		if m, ok := msg.(wire.Cell); ok && m.Cmd == wire.Create && from != c {
			return nil // no relay is reached by another
		}
		return []wire.Message{msg}
	}
	w.step(c, Get{Token: 1, ID: dataID(1), Class: wire.Interactive, Group: groupOf(1, 1)})
	var longest time.Duration
	w.run(5*time.Minute, func() bool {
		longest = max(longest, c.m.origin.retry-c.m.now)
		return false
	})
	if n := c.m.origin.failed.builds; n < 8 || longest > 6*time.Second {
		t.Errorf("after %d failures in a row a pause of %v", n, longest)
	}
}

package circuit

import (
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

func recordID(n byte) keys.ID { return keys.ID{Kind: keys.KindRecord, Name: [32]byte{n}} }

func waitEntry(n byte) entry { return entry{id: recordID(n), index: uint32(n), wait: true} }

// waitEntries are n entries that wait for a record.
func waitEntries(n int) (all []byte) {
	for i := range n {
		all = waitEntry(byte(i)).append(all)
	}
	return all
}

// record makes a record of an author of its own.
func (w *net) record() keys.Block {
	w.seq++
	random := seeded(uint64(w.seq))
	u, err := keys.NewAuthor(random)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := u.Author()
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := a.Seal("doc", keys.Record{Version: 1}, random)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// vigil is a network in which what waits for a record is not answered before the test says so.
type vigil struct {
	w    *net
	c    *peer
	open []opened // in the order in which they were launched
}

// opened is a launch that waits.
type opened struct {
	at *peer
	e  LaunchGet
}

func newVigil(t *testing.T, nodes int) *vigil {
	v := &vigil{w: newNet(t, nodes, oneUser)}
	v.c = v.w.nodes[0]
	v.w.ready(v.c)
	v.w.route = func(at *peer, e Effect) bool {
		get, ok := e.(LaunchGet)
		if ok && get.Wait {
			v.open = append(v.open, opened{at, get})
		}
		return ok && get.Wait
	}
	return v
}

func (v *vigil) wait(token Token, id keys.ID, group byte) {
	v.w.step(v.c, Get{Token: token, ID: id, Group: groupOf(group, 0), Wait: true})
}

// appear answers the last launch with a block; a zero one says that there is none.
func (v *vigil) appear(b keys.Block) {
	last := v.open[len(v.open)-1]
	l := Launched{Ref: last.e.Ref, Block: b}
	if b.IsZero() {
		l.Reason = wire.NotFound
	}
	v.w.step(last.at, l)
}

// waiting is the circuit on which something waits.
func (v *vigil) waiting() *own {
	for _, o := range v.c.m.origin.own {
		if o.use.waits > 0 && o.state == used {
			return o
		}
	}
	v.w.t.Helper()
	v.w.t.Fatal("nothing waits")
	return nil
}

// SPEC §6.9.
func TestAWaitIsAnsweredWhenTheRecordAppears(t *testing.T) {
	v := newVigil(t, 6)
	b := v.w.record()
	v.wait(1, b.ID(), 1)
	v.w.idle(5 * time.Minute)
	if len(v.c.done) != 0 || len(v.open) != 1 {
		t.Fatalf("done %v, %d launches", v.c.done, len(v.open))
	}
	// It does not use the circuit up: as many others may be open as ever, and it counts for no guard.
	o := v.waiting()
	if n, _ := o.room(entry{}); n != maxOpen || o.end.link.load.open != 0 || o.use.blocks != 0 {
		t.Errorf("room for %d requests, %d open at the guard, %d blocks", n, o.end.link.load.open, o.use.blocks)
	}
	// Who asks what is there now does not wait with it, though it is at the same launch node.
	v.w.step(v.c, Get{Token: 3, ID: b.ID(), Group: groupOf(1, 0)})
	v.w.idle(time.Second)
	if d := v.c.done[3]; d.Reason != wire.NotFound || len(v.open[0].at.launched) != 2 {
		t.Errorf("a request that does not wait: %+v, launched %v", d, v.open[0].at.launched)
	}
	v.appear(b)
	v.w.idle(time.Second)
	if !same(v.c.done[1], b) || o.use.waits != 0 {
		t.Errorf("got %+v, %d wait", v.c.done[1], o.use.waits)
	}
	v.wait(2, b.ID(), 1)
	v.w.idle(5 * time.Minute)
	v.appear(keys.Block{})
	v.w.idle(time.Second)
	if d, ok := v.c.done[2]; !ok || d.Reason != wire.NotFound {
		t.Errorf("a lease that is over: %+v", d)
	}
	for _, p := range v.w.nodes {
		check(t, p)
	}
}

// SPEC §6.9: who waits does not do so longer than the circuit is used, and waits on another one.
func TestAWaitMovesToAnotherCircuit(t *testing.T) {
	for name, end := range map[string]func(v *vigil, o *own){
		"in time": func(v *vigil, o *own) {
			v.w.run(waitTime, func() bool { return o.state == closing })
			v.w.idle(lingerMost + retryMax + time.Second)
			if len(v.open) != 2 {
				t.Error("it still waits on a circuit whose time is over")
			}
		},
		"when one breaks": func(v *vigil, o *own) { v.w.do(v.c, func(m *Machine) { o.destroy(m, nil) }) },
		"when X is lost":  func(v *vigil, o *own) { v.w.cut(v.w.hopOf(o, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			v := newVigil(t, 9)
			b := v.w.record()
			v.wait(1, b.ID(), 1)
			v.w.idle(time.Minute)
			first := v.waiting()
			end(v, first)
			v.w.idle(time.Minute)
			if len(v.open) != 2 || v.open[0].at.cancels != 1 || first.state != dead {
				t.Fatalf("%d launches, %d taken back, the first circuit is in state %d", len(v.open), v.open[0].at.cancels, first.state)
			}
			v.appear(b)
			v.w.idle(time.Second)
			if !same(v.c.done[1], b) {
				t.Errorf("got %+v", v.c.done[1])
			}
			for _, p := range v.w.nodes {
				check(t, p)
			}
		})
	}
}

func TestAWaitThatIsTakenBack(t *testing.T) {
	v := newVigil(t, 6)
	v.wait(1, recordID(1), 1)
	v.w.idle(time.Minute)
	o := v.waiting()
	v.w.step(v.c, Cancel{Token: 1})
	v.w.idle(time.Second)
	if v.open[0].at.cancels != 1 || o.use.waits != 0 || o.state != used || len(v.c.done) != 0 {
		t.Errorf("%d taken back, %d wait, state %d, done %v", v.open[0].at.cancels, o.use.waits, o.state, v.c.done)
	}
	// A launch node that does not even answer that is given up.
	v.wait(2, recordID(2), 1)
	v.w.idle(time.Second)
	o = v.waiting()
	v.w.hopOf(o, 2).frozen = true
	v.w.step(v.c, Cancel{Token: 2})
	v.w.idle(getTime + time.Second)
	if o.state != dead {
		t.Errorf("the circuit is in state %d", o.state)
	}
}

// SPEC §9.
func TestWaitsAreLimited(t *testing.T) {
	v := newVigil(t, 6)
	for i := range 200 {
		v.wait(Token(i), recordID(byte(i)), 1)
	}
	v.w.idle(time.Minute)
	if most := minCircuits * maxWaits; len(v.open) > most || len(v.open) < most/2 {
		t.Errorf("%d wait on %d circuits", len(v.open), minCircuits)
	}
	if d := v.c.done[199]; len(v.c.done)+len(v.open) != 200 || d.Reason != wire.Overload {
		t.Errorf("%d are refused, the last with %+v", len(v.c.done), d)
	}
	// Nor do they hold up others.
	b := v.w.keep(1)[0]
	v.w.step(v.c, Get{Token: 999, ID: b.ID(), Group: groupOf(1, 0)})
	v.w.idle(time.Second)
	if !same(v.c.done[999], b) {
		t.Error("a request is held up by those that wait")
	}
}

func TestALinkHasItsShareOfWaits(t *testing.T) {
	v := newVigil(t, 4) // one guard, one middle: all waits reach the launch node through one link
	n := 0
	for group := range byte(40) {
		for range 12 {
			n++
			v.wait(Token(n), keys.ID{Kind: keys.KindRecord, Name: [32]byte{byte(n), byte(n >> 8)}}, group)
		}
	}
	v.w.idle(30 * time.Second)
	perLink := map[*link]int{}
	for _, p := range v.w.nodes {
		for _, l := range p.m.net.links {
			if l.load.waits > 0 {
				perLink[l] = l.load.waits
			}
		}
		check(t, p)
	}
	if len(perLink) == 0 {
		t.Fatal("nobody waits")
	}
	for _, n := range perLink {
		if n > maxLinkWaits {
			t.Errorf("%d wait through one link", n)
		}
	}
	refused := 0
	for _, d := range v.c.done {
		if d.Reason == wire.Overload {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nobody was refused")
	}
}

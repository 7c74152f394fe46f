package routing

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/keys"
	"nightjar/routing/wire"
)

func TestInvariant1RankIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few values, so that distances and places are often equal.
		draw := func(label string, target keys.Location) rank {
			at := keys.Location(rapid.Uint64Range(0, 7).Draw(t, label)) << 61
			return rankOf(wire.NodeID{0: rapid.ByteRange(0, 2).Draw(t, label)}, at, target)
		}
		target := keys.Location(rapid.Uint64Range(0, 15).Draw(t, "target")) << 60
		a, b, c := draw("a", target), draw("b", target), draw("c", target)
		if a != b && a.less(&b) == b.less(&a) || a == b && a.less(&b) {
			t.Fatalf("%v and %v are not ordered", a, b)
		}
		if a.less(&b) && b.less(&c) && !a.less(&c) {
			t.Fatalf("%v < %v < %v", a, b, c)
		}
	})
}

func TestInvariant3RequestNumbersDoNotSurviveAHop(t *testing.T) {
	m := New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 1))})
	far, near := idNear(0.05), []wire.NodeID{idNear(0.45), idNear(0.40)}
	for _, p := range append(near, far) {
		m.Step(start, PeerUp{p})
	}
	var seen []wire.Req
	for i := range 20 {
		b := blockNear(0.5, 0, i)
		look := m.Step(start, Received{far, wire.Get{Req: 1000, HTL: 9, ID: b.ID()}})[0].(Lookup)
		s := m.Step(start, LookedUp{Ref: look.Ref})[0].(Send)
		g := s.Msg.(wire.Get)
		if g.Req == 1000 || slices.Contains(seen, g.Req) {
			t.Fatalf("request number %d", g.Req)
		}
		seen = append(seen, g.Req)
		m.Step(start, Received{s.To, wire.Data{Req: g.Req, Block: b}})
	}
	// Another machine, another start: numbers do not count what a node has done.
	other := New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 2))})
	other.Step(start, PeerUp{near[0]})
	if m.links[near[0]].next-wire.Req(len(seen)) == other.links[near[0]].next || m.links[near[1]].next == m.links[near[0]].next {
		t.Error("request numbers start alike on different links")
	}
}

func TestInvariant5OnePeerHoldsNoMoreThanItsShare(t *testing.T) {
	m := New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 1))})
	flooder, honest := idNear(0.05), idNear(0.04)
	for _, p := range []wire.NodeID{flooder, honest, idNear(0.45)} {
		m.Step(start, PeerUp{p})
	}
	refused := func(effects []Effect) bool {
		for _, e := range effects {
			if s, ok := e.(Send); ok {
				if f, ok := s.Msg.(wire.Fail); ok && f.Reason == wire.Overload {
					return true
				}
			}
		}
		return false
	}
	for i := range 2 * maxPuts {
		got := refused(m.Step(start, Received{flooder, wire.Put{Req: wire.Req(i), Block: blockNear(0.3, 0, i)}}))
		if got != (i >= maxPuts) {
			t.Fatalf("put %d: refused=%t", i, got)
		}
	}
	for i := range 2 * maxAsked {
		got := refused(m.Step(start, Received{flooder, wire.Get{Req: wire.Req(10_000 + i), ID: blockNear(0.3, 0, i).ID()}}))
		if got != (i >= maxAsked-maxPuts) {
			t.Fatalf("get %d: refused=%t", i, got)
		}
	}
	if refused(m.Step(start, Received{honest, wire.Put{Req: 1, Block: blockNear(0.3, 0, 9999)}})) {
		t.Error("one peer's flood costs another")
	}
}

func TestInvariant5AllPeersTogetherHoldNoMoreThanTheirShare(t *testing.T) {
	m := New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 1))})
	held := 0
	for p := range 20 {
		id := idNear((float64(p) + 0.5) / 20)
		m.Step(start, PeerUp{id})
		for i := range maxPuts {
			if count[Keep](m.Step(start, Received{id, wire.Put{Req: wire.Req(i), Block: blockNear(0.3, 0, p*maxPuts+i)}})) > 0 {
				held++
			}
		}
	}
	if most := maxAllPuts + 20*minPuts; held > most || held < maxAllPuts {
		t.Errorf("%d blocks are held for peers, want %d to %d", held, maxAllPuts, most)
	}
}

func TestInvariant4PatienceFallsWithHopsToLive(t *testing.T) {
	for _, slow := range []bool{false, true} {
		for htl := range uint8(wire.MaxHTL) {
			if patience(slow, htl) > patience(slow, htl+1) {
				t.Errorf("slow=%t: a node waits longer at %d than at %d", slow, htl, htl+1)
			}
		}
	}
	if most := patience(false, wire.MaxHTL); most >= localQuick {
		t.Errorf("a local request ends after %v, before its first peer has to answer (%v)", localQuick, most)
	}
	if most := patience(true, wire.MaxHTL); most >= localSlow {
		t.Errorf("a slow local request ends after %v, before its first peer has to answer (%v)", localSlow, most)
	}
}

func TestClockThatJumpsBackDoesNotStopTheMachine(t *testing.T) {
	m := New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 1))})
	m.Step(start, PeerUp{idNear(0.45)})
	m.Step(start.Add(time.Hour), LocalGet{Token: 1, ID: blockNear(0.5, 0, 1).ID()})
	m.Step(start, LocalGet{Token: 2, ID: blockNear(0.5, 0, 2).ID()})
	next, ok := m.NextDeadline()
	if !ok || next.Before(start.Add(time.Hour)) {
		t.Fatalf("%v, %t", next, ok)
	}
	done := 0
	for range 100 {
		next, ok := m.NextDeadline()
		if !ok {
			break
		}
		done += count[Done](m.Step(next, Tick{}))
	}
	if done != 2 {
		t.Errorf("%d requests ended, want 2", done)
	}
}

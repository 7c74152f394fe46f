package relays

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/routing/wire"
)

// Invariant 5.
func TestConnectedViewsConverge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(rt, "nodes")
		r := newRig(t, n)
		for i := 1; i < n; i++ { // a tree, so that it is connected
			r.link(i, rapid.IntRange(0, i-1).Draw(rt, "parent"))
			if rapid.Bool().Draw(rt, "late") {
				r.run(300 * time.Millisecond)
			}
		}
		if rapid.Bool().Draw(rt, "renews") {
			who := rapid.IntRange(0, n-1).Draw(rt, "who")
			r.step(who, Own{describe(t, who, epoch.Add(time.Hour), 2, loopback(who))})
		}
		r.run(3 * time.Second)
		for i := range n {
			if r.nodes[i].root() != r.nodes[0].root() || len(r.nodes[i].entries) != n {
				rt.Fatalf("node %d knows %d of %d, or others", i, len(r.nodes[i].entries), n)
			}
			if err := r.nodes[i].check(); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// Two parts of a network, each of which knows relays that the other does not, are linked in one place.
func TestPartsOfANetworkMerge(t *testing.T) {
	var pool []wire.Descriptor
	for i := range 60 {
		pool = append(pool, describe(t, 1000+i, epoch, 1, loopback(i)))
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, 6)
		for _, pair := range [][2]int{{0, 1}, {1, 2}, {3, 4}, {4, 5}} {
			r.link(pair[0], pair[1])
		}
		known := rapid.IntRange(0, len(pool)).Draw(rt, "known")
		for _, d := range pool[:known] {
			part := 3 * rapid.IntRange(0, 1).Draw(rt, "part")
			r.step(part+rapid.IntRange(0, 2).Draw(rt, "where"), PeerUp{Peer: d.ID, Desc: d})
		}
		r.run(5 * time.Second)
		r.link(2, 3)
		r.run(15 * time.Second)
		for i, m := range r.nodes {
			if m.root() != r.nodes[0].root() || len(m.entries) != 6+known {
				rt.Fatalf("node %d knows %d of %d, or others", i, len(m.entries), 6+known)
			}
		}
	})
}

// shownModel is who has shown which descriptor, as the test sees it.
type shownModel map[wire.NodeID]map[string]map[int]bool

func (s shownModel) add(d wire.Descriptor, peer int) {
	key := string(d.Append(nil))
	if s[d.ID] == nil {
		s[d.ID] = make(map[string]map[int]bool)
	}
	if s[d.ID][key] == nil {
		s[d.ID][key] = make(map[int]bool)
	}
	s[d.ID][key][peer] = true
}

// Invariant 2: whatever peers come, go, show and repeat, in any order.
func TestInvariant2WhatOnePeerAloneShowsIsNotUsed(t *testing.T) {
	var pool []wire.Descriptor
	for relay := range 4 {
		for h := range 3 {
			pool = append(pool, describe(t, 10+relay, epoch.Add(time.Duration(h)*time.Hour), byte(h+1), loopback(relay)))
		}
	}
	var peers []wire.Descriptor
	for p := range 5 {
		peers = append(peers, describe(t, 100+p, epoch, 1, spread(p)))
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, 1)
		r.descs = append(r.descs, peers...)
		r.now = epoch.Add(2 * time.Hour)
		m, shown := r.nodes[0], shownModel{}
		linked := map[int]bool{}
		used := map[wire.NodeID]*wire.Descriptor{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			before := m.need.use
			p := 1 + rapid.IntRange(0, len(peers)-1).Draw(rt, "peer")
			switch rapid.SampledFrom([]string{"show", "show", "show", "up", "down", "agree"}).Draw(rt, "what") {
			case "up":
				linked[p] = true
				r.play(p, nil)
			case "down":
				delete(linked, p)
				m.Step(r.now, PeerDown{r.descs[p].ID})
			case "agree":
				if linked[p] {
					for _, e := range m.entries {
						shown.add(*e.desc, p)
					}
					r.play(p, wire.Root{Hash: m.root()})
				}
			case "show":
				if linked[p] {
					d := rapid.SampledFrom(pool).Draw(rt, "descriptor")
					shown.add(d, p)
					r.tell(p, d)
				}
			}
			r.now = r.now.Add(200 * time.Millisecond)
			m.reachAll(r.now)
			for _, got := range m.View(r.now).Relays {
				if slices.ContainsFunc(peers, func(d wire.Descriptor) bool { return d.ID == got.Desc.ID }) {
					continue // it counts as a witness for itself
				}
				n := len(shown[got.Desc.ID][string(got.Desc.Append(nil))])
				if len(linked) >= 2 && n < 2 {
					rt.Fatalf("used with %d peers, %d have shown it", len(linked), n)
				}
				e := m.entries[got.Desc.ID]
				if e.used != used[got.Desc.ID] && n < min(before, m.need.use) {
					rt.Fatalf("came into use when %d had shown it, %d must", n, m.need.use)
				}
				used[got.Desc.ID] = e.used
			}
			if err := m.check(); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// Invariant 3: first seen stays, whatever is sent.
func TestInvariant3FirstSeenStays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := star(t, 3)
		m := r.nodes[0]
		d := describe(t, 9, epoch, 1, loopback(9))
		r.tell(1, d)
		for range rapid.IntRange(0, 10).Draw(rt, "steps") {
			r.now = r.now.Add(time.Duration(rapid.IntRange(1, 10).Draw(rt, "hours")) * time.Hour)
			at := r.now.Add(-time.Duration(rapid.IntRange(0, 80).Draw(rt, "age")) * time.Hour)
			r.tell(1+rapid.IntRange(0, 2).Draw(rt, "peer"), describe(t, 9, at, byte(rapid.IntRange(0, 3).Draw(rt, "onion")), loopback(9)))
			e := m.entries[d.ID]
			if e == nil { // of whom nothing new was heard for too long
				return
			}
			if !e.seen.Equal(epoch) {
				rt.Fatalf("first seen %v", e.seen)
			}
		}
	})
}

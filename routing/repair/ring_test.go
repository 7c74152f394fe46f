package repair

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// TestSharedIsWhereBothAreAmongTheThreeClosest compares spans with the definition, for rings of every size.
func TestSharedIsWhereBothAreAmongTheThreeClosest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		m := New(Config{Self: wire.NodeID{1, byte(src.Uint32())}, Rand: src})
		for range rapid.IntRange(1, 12).Draw(t, "peers") {
			var id wire.NodeID
			id[0], id[1], id[2] = 2, byte(src.Uint32()), byte(src.Uint32())
			m.Step(time.Unix(1, 0), PeerUp{id})
		}
		for _, p := range m.ring {
			spans := m.shared(p, true)
			for range 200 {
				at := keys.Location(src.Uint64())
				in := 0
				for _, s := range spans {
					if covers(s, at) {
						in++
					}
				}
				self, other := 0, 0
				for _, q := range m.ring {
					if q.at.Distance(at) < m.at.Distance(at) {
						self++
					}
					if q != p && q.at.Distance(at) < p.at.Distance(at) {
						other++
					}
				}
				if m.at.Distance(at) < p.at.Distance(at) {
					other++
				}
				if want := self < copies && other < copies; in > 1 || want != (in == 1) {
					t.Fatalf("%d closer than this node, %d than the peer, and in %d spans of %d", self, other, in, len(spans))
				}
			}
		}
	})
}

func TestIntersectIsWhatBothHave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.Custom(func(t *rapid.T) keys.Location {
			return keys.Location(rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 4), rapid.Uint64Range(1<<64-4, 1<<64-1)).Draw(t, "place"))
		})
		a := wire.Span{From: place.Draw(t, "a.from"), Last: place.Draw(t, "a.last")}
		b := wire.Span{From: place.Draw(t, "b.from"), Last: place.Draw(t, "b.last")}
		both := intersect(a, b)
		for _, at := range []keys.Location{a.From, a.Last, b.From, b.Last, a.From - 1, a.Last + 1, b.From - 1, b.Last + 1, place.Draw(t, "at")} {
			in := slices.ContainsFunc(both, func(s wire.Span) bool { return covers(s, at) })
			if in != (covers(a, at) && covers(b, at)) {
				t.Fatalf("%x and %x give %x; %x is in it: %v", a, b, both, at, in)
			}
		}
		for _, s := range both {
			if !contains(a, s) || !contains(b, s) {
				t.Fatalf("%x and %x give %x", a, b, both)
			}
		}
	})
}

// TestSpec2AnswersDoNotWaitForTheGrace has a neighbour leave: what is answered grows at once, what is asked about when it is given up.
func TestSpec2AnswersDoNotWaitForTheGrace(t *testing.T) {
	r := newRig(t, 12)
	r.run(time.Minute)
	all := r.live()
	m, next := all[0].machine, all[1].id
	sizes := func() (asks, answers uint64) {
		for _, s := range m.shared(m.peers[next], true) {
			asks += uint64(s.Last - s.From)
		}
		for _, s := range m.shared(m.peers[next], false) {
			answers += uint64(s.Last - s.From)
		}
		return asks, answers
	}
	asks, answers := sizes()
	if asks != answers {
		t.Fatal("two views before anybody has left")
	}
	r.kill(all[2])
	r.run(time.Second)
	if a, b := sizes(); a != asks || b <= answers {
		t.Errorf("asks about %d instead of %d, answers %d instead of %d", a, asks, b, answers)
	}
	r.run(grace)
	if a, b := sizes(); a != b || a <= asks {
		t.Errorf("asks about %d and answers %d; it was %d", a, b, asks)
	}
}

package guard

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

var epoch = time.Unix(1_700_000_000, 0)

// grown is a time at which a network that began at epoch is old enough for the full rules.
var grown = epoch.Add(400 * day)

// relay makes relay n, which was first seen at a time.
func relay(t testing.TB, n int, seen time.Time, addr string) relays.Relay {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint64(seed, uint64(n)+1)
	d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(seed), 0, [32]byte{1}, []wire.Addr{wire.Addr(addr)})
	if err != nil {
		t.Fatal(err)
	}
	return relays.Relay{Desc: d, Seen: seen, Shown: 3}
}

// batch makes n relays on loopback, numbered from a number on, that were first seen at a time.
func batch(t testing.TB, from, n int, seen time.Time) (out []relays.Relay) {
	for i := from; i < from+n; i++ {
		out = append(out, relay(t, i, seen, fmt.Sprintf("tcp/127.0.0.1:%d", i+1)))
	}
	return out
}

// network is n relays on loopback that have been known since a time.
func network(t testing.TB, n int, since time.Time) relays.View {
	return relays.View{Since: since, Relays: batch(t, 0, n, since)}
}

// ids is the set of relays in a list.
func ids(of []relays.Relay) map[wire.NodeID]bool {
	out := make(map[wire.NodeID]bool)
	for _, r := range of {
		out[r.Desc.ID] = true
	}
	return out
}

func selector(seed uint64) *Selector {
	return New(Config{Rand: rand.New(rand.NewPCG(seed, 7))})
}

// at is a selector that has been given a view.
func at(seed uint64, now time.Time, v relays.View) *Selector {
	s := selector(seed)
	s.Update(now, v)
	return s
}

func choose(t testing.TB, s *Selector, now time.Time) Path {
	t.Helper()
	p, err := s.Choose(now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// short is the error of a selector that has no path.
func short(t testing.TB, s *Selector, now time.Time) *ShortError {
	t.Helper()
	_, err := s.Choose(now)
	var short *ShortError
	if !errors.As(err, &short) {
		t.Fatalf("a path, or another error: %v", err)
	}
	return short
}

// check fails unless a path keeps to the rules of SPEC §3 and begins in the sample.
func check(t interface{ Fatalf(string, ...any) }, s *Selector, now time.Time, p Path) {
	ages := s.ages(now)
	for i, d := range p.Hops {
		k := s.known[d.ID]
		if k == nil || d.ID == s.self {
			t.Fatalf("hop %d is not in the view", i)
		}
		for _, e := range p.Hops[:i] {
			if d.ID == e.ID || near(k, s.known[e.ID]) {
				t.Fatalf("hop %d is, or is near, one before it", i)
			}
		}
	}
	if s.guard(p.Hops[0].ID) == nil {
		t.Fatalf("a guard that is not of the sample")
	}
	if !slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == p.Hops[1].ID }) {
		t.Fatalf("a middle that is not of the second layer")
	}
	if age := now.Sub(s.known[p.Hops[2].ID].Seen); age < ages.Launch {
		t.Fatalf("a launch node of %v, where %v are needed", age, ages.Launch)
	}
}

// through is a path that begins at a guard; its other hops are nobody's.
func through(s *Selector, guard wire.NodeID) Path {
	p := Path{}
	p.Hops[0] = s.known[guard].Desc
	return p
}

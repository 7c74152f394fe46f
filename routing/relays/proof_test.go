package relays

import (
	"net/netip"
	"testing"
	"time"

	"nightjar/routing/wire"
)

func TestSpec9ProofsOutliveTheMachine(t *testing.T) {
	w := newWorld(t, 3)
	there, dead := describe(t, 9, epoch, 1, loopback(9)), describe(t, 10, epoch, 1, loopback(10))
	w.there[there.ID] = true
	w.show(3, there, dead)
	w.pass(time.Hour)
	s := w.nodes[0].State()
	m := machine(0)
	later := w.now.Add(time.Minute)
	m.Restore(later, s)
	if v := m.View(later); len(v.Relays) != 1 || v.Relays[0].Desc.ID != there.ID || v.Relays[0].Lapsed {
		t.Errorf("after a restart %d relays are in the view", len(v.Relays))
	}
	for _, e := range m.Step(later, Tick{}) {
		if p, ok := e.(Probe); ok && (p.Desc.ID == there.ID || p.Desc.ID == dead.ID) {
			t.Error("what is known is tried again at once")
		}
	}
	for i := range s.Entries {
		s.Entries[i].Reached, s.Entries[i].Next, s.Entries[i].Fails = later.Add(time.Hour), later.Add(1e6*time.Hour), -7
	}
	m = machine(0)
	m.Restore(later, s)
	if e := m.entries[there.ID]; e.proof.at.After(later) || e.proof.next.After(later.Add(lastPause)) || e.proof.fails != 0 {
		t.Errorf("restored: %+v", e.proof)
	}
	for i := range s.Entries {
		s.Entries[i].Reached = later.Add(-keepProof - time.Hour)
	}
	m = machine(0)
	m.Restore(later, s)
	if v := m.View(later); len(v.Relays) != 0 {
		t.Error("a proof of last week is restored")
	}
}

func TestARelayThatWasReachedKeepsItsAge(t *testing.T) {
	w := newWorld(t, 3)
	there, dead := describe(t, 9, epoch, 1, loopback(9)), describe(t, 10, epoch, 1, loopback(10))
	w.there[there.ID] = true
	w.show(3, there, dead)
	w.pass(time.Hour)
	first := w.nodes[0].entries[there.ID].seen
	back := func(m *Machine, now time.Time) {
		t.Helper()
		for i, want := range []time.Time{first, now} {
			d := describe(t, 9+i, now, 1, loopback(9+i))
			m.Step(now, PeerUp{Peer: d.ID, Desc: d})
			if e := m.entries[d.ID]; !e.seen.Equal(want) {
				t.Errorf("relay %d is known since %v, want %v", i, e.seen, want)
			}
		}
	}
	s := w.nodes[0].State()
	now := w.now.Add(200 * time.Hour).Truncate(time.Hour)
	m := machine(0)
	m.Restore(now, s) // too old to be known, but not to be remembered
	again := machine(0)
	again.Restore(now, m.State())
	back(again, now)
	w.pass(200 * time.Hour)
	back(w.nodes[0], w.now.Truncate(time.Hour))

	m = machine(0)
	m.Restore(now.Add(goneFor+time.Hour), s)
	late := machine(0)
	late.Restore(now.Add(goneFor+2*time.Hour), m.State())
	late.Step(now.Add(3*goneFor), Tick{})
	if len(late.gone) != 0 {
		t.Error("a relay is remembered for ever")
	}
	for i := range maxGone + 10 {
		m.remember(w.now.Add(time.Duration(i)), &entry{desc: &wire.Descriptor{ID: wire.NodeID{byte(i), byte(i >> 8)}}, proof: proof{addr: "x"}})
	}
	if len(m.gone) != maxGone {
		t.Errorf("%d are remembered", len(m.gone))
	}
}

// Invariant 6: of addresses that were dialled.
func TestTargetsAreBounded(t *testing.T) {
	p := newProber(nil)
	for i := range maxTargets + 10 {
		if !p.target(epoch, netip.AddrFrom4([4]byte{30, byte(i >> 16), byte(i >> 8), byte(i)})) {
			t.Fatalf("address %d is refused for the sake of others", i)
		}
	}
	if len(p.targets) > maxTargets {
		t.Errorf("%d addresses are remembered", len(p.targets))
	}
	p.forgetTargets(epoch.Add(25 * time.Hour))
	if len(p.targets) != 0 {
		t.Errorf("%d are remembered for ever", len(p.targets))
	}
}

package relays

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"nightjar/routing/wire"
)

func TestFourNodesKnowThreeRelaysEachWithinTwoSeconds(t *testing.T) {
	r := newRig(t, 4)
	r.mesh()
	r.run(2 * time.Second)
	for i := range 4 {
		if n := r.usable(i); n != 3 {
			t.Errorf("node %d can use %d relays", i, n)
		}
	}
}

func TestNewsSpreadsOverARing(t *testing.T) {
	const n = 20
	r := newRig(t, n)
	for i := range n {
		r.link(i, (i+1)%n)
		r.link(i, (i+3)%n)
	}
	r.run(5 * time.Second)
	for i := range n {
		if got := r.usable(i); got != n-1 {
			t.Fatalf("node %d can use %d relays", i, got)
		}
	}
	r.run(time.Hour)
	next := describe(t, 7, epoch.Add(time.Hour), 2, loopback(7))
	r.step(7, Own{next})
	r.run(time.Second)
	for i := range n {
		if e := r.nodes[i].entries[next.ID]; !e.desc.Equal(next) {
			t.Fatalf("node %d has not heard the news", i)
		}
	}
	r.run(2 * time.Hour) // by then everybody has compared views with everybody
	for i := range n {
		if got, _ := inUse(r.nodes[i], r.now, next.ID); i != 7 && !got.Desc.Equal(next) {
			t.Fatalf("node %d does not use the news", i)
		}
	}
}

func TestANewcomerCatchesUpWithALargeView(t *testing.T) {
	const n = 3000
	r := newRig(t, 3)
	for i := range n {
		d := describe(t, 1000+i, epoch, 1, loopback(i))
		for k := range 2 {
			e := r.nodes[k].add(epoch, &d, origin(9+i%7))
			e.used, e.backed = &d, 3
		}
	}
	r.mesh()
	r.run(20 * time.Second)
	if got := r.usable(2); got != n+2 {
		t.Fatalf("%d of %d relays after 20 seconds", got, n+2)
	}
	perRelay := r.sent / n
	t.Logf("%d bytes over three links for each relay", perRelay)
	if perRelay > 1200 {
		t.Errorf("catching up has cost %d bytes a relay", perRelay)
	}
}

func TestARelayIsUsedOnlyWhenThreePeersShowIt(t *testing.T) {
	r := star(t, 4)
	d := describe(t, 9, epoch, 1, loopback(9))
	for i, want := range []bool{false, false, true} {
		r.tell(1+i, d)
		r.tell(1+i, d)
		if _, got := inUse(r.nodes[0], r.now, d.ID); got != want {
			t.Fatalf("after %d peers: %v", i+1, got)
		}
	}
}

func TestTheRelayItselfCountsIfItIsLinked(t *testing.T) {
	r := star(t, 3)
	d := describe(t, 9, epoch, 1, loopback(9))
	r.nodes[0].Step(r.now, PeerUp{Peer: d.ID, Desc: d})
	r.tell(1, d)
	if _, ok := inUse(r.nodes[0], r.now, d.ID); ok {
		t.Fatal("one peer and the relay are enough")
	}
	r.tell(2, d)
	if got, ok := inUse(r.nodes[0], r.now, d.ID); !ok || got.Shown != 3 || got.Peer {
		t.Fatalf("two peers and the relay are not enough: %+v", got)
	}
}

// A peer that says nothing must not be able to hold anything up, but neither may one that comes first decide alone.
func TestAQuorumFollowsThePeers(t *testing.T) {
	r := newRig(t, 1)
	d := describe(t, 9, epoch, 1, loopback(9))
	used := func(want bool, when string) {
		t.Helper()
		if _, got := inUse(r.nodes[0], r.now, d.ID); got != want {
			t.Fatalf("%s: used %v", when, got)
		}
	}
	first := r.join(describe(t, 101, epoch, 1, loopback(1)))
	r.tell(first, d)
	used(true, "one peer, who shows it")
	second := r.join(describe(t, 102, epoch, 1, loopback(2)))
	used(false, "one of two peers")
	r.tell(second, d)
	used(true, "two of two")
	r.descs = append(r.descs, describe(t, 103, epoch, 1, loopback(3)))
	r.play(3, nil)
	used(true, "two of three, of whom one has not compared views")
	r.play(3, wire.Digests{Buckets: new([wire.Buckets]uint64)})
	used(true, "it stays when it has been shown by two")
	next := describe(t, 9, epoch.Add(time.Hour), 2, loopback(9))
	r.tell(first, next)
	r.tell(second, next)
	if got, _ := inUse(r.nodes[0], r.now, d.ID); !got.Desc.Equal(d) {
		t.Fatal("two of three bring a new one into use")
	}
	r.nodes[0].Step(r.now, PeerDown{r.descs[3].ID})
	if got, _ := inUse(r.nodes[0], r.now, d.ID); !got.Desc.Equal(next) {
		t.Fatal("two of two do not")
	}
}

func TestPeersOfOneNetworkCountOnce(t *testing.T) {
	r := newRig(t, 1)
	for p, addr := range []string{"tcp/192.0.2.1:1", "tcp/192.0.77.2:1", "tcp/192.0.3.3:1", "tcp/198.51.100.1:1", "tcp/203.0.113.1:1"} {
		r.join(describe(t, 100+p, epoch, 1, addr))
	}
	d := describe(t, 9, epoch, 1, loopback(9))
	for p := range 4 {
		r.tell(1+p, d)
	}
	if _, ok := inUse(r.nodes[0], r.now, d.ID); ok {
		t.Fatal("three peers of one /16 counted as more than one")
	}
	r.tell(5, d)
	if _, ok := inUse(r.nodes[0], r.now, d.ID); !ok {
		t.Fatal("three networks are not enough")
	}
}

func TestSpec5OriginsGoByNetworks(t *testing.T) {
	up := func(n int, from string, addr string) origin {
		d := describe(t, n, epoch, 1, addr)
		ev := PeerUp{Peer: d.ID, Desc: d}
		if from != "" {
			ev.From = netip.MustParseAddr(from)
		}
		return originOf(ev)
	}
	for _, c := range []struct {
		name string
		a, b origin
		same bool
	}{
		{"one /16", up(1, "", "tcp/192.0.2.1:1"), up(2, "", "tcp/192.0.99.1:1"), true},
		{"two /16", up(1, "", "tcp/192.0.2.1:1"), up(2, "", "tcp/192.1.2.1:1"), false},
		{"one /32", up(1, "", "tcp/[2001:db8:1::1]:1"), up(2, "", "tcp/[2001:db8:2::1]:1"), true},
		{"two /32", up(1, "", "tcp/[2001:db8::1]:1"), up(2, "", "tcp/[2001:db9::1]:1"), false},
		{"loopback", up(1, "", "tcp/127.0.0.1:1"), up(2, "", "tcp/127.0.0.1:2"), false},
		{"private", up(1, "", "tcp/10.0.0.1:1"), up(2, "", "tcp/10.0.0.2:1"), false},
		{"seen from one network, whatever it says", up(1, "192.0.2.1", "tcp/198.51.100.1:1"), up(2, "::ffff:192.0.2.2", "tcp/203.0.113.1:1"), true},
		{"seen on loopback, whatever it says", up(1, "127.0.0.1", "tcp/192.0.2.1:1"), up(2, "127.0.0.1", "tcp/192.0.2.2:1"), false},
	} {
		if (c.a == c.b) != c.same {
			t.Errorf("%s: the same origin %v", c.name, c.a == c.b)
		}
	}
}

func TestADescriptorForOneVictimIsNotUsed(t *testing.T) {
	r := star(t, 4)
	common := describe(t, 9, epoch, 1, loopback(9))
	for p := range 3 {
		r.tell(1+p, common)
	}
	r.now = r.now.Add(2 * time.Hour)
	special := describe(t, 9, epoch.Add(time.Hour), 66, loopback(9))
	r.tell(4, special)
	got, ok := inUse(r.nodes[0], r.now, common.ID)
	if !ok || got.Desc.Onion != common.Onion {
		t.Fatalf("a key that one peer alone has shown is used: %v %v", ok, got.Desc.Onion)
	}
	if !got.Seen.Equal(epoch) {
		t.Fatal("first seen has moved")
	}
	r.tell(1, special)
	r.tell(2, special)
	if got, _ := inUse(r.nodes[0], r.now, common.ID); got.Desc.Onion != special.Onion || !got.Seen.Equal(epoch) {
		t.Fatal("a key that three have shown is not used, or first seen has moved")
	}
}

func TestARelayThatDoesNotRelayIsNotUsed(t *testing.T) {
	r := star(t, 1)
	d := describe(t, 9, epoch, 0, loopback(9))
	r.tell(1, d)
	if _, ok := inUse(r.nodes[0], r.now, d.ID); ok {
		t.Fatal("a node without an onion key is used")
	}
}

func TestAtMostTwoRelaysOfANetworkAreUsed(t *testing.T) {
	for _, network := range []string{"tcp/192.0.2.%d:1", "tcp/[2001:db8:5:%d::1]:1"} {
		r := star(t, 1)
		for i := range 5 {
			r.now = epoch.Add(time.Duration(i) * time.Minute)
			r.tell(1, describe(t, 10+(i*3)%5, epoch, 1, fmt.Sprintf(network, i+1)))
		}
		for i := range 5 {
			if _, ok := inUse(r.nodes[0], r.now, describe(t, 10+(i*3)%5, epoch, 1, loopback(1)).ID); ok != (i < 2) {
				t.Errorf(network+": relay %d used: %v", i, i, ok)
			}
		}
	}
}

func TestTheStateOutlivesTheMachine(t *testing.T) {
	r := newRig(t, 5)
	r.mesh()
	r.run(2 * time.Second)
	r.nodes[0].reachAll(r.now)
	before := r.nodes[0].View(r.now)
	s := r.nodes[0].State()
	s.Entries = append(s.Entries, EntryState{Desc: []byte("no descriptor")}, EntryState{Desc: s.Entries[0].Desc, Shown: -1})
	later := r.now.Add(30 * time.Hour)
	m := machine(0)
	m.Restore(later, s)
	after := m.View(later)
	if len(after.Relays) != 4 || !after.Since.Equal(before.Since) {
		t.Fatalf("%d relays since %v, want 4 since %v", len(after.Relays), after.Since, before.Since)
	}
	for i := range after.Relays {
		if !after.Relays[i].Seen.Equal(before.Relays[i].Seen) || after.Relays[i].Shown != before.Relays[i].Shown {
			t.Fatal("first seen was lost, or how many have shown it")
		}
	}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	m = machine(0)
	m.Restore(later.Add(100*time.Hour), s)
	if len(m.View(later.Add(100*time.Hour)).Relays) != 0 {
		t.Fatal("old relays came back to life")
	}
	s.Since, s.Entries[0].Seen = later.Add(time.Hour), later.Add(time.Hour)
	m = machine(0)
	m.Restore(later, s)
	if v := m.View(later); v.Since.After(later) || v.Relays[0].Seen.After(later) {
		t.Fatal("a time in the future was restored")
	}
}

func TestTheStateIsAnnounced(t *testing.T) {
	r := star(t, 3)
	count := func(effects []Effect) (updated, changed int) {
		for _, e := range effects {
			switch e.(type) {
			case Updated:
				updated++
			case Changed:
				changed++
			}
		}
		return updated, changed
	}
	r.now = r.now.Add(time.Minute)
	d := describe(t, 9, epoch, 1, loopback(9))
	if _, changed := count(r.tell(1, d)); changed != 1 {
		t.Errorf("a new relay: Changed %d times", changed)
	}
	r.tell(2, d)
	r.now = r.now.Add(time.Minute)
	if updated, _ := count(r.tell(3, d)); updated != 1 {
		t.Errorf("a relay that can be used: Updated %d times", updated)
	}
	total := 0
	for i := range 200 {
		d := describe(t, 1000+i, epoch, 1, loopback(i))
		for p := range 3 {
			u, _ := count(r.tell(1+p, d))
			total += u
		}
	}
	if total > 1 {
		t.Errorf("Updated %d times at one moment", total)
	}
	r.now = r.now.Add(viewPause + viewRelay*time.Duration(len(r.nodes[0].entries)))
	if at, ok := r.nodes[0].NextDeadline(); !ok || at.After(r.now) {
		t.Error("nobody wakes the machine to announce the rest")
	}
	if u, _ := count(r.nodes[0].Step(r.now, Tick{})); u != 1 {
		t.Errorf("Updated %d times at last", u)
	}
}

func TestTheForgottenLeaveTheView(t *testing.T) {
	r := star(t, 1)
	d := describe(t, 9, epoch, 1, loopback(9))
	r.tell(1, d)
	r.now = epoch.Add(useFor + time.Hour)
	if _, ok := inUse(r.nodes[0], r.now, d.ID); ok {
		t.Fatal("a descriptor is used whose key is not taken any more")
	}
	r.now = epoch.Add(keepFor + time.Hour)
	r.nodes[0].Step(r.now, Tick{})
	if _, ok := r.nodes[0].entries[d.ID]; ok {
		t.Fatal("still known")
	}
	if _, ok := r.nodes[0].entries[r.nodes[0].self]; !ok {
		t.Fatal("this node has forgotten itself")
	}
}

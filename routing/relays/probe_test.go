package relays

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// Invariant 7.
func TestSpec9OnlyRelaysThatWereReachedAreUsed(t *testing.T) {
	w := newWorld(t, 3)
	honest, invented := describe(t, 9, epoch, 1, loopback(9)), describe(t, 10, epoch, 1, loopback(10))
	w.there[honest.ID] = true
	w.show(3, honest, invented)
	w.pass(time.Second)
	if !w.use(honest) || w.use(invented) {
		t.Fatalf("used: the relay that is there %v, the one that is not %v", w.use(honest), w.use(invented))
	}
	if v := w.nodes[0].View(w.now); v.Unreached != 1 {
		t.Errorf("%d are said not to be reached yet", v.Unreached)
	}
	w.there[invented.ID] = true
	w.pass(time.Hour)
	if !w.use(invented) {
		t.Error("a relay that has come up is not used")
	}
}

func TestSpec9WhoeverDialsUsIsNotReachedByThat(t *testing.T) {
	w := newWorld(t, 3)
	d := describe(t, 9, epoch, 1, loopback(9))
	w.at(PeerUp{Peer: d.ID, Desc: d})
	w.show(3, d)
	w.pass(time.Second)
	if w.use(d) || w.dialed[d.ID] == 0 {
		t.Fatalf("used %v, dialled %d times", w.use(d), w.dialed[d.ID])
	}
	w.at(PeerUp{Peer: d.ID, Desc: d, At: "tcp/127.0.0.1:999"})
	if w.use(d) {
		t.Fatal("a link to another address than the signed one counts")
	}
	w.at(PeerUp{Peer: d.ID, Desc: d, At: d.Addrs[0]})
	if !w.use(d) {
		t.Fatal("a link that this node has dialled does not count")
	}
}

// A relay that is proven and then names another address is where nobody has looked.
func TestSpec9AnotherAddressIsReachedAnew(t *testing.T) {
	w := newWorld(t, 3)
	d := describe(t, 9, epoch, 1, loopback(9))
	w.there[d.ID] = true
	w.show(3, d)
	w.pass(time.Second)
	w.there[d.ID] = false
	moved := describe(t, 9, epoch.Add(time.Hour), 1, loopback(99))
	w.show(3, moved)
	if w.use(d) {
		t.Fatal("it is used where it was never reached")
	}
	w.there[d.ID] = true
	w.pass(time.Hour)
	if !w.use(d) {
		t.Fatal("it is not used though it was reached again")
	}
}

func TestSpec9TwoFailuresInARowAndNoFewer(t *testing.T) {
	w := newWorld(t, 3)
	all := relaysAt(t, 10, 6, loopback)
	for _, d := range all {
		w.there[d.ID] = true
	}
	w.show(3, all...)
	w.pass(time.Second)
	if n := w.used(all); n != 6 {
		t.Fatalf("%d of 6 are used", n)
	}
	d := all[2]
	w.at(Unreached{Peer: d.ID})
	if !w.use(d) {
		t.Fatal("one failure is enough")
	}
	w.at(Unreached{Peer: d.ID})
	w.at(Unreached{Peer: d.ID})
	if !w.use(d) {
		t.Fatal("several failures of one moment count as several")
	}
	w.pass(5 * time.Minute)
	if !w.use(d) {
		t.Fatal("a relay that has answered since is out of use")
	}
	w.there[d.ID] = false
	w.at(Unreached{Peer: d.ID})
	w.pass(5 * time.Minute)
	if w.use(d) {
		t.Fatal("a relay that does not answer any more is used")
	}
	if v := w.nodes[0].View(w.now); !slices.ContainsFunc(v.Relays, func(r Relay) bool { return r.Desc.ID == d.ID && r.Lapsed }) || v.Unreached != 1 {
		t.Error("whoever uses it already is not told that it is still known")
	}
}

// Whoever cuts this node's line, or a line that is cut, does not choose what is left.
func TestSpec9NoMoreThanAThirdLapses(t *testing.T) {
	w := newWorld(t, 3)
	all := relaysAt(t, 10, 30, loopback)
	for _, d := range all {
		w.there[d.ID] = true
	}
	w.show(3, all...)
	w.pass(time.Minute)
	clear(w.there)
	w.pass(40 * time.Hour)
	if n := w.used(all); n != 20 {
		t.Errorf("%d of 30 relays that do not answer any more are used", n)
	}
	for _, d := range all[:20] {
		w.there[d.ID] = true
	}
	for _, d := range all { // those who are there speak up, and are tried again
		if w.there[d.ID] {
			w.at(PeerUp{Peer: d.ID, Desc: d})
		}
	}
	w.pass(time.Hour)
	if n, there := w.used(all), w.used(all[:20]); n != 20 || there != 20 {
		t.Errorf("%d are used, %d of them are there: want 20", n, there)
	}
}

func TestSpec9AFailureOfOnesOwnSaysNothing(t *testing.T) {
	w := newWorld(t, 3)
	all := relaysAt(t, 10, 6, loopback)
	for _, d := range all {
		w.there[d.ID] = true
	}
	w.show(3, all...)
	w.pass(time.Second)
	w.cut = true
	w.pass(40 * time.Hour)
	if n := w.used(all); n != 6 {
		t.Errorf("%d of 6 are used while this node is cut off", n)
	}
}

// Four thousand invented relays, shown by the same peers, beside twenty that exist: these come into use all the same, the peers at
// once, and the dead cost less and less.
func TestAFloodOfInventedRelaysDelaysNobodyForLong(t *testing.T) {
	w := newWorld(t, 16)
	invented := relaysAt(t, 1000, 4_000, distant)
	honest := relaysAt(t, 200_000, 20, distant)
	for _, d := range honest {
		w.there[d.ID] = true
	}
	w.show(3, invented...)
	for i, d := range honest[:10] { // ten have come by themselves
		w.at(PeerUp{Peer: d.ID, Desc: d, From: netip.MustParseAddr(fmt.Sprintf("77.%d.0.1", i))})
	}
	w.show(3, honest...)
	w.pass(2 * time.Minute)
	if n := w.used(honest[:10]); n != 10 {
		t.Errorf("%d of ten relays that were linked are used after two minutes", n)
	}
	w.pass(2 * time.Hour)
	if n := w.used(honest); n != 20 {
		t.Errorf("%d of twenty honest relays are used after two hours", n)
	}
	if w.used(invented) != 0 {
		t.Error("an invented relay is used")
	}
	before := w.total()
	w.pass(21 * time.Hour)
	t.Logf("dials: %d in two hours, %d in the rest of the day", before, w.total()-before)
	newcomer := describe(t, 300_000, epoch.Add(24*time.Hour), 1, distant(60_000))
	w.there[newcomer.ID] = true
	w.show(3, newcomer)
	w.pass(5 * time.Minute)
	if !w.use(newcomer) {
		t.Error("a newcomer waits for the dead")
	}
	for ip, n := range w.knocks {
		if n > 8 {
			t.Fatalf("%v was dialled %d times in a day", ip, n)
		}
	}
}

func (w *world) total() (n int) {
	for _, k := range w.dialed {
		n += k
	}
	return n
}

// One who names many does not delay those whom others name.
func TestSpec9OriginsTakeTurns(t *testing.T) {
	w := newWorld(t, 3)
	m := w.nodes[0]
	for _, d := range relaysAt(t, 1000, 3000, distant) {
		e := m.add(w.now, &d, origin(1))
		m.use(e, 3)
	}
	few := relaysAt(t, 20_000, 5, distant)
	for _, d := range few {
		e := m.add(w.now, &d, origin(2))
		m.use(e, 3)
		w.there[d.ID] = true
	}
	w.pass(time.Minute)
	if n := w.used(few); n != 5 {
		t.Errorf("%d of five relays that another has named are used after a minute", n)
	}
}

func TestSpec9OneAddressIsNotKnockedAtForMany(t *testing.T) {
	for addr, most := range map[string]int{"192.0.2.7": 8, "2001:db8::7": 8, "10.0.0.7": 64} {
		w := newWorld(t, 3)
		ap := func(n int) string { return "tcp/" + netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(n)).String() }
		w.show(3, relaysAt(t, 1000, 500, ap)...)
		w.pass(24*time.Hour - time.Minute)
		if n := w.knocks[netip.MustParseAddr(addr)]; n == 0 || n > most {
			t.Errorf("%s was dialled %d times in a day for 500 relays, want at most %d", addr, n, most)
		}
	}
}

// All of a /64 is one host's; its neighbour is another's.
func TestSpec9OneHostIsNotKnockedAtUnderItsManyAddresses(t *testing.T) {
	p := newProber(nil)
	for i := range 3 * targetBurst {
		one, other := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x:%x", i<<8, i)), netip.MustParseAddr(fmt.Sprintf("2001:db8:0:1::%x", i))
		for _, ip := range []netip.Addr{one, other} {
			if got := p.target(epoch, ip); got != (i < targetBurst) {
				t.Errorf("dial %d, to %s: %t", i, ip, got)
			}
		}
	}
}

func TestSpec9DialsAreFewAtOnceAndInTime(t *testing.T) {
	w := newWorld(t, 3)
	w.slow = true
	w.show(3, relaysAt(t, 1000, 500, distant)...)
	w.pass(10 * time.Second)
	if w.most != maxProbes {
		t.Errorf("%d dials at once, want %d", w.most, maxProbes)
	}
	w.slow = false
	w.at(Tick{})
	w.pass(50 * time.Second)
	if n := w.total(); n < 60 || n > probeBurst+61 {
		t.Errorf("%d dials in a minute", n)
	}
}

// A network in which everybody answers is known after a moment, and costs each relay one dial a day.
func TestSpec9ALivingNetworkIsReachedOnceADay(t *testing.T) {
	w := newWorld(t, 3)
	all := relaysAt(t, 10, 200, distant)
	for _, d := range all {
		w.there[d.ID] = true
	}
	w.show(3, all[:12]...)
	w.pass(300 * time.Millisecond)
	if n := w.used(all); n != 12 {
		t.Errorf("%d of twelve relays are used after a moment", n)
	}
	w.show(3, all...)
	w.pass(time.Hour)
	if n := w.used(all); n != 200 {
		t.Errorf("%d of 200 relays are used after an hour", n)
	}
	before := w.total()
	for range 4 * 2 { // descriptors are signed anew
		w.pass(12 * time.Hour)
		for i := range all {
			all[i] = describe(t, 10+i, w.now.Truncate(time.Hour), 1, distant(10+i))
		}
		w.show(3, all...)
		if n := w.used(all); n != 200 {
			t.Errorf("%d of 200 relays are used", n)
		}
	}
	if perDay := float64(w.total()-before) / 4 / 200; perDay < 0.9 || perDay > 1.6 {
		t.Errorf("%.2f dials a day for each relay", perDay)
	}
}

// What this node does not dial on a stranger's word is dialled for no probe, and costs none.
func TestSpec9AddressesOutOfBoundsAreNotDialled(t *testing.T) {
	w := newWorld(t, 0)
	w.nodes[0] = New(Config{Self: w.descs[0].ID, Rand: w.nodes[0].rng, Dials: func(d wire.Descriptor) (out []wire.Addr) {
		for _, a := range d.Addrs {
			if netip.MustParseAddrPort(a.HostPort()).Addr().IsLoopback() {
				out = append(out, a)
			}
		}
		return out
	}})
	w.invite(1)
	w.show(1, relaysAt(t, 1000, 300, distant)...)
	near := relaysAt(t, 5000, 3, loopback)
	for _, d := range near {
		w.there[d.ID] = true
	}
	w.show(1, near...)
	w.pass(time.Second)
	if n := w.used(near); n != 3 || w.total() != 3 {
		t.Errorf("%d of three are used after %d dials", n, w.total())
	}
}

// Invented relays in a relay's network do not take its place in the view.
func TestSpec9TheInventedTakeNobodysPlace(t *testing.T) {
	w := newWorld(t, 3)
	in := func(n int) string { return fmt.Sprintf("tcp/192.0.2.%d:1", n%200) }
	w.show(3, relaysAt(t, 1000, 5, in)...)
	w.pass(time.Minute)
	honest := describe(t, 9, epoch, 1, "tcp/192.0.2.9:1")
	w.there[honest.ID] = true
	w.show(3, honest)
	w.pass(time.Minute)
	if !w.use(honest) {
		t.Error("the only relay of its network that is there is not used")
	}
}

package relays

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/routing/wire"
)

var epoch = time.Unix(1_700_000_000, 0).Truncate(time.Hour)

func identity(n int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint64(seed, uint64(n)+1)
	return ed25519.NewKeyFromSeed(seed)
}

func describe(t testing.TB, n int, at time.Time, onion byte, addr string) wire.Descriptor {
	t.Helper()
	d, err := wire.NewDescriptor(identity(n), uint64(at.Unix()), [32]byte{onion}, []wire.Addr{wire.Addr(addr)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func loopback(n int) string { return fmt.Sprintf("tcp/127.0.0.1:%d", n+1) }

// rig is a network of machines whose messages take a millisecond.
type rig struct {
	t     testing.TB
	now   time.Time
	nodes []*Machine
	descs []wire.Descriptor
	mail  []letter
	sent  int // bytes
}

type letter struct {
	at       time.Time
	from, to int
	msg      wire.Message
}

func newRig(t testing.TB, n int) *rig {
	r := &rig{t: t, now: epoch}
	for i := range n {
		d := describe(t, i, epoch, 1, loopback(i))
		m := New(Config{Self: d.ID, Rand: rand.New(rand.NewPCG(1, uint64(i)))})
		r.nodes, r.descs = append(r.nodes, m), append(r.descs, d)
		r.step(i, Own{d})
	}
	return r
}

func (r *rig) index(id wire.NodeID) int {
	return slices.IndexFunc(r.descs, func(d wire.Descriptor) bool { return d.ID == id })
}

func (r *rig) step(i int, ev Event) {
	for _, e := range r.nodes[i].Step(r.now, ev) {
		switch e := e.(type) {
		case Send:
			raw := wire.Append(nil, e.Msg)
			r.sent += len(raw)
			msg, err := wire.Parse(raw)
			if err != nil {
				r.t.Fatalf("node %d sends what cannot be parsed: %v", i, err)
			}
			r.mail = append(r.mail, letter{r.now.Add(time.Millisecond), i, r.index(e.To), msg})
		case Misbehaved:
			r.t.Fatal("an honest node was reported")
		}
	}
}

func (r *rig) link(a, b int) {
	r.step(a, PeerUp{r.descs[b].ID, r.descs[b], true})
	r.step(b, PeerUp{r.descs[a].ID, r.descs[a], true})
}

func (r *rig) run(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(time.Millisecond)
		for len(r.mail) > 0 && !r.mail[0].at.After(r.now) {
			l := r.mail[0]
			r.mail = r.mail[1:]
			r.step(l.to, Received{r.descs[l.from].ID, l.msg})
		}
		for i, m := range r.nodes {
			if at, ok := m.NextDeadline(); ok && !at.After(r.now) {
				r.step(i, Tick{})
			}
		}
	}
}

func (r *rig) usable(i int) int { return len(r.nodes[i].View(r.now).Relays) }

func TestFourNodesKnowThreeRelaysEachWithinTwoSeconds(t *testing.T) {
	r := newRig(t, 4)
	for a := range 4 {
		for b := range a {
			r.link(a, b)
		}
	}
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
	next := describe(t, 7, epoch.Add(time.Hour), 2, loopback(7))
	r.now = r.now.Add(time.Hour)
	r.step(7, Own{next})
	r.run(5 * time.Second)
	for i := range n {
		if d, _ := r.nodes[i].Lookup(next.ID); i != 7 && d.Onion != next.Onion && d.Onion != r.descs[7].Onion {
			t.Fatalf("node %d uses another descriptor", i)
		}
		if e := r.nodes[i].entries[next.ID]; !e.desc.Equal(next) {
			t.Fatalf("node %d has not heard the news", i)
		}
	}
}

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
		r.run(3 * time.Second)
		for i := range n {
			if r.nodes[i].root() != r.nodes[0].root() || len(r.nodes[i].entries) != n {
				rt.Fatalf("node %d knows %d of %d, or others", i, len(r.nodes[i].entries), n)
			}
		}
	})
}

// star is one machine with peers that the test plays.
func star(t *testing.T, peers int) *rig {
	r := newRig(t, 1)
	for p := range peers {
		d := describe(t, 100+p, epoch, 1, loopback(100+p))
		r.descs = append(r.descs, d)
		r.nodes[0].Step(r.now, PeerUp{d.ID, d, true})
	}
	return r
}

func (r *rig) tell(peer int, nodes ...wire.Descriptor) {
	var claims []wire.Claim
	for _, d := range nodes {
		claims = append(claims, d.Claim())
	}
	r.nodes[0].Step(r.now, Received{r.descs[peer].ID, wire.Relays{Nodes: claims}})
}

func inUse(m *Machine, now time.Time, id wire.NodeID) (Relay, bool) {
	for _, r := range m.View(now).Relays {
		if r.Desc.ID == id {
			return r, true
		}
	}
	return Relay{}, false
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

func TestPeersOfOneNetworkCountOnce(t *testing.T) {
	r := newRig(t, 1)
	for p, addr := range []string{"tcp/192.0.2.1:1", "tcp/192.0.77.2:1", "tcp/192.0.3.3:1", "tcp/198.51.100.1:1", "tcp/203.0.113.1:1"} {
		d := describe(t, 100+p, epoch, 1, addr)
		r.descs = append(r.descs, d)
		r.nodes[0].Step(r.now, PeerUp{d.ID, d, true})
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
	if got, _ := inUse(r.nodes[0], r.now, common.ID); got.Desc.Onion != special.Onion {
		t.Fatal("a key that three have shown is not used")
	}
}

func TestOldFutureAndReplayedDescriptorsAreRefused(t *testing.T) {
	r := star(t, 3)
	now := epoch.Add(100 * time.Hour)
	r.now = now
	for name, at := range map[string]time.Time{"too old": now.Add(-73 * time.Hour), "from the future": now.Add(4 * time.Hour)} {
		d := describe(t, 9, at, 1, loopback(9))
		r.tell(1, d)
		if r.nodes[0].entries[d.ID] != nil {
			t.Errorf("%s: taken", name)
		}
	}
	newer, older := describe(t, 9, now, 2, loopback(9)), describe(t, 9, now.Add(-5*time.Hour), 1, loopback(9))
	r.tell(1, newer)
	r.tell(2, older)
	if d, _ := r.nodes[0].Lookup(newer.ID); !d.Equal(newer) {
		t.Fatal("an older descriptor has replaced a newer one")
	}
	self := describe(t, 0, now, 77, loopback(0))
	r.tell(1, self)
	if d, _ := r.nodes[0].Lookup(self.ID); d.Onion == self.Onion {
		t.Fatal("a peer has said what this node is")
	}
}

func TestAFloodOfRelaysIsBounded(t *testing.T) {
	r := star(t, 3)
	m := r.nodes[0]
	for i := range 2 * freshBurst {
		p := m.peers[r.descs[1].ID]
		if !p.fresh.take(r.now) {
			if i != freshBurst {
				t.Fatalf("the budget ends after %d", i)
			}
			break
		}
	}
	before := len(m.entries)
	r.tell(1, describe(t, 50, epoch, 1, loopback(50)))
	if len(m.entries) != before {
		t.Fatal("a peer without budget has added a relay")
	}
	r.tell(2, describe(t, 50, epoch, 1, loopback(50)))
	if len(m.entries) != before+1 {
		t.Fatal("the budget of one peer holds for another")
	}
}

func TestQuestionsAreAnsweredAtABoundedRate(t *testing.T) {
	r := star(t, 3)
	sent := 0
	for range 10 * askBurst {
		for _, msg := range []wire.Message{wire.Root{}, wire.Digests{Buckets: new([wire.Buckets]uint64)}, wire.List{Reply: true}} {
			for _, e := range r.nodes[0].Step(r.now, Received{r.descs[1].ID, msg}) {
				if _, ok := e.(Send); ok {
					sent++
				}
			}
		}
	}
	if sent > askBurst*maxLists {
		t.Fatalf("%d messages in answer to a flood", sent)
	}
}

func TestAtMostTwoRelaysOfANetworkAreUsed(t *testing.T) {
	r := star(t, 1)
	for i := range 5 {
		r.now = epoch.Add(time.Duration(i) * time.Minute)
		r.tell(1, describe(t, 10+i, epoch, 1, fmt.Sprintf("tcp/192.0.2.%d:1", i+1)))
	}
	for i := range 5 {
		if _, ok := inUse(r.nodes[0], r.now, describe(t, 10+i, epoch, 1, loopback(1)).ID); ok != (i < 2) {
			t.Errorf("relay %d used: %v", i, ok)
		}
	}
}

func TestTheStateOutlivesTheMachine(t *testing.T) {
	r := newRig(t, 5)
	for a := range 5 {
		for b := range a {
			r.link(a, b)
		}
	}
	r.run(2 * time.Second)
	before := r.nodes[0].View(r.now)
	s := r.nodes[0].State()
	s.Entries = append(s.Entries, EntryState{Desc: []byte("no descriptor")}, EntryState{Desc: s.Entries[0].Desc})
	later := r.now.Add(30 * time.Hour)
	m := New(Config{Self: r.descs[0].ID, Rand: rand.New(rand.NewPCG(9, 9))})
	m.Restore(later, s)
	after := m.View(later)
	if len(after.Relays) != 4 || !after.Since.Equal(before.Since) {
		t.Fatalf("%d relays since %v, want 4 since %v", len(after.Relays), after.Since, before.Since)
	}
	for i := range after.Relays {
		if !after.Relays[i].Seen.Equal(before.Relays[i].Seen) {
			t.Fatal("first seen was lost")
		}
	}
	m = New(Config{Self: r.descs[0].ID, Rand: rand.New(rand.NewPCG(9, 9))})
	m.Restore(later.Add(100*time.Hour), s)
	if len(m.View(later.Add(100*time.Hour)).Relays) != 0 {
		t.Fatal("old relays came back to life")
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
	r.nodes[0].forget(r.now)
	if _, ok := r.nodes[0].Lookup(d.ID); ok {
		t.Fatal("still known")
	}
}

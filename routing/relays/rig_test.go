package relays

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

func loopback(n int) string { return fmt.Sprintf("tcp/127.0.0.1:%d", n%60_000+1) }

// spread is an address in a /16 of its own for every n < 10 000.
func spread(n int) string { return fmt.Sprintf("tcp/%d.%d.0.1:1", 11+n/250, n%250) }

// machine makes the machine of node n.
func machine(n int) *Machine {
	return New(Config{Self: wire.NodeID(identity(n).Public().(ed25519.PublicKey)), Rand: rand.New(rand.NewPCG(1, uint64(n)))})
}

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
		r.nodes, r.descs = append(r.nodes, machine(i)), append(r.descs, d)
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
	r.step(a, PeerUp{Peer: r.descs[b].ID, Desc: r.descs[b], Routing: true})
	r.step(b, PeerUp{Peer: r.descs[a].ID, Desc: r.descs[a], Routing: true})
}

// mesh links all.
func (r *rig) mesh() {
	for a := range r.nodes {
		for b := range a {
			r.link(a, b)
		}
	}
}

// run goes from one thing that happens to the next until d has passed.
func (r *rig) run(d time.Duration) {
	end := r.now.Add(d)
	for {
		next, who := end, -1
		for i, m := range r.nodes {
			if at, ok := m.NextDeadline(); ok && at.Before(next) {
				next, who = at, i
			}
		}
		if len(r.mail) > 0 && !r.mail[0].at.After(next) {
			l := r.mail[0]
			r.mail = r.mail[1:]
			r.now = l.at
			r.step(l.to, Received{r.descs[l.from].ID, l.msg})
			continue
		}
		if r.now.Before(next) {
			r.now = next
		}
		if who < 0 {
			return
		}
		r.step(who, Tick{})
	}
}

// usable is how many relays a node can use once it has reached all.
func (r *rig) usable(i int) int {
	r.nodes[i].reachAll(r.now)
	return len(r.nodes[i].View(r.now).Relays)
}

// reachAll has a machine reach all relays that there are, where they are now.
func (m *Machine) reachAll(now time.Time) {
	for _, e := range m.entries {
		if m.judge(e); e.used != nil && len(e.used.Addrs) > 0 {
			m.reached(now, e.desc.ID, e.used.Addrs[0])
		}
	}
}

// star is one machine with peers that the test plays: descs[1] and so on.
func star(t testing.TB, peers int) *rig {
	r := newRig(t, 1)
	for p := range peers {
		r.join(describe(t, 100_000+p, epoch, 1, loopback(p)))
	}
	return r
}

// join adds a peer to a star, which compares views with it: they differ.
func (r *rig) join(d wire.Descriptor) int {
	r.descs = append(r.descs, d)
	r.play(len(r.descs)-1, nil)
	r.play(len(r.descs)-1, wire.Digests{Buckets: new([wire.Buckets]uint64)})
	return len(r.descs) - 1
}

// play lets a peer of a star send a message, or link up if it is nil, and returns what the machine does.
func (r *rig) play(peer int, msg wire.Message) []Effect {
	d := r.descs[peer]
	if msg == nil {
		return r.nodes[0].Step(r.now, PeerUp{Peer: d.ID, Desc: d, Routing: true})
	}
	return r.nodes[0].Step(r.now, Received{d.ID, msg})
}

func (r *rig) tell(peer int, nodes ...wire.Descriptor) []Effect {
	var claims []wire.Claim
	for _, d := range nodes {
		claims = append(claims, d.Claim())
	}
	return r.play(peer, wire.Relays{Nodes: claims})
}

// inUse finds a relay in the view, once all have been reached.
func inUse(m *Machine, now time.Time, id wire.NodeID) (Relay, bool) {
	m.reachAll(now)
	for _, r := range m.View(now).Relays {
		if r.Desc.ID == id {
			return r, true
		}
	}
	return Relay{}, false
}

// check proves the bookkeeping of a machine.
func (m *Machine) check() error {
	n := 0
	for i := range m.buckets {
		named := make(map[origin]int)
		for k, e := range m.buckets[i].entries {
			n++
			named[e.from]++
			switch {
			case m.entries[e.desc.ID] != e || int(e.desc.ID[0]) != i:
				return fmt.Errorf("bucket %d holds another's entry", i)
			case k > 0 && short(m.buckets[i].entries[k-1].desc.ID) >= short(e.desc.ID):
				return fmt.Errorf("bucket %d is out of order", i)
			case len(e.shown) > maxShown || e.used == e.desc && len(e.shown) > e.backed:
				return fmt.Errorf("%d have shown an entry, it is backed by %d", len(e.shown), e.backed)
			}
		}
		for o, k := range named {
			if o != 0 && k > maxNamed {
				return fmt.Errorf("one origin has named %d relays of bucket %d", k, i)
			}
		}
		if len(m.buckets[i].entries) > maxBucket+1 {
			return fmt.Errorf("bucket %d holds %d", i, len(m.buckets[i].entries))
		}
	}
	if n != len(m.entries) || len(m.peers) != len(m.order) || len(m.accounts) > maxAccounts+len(m.peers) {
		return fmt.Errorf("%d entries in buckets, %d known; %d peers of %d; %d accounts", n, len(m.entries), len(m.order), len(m.peers), len(m.accounts))
	}
	return nil
}

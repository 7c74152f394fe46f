package relays

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// world is one machine whose dials the test answers: by those relays that are there.
type world struct {
	*rig
	there  map[wire.NodeID]bool
	cut    bool // this node reaches nobody, and knows it
	dialed map[wire.NodeID]int
	knocks map[netip.Addr]int
	most   int // dials under way at once
	slow   bool
	under  []wire.Descriptor
}

// newWorld has peers that are no relays.
func newWorld(t testing.TB, peers int) *world {
	w := &world{rig: newRig(t, 1), there: make(map[wire.NodeID]bool), dialed: make(map[wire.NodeID]int), knocks: make(map[netip.Addr]int)}
	w.invite(peers)
	return w
}

func (w *world) invite(peers int) {
	for p := range peers {
		w.join(describe(w.t, 100_000+p, epoch, 0, loopback(p)))
	}
}

// at steps the machine and answers the dials that it asks for.
func (w *world) at(ev Event) {
	for _, e := range w.nodes[0].Step(w.now, ev) {
		if p, ok := e.(Probe); ok {
			w.under = append(w.under, p.Desc)
			w.dialed[p.Desc.ID]++
			for _, a := range p.Desc.Addrs {
				w.knocks[netip.MustParseAddrPort(a.HostPort()).Addr()]++
			}
		}
	}
	w.most = max(w.most, len(w.under))
	if w.slow {
		return
	}
	for len(w.under) > 0 {
		d := w.under[0]
		w.under = w.under[1:]
		switch {
		case w.cut:
			w.at(Unreached{Peer: d.ID, Doubt: true})
		case w.there[d.ID]:
			w.at(PeerUp{Peer: d.ID, Desc: d, At: d.Addrs[0]})
		default:
			w.at(Unreached{Peer: d.ID})
		}
	}
}

// pass lets time pass, waking the machine when it wants.
func (w *world) pass(d time.Duration) {
	end := w.now.Add(d)
	for {
		at, ok := w.nodes[0].NextDeadline()
		if !ok || at.After(end) {
			w.now = end
			return
		}
		if at.After(w.now) {
			w.now = at
		}
		w.at(Tick{})
	}
}

// show has so many peers show descriptors.
func (w *world) show(peers int, all ...wire.Descriptor) {
	for part := range slices.Chunk(all, wire.MaxNodes) {
		var claims []wire.Claim
		for _, d := range part {
			claims = append(claims, d.Claim())
		}
		for p := range peers {
			w.at(Received{w.descs[1+p].ID, wire.Relays{Nodes: claims}})
		}
	}
}

// relaysAt makes relays from a number on, each at an address of its own.
func relaysAt(t testing.TB, from, n int, addr func(int) string) (all []wire.Descriptor) {
	for i := range n {
		all = append(all, describe(t, from+i, epoch, 1, addr(from+i)))
	}
	return all
}

// distant is an address of its own for every n.
func distant(n int) string { return fmt.Sprintf("tcp/%d.%d.%d.1:1", 20+n>>16, n>>8&255, n&255) }

func (w *world) use(d wire.Descriptor) bool {
	for _, r := range w.nodes[0].View(w.now).Relays {
		if r.Desc.ID == d.ID && !r.Lapsed {
			return true
		}
	}
	return false
}

func (w *world) used(of []wire.Descriptor) (n int) {
	ids := make(map[wire.NodeID]bool)
	for _, r := range w.nodes[0].View(w.now).Relays {
		ids[r.Desc.ID] = !r.Lapsed
	}
	for _, d := range of {
		if ids[d.ID] {
			n++
		}
	}
	return n
}

package store

import (
	"math/rand/v2"
	"testing"

	"nightjar/keys"
)

const swarmSize = 10_000

// swarm is a full store and the links that fill it.
type swarm struct {
	l    *Ledger
	rnd  *rand.Rand
	make func(n int, at keys.Location) Entry
	next int
}

// newSwarm fills a store of n blocks with what links 1 to honest bring.
func newSwarm(n, honest int, make func(int, keys.Location) Entry) *swarm {
	s := &swarm{l: NewLedger(int64(n)*(1000+Overhead), 0, rnd(1)), rnd: rnd(2), make: make}
	for i := range n {
		s.put(uint64(1+i%honest), keys.Location(s.rnd.Uint64()))
	}
	return s
}

// put has a link bring a block, and reports whether the store took it.
func (s *swarm) put(link uint64, at keys.Location) bool {
	s.next++
	e := s.make(s.next, at)
	victims, err := s.l.RoomFor(e, link)
	if err != nil {
		return false
	}
	for _, v := range victims {
		s.l.Yield(v.ID, e, link)
	}
	s.l.SetFrom(e, link)
	return true
}

// survivors counts which of the first n blocks are there.
func (s *swarm) survivors(n int) (left int) {
	for i := 1; i <= n; i++ {
		if _, ok := s.l.Find(s.make(i, 0).ID); ok {
			left++
		}
	}
	return left
}

var swarmClasses = []struct {
	name string
	make func(int, keys.Location) Entry
}{
	{"sink", func(n int, at keys.Location) Entry { return block(n, Sink, at, 1000) }},
	{"cache", func(n int, at keys.Location) Entry { return block(n, Cache, at, 1000) }},
	{"records", func(n int, at keys.Location) Entry { return record(n, Sink, at, 1000) }},
}

// flooded runs a full store for a while in which each of 16 links brings a part of a hundredth of it, and returns how many blocks of
// theirs from before are there at the end. Beside them links 100, 101 … bring flood blocks each for each honest one, with places as near as
// they like.
func flooded(make func(int, keys.Location) Entry, known bool, flooders, flood int, nameless bool) int {
	const honest, load = 16, swarmSize / 100
	s := newSwarm(swarmSize, honest, make)
	name := func(link uint64) uint64 {
		if nameless {
			return 0
		}
		return link
	}
	if known { // a neighbour of long standing, and not one that has just come
		for i := range swarmSize / 20 {
			s.put(name(100+uint64(i%flooders)), keys.Location(s.rnd.Uint64()>>1))
		}
	}
	for i := range load {
		s.put(name(uint64(1+i%honest)), keys.Location(s.rnd.Uint64()))
		for range flood {
			for f := range flooders {
				s.put(name(uint64(100+f)), keys.Location(s.rnd.Uint64()>>20)) // nearer than all others' but a few
			}
		}
	}
	return s.survivors(swarmSize)
}

// TestAFlooderDisplacesItsOwn is what admission shares are for: a link that brings ten times what all others bring together, and chooses
// where its blocks belong, costs others at most 1 % of what they have, beside what a link with a normal load would.
func TestAFlooderDisplacesItsOwn(t *testing.T) {
	for _, c := range swarmClasses {
		for _, known := range []bool{false, true} {
			for _, flooders := range []int{1, 2} {
				lost := func(nameless bool) float64 {
					quiet, loud := flooded(c.make, known, flooders, 0, nameless), flooded(c.make, known, flooders, 10, nameless)
					return 100 * float64(quiet-loud) / float64(quiet)
				}
				with, without := lost(false), lost(true)
				t.Logf("%-8s known before: %-5v %d flooding: %.2f %% lost, %.2f %% without shares", c.name, known, flooders, with, without)
				if with > float64(flooders) {
					t.Errorf("%s, known before: %v, %d flooding: %.2f %% of what others have is lost", c.name, known, flooders, with)
				}
				if without < 3 {
					t.Errorf("%s: without shares only %.2f %% is lost: the flood proves nothing", c.name, without)
				}
			}
		}
	}
}

// TestAFloodThatLasts goes on until the others have brought half of what the store holds: the flooder then has a few times what a link
// with a normal load has, and no more.
func TestAFloodThatLasts(t *testing.T) {
	const honest, flood = 16, 3
	s := newSwarm(swarmSize, honest, swarmClasses[0].make)
	for i := range swarmSize / 2 {
		s.put(uint64(1+i%honest), keys.Location(s.rnd.Uint64()>>1))
		for range flood {
			s.put(100, keys.Location(s.rnd.Uint64()>>20))
		}
	}
	part := float64(s.l.links.all[s.l.links.index[100]].held[inSink]) / float64(s.l.Stats().Bytes)
	t.Logf("the flooder has %.1f %%", 100*part)
	if part > 3.0/(honest+1) || part < 0.5/(honest+1) {
		t.Errorf("the flooder has %.1f %%, a fair part is %.1f %%", 100*part, 100.0/(honest+1))
	}
}

// TestTheBusyAreNotTakenForFlooders has four of twenty links bring nearly everything, as the neighbours on the ring do, to a store that
// was just opened and knows nobody: what they bring is taken for its worth.
func TestTheBusyAreNotTakenForFlooders(t *testing.T) {
	s := newSwarm(swarmSize, 1, swarmClasses[0].make)
	s.l.links = newLinks()
	for p := range s.l.pools {
		for i := range s.l.pools[p].n {
			s.l.pools[p].at(i).link = 0
		}
		s.l.links.all[0].held[p] = s.l.pools[p].bytes
	}
	const load = 4000
	for i := range load {
		link := uint64(1 + s.rnd.IntN(4))
		if i%10 == 0 {
			link = uint64(5 + s.rnd.IntN(16))
		}
		s.put(link, keys.Location(s.rnd.Uint64()>>8)) // all are near
	}
	if lost := swarmSize - s.survivors(swarmSize); lost < load*9/10 {
		t.Errorf("%d blocks have displaced only %d of before", load, lost)
	}
}

// TestLinksAreForgotten brings more links than are told apart: those with little become nobody, the others keep what they have.
func TestLinksAreForgotten(t *testing.T) {
	s := newSwarm(swarmSize, 4, swarmClasses[0].make)
	for link := range uint64(4 * maxLinks) {
		s.put(1000+link, 0)
	}
	l := s.l
	if len(l.links.index) >= maxLinks {
		t.Errorf("%d links are told apart", len(l.links.index))
	}
	for link := range uint64(4) {
		i, ok := l.links.index[link+1]
		if !ok || l.links.all[i].held[inSink] < swarmSize/8*(1000+Overhead) {
			t.Errorf("link %d, which brought a quarter of all, was forgotten", link+1)
		}
	}
	var held [maxLinks]int64
	for i := range l.pools[inSink].n {
		held[l.pools[inSink].at(i).link] += 1000 + Overhead
	}
	for i, h := range held {
		if h != l.links.all[i].held[inSink] || h > 0 && i > 0 && l.links.all[i].number == 0 {
			t.Errorf("link %d has %d bytes, says %d", i, h, l.links.all[i].held[inSink])
		}
	}
}

// BenchmarkFlood is what it costs to find a flooder's own blocks in a full store.
func BenchmarkFlood(b *testing.B) {
	s := newSwarm(1<<18, 16, swarmClasses[0].make)
	for range 1 << 12 {
		s.put(100, 0)
	}
	for b.Loop() {
		s.put(100, keys.Location(s.rnd.Uint64()>>30))
	}
}

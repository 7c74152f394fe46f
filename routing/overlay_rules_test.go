package routing

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

var start = time.Unix(1e9, 0)

// stranger is the descriptor of a node that exists only on paper.
func stranger(i int, issued uint64) wire.Descriptor {
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint32(seed[8:], uint32(i))
	d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(seed), issued, [32]byte{}, []wire.Addr{"tcp/192.0.2.9:9"})
	if err != nil {
		panic(err)
	}
	return d
}

// paper makes descriptors without signing them: tests of the table need thousands.
func paper(i int) wire.Descriptor {
	d := wire.Descriptor{Addrs: []wire.Addr{"tcp/192.0.2.9:9"}}
	binary.BigEndian.PutUint32(d.ID[:], uint32(i)+1)
	return d
}

func newOverlay(seed uint64) *Overlay {
	return NewOverlay(wire.NodeID{31: 1}, rand.New(rand.NewPCG(seed, 1)))
}

func count[T any](effects []Effect) (n int) {
	for _, e := range effects {
		if _, ok := e.(T); ok {
			n++
		}
	}
	return n
}

func TestInvariant10HearsayIsNotPassedOnAndIsBounded(t *testing.T) {
	o := newOverlay(1)
	liar, friend := paper(0), paper(1)
	o.Step(start, Linked{Self: friend})
	o.Step(start, Linked{Self: liar})
	for round := range 2000 {
		now := start.Add(time.Duration(round) * time.Second)
		var asked []wire.Req
		for _, e := range o.Step(now, Overdue{}) {
			if s, ok := e.(Send); ok && s.To == liar.ID {
				asked = append(asked, s.Msg.(wire.Near).Req)
			}
		}
		lies := make([]wire.Descriptor, wire.MaxNodes)
		for i := range lies {
			lies[i] = paper(100 + round*wire.MaxNodes + i)
		}
		o.Step(now, Asked{liar.ID, wire.Nodes{Req: 12345, Nodes: lies}}) // answers no question
		for _, req := range asked {
			o.Step(now, Asked{liar.ID, wire.Nodes{Req: req, Nodes: lies}})
			o.Step(now, Asked{liar.ID, wire.Nodes{Req: req, Nodes: lies}}) // answers it twice
		}
		o.table.check(t)
	}
	for _, e := range o.Step(start.Add(time.Hour), Asked{friend.ID, wire.Near{Target: 5}}) {
		if s, ok := e.(Send); ok {
			if nodes, ok := s.Msg.(wire.Nodes); ok && (len(nodes.Nodes) != 1 || nodes.Nodes[0].ID != liar.ID) {
				t.Errorf("an answer with %d nodes, want the one that is linked", len(nodes.Nodes))
			}
		}
	}
}

// check checks that the table's books agree.
func (tab *table) check(t *testing.T) {
	t.Helper()
	links, bySource := 0, map[wire.NodeID]int{}
	for i, n := range tab.all {
		if tab.known[n.desc.ID] != n || i > 0 && byRing(tab.all[i-1], n) >= 0 {
			t.Fatal("the ring of known nodes is in disorder")
		}
		if n.linked {
			links++
		}
		if !n.seed {
			bySource[n.source]++
		}
	}
	if len(tab.all) != len(tab.known) || links != len(tab.links) || len(tab.all) > maxKnown+MaxDegree || len(bySource) != len(tab.bySource) {
		t.Fatalf("%d known, %d on the ring, %d linked, %d counted", len(tab.known), len(tab.all), links, len(tab.links))
	}
	for source, n := range bySource {
		if n != tab.bySource[source] || n > maxPerSource {
			t.Fatalf("a peer has told of %d nodes, the books say %d", n, tab.bySource[source])
		}
	}
}

func TestTableIsBounded(t *testing.T) {
	o := newOverlay(1)
	for i := range 3 * maxKnown {
		o.learn(paper(i), paper(i%40).ID, false)
	}
	o.table.check(t)
	if n := len(o.table.all); n != maxKnown {
		t.Errorf("%d nodes known, want %d", n, maxKnown)
	}
}

func TestNewestDescriptorWins(t *testing.T) {
	o := newOverlay(1)
	older, newer := stranger(1, 3600), stranger(1, 7200)
	o.Step(start, Learned{[]wire.Descriptor{newer}})
	o.Step(start, Learned{[]wire.Descriptor{older}})
	if got := o.Known(); len(got) != 1 || got[0].Issued != 7200 {
		t.Errorf("known: %+v", got)
	}
}

func TestNearQuestionsOfOnePeerAreBounded(t *testing.T) {
	o := newOverlay(1)
	p := paper(1)
	o.Step(start, Linked{Self: p})
	answers := 0
	for i := range 10_000 {
		answers += count[Send](o.Step(start.Add(time.Duration(i)*time.Millisecond), Asked{p.ID, wire.Near{Req: wire.Req(i)}}))
	}
	if most := nearBurst + 10*nearRate + 30; answers > most {
		t.Errorf("%d messages in ten seconds, want at most %d", answers, most)
	}
	if n := count[Send](o.Step(start, Asked{paper(7).ID, wire.Near{}})); n != 0 {
		t.Error("a stranger was answered")
	}
}

func TestInvariant11DialsAreBoundedAndRest(t *testing.T) {
	o := newOverlay(1)
	var seeds []wire.Descriptor
	for i := range 40 {
		seeds = append(seeds, paper(i))
	}
	dials := 0
	pending := map[wire.NodeID]bool{}
	now := start
	step := func(ev OverlayEvent) {
		for _, e := range o.Step(now, ev) {
			d, ok := e.(Dial)
			if !ok {
				t.Fatalf("%T without links", e)
			}
			if dials++; pending[d.Node.ID] {
				t.Fatal("a node is dialled twice at once")
			}
			pending[d.Node.ID] = true
		}
		if len(pending) > maxDials {
			t.Fatalf("%d dials at once", len(pending))
		}
	}
	step(Learned{seeds})
	for now.Sub(start) < 24*time.Hour {
		for _, d := range seeds { // in a fixed order
			if pending[d.ID] {
				delete(pending, d.ID)
				step(DialFailed{d.ID})
			}
		}
		next, ok := o.NextDeadline()
		if !ok {
			t.Fatal("a node without links waits for nothing")
		}
		if len(pending) == 0 && next.After(now) {
			now = next
		}
		step(Overdue{})
	}
	if perMinute := float64(dials) / (24 * 60); perMinute > 1.5*float64(len(seeds)) || perMinute < 1 {
		t.Errorf("%.1f dials a minute with %d dead seeds", perMinute, len(seeds))
	}
}

func TestADialThatIsNeverAnsweredIsGivenUp(t *testing.T) {
	o := newOverlay(1)
	d := paper(1)
	if n := count[Dial](o.Step(start, Learned{[]wire.Descriptor{d}})); n != 1 {
		t.Fatalf("%d dials", n)
	}
	if n := count[Dial](o.Step(start.Add(dialTimeout), Overdue{})); n != 0 {
		t.Fatal("dialled again at once")
	}
	if n := count[Dial](o.Step(start.Add(dialTimeout+3*time.Second), Overdue{})); n != 1 {
		t.Fatalf("%d dials after a rest, want 1", n)
	}
}

func TestInvariant9ExcessLinksAreHungUpNewestFirstAfterGrace(t *testing.T) {
	o := newOverlay(1)
	now := start
	hungUp := map[wire.NodeID]int{}
	step := func(ev OverlayEvent) {
		for _, e := range o.Step(now, ev) {
			if h, ok := e.(Hangup); ok {
				hungUp[h.Peer]++
			}
		}
		for id, n := range hungUp {
			if n == 1 {
				hungUp[id]++
				o.Step(now, Unlinked{id})
			}
		}
		if len(o.table.links) > hardDegree {
			t.Fatalf("%d links", len(o.table.links))
		}
	}
	for i := range 100 {
		now = now.Add(50 * time.Millisecond)
		step(Linked{Self: paper(i), Inbound: true})
	}
	early := len(hungUp)
	for range 100 {
		now = now.Add(time.Second)
		step(Overdue{})
	}
	if len(o.table.links) > MaxDegree || early == 0 {
		t.Errorf("%d links at rest, %d hung up early", len(o.table.links), early)
	}
	kept := 0
	for i := range MaxDegree - 2*RingSide {
		if o.table.known[paper(i).ID].linked {
			kept++
		}
	}
	if kept < MaxDegree-2*RingSide-1 {
		t.Errorf("only %d of the oldest links were kept", kept)
	}
}

func TestNodesJoinThroughAFullSeed(t *testing.T) {
	r := newRing(t, 80, 5*time.Millisecond)
	for i, node := range r.order[1:] {
		if i%8 == 0 {
			r.run(time.Second)
		}
		r.seed(node, r.order[0])
	}
	r.run(2 * time.Minute)
	r.checkRing()
	if n := len(r.order[0].links); n > MaxDegree {
		t.Errorf("the seed has %d links", n)
	}
}

func TestInvariant8OverlayIsDeterministic(t *testing.T) {
	trace := func(seed uint64) string {
		o := newOverlay(seed)
		text := ""
		now := start
		for i := range 200 {
			now = now.Add(time.Second)
			var ev OverlayEvent = Overdue{}
			switch i % 5 {
			case 0:
				ev = Linked{Self: paper(i), Inbound: i%2 == 0}
			case 1:
				ev = Asked{paper(i - 1).ID, wire.Near{Req: wire.Req(i), Target: keys.Location(i) << 50}}
			case 2:
				ev = Learned{[]wire.Descriptor{paper(i), paper(i + 1000)}}
			case 3:
				if i > 20 {
					ev = Unlinked{paper(i - 18).ID}
				}
			}
			for _, e := range o.Step(now, ev) {
				text += fmt.Sprintf("%d %T %v\n", i, e, e)
			}
		}
		return text
	}
	first := trace(1)
	if again := trace(1); again != first {
		t.Error("one seed, two traces")
	}
	if trace(2) == first {
		t.Error("two seeds, one trace")
	}
}

func TestLongLinkLengthsFollowOneOverD(t *testing.T) {
	const size, n = 1000, 20_000
	rng := rand.New(rand.NewPCG(1, 1))
	var bins [4]int // of equal width in log d, which 1/d fills equally
	for range n {
		at := keys.Location(rng.Uint64())
		d := float64(LongLink(at, size, rng).Distance(at)) / (1 << 64)
		if d < 1.0/size*0.999 || d > 0.5001 {
			t.Fatalf("length %g", d)
		}
		bins[min(3, int(4*math.Log(d*size)/math.Log(size/2)))]++
	}
	for i, got := range bins {
		if math.Abs(float64(got)-n/4) > 5*math.Sqrt(n/4) {
			t.Errorf("bin %d holds %d of %d, want a quarter", i, got, n)
		}
	}
}

func TestSizeOfTheNetworkIsEstimated(t *testing.T) {
	r := newRing(t, 100, 5*time.Millisecond)
	for i, node := range r.order[1:] {
		r.seed(node, r.order[i/3])
	}
	r.run(time.Minute)
	sum := 0.0
	for _, n := range r.order {
		sum += math.Log(n.o.table.size())
	}
	if mean := math.Exp(sum / 100); mean < 60 || mean > 170 {
		t.Errorf("a network of 100 nodes is estimated at %.0f", mean)
	}
}

func TestKnownPutsRingNeighboursFirstAndLeavesHearsayOut(t *testing.T) {
	o := newOverlay(1)
	for i := range 20 {
		o.Step(start, Linked{Self: paper(i)})
	}
	o.Step(start, Unlinked{paper(3).ID})
	o.learn(paper(50), paper(1).ID, false)
	known := o.Known()
	if len(known) != 20 || known[19].ID != paper(3).ID {
		t.Fatalf("%d nodes known, the last is not the one that was linked once", len(known))
	}
	for _, d := range known[:2*RingSide] {
		i := from(o.table.links, d.ID.Location())
		if !o.table.isNeighbour(i) {
			t.Error("a node that is no ring neighbour comes before one that is")
		}
	}
}

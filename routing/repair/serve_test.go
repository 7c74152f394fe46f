package repair

import (
	"slices"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// TestInvariant1OnlySharedSinkBlocksAreTold has a neighbour ask for everything, and for what it must not have.
func TestInvariant1OnlySharedSinkBlocksAreTold(t *testing.T) {
	s := newStage(t, 12)
	blocks := fill(s.rig, 400)
	all := map[keys.ID]keys.Location{}
	for _, b := range blocks { // the victim has more than it is responsible for
		at := b.ID().Location(0)
		all[b.ID()] = at
		if err := s.victim.shelf.Put(b, store.Sink, at); err != nil {
			t.Fatal(err)
		}
	}
	var cached []keys.Block
	for i := range 50 {
		cached = append(cached, data(10_000+i))
		if err := s.victim.shelf.Put(cached[i], store.Cache, cached[i].ID().Location(0)); err != nil {
			t.Fatal(err)
		}
	}
	may := func(at keys.Location) bool {
		near := s.sinks(at)
		return slices.Contains(near, s.victim) && slices.Contains(near, s.liar)
	}
	told, handed := 0, 0
	var ask func(span wire.Span)
	req := wire.Req(0)
	ask = func(span wire.Span) {
		req++
		s.liar.send(s.victim, wire.Compare{Req: req, Span: span})
	}
	s.liar.play = func(from *tnode, msg wire.Message) {
		if from != s.victim {
			return
		}
		switch m := msg.(type) {
		case wire.Parts:
			from := m.Span.From
			for i, p := range m.Parts {
				span := wire.Span{From: from, Last: p.Last}
				from = p.Last + 1
				s.after(time.Duration(i)*time.Second, func() { ask(span) })
			}
		case wire.Held:
			for _, it := range m.Items {
				told++
				if at, ok := all[it.ID]; !ok || !may(at) {
					t.Error("a name was told that is none of the neighbour's business")
				}
			}
		case wire.Copy:
			if handed++; !may(m.Block.ID().Location(0)) {
				t.Error("a block was handed out that is none of the neighbour's business")
			}
		}
	}
	ask(whole)
	s.run(time.Minute)
	for _, b := range append(blocks, cached...) {
		req++
		s.liar.send(s.victim, wire.Want{Req: req, ID: b.ID()})
		s.run(100 * time.Millisecond)
	}
	s.run(time.Minute)
	want := 0
	for _, at := range all {
		if may(at) {
			want++
		}
	}
	if told != want || handed != want {
		t.Errorf("%d names and %d blocks of %d", told, handed, want)
	}
}

// TestInvariant1NoTraceOfTheCache has a neighbour list blocks that the victim has in its cache: it must ask for them as for others.
func TestInvariant1NoTraceOfTheCache(t *testing.T) {
	s := newStage(t, 3)
	cached := data(7)
	if err := s.victim.shelf.Put(cached, store.Cache, cached.ID().Location(0)); err != nil {
		t.Fatal(err)
	}
	asked := false
	s.liar.play = func(from *tnode, msg wire.Message) {
		switch m := msg.(type) {
		case wire.Compare:
			s.liar.send(from, wire.Held{Req: m.Req, Span: m.Span, Items: []wire.Item{{ID: cached.ID()}}})
		case wire.Want:
			asked = true
			s.liar.send(from, wire.Copy{Req: m.Req, Block: cached})
		}
	}
	s.run(time.Minute)
	if !asked {
		t.Error("what is cached was not asked for")
	}
}

// TestInvariant4WhoWantsEverythingGetsItsShare asks for blocks as fast as it can.
func TestInvariant4WhoWantsEverythingGetsItsShare(t *testing.T) {
	s := newStage(t, 3)
	blocks := fill(s.rig, 300)
	got := 0
	s.liar.play = func(_ *tnode, msg wire.Message) {
		if _, ok := msg.(wire.Copy); ok {
			got++
		}
	}
	s.run(time.Minute)
	for i := range 60 {
		s.liar.send(s.victim, wire.Want{Req: wire.Req(i), ID: blocks[i].ID()})
	}
	s.run(flightTime)
	if n := len(s.victim.machine.refs); n != maxLoads {
		t.Errorf("%d blocks are read at once, may be %d", n, maxLoads)
	}
	const seconds = 20
	for i := range seconds * 100 {
		for range 5 {
			s.liar.send(s.victim, wire.Want{Req: wire.Req(i), ID: blocks[i%300].ID()})
		}
		s.run(10 * time.Millisecond)
	}
	s.run(time.Second)
	bytes := float64(got * keys.DataSize)
	limit := DefaultRate + float64(DefaultRate/share*(seconds+2))
	t.Logf("%.1f MiB in %d seconds", bytes/(1<<20), seconds)
	if bytes > limit || bytes < limit/2 {
		t.Errorf("%.0f bytes, may be %.0f", bytes, limit)
	}
	if n := len(s.victim.machine.refs); n > maxLoads {
		t.Errorf("%d jobs at once", n)
	}
}

// TestInvariant4QuestionsAreBounded asks without waiting for answers.
func TestInvariant4QuestionsAreBounded(t *testing.T) {
	s := newStage(t, 3)
	fill(s.rig, 300)
	s.liar.play = func(*tnode, wire.Message) {}
	s.run(time.Minute)
	scans := 0
	for i := range 1000 {
		s.liar.send(s.victim, wire.Compare{Req: wire.Req(i), Span: whole})
	}
	s.run(flightTime)
	if n := len(s.victim.machine.asks); n > maxAsks {
		t.Errorf("%d questions wait", n)
	}
	p := s.victim.machine.peers[s.liar.id]
	p.scans.left = 1000 // it has had nearly all that it may
	before := p.scans.left
	for i := range 1000 {
		s.liar.send(s.victim, wire.Compare{Req: wire.Req(i), Span: whole})
		s.run(time.Millisecond)
		if p.scans.left < before {
			scans++
		}
		before = p.scans.left
	}
	if scans > 40 { // a thousand, and 20 000 a second, at 600 each
		t.Errorf("the store was looked at %d times", scans)
	}
}

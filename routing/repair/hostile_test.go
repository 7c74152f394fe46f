package repair

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// stage is a victim with five honest neighbours and one that lies, all of whom share with the victim what three nodes and few
// others do: nearly all of the ring.
type stage struct {
	*rig
	victim, liar *tnode
	messages     int // from the victim to the liar
	most         int // of what a session of the victim held at once
}

func newStage(t *testing.T, nodes int) *stage {
	r := newRig(t, nodes)
	s := &stage{rig: r, victim: r.nodes[0]}
	all := r.live()
	i := slices.Index(all, s.victim)
	s.liar = all[(i+1)%len(all)] // the next one up: they share most
	r.watch = func(from, to *tnode, _ wire.Message) {
		if from == s.victim && to == s.liar {
			s.messages++
		}
		if ses := s.victim.machine.session; ses != nil {
			s.most = max(s.most, len(ses.stack)+len(ses.wants)+len(ses.flights))
		}
	}
	return s
}

// itemsIn invents n blocks of a span, or fewer if it is so small that they are hard to find.
func itemsIn(rng *rand.Rand, span wire.Span, n int) (out []wire.Item) {
	for tries := 0; len(out) < n && tries < 64*n; tries++ {
		it := wire.Item{ID: keys.ID{Kind: keys.KindData}}
		for i := 0; i < 32; i += 8 {
			binary.BigEndian.PutUint64(it.ID.Name[i:], rng.Uint64())
		}
		if covers(span, it.ID.Location(0)) {
			out = append(out, it)
		}
	}
	slices.SortFunc(out, func(a, b wire.Item) int {
		if a.ID.Location(0)-span.From < b.ID.Location(0)-span.From {
			return -1
		}
		return 1
	})
	return out
}

// bounded holds that the victim has held little, has not been kept busy, and gets its blocks from others.
func (s *stage) bounded(most int) {
	s.t.Helper()
	s.t.Logf("%d messages to the liar, %d things held at once", s.messages, s.most)
	if s.messages > most {
		s.t.Errorf("%d messages to the liar", s.messages)
	}
	if limit := maxDepth*(wire.MaxParts-1) + 2 + wire.MaxItems + window; s.most > limit {
		s.t.Errorf("%d things held at once, more than %d", s.most, limit)
	}
	if len(s.victim.machine.refs) > 2 || len(s.victim.machine.asks) > 2 {
		s.t.Errorf("%d jobs and %d questions are left", len(s.victim.machine.refs), len(s.victim.machine.asks))
	}
}

func TestInvariant5WhoListsWhatItDoesNotHaveIsLeftAlone(t *testing.T) {
	for name, lie := range map[string]struct {
		answer func(w wire.Want) wire.Message
		most   int // messages to the liar in two hours
	}{
		"denies":  {func(w wire.Want) wire.Message { return wire.Refuse{Req: w.Req, Reason: wire.NotFound} }, 250},
		"no time": {func(w wire.Want) wire.Message { return wire.Refuse{Req: w.Req, Reason: wire.Overload} }, 6000}, // eight in two seconds, while his turn lasts
		"silent":  {func(wire.Want) wire.Message { return nil }, 60},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 6)
			rng := rand.New(rand.NewPCG(1, 1))
			s.liar.play = func(from *tnode, msg wire.Message) {
				switch m := msg.(type) {
				case wire.Compare:
					s.liar.send(from, wire.Held{Req: m.Req, Span: m.Span, Items: itemsIn(rng, m.Span, 256)})
				case wire.Want:
					if a := lie.answer(m); a != nil {
						s.liar.send(from, a)
					}
				}
			}
			s.run(time.Minute)
			lost := fill(s.rig, 60)
			for _, b := range lost[:30] { // of which the victim has to get its share from the honest ones
				s.victim.shelf = without(s.victim.shelf, b)
			}
			s.messages = 0
			s.run(2 * every)
			for _, b := range lost[:30] {
				at := b.ID().Location(0)
				if slices.Contains(s.sinks(at), s.victim) {
					if ok, _ := find(s.victim.shelf, b.ID(), at); !ok {
						t.Fatal("a block was not copied from an honest neighbour")
					}
				}
			}
			s.bounded(lie.most)
		})
	}
}

// without copies a store and leaves one block out.
func without(s store.Store, b keys.Block) store.Store {
	out := newRig(nil, 0).add(0).shelf
	var after keys.ID
	for from := keys.Location(0); ; {
		part, err := s.Arc(from, whole.Last, after, store.MaxArc)
		if err != nil {
			panic(err)
		}
		if len(part) == 0 {
			return out
		}
		for _, e := range part {
			if held, err := s.Get(e.ID); err == nil && e.ID != b.ID() {
				if err := out.Put(held, store.Sink, e.At); err != nil {
					panic(err)
				}
			}
		}
		from, after = part[len(part)-1].At, part[len(part)-1].ID
	}
}

// TestInvariant5WhoSplitsForEverIsLeftAlone has a neighbour divide whatever it is asked about.
func TestInvariant5WhoSplitsForEverIsLeftAlone(t *testing.T) {
	s := newStage(t, 6)
	s.liar.play = func(from *tnode, msg wire.Message) {
		m, ok := msg.(wire.Compare)
		if !ok {
			return
		}
		p := wire.Parts{Req: m.Req, Span: m.Span}
		size := m.Span.Last - m.Span.From
		for i := range keys.Location(16) {
			if last := m.Span.From + size/16*(i+1); i < 15 && size >= 16 {
				p.Parts = append(p.Parts, wire.Part{Last: last, Mark: wire.Mark{byte(i), 1}})
			}
		}
		p.Parts = append(p.Parts, wire.Part{Last: m.Span.Last, Mark: wire.Mark{99}})
		s.liar.send(from, p)
	}
	s.run(every)
	s.bounded(200)
}

// TestInvariant5WhoDiffersEverywhereAndHasNothingIsAskedSeldom divides as often as may be, and then lists nothing.
func TestInvariant5WhoDiffersEverywhereAndHasNothingIsAskedSeldom(t *testing.T) {
	s := newStage(t, 3)
	s.liar.play = func(from *tnode, msg wire.Message) {
		m, ok := msg.(wire.Compare)
		if !ok {
			return
		}
		step := (m.Span.Last - m.Span.From) / 16
		if step < 1<<42 {
			s.liar.send(from, wire.Held{Req: m.Req, Span: m.Span})
			return
		}
		p := wire.Parts{Req: m.Req, Span: m.Span}
		for i := range keys.Location(16) {
			p.Parts = append(p.Parts, wire.Part{Last: m.Span.From + step*(i+1), Mark: wire.Mark{byte(i), 1}})
		}
		p.Parts[15].Last = m.Span.Last
		s.liar.send(from, p)
	}
	s.run(every)
	s.bounded(maxFruitless + 10)
}

func TestInvariant5WhoRepeatsTheQuestionGainsNothing(t *testing.T) {
	s := newStage(t, 6)
	fill(s.rig, 10)
	s.liar.play = func(from *tnode, msg wire.Message) {
		if m, ok := msg.(wire.Compare); ok {
			s.liar.send(from, wire.Parts{Req: m.Req, Span: m.Span, Parts: []wire.Part{{Last: m.Span.Last, Mark: wire.Mark{1}}}})
		}
	}
	s.run(every)
	s.bounded(20)
}

// TestInvariant5ASlowNeighbourDoesNotKeepOthersFromTheirTurn answers each question just before the time is over.
func TestInvariant5ASlowNeighbourDoesNotKeepOthersFromTheirTurn(t *testing.T) {
	s := newStage(t, 6)
	blocks := fill(s.rig, 400)
	n := 0
	s.liar.play = func(from *tnode, msg wire.Message) {
		var answer wire.Message
		switch m := msg.(type) {
		case wire.Compare:
			var its []wire.Item
			for _, b := range blocks[:200] {
				if covers(m.Span, b.ID().Location(0)) {
					its = append(its, wire.Item{ID: b.ID()})
				}
			}
			slices.SortFunc(its, func(a, b wire.Item) int {
				if a.ID.Location(0)-m.Span.From < b.ID.Location(0)-m.Span.From {
					return -1
				}
				return 1
			})
			answer = wire.Held{Req: m.Req, Span: m.Span, Items: its}
		case wire.Want:
			n++
			for _, b := range blocks {
				if b.ID() == m.ID {
					answer = wire.Copy{Req: m.Req, Block: b}
				}
			}
		}
		if answer != nil {
			s.after(answerTime-time.Second, func() { s.liar.send(from, answer) })
		}
	}
	s.victim.shelf = newRig(nil, 0).add(0).shelf // it has lost everything
	s.run(30 * time.Minute)
	missing := 0
	for _, b := range blocks {
		at := b.ID().Location(0)
		if slices.Contains(s.sinks(at), s.victim) {
			if ok, _ := find(s.victim.shelf, b.ID(), at); !ok {
				missing++
			}
		}
	}
	if missing > 0 {
		t.Errorf("%d blocks are still missing", missing)
	}
	s.bounded(2000)
}

func TestSpec6LiesEndTheLink(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	outside := func(s wire.Span) wire.Span { return wire.Span{From: s.From, Last: s.Last + 1} }
	for name, lie := range map[string]func(m wire.Compare) wire.Message{
		"Parts of another span": func(m wire.Compare) wire.Message {
			return wire.Parts{Req: m.Req, Span: outside(m.Span), Parts: []wire.Part{{Last: m.Span.Last + 1}}}
		},
		"no Parts of a part": func(m wire.Compare) wire.Message {
			return wire.Parts{Req: m.Req, Span: wire.Span{From: m.Span.From + 1, Last: m.Span.Last}}
		},
		"Held of another span": func(m wire.Compare) wire.Message { return wire.Held{Req: m.Req, Span: outside(m.Span)} },
		"a block outside": func(m wire.Compare) wire.Message {
			return wire.Held{Req: m.Req, Span: m.Span, Items: itemsIn(rng, wire.Span{From: m.Span.Last + 1, Last: m.Span.From - 1}, 1)}
		},
		"out of order": func(m wire.Compare) wire.Message {
			its := itemsIn(rng, m.Span, 2)
			slices.Reverse(its)
			return wire.Held{Req: m.Req, Span: m.Span, Items: its}
		},
		"twice": func(m wire.Compare) wire.Message {
			its := itemsIn(rng, m.Span, 1)
			return wire.Held{Req: m.Req, Span: m.Span, Items: append(its, its[0])}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 8)
			s.liar.play = func(from *tnode, msg wire.Message) {
				if m, ok := msg.(wire.Compare); ok && from == s.victim {
					s.liar.send(from, lie(m))
				}
			}
			s.run(time.Minute)
			if !slices.Equal(s.victim.accused, []wire.NodeID{s.liar.id}) {
				t.Errorf("accused: %v", len(s.victim.accused))
			}
			s.run(failPause / 2)
			if n := s.messages; n > 1 {
				t.Errorf("asked again %d times", n-1)
			}
		})
	}
}

func TestSpec6AnotherBlockThanWasAskedForEndsTheLink(t *testing.T) {
	s := newStage(t, 6)
	s.liar.play = func(from *tnode, msg wire.Message) {
		switch m := msg.(type) {
		case wire.Compare:
			s.liar.send(from, wire.Held{Req: m.Req, Span: m.Span, Items: itemsIn(rand.New(rand.NewPCG(1, 1)), m.Span, 3)})
		case wire.Want:
			s.liar.send(from, wire.Copy{Req: m.Req, Block: data(5)})
		}
	}
	s.run(time.Minute)
	if len(s.victim.accused) == 0 {
		t.Error("nobody was accused")
	}
	if _, err := s.victim.shelf.Get(data(5).ID()); err == nil {
		t.Error("the block was kept")
	}
}

func TestSpec6AnswersToNothingEndTheLink(t *testing.T) {
	s := newStage(t, 6)
	s.liar.play = func(*tnode, wire.Message) {}
	for i := range maxUnasked {
		s.liar.send(s.victim, wire.Copy{Req: wire.Req(i), Block: data(i)})
	}
	s.run(time.Second)
	if len(s.victim.accused) > 0 {
		t.Fatal("accused too early")
	}
	s.liar.send(s.victim, wire.Refuse{Req: 1, Reason: wire.NotFound})
	s.run(time.Second)
	if len(s.victim.accused) != 1 {
		t.Error("not accused")
	}
	if st := s.victim.shelf.Stats(); st.Blocks > 0 {
		t.Errorf("%d blocks were kept that nobody asked for", st.Blocks)
	}
}

// TestInvariant2OldRecordsReplaceNothing lists a version that it does not have.
func TestInvariant2OldRecordsReplaceNothing(t *testing.T) {
	s := newStage(t, 3)
	old, held := record(t, "doc", 3), record(t, "doc", 5)
	at := held.ID().Location(0)
	if err := s.victim.shelf.Put(held, store.Sink, at); err != nil {
		t.Fatal(err)
	}
	wants := 0
	s.liar.play = func(from *tnode, msg wire.Message) {
		switch m := msg.(type) {
		case wire.Compare:
			s.liar.send(from, wire.Held{Req: m.Req, Span: m.Span, Items: []wire.Item{{ID: old.ID(), Version: 1<<64 - 1}}})
		case wire.Want:
			wants++
			s.liar.send(from, wire.Copy{Req: m.Req, Block: old})
		}
	}
	s.run(every)
	if b, err := s.victim.shelf.Get(held.ID()); err != nil || !bytes.Equal(b.Data(), held.Data()) {
		t.Errorf("the record was replaced: %v", err)
	}
	if wants == 0 || wants > 3 {
		t.Errorf("asked for %d times", wants)
	}
}

// TestWhoServesOldRecordsBreaksItsWord lists versions that nobody has, of many records.
func TestWhoServesOldRecordsBreaksItsWord(t *testing.T) {
	s := newStage(t, 3)
	olds := map[keys.ID]keys.Block{}
	var its []wire.Item
	for i := range 60 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		olds[record(t, name, 3).ID()] = record(t, name, 3)
		its = append(its, wire.Item{ID: record(t, name, 3).ID(), Version: 1<<64 - 1})
	}
	slices.SortFunc(its, func(a, b wire.Item) int {
		if a.ID.Location(0) < b.ID.Location(0) {
			return -1
		}
		return 1
	})
	wants := 0
	s.liar.play = func(from *tnode, msg wire.Message) {
		switch m := msg.(type) {
		case wire.Compare:
			s.liar.send(from, wire.Held{Req: m.Req, Span: m.Span, Items: its})
		case wire.Want:
			if from == s.victim {
				wants++
			}
			s.liar.send(from, wire.Copy{Req: m.Req, Block: olds[m.ID]})
		}
	}
	for _, b := range olds { // as new as what is served
		if err := s.victim.shelf.Put(b, store.Sink, b.ID().Location(0)); err != nil {
			t.Fatal(err)
		}
	}
	s.run(failPause)
	if wants < maxBroken || wants > maxBroken+window+1 {
		t.Errorf("%d records were asked for in vain", wants)
	}
}

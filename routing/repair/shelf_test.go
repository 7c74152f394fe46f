package repair

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/memstore"
)

// books is a store of names alone, which costs nothing.
type books struct{ *store.Ledger }

func (books) Get(keys.ID) (keys.Block, error)                  { return keys.Block{}, store.ErrNotFound }
func (books) Put(keys.Block, store.Class, keys.Location) error { return store.ErrFull }
func (b books) Arc(from, last keys.Location, after keys.ID, limit int) ([]store.Entry, error) {
	return b.Ledger.Arc(from, last, after, limit), nil
}

func newBooks(seed uint64, n int) books {
	src := rand.New(rand.NewPCG(seed, 0))
	b := books{store.NewLedger(1<<62, 0, src)}
	for range n {
		id := keys.ID{Kind: keys.KindData}
		for i := 0; i < 32; i += 8 {
			binary.BigEndian.PutUint64(id.Name[i:], src.Uint64())
		}
		b.Set(store.Entry{ID: id, Class: store.Sink, At: id.Location(0), Size: keys.DataSize})
	}
	return b
}

func mustDo(t rapid.TB, s Shelf, j Job) Event {
	ev, err := Do(s, j)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// TestSpec4AnswersTileTheirSpan holds answers to the specification for stores of every size, and shows that two stores differ in a
// part exactly if its marks do.
func TestSpec4AnswersTileTheirSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 255, 256, 257, 300, 1023, 1024, 1025, 3000}).Draw(t, "blocks")
		b := newBooks(rapid.Uint64().Draw(t, "seed"), n)
		from := keys.Location(rapid.Uint64().Draw(t, "from"))
		span := wire.Span{From: from, Last: from - 1}
		own := mustDo(t, b, Sum{Spans: []wire.Span{span}}).(Summed).Marks[0]
		if p, ok := mustDo(t, b, Answer{Span: span, Mark: own}).(Answered).Msg.(wire.Parts); !ok || len(p.Parts) > 0 {
			t.Fatal("equal marks differ")
		}
		a := mustDo(t, b, Answer{Req: 7, Span: span, Mark: own, Clipped: true}).(Answered)
		if frame := wire.Append(nil, a.Msg); len(frame) > wire.MaxMessage {
			t.Fatalf("an answer of %d bytes", len(frame))
		} else if _, err := wire.Parse(frame); err != nil {
			t.Fatal("the answer cannot be read")
		}
		switch msg := a.Msg.(type) {
		case wire.Held:
			if len(msg.Items) != n || n > wire.MaxItems || !ascending(span, msg.Items) {
				t.Fatalf("%d of %d blocks listed", len(msg.Items), n)
			}
		case wire.Parts:
			spans := []wire.Span{}
			at := span.From
			for _, p := range msg.Parts {
				spans = append(spans, wire.Span{From: at, Last: p.Last})
				at = p.Last + 1
			}
			marks := mustDo(t, b, Sum{Spans: spans}).(Summed).Marks
			for i := range spans {
				if marks[i] != msg.Parts[i].Mark {
					t.Fatalf("part %d of %d has another mark than its span", i, len(spans))
				}
			}
			if n <= wire.MaxItems || len(spans) != wire.MaxParts || a.Cost < 2*n {
				t.Fatalf("%d parts of %d blocks, at a cost of %d", len(spans), n, a.Cost)
			}
		}
	})
}

// TestSpec3MarksTellVersionsApart and positions, and nothing that is cached.
func TestSpec3MarksTellVersionsApart(t *testing.T) {
	mark := func(fill func(s *memstore.Store)) string {
		s := memstore.New(memstore.Config{})
		fill(s)
		return fmt.Sprintf("%x", mustDo(t, s, Sum{Spans: []wire.Span{whole}}).(Summed).Marks[0])
	}
	keep := func(b keys.Block, c store.Class, at keys.Location) func(*memstore.Store) {
		return func(s *memstore.Store) {
			if err := s.Put(b, c, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	empty := mark(func(*memstore.Store) {})
	one, two := record(t, "doc", 1), record(t, "doc", 2)
	at := one.ID().Location(0)
	seen := map[string]bool{empty: true}
	for name, m := range map[string]string{
		"version 1": mark(keep(one, store.Sink, at)), "version 2": mark(keep(two, store.Sink, at)),
		"elsewhere": mark(keep(one, store.Sink, at+1)), "data": mark(keep(data(1), store.Sink, at)),
	} {
		if seen[m] {
			t.Errorf("%s has the mark of something else", name)
		}
		seen[m] = true
	}
	if mark(keep(data(1), store.Cache, at)) != empty {
		t.Error("the mark tells of the cache")
	}
	// By hand.
	b := append([]byte("nightjar repair mark v1"), binary.BigEndian.AppendUint64(nil, uint64(at))...)
	id := one.ID()
	b = append(b, 2)
	b = binary.BigEndian.AppendUint64(append(b, id.Name[:]...), 1)
	if want := fmt.Sprintf("%x", sha256.Sum256(b)); !seen[want] {
		t.Errorf("no mark is %s", want)
	}
}

// TestInvariant6NothingMakesAMachinePanic hands a machine random events and answers of the store that do not fit.
func TestInvariant6NothingMakesAMachinePanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		m := New(Config{Self: wire.NodeID{1}, Rand: src})
		s := newBooks(src.Uint64(), src.IntN(2000))
		now := time.Unix(1, 0)
		block := data(1)
		var jobs []Job
		var asked []Send
		span := func() wire.Span {
			if src.IntN(2) == 0 {
				return whole
			}
			return wire.Span{From: keys.Location(src.Uint64()), Last: keys.Location(src.Uint64())}
		}
		for range 150 {
			now = now.Add(time.Duration(src.Int64N(int64(20 * time.Second))))
			peer := wire.NodeID{2, byte(src.IntN(4))}
			req := wire.Req(src.Uint32())
			sp := span()
			if len(asked) > 0 && src.IntN(3) > 0 {
				last := asked[len(asked)-1]
				peer = last.To
				switch q := last.Msg.(type) {
				case wire.Compare:
					req, sp = q.Req, q.Span
				case wire.Want:
					req = q.Req
				}
			}
			what := src.IntN(15)
			var its []wire.Item
			if what == 12 {
				its = itemsIn(src, sp, src.IntN(5))
			}
			ev := []Event{
				Tick{}, PeerUp{peer}, PeerUp{peer}, PeerDown{peer}, Failed{Ref(src.IntN(50))}, Summed{Ref: Ref(src.IntN(50))}, Kept{Ref: Ref(src.IntN(50))},
				Received{peer, wire.Compare{Req: req, Span: sp}}, Received{peer, wire.Want{Req: req}}, Received{peer, wire.Refuse{Req: req, Reason: wire.Overload}},
				Received{peer, wire.Parts{Req: req, Span: sp}}, Received{peer, wire.Parts{Req: req, Span: sp, Parts: []wire.Part{{Last: sp.Last}}}},
				Received{peer, wire.Held{Req: req, Span: sp, Items: its}}, Received{peer, wire.Copy{Req: req, Block: block}}, Loaded{Ref: Ref(src.IntN(50))},
			}[what]
			if len(jobs) > 0 && src.IntN(2) == 0 {
				ev, jobs = mustDo(t, s, jobs[0]), jobs[1:]
			}
			for _, e := range m.Step(now, ev) {
				switch e := e.(type) {
				case Job:
					jobs = append(jobs, e)
				case Send:
					asked = append(asked, e)
				}
			}
			if at, ok := m.NextDeadline(); ok && at.Before(now) {
				t.Fatalf("a deadline %v ago", now.Sub(at))
			}
		}
	})
}

// BenchmarkMark is what a comparison of a store with a million blocks costs when nothing differs.
func BenchmarkMark(b *testing.B) {
	s := newBooks(1, 1<<20)
	b.ResetTimer()
	for b.Loop() {
		if _, err := Do(s, Sum{Spans: []wire.Span{whole}}); err != nil {
			b.Fatal(err)
		}
	}
}

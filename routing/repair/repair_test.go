package repair

import (
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

func fill(r *rig, n int) (blocks []keys.Block) {
	for i := range n {
		blocks = append(blocks, data(i))
		r.insert(blocks[i], 0)
	}
	return blocks
}

func TestTheNextClosestCopiesWhatALeaverHeld(t *testing.T) {
	r := newRig(t, 10)
	blocks := fill(r, 300)
	r.run(30 * time.Minute)
	r.whole(blocks)
	r.kill(r.nodes[3])
	before := 0
	for _, b := range blocks {
		before += r.holders(b)
	}
	if before == 3*len(blocks) {
		t.Fatal("nothing was lost")
	}
	r.run(grace - time.Second)
	after := 0
	for _, b := range blocks {
		after += r.holders(b)
	}
	if after != before {
		t.Error("copied before the grace was over")
	}
	r.run(3 * time.Minute)
	r.whole(blocks)
	r.honest()
}

func TestANodeThatComesBackInTimeCausesNothing(t *testing.T) {
	r := newRig(t, 10)
	fill(r, 100)
	r.run(20 * time.Minute)
	before := r.bytes()
	p := r.nodes[3]
	r.kill(p)
	r.run(grace / 2)
	p.dead = false
	r.relink()
	r.run(5 * time.Minute)
	for _, p := range r.nodes {
		if c := p.machine.Counts(); c.Copied > 0 {
			t.Errorf("%d blocks were copied", c.Copied)
		}
	}
	if got := r.bytes() - before; got > 20_000 {
		t.Errorf("%d bytes", got)
	}
	r.honest()
}

func TestANewcomerGetsWhatItIsResponsibleFor(t *testing.T) {
	r := newRig(t, 9)
	blocks := fill(r, 600)
	r.run(20 * time.Minute)
	r.add(100)
	r.relink()
	r.run(3 * time.Minute)
	r.whole(blocks)
	r.honest()
}

func TestSmallNetworks(t *testing.T) {
	for n := 2; n <= 7; n++ {
		r := newRig(t, n)
		blocks := fill(r, 50)
		r.add(100)
		r.relink()
		r.run(20 * time.Minute)
		r.whole(blocks)
		r.kill(r.nodes[0])
		r.run(20 * time.Minute)
		r.whole(blocks)
		r.honest()
	}
}

func TestHalfOfTheNodesLeaveOneAfterTheOther(t *testing.T) {
	r := newRig(t, 20)
	blocks := fill(r, 400)
	r.run(time.Minute)
	for i := range 10 {
		r.kill(r.nodes[i])
		r.run(2 * time.Minute)
	}
	r.run(time.Minute)
	r.whole(blocks)
	r.honest()
}

// TestLossWithoutAChangeOfNeighboursIsFoundWithinHours takes blocks out of stores.
func TestLossWithoutAChangeOfNeighboursIsFoundWithinHours(t *testing.T) {
	r := newRig(t, 8)
	blocks := fill(r, 300)
	r.run(10 * time.Minute)
	lost := r.add(100) // a store with nothing in it, of a node that keeps its place
	r.nodes[2].shelf = lost.shelf
	lost.dead = true
	r.run(3 * every / 2)
	r.whole(blocks)
	r.honest()
}

func TestEqualSinksSaySo(t *testing.T) {
	r := newRig(t, 12)
	fill(r, 2000)
	r.run(10 * time.Minute)
	before := r.bytes()
	kinds := map[string]int{}
	r.watch = func(_, _ *tnode, msg wire.Message) {
		switch m := msg.(type) {
		case wire.Compare:
			kinds["compare"]++
		case wire.Parts:
			kinds["parts"] += len(m.Parts)
		default:
			kinds["other"]++
		}
	}
	r.run(10 * every)
	per := float64(r.bytes()-before) / 12 / 10
	t.Logf("%.0f bytes a node and hour, %v", per, kinds)
	if per > 500 || kinds["parts"]+kinds["other"] > 0 || kinds["compare"] < 12*4*8 {
		t.Errorf("%.0f bytes a node and hour, %v", per, kinds)
	}
}

func TestTheNewerRecordWins(t *testing.T) {
	r := newRig(t, 6)
	old, fresh := record(t, "doc", 5), record(t, "doc", 9)
	at := old.ID().Location(1)
	all := r.sinks(at)
	for i, p := range all {
		b := old
		if i == 1 {
			b = fresh
		}
		if err := p.shelf.Put(b, store.Sink, at); err != nil {
			t.Fatal(err)
		}
	}
	r.run(5 * time.Minute)
	for i, p := range all {
		if b, err := p.shelf.Get(old.ID()); err != nil || keys.RecordVersion(b) != 9 {
			t.Errorf("sink %d: %v", i, err)
		}
	}
	r.honest()
}

// TestFewDifferencesCostLittle takes 5 of 4 000 blocks from one node.
func TestFewDifferencesCostLittle(t *testing.T) {
	r := newRig(t, 5)
	blocks := fill(r, 4000)
	r.run(10 * time.Minute)
	before := r.bytes()
	var extra []keys.Block
	for i := range 5 {
		b := data(10_000 + i)
		at := b.ID().Location(0)
		if err := r.sinks(at)[i%2].shelf.Put(b, store.Sink, at); err != nil {
			t.Fatal(err)
		}
		extra = append(extra, b)
	}
	r.run(3 * every / 2)
	r.whole(append(blocks, extra...))
	names := r.bytes() - before - 10*(keys.DataSize+100)
	t.Logf("%d bytes beside the blocks", names)
	if names > 150_000 {
		t.Errorf("%d bytes beside the blocks", names)
	}
}

// TestCopyingKeepsToTheRate copies 24 MiB to a newcomer.
func TestCopyingKeepsToTheRate(t *testing.T) {
	r := newRig(t, 0)
	for i := range 2 { // who has it hands out more than one takes
		q := r.add(uint64(i))
		q.machine = New(Config{Self: q.id, Rand: rand.New(rand.NewPCG(uint64(i), 7)), Rate: 64 << 20})
	}
	blocks := fill(r, 768)
	p := r.add(100)
	r.relink()
	var per [200]int64 // bytes that arrive in each second
	start := r.now
	r.watch = func(_, to *tnode, msg wire.Message) {
		if to == p {
			per[r.now.Sub(start)/time.Second] += int64(wire.Size(msg))
		}
	}
	r.run(3 * time.Minute)
	r.whole(blocks)
	sum, busy := int64(0), 0
	for i, n := range per {
		if sum += n; n > 0 {
			busy++
		}
		if n > 2*DefaultRate+listCost { // a full bucket, and what comes in meanwhile
			t.Errorf("%d bytes in second %d", n, i)
		}
	}
	if busy < int(sum/DefaultRate)-2 {
		t.Errorf("%d bytes in %d seconds", sum, busy)
	}
	t.Logf("%d bytes in %d seconds", sum, busy)
}

func TestInvariantSameSeedSameMessages(t *testing.T) {
	run := func() (out []string) {
		r := newRig(t, 8)
		fill(r, 400)
		r.watch = func(from, to *tnode, msg wire.Message) {
			out = append(out, string(from.id[:8])+string(to.id[:8])+string(wire.Append(nil, msg)[:1]))
		}
		r.kill(r.nodes[1])
		r.run(2 * every)
		return out
	}
	a, b := run(), run()
	if len(a) == 0 || len(a) != len(b) {
		t.Fatalf("%d and %d messages", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("message %d differs", i)
		}
	}
}

func TestAFullStoreRests(t *testing.T) {
	r := newRig(t, 2)
	fill(r, 200)
	p := r.add(100)
	p.shelf = tooFull{p.shelf}
	r.relink()
	wants := 0
	r.watch = func(from, _ *tnode, msg wire.Message) {
		if _, ok := msg.(wire.Want); ok && from == p {
			wants++
		}
	}
	r.run(fullPause / 2)
	if wants == 0 || wants > maxFull+window {
		t.Errorf("%d blocks asked for by a store that is full", wants)
	}
}

// tooFull has no room for anything.
type tooFull struct{ store.Store }

func (tooFull) Put(keys.Block, store.Class, keys.Location) error { return store.ErrFull }

package routing

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// circle is one machine among peers whose answers the test decides: after how long, or never.
type circle struct {
	m      *Machine
	now    time.Time
	answer func(to wire.NodeID, msg wire.Message) (time.Duration, bool)
	queue  []due
	keeps  time.Duration // how long the own store takes; 0 = a millisecond
	asked  int           // Gets and Puts sent
	done   map[Token]Done
	ended  map[Token]time.Time
}

type due struct {
	at time.Time
	ev Event
}

func newCircle(at float64, peers []wire.NodeID) *circle {
	c := &circle{
		m: New(Config{Self: idNear(at), Rand: rand.New(rand.NewPCG(1, 1))}), now: start,
		done: make(map[Token]Done), ended: make(map[Token]time.Time),
	}
	for _, p := range peers {
		c.step(PeerUp{p})
	}
	return c
}

func (c *circle) later(d time.Duration, ev Event) {
	c.queue = append(c.queue, due{c.now.Add(d), ev})
	slices.SortStableFunc(c.queue, func(a, b due) int { return a.at.Compare(b.at) })
}

func (c *circle) step(ev Event) {
	for _, e := range c.m.Step(c.now, ev) {
		switch e := e.(type) {
		case Lookup:
			c.later(0, LookedUp{Ref: e.Ref})
		case Keep:
			c.later(cmp.Or(c.keeps, time.Millisecond), Kept{e.Ref, true})
		case Done:
			c.done[e.Token], c.ended[e.Token] = e, c.now
		case Send:
			var reply wire.Message
			switch msg := e.Msg.(type) {
			case wire.Get:
				reply = wire.Data{Req: msg.Req, Block: keys.Restore(msg.ID, []byte{1})}
			case wire.Put:
				reply = wire.Stored{Req: msg.Req, Copies: 1}
			default:
				continue
			}
			c.asked++
			if d, ok := c.answer(e.To, e.Msg); ok {
				c.later(d, Received{e.To, reply})
			}
		}
	}
}

// run lets time pass.
func (c *circle) run(d time.Duration) {
	for end := c.now.Add(d); ; {
		t, ok := c.m.NextDeadline()
		switch {
		case len(c.queue) > 0 && (!ok || !c.queue[0].at.After(t)) && !c.queue[0].at.After(end):
			next := c.queue[0]
			c.queue = c.queue[1:]
			c.now = next.at
			c.step(next.ev)
		case ok && !t.After(end):
			if t.After(c.now) {
				c.now = t
			}
			c.step(Tick{})
		default:
			c.now = end
			return
		}
	}
}

// blocksNear makes up blocks that belong near a place.
func blocksNear(x float64, n int) (blocks []keys.Block) {
	for i := range n {
		blocks = append(blocks, blockNear(x, 0, i))
	}
	return blocks
}

// TestMutePeersCostAnInsertOneShortWait: of the peers around a local minimum up to a third say nothing to Puts. Each may be waited for once, and
// again when its rest is over; all other inserts are as fast as ever and have all their copies, and none has fewer than two.
func TestMutePeersCostAnInsertOneShortWait(t *testing.T) {
	var all []wire.NodeID
	for i := range 12 {
		all = append(all, idNear(0.52+0.03*float64(i)))
	}
	blocks, others := blocksNear(0.5, 40), blocksNear(0.505, 10)
	rapid.Check(t, func(t *rapid.T) {
		peers := all[:rapid.IntRange(6, len(all)).Draw(t, "peers")]
		mute := make(map[wire.NodeID]bool)
		for range rapid.IntRange(0, len(peers)/muteShare).Draw(t, "mute") {
			mute[rapid.SampledFrom(peers).Draw(t, "who")] = true
		}
		answers := time.Duration(rapid.IntRange(5, 200).Draw(t, "ms")) * time.Millisecond
		c := newCircle(0.5, peers)
		begun := false
		c.answer = func(to wire.NodeID, msg wire.Message) (time.Duration, bool) {
			_, put := msg.(wire.Put)
			return answers, !begun || !mute[to] || !put
		}
		slow := 0
		for i := range 40 {
			if begun = i >= 8; i%4 == 3 { // reads go on
				c.step(LocalGet{Token: Token(1000 + i), ID: others[i/4].ID()})
			}
			asked := c.now
			c.step(LocalPut{Token: Token(i), Block: blocks[i]})
			c.run(3 * time.Second)
			took := c.ended[Token(i)].Sub(asked)
			usual := took <= answers+50*time.Millisecond
			if d := c.done[Token(i)]; d.Copies < enoughCopies || usual && d.Copies != 1+sinkCopies || took > 3*time.Second {
				t.Fatalf("insert %d: %+v after %v, %d of %d mute", i, d, took, len(mute), len(peers))
			}
			if !usual {
				slow++
			}
		}
		// In the 96 s that this takes, rests of 2, 4, 8, 16, 32 and 60 s end at most five times.
		if slow > 6*len(mute) {
			t.Fatalf("%d of 40 inserts were slow, %d of %d mute", slow, len(mute), len(peers))
		}
	})
}

// TestOfFortyRequestsOneMayGoToASecondPeer: whatever the closest peer is late with, as long as it says something.
func TestOfFortyRequestsOneMayGoToASecondPeer(t *testing.T) {
	peers, blocks := []wire.NodeID{idNear(0.30), idNear(0.40), idNear(0.48)}, blocksNear(0.5, 400)
	rapid.Check(t, func(t *rapid.T) {
		c := newCircle(0.1, peers)
		i := 0
		c.answer = func(to wire.NodeID, _ wire.Message) (time.Duration, bool) {
			if to != peers[2] || i%2 == 0 || i > 350 || rapid.Bool().Draw(t, "prompt") {
				return 20 * time.Millisecond, true
			}
			return 800 * time.Millisecond, true
		}
		requests := len(blocks)
		for i = range blocks {
			c.step(LocalGet{Token: Token(i), ID: blocks[i].ID()})
			c.run(40 * time.Millisecond)
		}
		c.run(time.Minute)
		if most := requests + requests/spareOneIn + firstSpareAsks; c.asked > most || len(c.done) != requests {
			t.Fatalf("%d requests, %d sent, at most %d may be", requests, c.asked, most)
		}
	})
}

func TestPeerThatIsSlowIsLearntToBeSlow(t *testing.T) {
	far, near := idNear(0.40), idNear(0.48)
	c := newCircle(0.1, []wire.NodeID{far, near, idNear(0.90), idNear(0.95)})
	c.answer = func(to wire.NodeID, _ wire.Message) (time.Duration, bool) {
		if to == near {
			return 600 * time.Millisecond, true
		}
		return 20 * time.Millisecond, true
	}
	for i := range 30 { // what it is like to ask anybody
		c.step(LocalGet{Token: Token(i), ID: blockNear(0.93, 0, i).ID()})
		c.run(time.Second)
	}
	asked := 0
	for i := range 60 {
		before := c.asked
		c.step(LocalGet{Token: Token(100 + i), ID: blockNear(0.5, 0, i).ID()})
		c.run(3 * time.Second)
		if i >= 40 && c.asked > before+1 {
			asked++
		}
	}
	if c.m.mute(c.m.links[near], quickGet) || asked > 1 {
		t.Errorf("a peer that takes 600 ms is late %d times of 20 after 40 answers; usual %v", asked, c.m.links[near].dealings[quickGet].usual)
	}
}

// TestCopiesThatComeLate: where the own store is slow, peers that were late and those that made up for them have all answered when it is done.
// No more copies are reported than wire.Stored can say: who says more is taken for a liar and barred.
func TestCopiesThatComeLate(t *testing.T) {
	peers := []wire.NodeID{idNear(0.52), idNear(0.55), idNear(0.58), idNear(0.61), idNear(0.64)}
	for _, keeps := range []time.Duration{time.Millisecond, 5 * time.Second} {
		c := newCircle(0.5, peers)
		c.keeps = keeps
		c.answer = func(wire.NodeID, wire.Message) (time.Duration, bool) { return 2 * time.Second, true }
		c.step(LocalPut{Token: 1, Block: blockNear(0.5, 0, 0)})
		c.run(20 * time.Second)
		if d := c.done[1]; d.Copies == 0 || d.Copies > wire.MaxCopies || keeps > time.Second && c.asked < wire.MaxCopies {
			t.Errorf("the store takes %v: %d copies of %d asked", keeps, d.Copies, c.asked)
		}
	}
}

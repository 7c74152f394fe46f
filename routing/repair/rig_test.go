package repair

import (
	"container/heap"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/memstore"
)

// flightTime is how long a message is on its way, jobTime how long the store takes for anything.
const (
	flightTime = 20 * time.Millisecond
	jobTime    = time.Millisecond
)

// rig is some nodes on a ring in virtual time. Each is linked with the three nearest on either side.
type rig struct {
	t     testing.TB
	now   time.Time
	nodes []*tnode
	queue events
	seq   int
	// watch, if set, sees every message when it is sent.
	watch func(from, to *tnode, msg wire.Message)
}

// tnode is one node. With play set it is no machine: whatever arrives is handed to play.
type tnode struct {
	rig     *rig
	id      wire.NodeID
	machine *Machine
	shelf   store.Store
	links   map[wire.NodeID]*tnode
	dead    bool
	tick    time.Time
	play    func(from *tnode, msg wire.Message)

	sent    int64 // bytes
	accused []wire.NodeID
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

func newRig(t testing.TB, nodes int) *rig {
	r := &rig{t: t, now: time.Unix(1_000_000_000, 0)}
	for i := range nodes {
		r.add(uint64(i))
	}
	r.relink()
	return r
}

// add makes a node that is not linked yet.
func (r *rig) add(n uint64) *tnode {
	p := &tnode{rig: r, links: make(map[wire.NodeID]*tnode)}
	binary.BigEndian.PutUint64(p.id[:], n+1)
	p.machine = New(Config{Self: p.id, Rand: rand.New(rand.NewPCG(n, 7))})
	p.shelf = memstore.New(memstore.Config{Quota: 1 << 40, Self: p.id.Location()})
	r.nodes = append(r.nodes, p)
	return p
}

func (r *rig) after(d time.Duration, do func()) {
	r.seq++
	heap.Push(&r.queue, event{r.now.Add(d), r.seq, do})
}

// run lets time pass.
func (r *rig) run(d time.Duration) {
	end := r.now.Add(d)
	for len(r.queue) > 0 && !r.queue[0].at.After(end) {
		ev := heap.Pop(&r.queue).(event)
		r.now = ev.at
		ev.do()
	}
	r.now = end
}

func (r *rig) live() (out []*tnode) {
	for _, p := range r.nodes {
		if !p.dead {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *tnode) int {
		if a.id.Location() < b.id.Location() {
			return -1
		}
		return 1
	})
	return out
}

// relink links every live node with the three nearest on either side, and ends all other links.
func (r *rig) relink() {
	all := r.live()
	want := map[*tnode]map[*tnode]bool{}
	for i, p := range all {
		want[p] = map[*tnode]bool{}
		for d := 1; d <= 3; d++ {
			for _, q := range []*tnode{all[(i+d)%len(all)], all[(i-d+3*len(all))%len(all)]} {
				if q != p {
					want[p][q] = true
				}
			}
		}
	}
	for _, p := range r.nodes {
		for _, q := range r.nodes {
			linked := p.links[q.id] != nil
			switch {
			case linked && !want[p][q]:
				delete(p.links, q.id)
				p.step(PeerDown{q.id})
			case !linked && want[p][q]:
				p.links[q.id] = q
				p.step(PeerUp{q.id})
			}
		}
	}
}

// kill takes nodes away for ever.
func (r *rig) kill(nodes ...*tnode) {
	for _, p := range nodes {
		p.dead = true
	}
	r.relink()
}

func (p *tnode) step(ev Event) {
	if p.dead || p.play != nil {
		return
	}
	r := p.rig
	for _, e := range slices.Clone(p.machine.Step(r.now, ev)) {
		switch e := e.(type) {
		case Send:
			if q := p.links[e.To]; q != nil {
				p.send(q, e.Msg)
			}
		case Misbehaved:
			p.accused = append(p.accused, e.Peer)
		case Job:
			if k, ok := e.(Keep); ok && (k.From == wire.NodeID{} || p.machine.session != nil && k.From != p.machine.session.p.id) {
				r.t.Fatal("a copy is kept for somebody who is not compared with")
			}
			done, err := Do(p.shelf, e)
			if err != nil {
				r.t.Fatal(err)
			}
			r.after(jobTime, func() { p.step(done) })
		}
	}
	at, ok := p.machine.NextDeadline()
	if ok && at.Before(r.now) {
		r.t.Fatalf("a deadline %v ago", r.now.Sub(at))
	}
	if ok && (p.tick.IsZero() || at.Before(p.tick) || p.tick.Before(r.now)) {
		p.tick = at
		r.after(at.Sub(r.now), func() {
			if p.tick.Equal(r.now) {
				p.tick = time.Time{}
			}
			p.step(Tick{})
		})
	}
}

func (p *tnode) send(q *tnode, msg wire.Message) {
	r := p.rig
	p.sent += int64(wire.Size(msg))
	if r.watch != nil {
		r.watch(p, q, msg)
	}
	// What is read is what was written.
	frame := wire.Append(nil, msg)
	r.after(flightTime, func() {
		if q.dead || q.links[p.id] == nil {
			return
		}
		got, err := wire.Parse(frame)
		if err != nil {
			r.t.Fatalf("%T cannot be read: %v", msg, err)
		}
		if q.play != nil {
			q.play(p, got)
			return
		}
		q.step(Received{p.id, got})
	})
}

// data is block n. Blocks of one n are the same.
func data(n int) keys.Block {
	var key crypto.Key
	binary.BigEndian.PutUint64(key[:], uint64(n)+1)
	return keys.SealData(make([]byte, keys.DataSize), &key)
}

var noEntropy = rand.NewChaCha8([32]byte{})

// record is a version of a record of that name.
func record(t testing.TB, doc string, version uint64) keys.Block {
	t.Helper()
	a, err := keys.URI{Type: keys.KSK, Doc: doc}.Author()
	if err != nil {
		t.Fatal(err)
	}
	b, err := a.Seal(doc, keys.Record{Version: version, Payload: []byte{byte(version)}}, noEntropy)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sinks lists the three live nodes closest to a position.
func (r *rig) sinks(at keys.Location) []*tnode {
	all := r.live()
	slices.SortFunc(all, func(a, b *tnode) int {
		if a.id.Location().Distance(at) < b.id.Location().Distance(at) {
			return -1
		}
		return 1
	})
	return all[:min(copies, len(all))]
}

// insert keeps a block as an insert would: by its sink set.
func (r *rig) insert(b keys.Block, rotation uint8) {
	at := b.ID().Location(rotation)
	for _, p := range r.sinks(at) {
		if err := p.shelf.Put(b, store.Sink, at); err != nil {
			r.t.Fatal(err)
		}
	}
}

// holders is how many of the sink set of a block hold it as a sink block.
func (r *rig) holders(b keys.Block) (n int) {
	at := b.ID().Location(0)
	for _, p := range r.sinks(at) {
		if ok, err := find(p.shelf, b.ID(), at); err != nil {
			r.t.Fatal(err)
		} else if ok {
			n++
		}
	}
	return n
}

// whole holds that the sink set of every block has it.
func (r *rig) whole(blocks []keys.Block) {
	r.t.Helper()
	missing := 0
	for _, b := range blocks {
		missing += min(copies, len(r.live())) - r.holders(b)
	}
	if missing > 0 {
		r.t.Errorf("%d copies of %d blocks are missing", missing, len(blocks))
	}
}

func (r *rig) honest() {
	r.t.Helper()
	for _, p := range r.nodes {
		if len(p.accused) > 0 {
			r.t.Error("an honest node was accused")
		}
	}
}

func (r *rig) bytes() (n int64) {
	for _, p := range r.nodes {
		n += p.sent
	}
	return n
}

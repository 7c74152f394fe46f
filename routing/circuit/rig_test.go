package circuit

import (
	"container/heap"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/circuit/guard"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// net is a network of machines in memory: real cryptography, virtual time.
type net struct {
	t        testing.TB
	now      time.Time
	rng      *rand.Rand
	nodes    []*peer
	queue    events
	seq      int
	link     Link
	token    Token // the last that a script has drawn
	pairs    map[Link]wirePair
	stored   map[keys.ID]keys.Block
	delay    time.Duration // of a link, one way
	lookup   time.Duration // of key routing
	cells    int           // sent on links, padding aside
	gathered int           // the most cells that one event has brought
	meddle
}

// meddle is what a test does to the network.
type meddle struct {
	// touch may change, drop (nil) or repeat what a node sends on a link; nil leaves all as it is.
	touch func(from, to *peer, msg wire.Message, l Link) []wire.Message
	busy  map[sender]time.Time
	// pace is how long a cell takes on a link from a node.
	pace func(from *peer, l Link) time.Duration
	// hold keeps what a node has put on a link from being written.
	hold func(p *peer, l Link) bool
	// together has cells that come at one time on one link taken in together, and their bodies used again.
	together bool
	// route may answer a launch in place of the network; false lets the network answer.
	route func(at *peer, e Effect) bool
}

// wirePair is the two ends of a link.
type wirePair struct{ a, b *peer }

// sender is one direction of a link.
type sender struct {
	from *peer
	l    Link
}

// peer is one node of the network.
type peer struct {
	name     string
	id       wire.NodeID
	identity ed25519.PrivateKey
	desc     wire.Descriptor
	m        *Machine
	deaf     bool // it is dialled in vain
	frozen   bool // it takes nothing in
	done     map[Token]Done
	bad      int // Misbehaved effects
	launched []keys.ID
	cancels  int
	rekeyed  int
	spy      func(Effect)
}

// event is something that happens to a node at a time.
type event struct {
	at  time.Time
	seq int
	to  *peer
	ev  Event
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
	x := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return x
}

// seeded is a reader of reproducible randomness.
func seeded(n uint64) *rand.ChaCha8 {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], n)
	return rand.NewChaCha8(seed)
}

var rigStart = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// newNet makes a network of n nodes that all know each other.
func newNet(t testing.TB, n int, cfg func(i int, c *Config)) *net {
	w := &net{
		t: t, now: rigStart, rng: rand.New(seeded(1)), pairs: map[Link]wirePair{}, stored: map[keys.ID]keys.Block{},
		delay: 5 * time.Millisecond, lookup: 20 * time.Millisecond, meddle: meddle{busy: map[sender]time.Time{}},
	}
	for i := range n {
		w.add(i, cfg)
	}
	for _, p := range w.nodes {
		w.step(p, Tick{})
	}
	w.announce()
	return w
}

func (w *net) add(i int, cfg func(i int, c *Config)) *peer {
	seed := make([]byte, 32)
	binary.BigEndian.PutUint64(seed, uint64(i)+7)
	p := &peer{name: fmt.Sprint("n", i), identity: ed25519.NewKeyFromSeed(seed), done: map[Token]Done{}}
	p.id = wire.NodeID(p.identity.Public().(ed25519.PublicKey))
	c := Config{
		Self: p.id, Rand: seeded(uint64(i) + 100),
		Guard: guard.New(guard.Config{Self: p.id, Rand: rand.New(seeded(uint64(i) + 1000))}),
	}
	if cfg != nil {
		cfg(i, &c)
	}
	p.m = New(c)
	w.nodes = append(w.nodes, p)
	return p
}

// announce shows every node the descriptors of all others.
func (w *net) announce() {
	for _, p := range w.nodes {
		v := relays.View{Since: rigStart.Add(-100 * 24 * time.Hour)}
		for _, o := range w.nodes {
			if o != p && o.desc.ID == o.id {
				v.Relays = append(v.Relays, relays.Relay{Desc: o.desc, Seen: v.Since, Shown: 3})
			}
		}
		w.step(p, Known{View: v})
	}
}

// post lets something happen later.
func (w *net) post(after time.Duration, to *peer, ev Event) {
	w.seq++
	heap.Push(&w.queue, event{at: w.now.Add(after), seq: w.seq, to: to, ev: ev})
}

// at runs f later.
func (w *net) at(after time.Duration, f func()) {
	w.seq++
	heap.Push(&w.queue, event{at: w.now.Add(after), seq: w.seq, do: f})
}

// run lets time pass until it is over or stop says so.
func (w *net) run(d time.Duration, stop func() bool) {
	end := w.now.Add(d)
	for !stop() {
		next, who := end, (*peer)(nil)
		for _, p := range w.nodes {
			if t, ok := p.m.NextDeadline(); ok && t.Before(next) && !p.frozen {
				next, who = t, p
			}
		}
		if len(w.queue) > 0 && !w.queue[0].at.After(next) {
			e := heap.Pop(&w.queue).(event)
			w.now = maxTime(w.now, e.at)
			if e.do != nil {
				e.do()
			} else if !e.to.frozen {
				w.step(e.to, w.gather(e))
			}
			continue
		}
		w.now = maxTime(w.now, next)
		if who == nil {
			return
		}
		w.step(who, Tick{})
	}
}

// gather makes one event of a cell and of those that have come with it.
func (w *net) gather(e event) Event {
	r, ok := e.ev.(Received)
	if c, cell := r.Msg.(wire.Cell); w.together && ok && cell {
		all := Cells{Link: r.Link, Cells: []wire.Cell{c}}
		for len(w.queue) > 0 && w.queue[0].at.Equal(e.at) && w.queue[0].to == e.to {
			r, ok := w.queue[0].ev.(Received)
			c, cell := r.Msg.(wire.Cell)
			if !ok || !cell || r.Link != all.Link {
				break
			}
			heap.Pop(&w.queue)
			all.Cells = append(all.Cells, c)
		}
		w.gathered = max(w.gathered, len(all.Cells))
		return all
	}
	return e.ev
}

func (w *net) idle(d time.Duration) { w.run(d, func() bool { return false }) }

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *net) step(p *peer, ev Event) {
	for _, e := range p.m.Step(w.now, ev) {
		w.effect(p, e)
	}
}

func (w *net) effect(p *peer, e Effect) {
	if p.spy != nil {
		p.spy(e)
	}
	switch e := e.(type) {
	case Send:
		w.send(p, e)
	case Connect:
		w.connect(p, e.Node.ID)
	case LaunchGet:
		p.launched = append(p.launched, e.ID)
		if w.route == nil || !w.route(p, e) {
			l := Launched{Ref: e.Ref, Block: w.stored[e.ID]}
			if l.Block.IsZero() {
				l.Reason = wire.NotFound
			}
			w.post(w.lookup, p, l)
		}
	case LaunchPut:
		p.launched = append(p.launched, e.Block.ID())
		if w.route == nil || !w.route(p, e) {
			w.stored[e.Block.ID()] = e.Block
			w.post(w.lookup, p, Launched{Ref: e.Ref, Copies: 3})
		}
	case LaunchCancel:
		p.cancels++
	case Done:
		if _, twice := p.done[e.Token]; twice {
			w.t.Errorf("request %d is done twice", e.Token)
		}
		p.done[e.Token] = e
	case Rekeyed:
		p.rekeyed++
		d, err := wire.NewDescriptor(p.identity, uint64(w.now.Unix()), e.Hash, []wire.Addr{wire.Addr("tcp/127.0.0.1:4000")})
		if err != nil {
			w.t.Fatal(err)
		}
		p.desc = d
	case Misbehaved:
		p.bad++
	}
}

// other is the node at the far end of a link.
func (w *net) other(p *peer, l Link) *peer {
	switch pair := w.pairs[l]; p {
	case pair.a:
		return pair.b
	case pair.b:
		return pair.a
	}
	return nil
}

func (w *net) send(p *peer, e Send) {
	to := w.other(p, e.Link)
	msgs := []wire.Message{e.Msg}
	var wait time.Duration
	if w.pace != nil {
		key := sender{p, e.Link}
		w.busy[key] = maxTime(w.busy[key], w.now).Add(w.pace(p, e.Link))
		wait = w.busy[key].Sub(w.now)
	}
	if c, ok := e.Msg.(wire.Cell); ok {
		written := Written{Link: e.Link, Cells: 1}
		if w.together {
			written.Spent = []*body{c.Body}
			sent := *c.Body
			e.Msg = wire.Cell{Circ: c.Circ, Cmd: c.Cmd, Body: &sent}
			msgs[0] = e.Msg
		}
		if w.hold == nil || !w.hold(p, e.Link) {
			w.post(wait, p, written)
		}
		if c.Cmd != wire.Pad {
			w.cells++
		}
	}
	if to == nil {
		return
	}
	if w.touch != nil {
		msgs = w.touch(p, to, e.Msg, e.Link)
	}
	for _, msg := range msgs {
		w.post(wait+w.delay, to, Received{Link: e.Link, Msg: msg})
	}
}

// connect links two nodes, as the shells would.
func (w *net) connect(p *peer, id wire.NodeID) {
	for _, o := range w.nodes {
		if o.id == id && !o.deaf {
			w.link++
			l := w.link
			w.at(2*w.delay, func() {
				w.pairs[l] = wirePair{p, o}
				w.post(0, o, LinkUp{Link: l, Peer: p.id})
				w.post(0, p, LinkUp{Link: l, Peer: o.id, Dialed: true})
			})
			return
		}
	}
	w.post(2*w.delay, p, DialFailed{Peer: id})
}

// cut ends all links of a node.
func (w *net) cut(p *peer) {
	for l := Link(1); l <= w.link; l++ {
		if o := w.other(p, l); o != nil {
			delete(w.pairs, l)
			w.post(0, p, LinkDown{Link: l})
			w.post(0, o, LinkDown{Link: l})
		}
	}
}

package routing

import (
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// chaos drives one machine with arbitrary events and checks the invariants after each.
type chaos struct {
	t      testing.TB
	m      *Machine
	now    time.Time
	input  []byte
	peers  []wire.NodeID
	up     map[wire.NodeID]bool
	blocks []keys.Block
	open   map[Token]bool
	token  Token
	refs   []Effect
	asked  []Send // what the machine has asked of peers
	req    wire.Req
}

func newChaos(t testing.TB, input []byte) *chaos {
	c := &chaos{t: t, now: time.Unix(1e9, 0), input: input, up: make(map[wire.NodeID]bool), open: make(map[Token]bool)}
	c.m = New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(uint64(len(input)), 3))})
	for i := range 7 {
		c.peers = append(c.peers, idNear(0.05+float64(i)*0.13))
	}
	for i := range 5 {
		c.blocks = append(c.blocks, blockNear(0.1+float64(i)*0.2, 0, i))
	}
	for i := range 2 { // two versions of a record
		c.blocks = append(c.blocks, keys.Restore(keys.ID{Kind: keys.KindRecord, Name: [32]byte{9}}, []byte{byte(i)}))
	}
	return c
}

// byte takes the next byte of the input, 0 when there is none left.
func (c *chaos) byte() int {
	if len(c.input) == 0 {
		return 0
	}
	b := c.input[0]
	c.input = c.input[1:]
	return int(b)
}

func (c *chaos) peer() wire.NodeID { return c.peers[c.byte()%len(c.peers)] }
func (c *chaos) block() keys.Block { return c.blocks[c.byte()%len(c.blocks)] }

func (c *chaos) play() {
	for _, p := range c.peers[:5] {
		c.up[p] = true
		c.step(PeerUp{p})
	}
	for len(c.input) > 0 {
		c.op(c.byte())
	}
	for range 3 {
		c.wait(localSlow + time.Second)
	}
	c.wait(leaseTime + 2*leaseSweep)
	if len(c.open) > 0 {
		c.t.Fatalf("%d local requests were never answered", len(c.open))
	}
	m := c.m
	if x := &m.leases; len(x.all)+len(x.byKey)+len(x.looks)+len(x.local)+x.peers != 0 {
		c.t.Fatalf("leases are left at rest: %d %d %d %d %d", len(x.all), len(x.byKey), len(x.looks), len(x.local), x.peers)
	}
	if len(m.active)+len(m.refs)+len(m.local)+len(m.timers)+len(m.todo)+m.puts != 0 {
		c.t.Fatalf("tables are not empty at rest: %d %d %d %d %d %d", len(m.active), len(m.refs), len(m.local), len(m.timers), len(m.todo), m.puts)
	}
	for _, l := range m.ring {
		if len(l.sent)+len(l.asked)+l.puts != 0 {
			c.t.Fatalf("a link's tables are not empty at rest: %d %d %d", len(l.sent), len(l.asked), l.puts)
		}
	}
}

func (c *chaos) op(n int) {
	class := wire.Class(c.byte() % 2)
	switch n % 19 {
	case 0, 1:
		c.token++
		c.open[c.token] = true
		c.step(LocalGet{c.token, c.block().ID(), uint8(c.byte() % 2), class, c.byte()%2 == 0})
	case 2:
		c.token++
		c.open[c.token] = true
		c.step(LocalPut{c.token, c.block(), uint8(c.byte() % 2), class, c.byte()%2 == 0})
	case 3:
		t := c.token - Token(c.byte()%4)
		delete(c.open, t)
		c.step(LocalCancel{t})
	case 4:
		p := c.peer()
		c.up[p] = !c.up[p]
		if c.up[p] {
			c.step(PeerUp{p})
		} else {
			c.step(PeerDown{p})
		}
	case 5, 6:
		c.req++
		c.step(Received{c.peer(), wire.Get{Req: c.req - wire.Req(c.byte()/200), HTL: uint8(c.byte() % 19), Class: class, ID: c.block().ID()}})
	case 7:
		c.req++
		c.step(Received{c.peer(), wire.Put{Req: c.req, HTL: uint8(c.byte() % 19), Class: class, Block: c.block()}})
	case 8:
		c.step(Received{c.peer(), wire.Cancel{Req: c.req - wire.Req(c.byte()%8)}})
	case 9, 10, 11:
		c.answer()
	case 12, 13:
		c.stored()
	case 14:
		c.wait(time.Duration(c.byte()) * 20 * time.Millisecond)
	case 15:
		if p := c.peer(); c.up[p] {
			c.m.links[p].flights[class].window = float64(c.byte() % 4)
		}
	case 16, 17, 18:
		c.lease(n % 19)
	}
}

// lease has somebody wait for a record, or a peer push one, whether or not it was asked to.
func (c *chaos) lease(n int) {
	rotation := uint8(c.byte() % 2)
	switch b := c.block(); {
	case n == 16:
		c.token++
		c.open[c.token] = true
		c.step(LocalWait{c.token, b.ID(), rotation})
	case b.ID().Kind != keys.KindRecord:
		c.wait(time.Duration(c.byte()) * time.Second)
	case n == 17:
		c.step(Received{c.peer(), wire.Lease{Own: c.byte()%2 == 0, Rotation: rotation, ID: b.ID()}})
	default:
		c.step(Received{c.peer(), wire.Push{Block: b}})
	}
}

// answer has a peer answer something, rightly or not.
func (c *chaos) answer() {
	if len(c.asked) == 0 {
		return
	}
	i := len(c.asked) - 1 - c.byte()%min(len(c.asked), 8)
	s := c.asked[i]
	req, block := wire.Req(0), keys.Block{}
	switch m := s.Msg.(type) {
	case wire.Get:
		req = m.Req
		for _, b := range c.blocks {
			if b.ID() == m.ID {
				block = b
			}
		}
	case wire.Put:
		req, block = m.Req, m.Block
	default:
		return
	}
	switch c.byte() % 8 {
	case 0, 1:
		c.step(Received{s.To, wire.Data{Req: req, Block: block}})
	case 2:
		c.step(Received{s.To, wire.Stored{Req: req, Copies: 3}})
	case 3:
		c.step(Received{s.To, wire.Fail{Req: req, Reason: wire.NotFound}})
	case 4:
		c.step(Received{s.To, wire.Fail{Req: req, Reason: wire.Overload}})
	case 5:
		c.step(Received{s.To, wire.Fail{Req: req, Reason: wire.Failed}})
	case 6:
		c.step(Garbled{s.To, wire.BadBlockError{Req: req}})
	case 7:
		c.step(Received{s.To, wire.Data{Req: req, Block: c.block()}})
	}
}

// stored has the store answer.
func (c *chaos) stored() {
	if len(c.refs) == 0 {
		return
	}
	i := c.byte() % len(c.refs)
	e := c.refs[i]
	c.refs = append(c.refs[:i:i], c.refs[i+1:]...)
	switch e := e.(type) {
	case Lookup:
		if c.byte()%5 == 0 {
			c.step(LookedUp{e.Ref, keys.Restore(e.ID, []byte{7})})
		} else {
			c.step(LookedUp{Ref: e.Ref})
		}
	case Keep:
		c.step(Kept{e.Ref, c.byte()%4 != 0})
	}
}

// wait lets time pass, with the ticks that the machine asks for.
func (c *chaos) wait(d time.Duration) {
	end := c.now.Add(d)
	for {
		t, ok := c.m.NextDeadline()
		if !ok || t.After(end) {
			break
		}
		if t.After(c.now) {
			c.now = t
		}
		c.step(Tick{})
		if again, ok := c.m.NextDeadline(); ok && !again.After(c.now) {
			c.t.Fatal("the deadline does not move: the shell would spin")
		}
	}
	c.now = end
	c.step(Tick{})
}

func (c *chaos) step(ev Event) {
	for _, e := range c.m.Step(c.now, ev) {
		switch e := e.(type) {
		case Send:
			c.sent(e)
		case Lookup:
			c.refs = append(c.refs, e)
		case Keep:
			if e.Ref != 0 {
				c.refs = append(c.refs, e)
			}
		case Done:
			if !c.open[e.Token] {
				c.t.Fatalf("token %d: an answer too many", e.Token)
			}
			delete(c.open, e.Token)
		}
	}
	c.check()
}

// sent checks what may be seen of the invariants on the wire.
func (c *chaos) sent(s Send) {
	if !c.up[s.To] {
		c.t.Fatalf("%T to a peer whose link has ended", s.Msg)
	}
	htl, target := uint8(0), keys.Location(0)
	switch m := s.Msg.(type) {
	case wire.Get:
		htl, target = m.HTL, m.ID.Location(m.Rotation)
		c.asked = append(c.asked, s)
	case wire.Put:
		htl, target = m.HTL, m.Block.ID().Location(m.Rotation)
		c.asked = append(c.asked, s)
	case wire.Lease:
		target = m.ID.Location(m.Rotation)
		if !m.Own {
			htl = 1
		}
	}
	if htl > 0 && s.To.Location().Distance(target) >= c.m.at.Distance(target) {
		c.t.Fatal("invariant 1: a request went away from its target")
	}
}

// check checks the machine's books.
func (c *chaos) check() {
	c.t.Helper()
	m := c.m
	puts := 0
	live := make(map[key]int)
	for _, l := range m.ring {
		puts += l.puts
		inflight, kinds := [2]int{}, [kinds]int{}
		for req, a := range l.sent {
			inflight[a.class]++
			kinds[a.kind]++
			if a.state != sent || a.req != req || a.link != l || a.r.phase == ended {
				c.t.Fatal("a sent attempt is in disorder")
			}
			if a.htl > 0 && !a.late && m.active[a.r.key] == a.r {
				live[a.r.key]++
			}
		}
		for k := range kinds {
			if l.dealings[k].inflight != kinds[k] {
				c.t.Fatalf("%d requests of kind %d are under way, counted as %d", kinds[k], k, l.dealings[k].inflight)
			}
		}
		for req, r := range l.asked {
			if r.phase == ended || r.slot == 0 {
				c.t.Fatalf("request %d of a peer is served by one that has ended or has no deadline", req)
			}
		}
		for i := range l.flights {
			f := &l.flights[i]
			if f.inflight != inflight[i] || f.window > maxWindow || f.queue.remote > maxQueue || f.queue.n > 0 && m.now < l.backedOff {
				c.t.Fatalf("a link is in disorder: %+v", f)
			}
		}
		if len(l.asked) > maxAsked || l.puts > maxPuts {
			c.t.Fatal("a peer has more than its share")
		}
	}
	for k, n := range live {
		if n > 1 {
			c.t.Fatalf("invariant 2: %d live requests downstream for one block (put=%t)", n, k.put)
		}
	}
	c.checkLeases()
	if puts != m.puts || len(m.todo) != 0 || m.credit < 0 || m.credit > maxSpareAsks*spareOneIn {
		c.t.Fatal("the machine is in disorder")
	}
}

// checkLeases checks the books of leases.
func (c *chaos) checkLeases() {
	m, x := c.m, &c.m.leases
	peers, local, looks := 0, 0, 0
	for i, ls := range x.all {
		if ls.slot != i || x.byKey[ls.key] != ls || len(ls.awaits) == 0 || len(ls.asked) > sinkCopies {
			c.t.Fatalf("a lease is in disorder: %+v", ls)
		}
		if ls.ref != 0 {
			looks++
		}
		for _, w := range ls.awaits {
			if w.from == nil {
				local++
			} else if peers++; m.links[w.from.id] != w.from {
				c.t.Fatal("a lease of a peer that has gone")
			}
		}
	}
	held := 0
	for _, l := range m.ring {
		held += len(l.tenancy.held)
	}
	if len(x.byKey) != len(x.all) || peers != x.peers || peers != held || local != len(x.local) || looks != len(x.looks) {
		c.t.Fatalf("leases are in disorder: %d %d; %d %d %d; %d %d; %d %d", len(x.byKey), len(x.all), peers, x.peers, held, local, len(x.local), looks, len(x.looks))
	}
}

func TestRandomEventsKeepTheInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		input := make([]byte, rng.IntN(3000))
		for i := range input {
			input[i] = byte(rng.Uint32())
		}
		newChaos(t, input).play()
	}
}

func FuzzMachine(f *testing.F) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 10 {
		input := make([]byte, 300)
		for i := range input {
			input[i] = byte(rng.Uint32())
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		newChaos(t, input[:min(len(input), 4096)]).play()
	})
}

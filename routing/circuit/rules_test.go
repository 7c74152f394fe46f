package circuit

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/wire"
)

// C8: what no honest node can do is reported, and only that.
func TestWhatIsMisbehaviour(t *testing.T) {
	cell := func(circ uint32, cmd wire.Cmd) wire.Message {
		return wire.Cell{Circ: circ, Cmd: cmd, Body: new(body)}
	}
	for name, tc := range map[string]struct {
		msgs []wire.Message
		want int
	}{
		"a number of our parity":      {[]wire.Message{cell(3, wire.Create)}, 1},
		"number 0":                    {[]wire.Message{cell(0, wire.Create)}, 1},
		"three halves":                {[]wire.Message{cell(4, wire.Create), cell(4, wire.Create), cell(4, wire.Create)}, 0},
		"Relay before CREATED":        {[]wire.Message{cell(4, wire.Create), cell(4, wire.Relay)}, 1},
		"Created for half a CREATE":   {[]wire.Message{cell(4, wire.Create), cell(4, wire.Created)}, 1},
		"a rubbish CREATE":            {[]wire.Message{cell(4, wire.Create), cell(4, wire.Create)}, 0},
		"Relay for nothing":           {[]wire.Message{cell(4, wire.Relay)}, 0},
		"Created for nothing":         {[]wire.Message{cell(4, wire.Created)}, 0},
		"Destroy for nothing":         {[]wire.Message{cell(4, wire.Destroy)}, 0},
		"Pad":                         {[]wire.Message{cell(0, wire.Pad)}, 0},
		"Key for nothing":             {[]wire.Message{wire.Key{Key: new([onion.KeySize]byte)}}, 0},
		"Fail for nothing":            {[]wire.Message{wire.Fail{Reason: wire.Failed}}, 0},
		"AskKey for a key of no body": {[]wire.Message{wire.AskKey{}}, 0},
		"half, Destroy, half":         {[]wire.Message{cell(4, wire.Create), cell(4, wire.Destroy), cell(4, wire.Create)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNet(t, 1, oneUser)
			p := w.nodes[0]
			w.step(p, LinkUp{Link: 7, Peer: wire.NodeID{1}})
			for _, m := range tc.msgs {
				w.step(p, Received{Link: 7, Msg: m})
			}
			if p.bad != tc.want {
				t.Errorf("reported %d times", p.bad)
			}
			check(t, p)
		})
	}
}

// A guard that serves another key than was asked for is reported, and no circuit is built with it.
func TestKeyWithAnotherHashIsRefused(t *testing.T) {
	w := newNet(t, 4, oneUser)
	c := w.nodes[0]
	var other *onion.SecretKey
	other, _, _ = handshake(t)
	w.touch = func(_, _ *peer, msg wire.Message, _ Link) []wire.Message {
		if k, ok := msg.(wire.Key); ok {
			raw := [onion.KeySize]byte(other.Public().Bytes())
			return []wire.Message{wire.Key{Req: k.Req, Key: &raw}}
		}
		return []wire.Message{msg}
	}
	w.idle(3 * time.Second)
	if s := c.m.Status(w.now); s.Clean > 0 || c.bad == 0 {
		t.Errorf("%+v; reported %d times", s, c.bad)
	}
}

// SPEC §8: links that carry circuits are padded, both ways; others are not.
func TestPadding(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	pads := map[sender][]time.Time{}
	w.touch = func(a, _ *peer, msg wire.Message, l Link) []wire.Message {
		if m, ok := msg.(wire.Cell); ok && m.Cmd == wire.Pad {
			pads[sender{a, l}] = append(pads[sender{a, l}], w.now)
		}
		return []wire.Message{msg}
	}
	w.ready(c)
	began := w.now
	w.idle(5 * time.Minute)
	for l := Link(1); l <= w.link; l++ {
		pair := w.pairs[l]
		for _, p := range []*peer{pair.a, pair.b} {
			times := pads[sender{p, l}]
			if p.m.Holds(l) == 0 {
				continue
			}
			last := began
			for _, at := range times {
				if gap := at.Sub(last); gap > 2*padMax {
					t.Errorf("no cell for %v", gap)
				}
				last = at
			}
			if n := len(times); n < 30 || n > 100 {
				t.Errorf("%d padding cells in five minutes", n)
			}
		}
	}
	w.do(c, func(m *Machine) {
		m.cfg.Clean = 0
		for len(m.origin.own) > 0 {
			m.origin.own[0].destroy(m, nil)
		}
	})
	w.idle(10 * time.Second)
	clear(pads)
	w.idle(5 * time.Minute)
	if len(pads) > 0 {
		t.Errorf("%d links without circuits are padded", len(pads))
	}
}

// A CREATE is remembered for replayTime at least, and for twice as long at most; a flood is bounded.
func TestReplayFilter(t *testing.T) {
	var r replay
	r.init()
	tag := [16]byte{1}
	if !r.fresh(0, tag) || r.fresh(replayTime-1, tag) || r.fresh(replayTime+time.Second, tag) {
		t.Error("forgotten too early")
	}
	if !r.fresh(4*replayTime, tag) {
		t.Error("remembered for ever")
	}
	for i := range 3 * maxReplayTags {
		r.fresh(4*replayTime, [16]byte{2, byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if n := len(r.now) + len(r.before); n > 2*maxReplayTags {
		t.Errorf("%d tags are kept", n)
	}
}

// A guard that lets circuits be built and then closes them when they are used is held to account for it.
func TestClosingUsedCircuitsCountsAgainstTheGuard(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	w.ready(c)
	lost := func() (n int) {
		for _, g := range c.m.State().Guard.Sample {
			n += g.Builds - g.Built
		}
		return n
	}
	before := lost()
	w.route = func(*peer, Effect) bool { return true }
	w.step(c, Get{Token: 1, ID: dataID(1), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.idle(100 * time.Millisecond)
	for _, o := range c.m.origin.own {
		if o.state == used {
			g, r := w.relayOf(o, 0)
			w.do(g, func(m *Machine) { r.destroy(m, nil) })
			break
		}
	}
	w.idle(100 * time.Millisecond)
	if got := lost() - before; got != 1 {
		t.Errorf("%d failures were counted", got)
	}
}

// Dials for others' circuits do not shut out this node's own.
func TestOwnDialsAreNotShutOut(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	w.ready(c)
	w.do(c, func(m *Machine) {
		for i := range maxDials {
			m.net.dials[wire.NodeID{1, byte(i)}] = &dial{}
		}
	})
	w.cut(c)
	w.ready(c)
}

// SPEC §9: circuits of one link that name nodes which do not answer do not keep those of other links from new connections.
func TestDialsOfOneLinkLeaveRoomForOthers(t *testing.T) {
	w := newNet(t, 1, oneUser)
	p := w.nodes[0]
	asked := map[wire.NodeID]bool{}
	p.spy = func(e Effect) {
		if e, ok := e.(Connect); ok {
			asked[e.Node.ID] = true
		}
	}
	name := func(r *relayed, n byte) wire.NodeID {
		d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)), 3600, [32]byte{1}, []wire.Addr{"tcp/192.0.2.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		w.do(p, func(m *Machine) {
			b := m.newBody()
			header{cmd: cmdDesc}.write(b, d.Append(nil))
			r.command(m, b)
		})
		return d.ID
	}
	hostile, honest := w.carry(p, 7, maxSetups), w.carry(p, 8, 1)
	var first wire.NodeID
	for i, r := range hostile {
		if id := name(r, byte(i+1)); i == 0 {
			first = id
		}
	}
	if n := len(asked); n != maxLinkDials {
		t.Errorf("%d connections were asked for by circuits of one link", n)
	}
	if !asked[name(honest[0], 200)] {
		t.Error("no connection was asked for by a circuit of another link")
	}
	w.step(p, DialFailed{first})
	if more := w.carry(p, 9, 1); !asked[name(more[0], 201)] || p.m.net.links[7].load.dials != maxLinkDials-1 {
		t.Error("a dial that failed is still counted")
	}
	check(t, p)
}

// SPEC §9: what a relay itself has made for circuits whose link is not read is bounded as well, and its price is paid there.
func TestOwnAnswersOnALinkThatIsNotReadAreBounded(t *testing.T) {
	w := newNet(t, 1, oneUser)
	p := w.nodes[0]
	const mute, quiet = Link(7), Link(8)
	other := w.carry(p, quiet, 1)[0]
	all := w.carry(p, mute, 2*maxHeld/maxQueue)
	w.do(p, func(m *Machine) {
		m.net.links[mute].inflight = window
		for range maxQueue - 1 {
			for _, r := range all {
				if !r.dead {
					ask := m.newBody()
					header{cmd: cmdProbe, flags: probeAsk}.write(ask, nil)
					r.command(m, ask)
				}
			}
		}
	})
	if n := p.m.net.held; n > maxHeld {
		t.Errorf("%d cells wait for a link that is not read", n)
	}
	if other.dead {
		t.Error("a circuit of another link was ended")
	}
	check(t, p)
}

// carry opens circuits at a node over a new link from somebody who is not in the network.
func (w *net) carry(p *peer, l Link, n int) (all []*relayed) {
	w.step(p, LinkUp{Link: l, Peer: wire.NodeID{byte(l)}})
	for i := range n {
		circ := uint32(4 + 2*i)
		for _, half := range begun(w.t, p) {
			w.step(p, Received{Link: l, Msg: wire.Cell{Circ: circ, Cmd: wire.Create, Body: half}})
		}
		all = append(all, p.m.net.links[l].ends[circ].carrier.(*relayed))
	}
	return all
}

// begun makes the two halves of a CREATE for a node.
func begun(t testing.TB, p *peer) (halves [2]*body) {
	t.Helper()
	_, create, err := onion.Begin(p.m.cfg.Rand, p.id, p.m.ring.own[0].key.Public(), new([onion.ExtSize]byte))
	if err != nil {
		t.Fatal(err)
	}
	halves = [2]*body{new(body), new(body)}
	copy(halves[1][:], create[copy(halves[0][:], create):])
	return halves
}

// A machine that has been shown no relays says what is missing from its first step on.
func TestWhatIsMissingIsSaidAtOnce(t *testing.T) {
	w := newNet(t, 1, oneUser)
	w.step(w.nodes[0], Tick{})
	if s := w.nodes[0].m.Status(w.now); s.Missing != 3 || s.Why == "" {
		t.Errorf("%+v", s)
	}
}

package circuit

import (
	"fmt"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// bad relays: whatever the launch node, the middle or the guard of one circuit does, the download ends well.
func TestRelaysThatMisbehave(t *testing.T) {
	late := func(s *scene, from *peer) func(a, b *peer, msg wire.Message, l Link) []wire.Message {
		return func(a, b *peer, msg wire.Message, l Link) []wire.Message {
			if a != from || !s.onTarget(a, msg, l) {
				return []wire.Message{msg}
			}
			s.hits++
			s.w.post(30*time.Second, b, Received{Link: l, Msg: msg})
			return nil
		}
	}
	never := func(s *scene, from *peer) func(a, b *peer, msg wire.Message, l Link) []wire.Message {
		return func(a, b *peer, msg wire.Message, l Link) []wire.Message {
			if a != from || !s.onTarget(a, msg, l) {
				return []wire.Message{msg}
			}
			s.hits++
			return nil
		}
	}
	closes := func(s *scene, from *peer) func(a, b *peer, msg wire.Message, l Link) []wire.Message {
		return func(a, b *peer, msg wire.Message, l Link) []wire.Message {
			if a != from || !s.onTarget(a, msg, l) {
				return []wire.Message{msg}
			}
			if s.hits++; s.hits < 20 {
				return []wire.Message{msg}
			}
			return []wire.Message{wire.Cell{Circ: msg.(wire.Cell).Circ, Cmd: wire.Destroy, Body: new(body)}}
		}
	}
	for name, how := range map[string]func(*scene, *peer) func(a, b *peer, msg wire.Message, l Link) []wire.Message{
		"answers late": late, "never answers": never, "closes the circuit": closes,
	} {
		for hop := range 3 {
			t.Run(fmt.Sprintf("hop %d %s", hop, name), func(t *testing.T) {
				s := begin(t, 60)
				s.w.touch = how(s, s.w.hopOf(s.target, hop))
				s.finish(t)
			})
		}
	}
}

// A launch node that floods: what it sends unasked ends its circuit, and no relay holds more than SPEC §9 allows.
func TestFloodEndsItsCircuitOnly(t *testing.T) {
	for _, name := range []string{"DROP", "DATA"} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, 60)
			x, r := s.w.relayOf(s.target, 2)
			g := s.w.hopOf(s.target, 0)
			stuck := s.target.end.link.id
			s.w.hold = func(p *peer, l Link) bool { return p == g && l == stuck } // the guard's link to the originator has no room
			s.w.do(x, func(m *Machine) {
				for range 3000 {
					if !r.dead {
						h := header{cmd: cmdDrop}
						if name == "DATA" {
							h = header{cmd: cmdData, req: 99}
						}
						r.answer(m, h, nil)
						m.pump(r.prev.link)
						r.prev.link.inflight = 0
					}
				}
			})
			most := 0
			s.w.run(time.Second, func() bool {
				for _, l := range g.m.net.links {
					for _, e := range l.ends {
						most = max(most, e.out.n)
					}
				}
				return false
			})
			s.hits++
			if most > maxQueue {
				t.Errorf("%d cells waited in one circuit", most)
			}
			s.w.hold = nil
			s.w.step(g, Written{Link: stuck, Cells: window})
			s.finish(t)
		})
	}
}

// CREATE is answered once: SPEC §8.
func TestReplayedCreateIsRefused(t *testing.T) {
	w := newNet(t, 5, oneUser)
	c := w.nodes[0]
	var first []wire.Cell
	w.touch = func(a, b *peer, msg wire.Message, l Link) []wire.Message {
		if m, ok := msg.(wire.Cell); ok && m.Cmd == wire.Create && a == c && len(first) < 2 {
			first = append(first, copyCell(m))
		}
		return []wire.Message{msg}
	}
	w.ready(c)
	w.touch = nil
	var g *peer
	var l Link
	for _, p := range w.nodes {
		for id, ln := range p.m.net.links {
			if e := ln.ends[first[0].Circ]; e != nil && ln.peer == c.id {
				g, l = p, id
			}
		}
	}
	replay := func(after time.Duration, circ uint32) wire.Cmd {
		w.now = w.now.Add(after)
		answer := wire.Cmd(99)
		w.touch = func(a, b *peer, msg wire.Message, _ Link) []wire.Message {
			if m, ok := msg.(wire.Cell); ok && a == g && m.Circ == circ {
				answer = m.Cmd
			}
			return []wire.Message{msg}
		}
		for _, m := range first {
			m = copyCell(m)
			m.Circ = circ
			w.step(g, Received{Link: l, Msg: m})
		}
		w.touch = nil
		return answer
	}
	circ := first[0].Circ ^ 0x100
	if got := replay(0, circ); got != wire.Destroy {
		t.Errorf("a replay was answered with %d", got)
	}
	if got := replay(replayTime-time.Second, circ+2); got != wire.Destroy {
		t.Errorf("a later replay was answered with %d", got)
	}
	check(t, g)
}

// A layer that has carried all that it may ends its circuit: crypto/onion refuses, as it does once a layer was wiped.
func TestExhaustedLayerEndsTheCircuit(t *testing.T) {
	for hop := range 3 {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("hop %d back %v", hop, back), func(t *testing.T) {
				s := begin(t, 60)
				_, r := s.w.relayOf(s.target, hop)
				if back {
					r.bwd.Wipe()
				} else {
					r.fwd.Wipe()
				}
				s.hits++
				s.finish(t)
			})
		}
	}
	t.Run("originator", func(t *testing.T) {
		s := begin(t, 60)
		s.target.hops[1].bwd.Wipe()
		s.hits++
		s.finish(t)
	})
}

// C5: what one link can open is bounded, and it hears of a refusal.
func TestCircuitsPerLinkAreBounded(t *testing.T) {
	w := newNet(t, 2, oneUser)
	p := w.nodes[1]
	w.step(p, LinkUp{Link: 7, Peer: wire.NodeID{1}})
	refused := 0
	for i := range 3 * maxCarried {
		for _, e := range p.m.Step(w.now, Received{Link: 7, Msg: wire.Cell{Circ: uint32(2 + 2*i), Cmd: wire.Create, Body: new(body)}}) {
			if s, ok := e.(Send); ok && s.Msg.(wire.Cell).Cmd == wire.Destroy {
				refused++
				p.m.Step(w.now, Written{Link: 7, Cells: 1})
			}
		}
	}
	if got := p.m.Holds(7); got != maxCarried {
		t.Errorf("%d circuits were opened", got)
	}
	if refused != 2*maxCarried {
		t.Errorf("%d were refused", refused)
	}
	w.idle(halfTime + time.Second)
	if got := p.m.Holds(7); got != 0 {
		t.Errorf("%d halves of CREATE outlived their time", got)
	}
	check(t, p)
}

// C5: handshakes cost work, and are rationed.
func TestHandshakesPerLinkAreRationed(t *testing.T) {
	w := newNet(t, 2, oneUser)
	p := w.nodes[1]
	w.step(p, LinkUp{Link: 7, Peer: wire.NodeID{1}})
	answered := 0
	ask := func(n int) {
		for i := range n {
			for _, e := range p.m.Step(w.now, Received{Link: 7, Msg: wire.AskKey{Req: wire.Req(i), Hash: p.desc.Onion}}) {
				if _, ok := e.(Send).Msg.(wire.Key); ok {
					answered++
				}
			}
		}
	}
	ask(2 * setupBurst)
	if answered != setupBurst {
		t.Errorf("%d were answered at once", answered)
	}
	answered = 0
	w.now = w.now.Add(time.Second)
	ask(2 * setupBurst)
	if answered != setupRate {
		t.Errorf("%d were answered a second later", answered)
	}
}

// C6: a link that floods another does not take the turns of a third.
func TestTurnsGoByPredecessorLink(t *testing.T) {
	var s schedule
	s.flows = map[*link]*flow{}
	greedy, modest := &link{id: 1}, &link{id: 2}
	var ends []*end
	for i := range 100 {
		src := greedy
		if i == 99 {
			src = modest
		}
		e := &end{circ: uint32(i), flow: s.enter(src)}
		ends = append(ends, e)
		s.push(e)
	}
	served := map[*link]int{}
	per := map[uint32]int{}
	for range 400 {
		e := s.pop()
		served[e.flow.src]++
		per[e.circ]++
		s.push(e)
	}
	if served[greedy] != 200 || served[modest] != 200 {
		t.Errorf("99 circuits of one link had %d turns, one of another %d", served[greedy], served[modest])
	}
	for i := range 99 {
		if per[uint32(i)] < 2 || per[uint32(i)] > 3 {
			t.Errorf("circuit %d had %d turns of 200", i, per[uint32(i)])
		}
	}
	for _, e := range ends {
		if e.ready {
			s.remove(e)
		}
	}
	if s.first != nil || s.last != nil || s.pop() != nil {
		t.Error("something is left")
	}
}

// C5: what one link's cells hold, the circuit with most of them gives up.
func TestFullNodeEndsTheLongestCircuitOfTheLinkThatFills(t *testing.T) {
	w := newNet(t, 6, func(i int, c *Config) { c.Clean = map[bool]int{true: 20, false: -1}[i == 0] })
	c := w.nodes[0]
	w.run(10*time.Minute, func() bool { return c.m.Status(w.now).Clean >= 20 })
	var g *peer
	var ends []*relayed
	for _, o := range c.m.origin.own {
		p, r := w.relayOf(o, 0)
		if g == nil {
			g = p
		}
		if p == g {
			ends = append(ends, r)
		}
	}
	if len(ends) < 3 {
		t.Fatal("too few circuits through one guard")
	}
	l := ends[0].prev.link
	w.do(g, func(m *Machine) {
		l.load.held = maxHeld - 10 // as if so much were waiting elsewhere
		for i := range 8 {
			m.queue(&ends[1].next, new(body))
			if i < 6 {
				m.queue(&ends[0].next, new(body))
			}
		}
	})
	if ends[0].dead || !ends[1].dead {
		t.Errorf("the wrong circuit ended: %v %v", ends[0].dead, ends[1].dead)
	}
}

// C5: a relay that does not read its answers cannot make the launch node hold more than so many blocks.
func TestUnreadAnswersAreBounded(t *testing.T) {
	a := newAim(t)
	x, r := a.w.relayOf(a.o, 2)
	a.c.frozen = true // it has not asked
	l := r.prev.link
	b := a.w.keep(1)[0]
	a.w.hold = func(p *peer, on Link) bool { return p == x && on == l.id }
	a.w.do(x, func(m *Machine) {
		l.inflight = window
		l.load.answers += maxAnswers - 2 // as if so many were waiting on other circuits
	})
	a.w.do(x, func(m *Machine) {
		var p []byte
		for i := range 5 {
			p = get(uint32(i), b.ID()).append(p)
		}
		c := m.newBody()
		header{cmd: cmdGet}.write(c, p)
		r.command(m, c)
	})
	a.w.idle(2 * time.Second)
	data := 0
	for _, ans := range r.exit.answers {
		if ans.cmd == cmdData {
			data++
		}
	}
	if data != 2 || len(r.exit.answers) != 5 {
		t.Errorf("%d of %d answers hold a block", data, len(r.exit.answers))
	}
	l.load.answers -= maxAnswers - 2
	a.w.do(x, func(m *Machine) { r.destroy(m, nil) })
	check(t, x)
	if x.m.launch.answer != 0 {
		t.Error("a block is still booked")
	}
}

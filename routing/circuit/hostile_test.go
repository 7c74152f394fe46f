package circuit

import (
	"fmt"
	"testing"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/wire"
)

// scene is a download, with inserts between, over several circuits, of which one is attacked, while another group's circuit stands by.
type scene struct {
	w       *net
	c       *peer
	target  *own // the attacked circuit
	other   *own // of another group
	blocks  int
	hits    int // how often the attack has struck
	skipped int // cells let through before it
}

// begin starts the download and the other group's circuit.
func begin(t *testing.T, blocks int) *scene {
	w := newNet(t, 9, oneUser)
	c := w.nodes[0]
	w.ready(c)
	b := w.keep(1)[0]
	w.step(c, Get{Token: 1, ID: b.ID(), Class: wire.Interactive, Group: groupOf(9, 1)})
	w.await(c, 1, time.Minute)
	s := &scene{w: w, c: c, blocks: blocks}
	for _, o := range c.m.origin.own {
		if o.place != nil && o.place.group.key[0] == 9 {
			s.other = o
		}
	}
	for i, b := range w.keep(blocks) {
		if i%4 == 3 {
			w.step(c, Put{Token: Token(i + 2), Block: w.block(), Class: wire.Bulk, Group: groupOf(1, blocks)})
		} else {
			w.step(c, Get{Token: Token(i + 2), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, blocks)})
		}
	}
	w.run(time.Minute, func() bool {
		for _, o := range c.m.origin.own {
			if o.place != nil && o.place.group.key[0] == 1 && len(o.use.open) > 0 {
				s.target = o
				return true
			}
		}
		return false
	})
	if s.target == nil || s.other == nil {
		t.Fatal("no circuits to attack")
	}
	return s
}

// onTarget reports whether a cell from one node to another belongs to the attacked circuit.
func (s *scene) onTarget(from *peer, msg wire.Message, l Link) bool {
	c, ok := msg.(wire.Cell)
	if !ok || c.Cmd != wire.Relay || s.target.state == dead {
		return false
	}
	link, circ := s.target.end.link.id, s.target.end.circ
	for i := range 3 {
		if link == l && circ == c.Circ {
			return true
		}
		e := s.w.hopOf(s.target, i).m.net.links[link].ends[circ]
		if e == nil {
			return false
		}
		r := e.carrier.(*relayed)
		if r.next.link == nil {
			return false
		}
		link, circ = r.next.link.id, r.next.circ
	}
	return false
}

// finish checks that the attack has struck, that the circuit is lost, that everything has come all the same, and that the other
// circuit is unhurt.
func (s *scene) finish(t *testing.T) {
	t.Helper()
	s.w.await(s.c, Token(s.blocks+1), 5*time.Minute)
	if s.hits == 0 {
		t.Fatal("the attack has not struck")
	}
	if s.target.state != dead {
		t.Errorf("the attacked circuit lives on: state %d", s.target.state)
	}
	for i := range s.blocks {
		if d := s.c.done[Token(i+2)]; d.Block.IsZero() && d.Copies == 0 {
			t.Fatalf("request %d: %+v", i, d)
		}
	}
	if s.other.state != used {
		t.Errorf("the other circuit was hurt: state %d", s.other.state)
	}
	n := Token(s.blocks + 2)
	b := s.w.keep(1)[0]
	s.w.step(s.c, Get{Token: n, ID: b.ID(), Class: wire.Interactive, Group: groupOf(9, 1)})
	s.w.await(s.c, n, time.Minute)
	if !same(s.c.done[n], b) {
		t.Error("another group's request failed")
	}
	for _, p := range s.w.nodes {
		check(t, p)
		if p.bad > 0 {
			t.Errorf("%s blamed a link %d times for what a relay beyond it may have done", p.name, p.bad)
		}
	}
}

// copyCell is a cell with a body of its own.
func copyCell(c wire.Cell) wire.Cell {
	b := *c.Body
	c.Body = &b
	return c
}

// attacks are what can be done to a cell on a link.
var attacks = map[string]func(s *scene, c wire.Cell) []wire.Message{
	"flip the first bit":      flip(0),
	"flip one in the middle":  flip(1000),
	"flip the last bit":       flip(onion.BodySize*8 - 1),
	"send it twice":           func(_ *scene, c wire.Cell) []wire.Message { return []wire.Message{copyCell(c), c} },
	"leave it out":            func(*scene, wire.Cell) []wire.Message { return nil },
	"send noise in its place": noise,
	"send zeros in its place": func(_ *scene, c wire.Cell) []wire.Message {
		clear(c.Body[:])
		return []wire.Message{c}
	},
}

func flip(bit int) func(*scene, wire.Cell) []wire.Message {
	return func(_ *scene, c wire.Cell) []wire.Message {
		c.Body[bit/8] ^= 1 << (bit % 8)
		return []wire.Message{c}
	}
}

func noise(s *scene, c wire.Cell) []wire.Message {
	for i := range c.Body {
		c.Body[i] = byte(s.w.rng.Uint32())
	}
	return []wire.Message{c}
}

// SPEC §12, C3: whatever is done to a cell, on any of the three links and in either direction, at whatever position, costs that circuit
// and nothing else.
func TestTamperingLosesTheCircuitAndNothingElse(t *testing.T) {
	turn := 0
	for name, attack := range attacks { // in any order, so that in time every attack meets every position
		for hop := range 3 {
			for _, back := range []bool{false, true} {
				turn++
				skip := turn % 3 * 11
				t.Run(fmt.Sprintf("%s/link %d/back %v/cell %d", name, hop, back, skip), func(t *testing.T) {
					s := begin(t, 60)
					s.strikeOnce(hop, back, skip, attack)
					s.finish(t)
				})
			}
		}
	}
}

// strikeOnce attacks one cell of the target on one of its links.
func (s *scene) strikeOnce(hop int, back bool, skip int, attack func(*scene, wire.Cell) []wire.Message) {
	path := []*peer{s.c, s.w.hopOf(s.target, 0), s.w.hopOf(s.target, 1), s.w.hopOf(s.target, 2)}
	from, to := path[hop], path[hop+1]
	if back {
		from, to = to, from
	}
	s.w.touch = func(a, b *peer, msg wire.Message, l Link) []wire.Message {
		if a != from || b != to || s.hits > 0 || !s.onTarget(a, msg, l) {
			return []wire.Message{msg}
		}
		if s.skipped++; s.skipped <= skip {
			return []wire.Message{msg}
		}
		s.hits++
		return attack(s, msg.(wire.Cell))
	}
}

// SPEC §12: a launch node marks a cell; the guard knows the mark and takes it off again, before or after sealing. The honest middle
// between them has turned the mark into noise.
func TestTagAtLaunchUntagAtGuard(t *testing.T) {
	for _, hop := range []int{1, 0} {
		t.Run([]string{"the guard untags after sealing", "the guard untags before sealing"}[hop], func(t *testing.T) {
			s := begin(t, 60)
			path := []*peer{s.c, s.w.hopOf(s.target, 0), s.w.hopOf(s.target, 1), s.w.hopOf(s.target, 2)}
			seen := 0
			s.w.touch = func(a, b *peer, msg wire.Message, l Link) []wire.Message {
				tag := a == path[3] && b == path[2]
				untag := a == path[hop+1] && b == path[hop]
				if !tag && !untag || !s.onTarget(a, msg, l) {
					return []wire.Message{msg}
				}
				c := msg.(wire.Cell)
				if tag && seen == 0 || untag && s.hits == 0 {
					c.Body[77] ^= 0x10
				}
				if tag {
					seen++
				} else {
					s.hits++
				}
				return []wire.Message{c}
			}
			s.finish(t)
		})
	}
}

// Cells that come in another order than they were sent in.
func TestReorderingLosesTheCircuit(t *testing.T) {
	for _, back := range []bool{false, true} {
		t.Run(fmt.Sprint("back ", back), func(t *testing.T) {
			s := begin(t, 60)
			var held wire.Message
			s.strikeOnce(1, back, 0, func(_ *scene, c wire.Cell) []wire.Message {
				held = c
				return nil
			})
			strike := s.w.touch
			s.w.touch = func(a, b *peer, msg wire.Message, l Link) []wire.Message {
				if c, ok := msg.(wire.Cell); held != nil && ok && c.Cmd == wire.Relay && c.Circ == held.(wire.Cell).Circ {
					late := held
					s.w.touch = nil
					return []wire.Message{msg, late}
				}
				return strike(a, b, msg, l)
			}
			s.finish(t)
		})
	}
}

package circuit

import (
	"testing"
	"time"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// C4: every request that is not taken back is done once (the rig counts), and with the block that was asked for, though a relay dies, launch
// nodes say that they failed, and one of them sends something else.
func TestEveryRequestIsDoneOnceWithItsOwnBlock(t *testing.T) {
	w := newNet(t, 9, oneUser)
	c := w.nodes[0]
	w.ready(c)
	blocks := w.keep(120)
	liar := w.hopOf(c.m.origin.own[0], 2)
	lies, fails := 0, 0
	w.route = func(at *peer, e Effect) bool {
		if get, ok := e.(LaunchGet); ok && at == liar {
			w.at(w.lookup, func() {
				w.do(at, func(m *Machine) {
					if l := m.launch.refs[get.Ref]; l != nil {
						m.forgetLaunch(l)
						for _, a := range l.waiters {
							a.launch = nil
							m.settle(a, answer{cmd: cmdData, block: blocks[(lies+1)%len(blocks)]})
							lies++
						}
					}
				})
			})
			return true
		}
		if put, ok := e.(LaunchPut); ok && w.rng.IntN(4) == 0 {
			fails++
			w.post(w.lookup, at, Launched{Ref: put.Ref, Reason: wire.Failed})
			return true
		}
		return false
	}
	puts := Token(1000)
	for i, b := range blocks {
		w.step(c, Get{Token: Token(i), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, len(blocks))})
		w.step(c, Put{Token: puts + Token(i), Block: w.block(), Class: wire.Bulk, Group: groupOf(2, len(blocks))})
	}
	gone := map[Token]bool{}
	w.run(time.Minute, func() bool { return len(c.done) > len(blocks)/2 })
	for _, l := range c.m.origin.locals {
		if l.token%5 == 0 {
			gone[l.token] = true
		}
	}
	for token := range gone {
		w.step(c, Cancel{Token: token})
	}
	victim := w.hopOf(c.m.origin.own[len(c.m.origin.own)-1], 1)
	victim.deaf = true
	w.cut(victim)
	w.idle(3 * time.Minute)
	for i, b := range blocks {
		for _, token := range []Token{Token(i), puts + Token(i)} {
			if d, ok := c.done[token]; ok == gone[token] {
				t.Fatalf("request %d, taken back %v: %+v", token, gone[token], d)
			} else if ok && d.Reason == 0 && (token < puts && !same(d, b) || token >= puts && d.Copies == 0) {
				t.Fatalf("request %d has brought another block, or nothing: %+v", token, d)
			}
		}
	}
	if lies == 0 || fails == 0 || len(gone) == 0 || len(c.m.origin.locals) > 0 {
		t.Errorf("%d lies, %d failures, %d taken back, %d left", lies, fails, len(gone), len(c.m.origin.locals))
	}
}

// lonely is the ends of circuits that the other side of their link does not know, or not any more.
func (w *net) lonely() map[*end]string {
	all := map[*end]string{}
	for id, pair := range w.pairs {
		for _, side := range []wirePair{pair, {pair.b, pair.a}} {
			far := side.b.m.net.links[id]
			if l := side.a.m.net.links[id]; l != nil {
				for circ, e := range l.ends {
					if far == nil || far.ends[circ] == nil {
						all[e] = side.a.name
					}
				}
			}
		}
	}
	return all
}

// C7: whoever ends a circuit, or whatever does, both ends of each of its links know a moment later, and no alarm, launch or dial of it stays.
func TestNobodyKeepsACircuitThatHasEnded(t *testing.T) {
	w := newNet(t, 8, nil)
	for i, p := range w.nodes {
		for j := range 20 {
			w.step(p, Get{Token: Token(j), ID: dataID(byte(20*i + j)), Class: wire.Bulk, Group: groupOf(byte(j%2), 40)})
		}
	}
	ended := 0
	for turn := range 60 {
		w.idle(100 * time.Millisecond)
		p := w.nodes[w.rng.IntN(len(w.nodes))]
		switch turn % 4 {
		case 0:
			w.cut(p)
		case 1:
			if own := p.m.origin.own; len(own) > 0 {
				w.do(p, func(m *Machine) { own[0].destroy(m, nil) })
				ended++
			}
		default:
			if r := someRelayed(p); r != nil {
				w.do(p, func(m *Machine) { r.destroy(m, nil) })
				ended++
			}
		}
		was := w.lonely()
		w.idle(w.delay + time.Millisecond)
		for e := range w.lonely() {
			if name, still := was[e]; still {
				t.Fatalf("turn %d: %s keeps a circuit that the other end of the link does not know", turn, name)
			}
		}
		for _, p := range w.nodes {
			check(t, p)
			buried(t, p)
		}
	}
	if ended < 20 {
		t.Errorf("%d circuits were ended: the test shows nothing", ended)
	}
}

func someRelayed(p *peer) *relayed {
	for id := Link(1); id < 1000; id++ {
		if l := p.m.net.links[id]; l != nil {
			for _, e := range l.inOrder() {
				if r, ok := e.carrier.(*relayed); ok {
					return r
				}
			}
		}
	}
	return nil
}

// buried fails if something of a circuit that has ended is kept.
func buried(t *testing.T, p *peer) {
	t.Helper()
	for _, a := range p.m.alarms {
		kept := false
		switch o := a.owner.(type) {
		case *relayed:
			kept = o.dead
		case *own:
			kept = o.state == dead
		case *question:
			kept = o.own.state == dead
		case *asked:
			kept = o.r.dead
		}
		if kept {
			t.Fatalf("%s: an alarm of a circuit that has ended: %T", p.name, a.owner)
		}
	}
	for _, l := range p.m.launch.refs {
		for _, a := range l.waiters {
			if a.r.dead {
				t.Fatalf("%s: a launch for a circuit that has ended", p.name)
			}
		}
	}
	for _, d := range p.m.net.dials {
		for _, x := range d.waiters {
			if r, ok := x.(*relayed); ok && r.dead {
				t.Fatalf("%s: a dial for a circuit that has ended", p.name)
			}
		}
	}
}

// C10: an answer that overtakes others which wait is sealed when it goes, not when it is made, and so are they.
func TestCellsAreSealedInTheOrderInWhichTheyGo(t *testing.T) {
	w := newNet(t, 1, oneUser)
	p := w.nodes[0]
	var out []wire.Cell
	p.spy = func(e Effect) {
		if s, ok := e.(Send); ok {
			out = append(out, s.Msg.(wire.Cell))
		}
	}
	w.hold = func(*peer, Link) bool { return true }
	blocks := map[keys.ID]keys.Block{}
	w.route = func(at *peer, e Effect) bool {
		get := e.(LaunchGet)
		w.post(0, at, Launched{Ref: get.Ref, Block: blocks[get.ID]})
		return true
	}
	w.step(p, LinkUp{Link: 7, Peer: wire.NodeID{1}})
	hs, create, err := onion.Begin(seeded(5), p.id, p.m.ring.own[0].key.Public(), new([onion.ExtSize]byte))
	if err != nil {
		t.Fatal(err)
	}
	halves := [2]*body{new(body), new(body)}
	copy(halves[1][:], create[copy(halves[0][:], create):])
	for _, half := range halves {
		w.step(p, Received{Link: 7, Msg: wire.Cell{Circ: 4, Cmd: wire.Create, Body: half}})
	}
	fwd, bwd, _, err := hs.Finish(out[0].Body[:onion.CreatedSize])
	if err != nil {
		t.Fatal(err)
	}
	out = nil
	send := func(h header, payload []byte) {
		b := new(body)
		h.write(b, payload)
		if err := fwd.Encrypt(b); err != nil {
			t.Fatal(err)
		}
		w.step(p, Received{Link: 7, Msg: wire.Cell{Circ: 4, Cmd: wire.Relay, Body: b}})
	}
	const asked = 6 // 96 cells, of which the link takes 63 beside CREATED
	var entries []byte
	for i := range asked {
		b := w.block()
		blocks[b.ID()] = b
		entries = entry{id: b.ID(), index: uint32(i)}.append(entries)
	}
	send(header{cmd: cmdGet}, entries)
	w.idle(time.Second)
	send(header{cmd: cmdProbe, flags: probeAsk}, nil)
	waited := len(out)
	for range asked * 16 / 8 {
		w.step(p, Written{Link: 7, Cells: 8})
	}
	probe := -1
	for i, c := range out {
		if err := bwd.Decrypt(c.Body); err != nil || !onion.Ours(c.Body) {
			t.Fatalf("cell %d of %d cannot be read: %v", i, len(out), err)
		}
		if h, _ := readHeader(c.Body); h.cmd == cmdProbe {
			probe = i
		}
	}
	if waited >= asked*16 || probe != waited {
		t.Errorf("%d cells went at once and the answer as number %d of %d: nothing was overtaken", waited, probe, len(out))
	}
}

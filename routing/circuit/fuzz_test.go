package circuit

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// script makes reproducible bytes.
func script(seed uint64, n int) []byte {
	b := make([]byte, n)
	rng := rand.New(seeded(seed))
	for j := range b {
		b[j] = byte(rng.Uint32())
	}
	return b
}

// FuzzLink lets a script of bytes act as the far ends of two links of a relay: C8 and the books.
func FuzzLink(f *testing.F) {
	for i := range 8 {
		f.Add(script(uint64(i), 400))
	}
	f.Fuzz(func(t *testing.T, b []byte) { act(t, newNet(t, 1, oneUser), b) })
}

// The same, and the script also speaks for the guards of a node that has circuits of its own.
func TestScriptsAgainstAnOriginator(t *testing.T) {
	for i := range 12 {
		w := newNet(t, 5, oneUser)
		w.idle(200 * time.Millisecond)
		act(t, w, script(uint64(100+i), 800))
	}
}

// act carries out a script against the first node.
func act(t *testing.T, w *net, b []byte) {
	b = b[:min(len(b), 2000)]
	c := w.nodes[0]
	links := []Link{1001, 1002}
	for i, l := range links {
		w.step(c, LinkUp{Link: l, Peer: wire.NodeID{byte(i + 1)}, Dialed: i == 0})
	}
	for l := Link(1); l <= w.link; l++ {
		if w.other(c, l) != nil {
			links = append(links, l)
		}
	}
	for ; len(b) >= 4; b = b[4:] {
		scripted(w, c, links[int(b[0])%len(links)], b[1:4])
	}
	w.idle(time.Second)
	check(t, c)
	for _, l := range links {
		w.step(c, LinkDown{Link: l})
	}
	w.idle(time.Second)
	check(t, c)
	if c.m.net.held != 0 || c.m.relay.carried != 0 || c.m.launch.open != 0 || c.m.launch.waits != 0 {
		t.Error("something is left of the links")
	}
}

// scripted does what three bytes say.
func scripted(w *net, c *peer, l Link, b []byte) {
	circ := uint32(b[1])
	if ln := c.m.net.links[l]; ln != nil && len(ln.ends) > 0 && b[1] > 128 {
		circ = ln.inOrder()[int(b[1])%len(ln.ends)].circ
	}
	fill := new(body)
	for i := range fill {
		fill[i] = b[2]
	}
	switch b[0] % 16 {
	case 0:
		w.step(c, LinkDown{Link: l})
	case 1:
		w.step(c, LinkUp{Link: l, Peer: wire.NodeID{b[1]}, Dialed: b[2]&1 == 0})
	case 2:
		w.step(c, Written{Link: l, Cells: int(int8(b[2]))})
	case 3:
		w.step(c, Received{l, wire.AskKey{Req: wire.Req(b[2]), Hash: c.desc.Onion}})
	case 4:
		w.step(c, Received{l, wire.Key{Req: wire.Req(b[2]), Key: new([onion.KeySize]byte)}})
	case 5:
		w.step(c, Received{l, wire.Fail{Req: wire.Req(b[2]), Reason: wire.Failed}})
	case 6:
		w.token++
		id := dataID(b[2])
		if b[2]%4 == 0 {
			id.Kind = keys.KindRecord
		}
		w.step(c, Get{Token: w.token, ID: id, Class: wire.Class(b[2] % 3), Rotation: b[2] % 5, Group: groupOf(b[1]%4, int(b[2])), Wait: b[2]%8 == 0})
	case 7:
		w.step(c, Cancel{Token: w.token - Token(b[1]%8)})
	case 8:
		w.step(c, Launched{Ref: Ref(b[1]), Copies: b[2], Reason: wire.Reason(b[1])})
	case 9:
		w.idle(time.Duration(b[1]) * time.Second / 8)
	case 10:
		w.step(c, DialFailed{Peer: wire.NodeID{b[1]}})
	default:
		w.step(c, Received{l, wire.Cell{Circ: circ, Cmd: wire.Cmd(b[0] % 5), Body: fill}})
	}
}

// A hostile originator says well-sealed but random things to each hop of circuits, and a hostile launch node answers
// with random things: nothing panics, and all books are right.
func TestRandomCommands(t *testing.T) {
	rng := rand.New(seeded(77))
	for round := range 20 {
		a := newAim(t)
		blocks := a.w.keep(4)
		for i, b := range blocks {
			a.w.step(a.c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, 4)})
		}
		for range 40 {
			o := a.c.m.origin.own
			if len(o) == 0 {
				break
			}
			a.o = o[rng.IntN(len(o))]
			if len(a.o.hops) < 3 {
				continue
			}
			h, p := randomCommand(rng, a)
			if round%2 == 0 {
				a.say(rng.IntN(3), h, p)
				continue
			}
			if x, r := a.w.relayOf(a.o, rng.IntN(3)); r.next.link == nil || r.setup == nil {
				a.w.do(x, func(m *Machine) { r.answer(m, h, p) })
			}
			a.w.idle(20 * time.Millisecond)
		}
		for _, p := range a.w.nodes {
			check(t, p)
		}
		a.w.await(a.c, 4, 5*time.Minute)
	}
}

// randomCommand makes something that is sometimes right.
func randomCommand(rng *rand.Rand, a *aim) (header, []byte) {
	h := header{cmd: command(rng.IntN(15)), flags: uint8(rng.IntN(3)), req: uint32(rng.IntN(6))}
	var p []byte
	switch rng.IntN(5) {
	case 0:
		p = make([]byte, rng.IntN(payloadSize+1))
	case 1:
		for range 1 + rng.IntN(5) {
			p = get(uint32(rng.IntN(8)), dataID(byte(rng.IntN(4)))).append(p)
		}
		h.flags = 0
	case 2:
		p = a.w.nodes[1+rng.IntN(5)].desc.Append(make([]byte, []int{0, createRest}[rng.IntN(2)]))
	case 3:
		p = make([]byte, payloadSize)
		get(h.req, dataID(1)).append(p[:0])
	case 4:
		p = []byte{byte(rng.IntN(3))}
	}
	return h, p
}

// C9: the same events and randomness give the same effects.
func TestSameSeedSameEffects(t *testing.T) {
	run := func() uint64 {
		w := newNet(t, 7, nil)
		h := fnv.New64a()
		for _, p := range w.nodes {
			p.spy = func(e Effect) { note(h, p, e) }
		}
		c := w.nodes[0]
		w.ready(c)
		for i, b := range w.keep(100) {
			w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(byte(i%3), 40)})
		}
		w.run(time.Minute, func() bool { return len(c.done) > 30 })
		w.cut(w.nodes[3])
		w.cut(w.nodes[4])
		w.await(c, 100, 5*time.Minute)
		w.idle(time.Minute)
		return h.Sum64()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("%x and %x", a, b)
	}
}

func note(h hash.Hash64, p *peer, e Effect) {
	fmt.Fprintf(h, "%s %T ", p.name, e)
	switch e := e.(type) {
	case Send:
		fmt.Fprintf(h, "%d ", e.Link)
		if c, ok := e.Msg.(wire.Cell); ok {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], c.Circ)
			h.Write(append(b[:], byte(c.Cmd)))
			h.Write(c.Body[:])
		}
	case LaunchGet:
		fmt.Fprint(h, e.Ref)
		h.Write(e.ID.Name[:])
	case Done:
		fmt.Fprint(h, e.Token)
	}
}

// Nothing is left of requests, groups and circuits once they are over.
func TestNothingIsLeft(t *testing.T) {
	w := newNet(t, 7, oneUser)
	c := w.nodes[0]
	w.ready(c)
	for i, b := range w.keep(100) {
		w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(byte(i%3), 40)})
	}
	w.await(c, 100, time.Minute)
	for g := range 3 {
		w.step(c, Finished{Group: groupOf(byte(g), 0)})
	}
	w.idle(lingerMost + time.Second)
	if g := &c.m.origin; len(g.groups)+len(g.locals)+len(g.waiting)+len(g.hungry) > 0 {
		t.Errorf("%d groups, %d requests, %d places, %d circuits are left", len(g.groups), len(g.locals), len(g.waiting), len(g.hungry))
	}
	for _, p := range w.nodes {
		check(t, p)
		if p.m.launch.open+len(p.m.launch.refs)+len(p.m.launch.active)+p.m.net.held > 0 {
			t.Errorf("%s still holds something", p.name)
		}
		for _, l := range p.m.net.links {
			for _, e := range l.ends {
				if r, ok := e.carrier.(*relayed); ok && r.exit != nil {
					t.Error("a used circuit is left at its launch node")
				}
			}
		}
	}
	w.step(c, Finished{Group: groupOf(200, 0)}) // of nobody
	w.step(c, Cancel{Token: 12345})
}

// FuzzEntry: what parses is written the same again.
func FuzzEntry(f *testing.F) {
	f.Add(get(7, dataID(3)).append(nil))
	f.Add(make([]byte, entrySize))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := readEntry(b); ok && string(e.append(nil)) != string(b) {
			t.Errorf("%x became %x", b, e.append(nil))
		}
	})
}

package circuit

import (
	"bytes"
	"encoding/binary"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
)

// block makes a data block with random content.
func (w *net) block() keys.Block {
	buf := make([]byte, keys.DataSize)
	for i := 0; i < len(buf); i += 8 {
		binary.BigEndian.PutUint64(buf[i:], w.rng.Uint64())
	}
	var key crypto.Key
	for i := range key {
		key[i] = byte(w.rng.Uint32())
	}
	return keys.SealData(buf, &key)
}

// keep puts n blocks into the network's store.
func (w *net) keep(n int) []keys.Block {
	all := make([]keys.Block, n)
	for i := range all {
		all[i] = w.block()
		w.stored[all[i].ID()] = all[i]
	}
	return all
}

// await lets time pass until p's requests up to a token are done.
func (w *net) await(p *peer, last Token, d time.Duration) {
	w.t.Helper()
	w.run(d, func() bool { return len(p.done) >= int(last) })
	if len(p.done) < int(last) {
		w.t.Fatalf("%d of %d requests are done after %v: %+v", len(p.done), last, d, p.m.Status(w.now))
	}
}

// ready lets time pass until p has its clean circuits.
func (w *net) ready(p *peer) {
	w.t.Helper()
	w.run(3*time.Minute, func() bool { return p.m.Status(w.now).Clean >= cleanPool })
	if s := p.m.Status(w.now); s.Clean < cleanPool {
		w.t.Fatalf("no clean circuits: %+v", s)
	}
}

// oneUser leaves all nodes but the first without circuits of their own.
func oneUser(i int, c *Config) {
	if i > 0 {
		c.Clean = -1
	}
}

func groupOf(n byte, blocks int) Group { return Group{Key: [32]byte{n}, Blocks: blocks} }

// same reports whether a request has brought a block.
func same(d Done, b keys.Block) bool { return bytes.Equal(d.Block.Data(), b.Data()) }

// hopOf is the node that is a hop of a circuit.
func (w *net) hopOf(o *own, i int) *peer {
	for _, p := range w.nodes {
		if p.id == o.path.Hops[i].ID {
			return p
		}
	}
	w.t.Fatal("no such hop")
	return nil
}

// relayOf is a hop of a circuit, and what it knows of the circuit.
func (w *net) relayOf(o *own, i int) (*peer, *relayed) {
	w.t.Helper()
	l, circ := o.end.link.id, o.end.circ
	for j := 0; ; j++ {
		p := w.hopOf(o, j)
		e := p.m.net.links[l].ends[circ]
		if e == nil {
			w.t.Fatalf("hop %d does not know the circuit", j)
		}
		r := e.carrier.(*relayed)
		if j == i {
			return p, r
		}
		l, circ = r.next.link.id, r.next.circ
	}
}

// middle is the middle relay of a circuit.
func (w *net) middle(o *own) (*peer, *relayed) { return w.relayOf(o, 1) }

// do lets f act on a machine as an event would.
func (w *net) do(p *peer, f func(m *Machine)) {
	p.m.begin(w.now)
	f(p.m)
	p.m.finish()
	for _, e := range p.m.effects {
		w.effect(p, e)
	}
}

package circuit

import (
	"testing"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/wire"
)

// BenchmarkFetch fetches 64 blocks at a time over three hops: CPU per block over all roles, rig included, and beside it what
// the cipher alone takes for a block in the same run.
func BenchmarkFetch(b *testing.B) {
	w := newNet(b, 8, nil)
	c := w.nodes[0]
	w.ready(c)
	blocks := w.keep(64)
	token := Token(0)
	b.SetBytes(int64(len(blocks[0].Data())))
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(blocks) {
		for _, bl := range blocks {
			token++
			w.step(c, Get{Token: token, ID: bl.ID(), Class: wire.Bulk, Group: groupOf(1, 1024)})
		}
		w.run(5*time.Minute, func() bool { return len(c.done) == len(blocks) })
		for t, d := range c.done {
			if d.Block.IsZero() {
				b.Fatalf("%+v", d)
			}
			delete(c.done, t)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cipherTime(b, 200).Nanoseconds())/200, "cipher-ns/block")
}

// cipherTime is how long the cipher takes for n blocks: 16 cells each, sealed and opened three times.
func cipherTime(b *testing.B, n int) time.Duration {
	_, fwd, bwd := handshake(b)
	var cell body
	began := time.Now()
	for range n * 48 {
		if fwd.Encrypt(&cell) != nil || bwd.Decrypt(&cell) != nil {
			b.Fatal("exhausted")
		}
	}
	return time.Since(began)
}

// handshake makes the layers of one hop.
func handshake(t testing.TB) (*onion.SecretKey, *onion.Layer, *onion.Layer) {
	key, err := onion.NewSecretKey(seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	var ext [onion.ExtSize]byte
	h, create, err := onion.Begin(seeded(2), [32]byte{}, key.Public(), &ext)
	if err != nil {
		t.Fatal(err)
	}
	created, _, _, err := onion.Accept(seeded(3), [32]byte{}, []*onion.SecretKey{key}, create, noExtension)
	if err != nil {
		t.Fatal(err)
	}
	fwd, bwd, _, err := h.Finish(created)
	if err != nil {
		t.Fatal(err)
	}
	return key, fwd, bwd
}

// BenchmarkBuild builds circuits: CPU of all roles.
func BenchmarkBuild(b *testing.B) {
	w := newNet(b, 8, nil)
	c := w.nodes[0]
	w.ready(c)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.do(c, func(m *Machine) { m.origin.own[0].destroy(m, nil) })
		w.ready(c)
	}
}

// BenchmarkForward passes one cell on at a middle relay, both ways.
func BenchmarkForward(b *testing.B) {
	w := newNet(b, 4, nil)
	c := w.nodes[0]
	w.ready(c)
	o := c.m.origin.own[0]
	mid, r := w.middle(o)
	in, out := r.prev, r.next
	cell := new(body)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i&(1<<22-1) == 1<<22-1 {
			b.Fatal("too many cells for one circuit")
		}
		cell[0] = 1 // not for the relay, with overwhelming probability
		mid.m.Step(w.now, Received{in.link.id, wire.Cell{Circ: in.circ, Cmd: wire.Relay, Body: cell}})
		mid.m.Step(w.now, Written{Link: out.link.id, Cells: 1})
		mid.m.Step(w.now, Received{out.link.id, wire.Cell{Circ: out.circ, Cmd: wire.Relay, Body: cell}})
		mid.m.Step(w.now, Written{Link: in.link.id, Cells: 1})
	}
}

package circuit

import (
	"crypto/ed25519"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// A launch node that sends DROP unasked marks a circuit for the guard to see: the circuit ends. (The middle's DROP in
// constant-rate mode is what TestShaped downloads run on.)
func TestUnaskedDropEndsTheCircuit(t *testing.T) {
	for hop := range 3 {
		w := newNet(t, 5, oneUser)
		c := w.nodes[0]
		w.ready(c)
		w.step(c, Get{Token: 1, ID: dataID(1), Class: wire.Interactive, Group: groupOf(1, 1)})
		var target *own
		w.run(5*time.Second, func() bool {
			for _, o := range c.m.origin.own {
				if o.state == used {
					target = o
				}
			}
			return target != nil
		})
		if target == nil {
			t.Fatal("no circuit is in use")
		}
		p, r := w.relayOf(target, hop)
		w.do(p, func(m *Machine) { r.answer(m, header{cmd: cmdDrop}, nil) })
		w.idle(500 * time.Millisecond)
		if target.state != dead {
			t.Errorf("DROP from hop %d was taken", hop)
		}
	}
}

// An old descriptor in somebody's EXTEND does not fail those who wait for the same node with a newer one.
func TestAnOldAddressFailsOnlyThoseWhoNamedIt(t *testing.T) {
	w := newNet(t, 1, oneUser)
	c := w.nodes[0]
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	describe := func(hours uint64) wire.Descriptor {
		d, err := wire.NewDescriptor(key, 3600*hours, [32]byte{1}, []wire.Addr{"tcp/192.0.2.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	older, newer := describe(1), describe(2)
	var asked []Connect
	c.spy = func(e Effect) {
		if e, ok := e.(Connect); ok {
			asked = append(asked, e)
		}
	}
	first, second := &waits{}, &waits{}
	w.do(c, func(m *Machine) { m.linkTo(older, first); m.linkTo(newer, second) })
	w.step(c, DialFailed{older.ID})
	if len(asked) != 2 || asked[0].Node.Issued != older.Issued || asked[1].Node.Issued != newer.Issued || second.told > 0 {
		t.Fatalf("dialled %d times; told %d times", len(asked), second.told)
	}
	w.step(c, DialFailed{newer.ID})
	if first.told != 1 || second.told != 1 || len(asked) != 2 {
		t.Fatalf("told %d and %d times after %d dials", first.told, second.told, len(asked))
	}
}

type waits struct{ told int }

func (w *waits) linked(*Machine, *link) { w.told++ }

// What a shaper holds is not counted any more when its circuit ends.
func TestAShaperCountsWhatItDrops(t *testing.T) {
	w := newNet(t, 5, func(i int, cfg *Config) { oneUser(i, cfg); cfg.Shape = true })
	c := w.nodes[0]
	w.ready(c)
	for i := range 64 {
		w.step(c, Get{Token: Token(i + 1), ID: keys.ID{Kind: keys.KindData, Name: [32]byte{byte(i)}}, Class: wire.Bulk, Group: groupOf(1, 64)})
	}
	w.idle(time.Second)
	var o *own
	for _, x := range c.m.origin.own {
		if x.use.shaped {
			o = x
		}
	}
	if o == nil {
		t.Fatal("no circuit is shaped")
	}
	p, r := w.relayOf(o, shaperHop)
	w.do(p, func(m *Machine) {
		for range 100 {
			r.shaper.hold(m, r, m.blank())
		}
		r.destroy(m, nil)
	})
	w.idle(time.Second)
	check(t, p)
}

package circuit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// aim is a clean circuit of the first node that a test says things on.
type aim struct {
	w *net
	c *peer
	o *own
}

func newAim(t testing.TB) *aim {
	w := newNet(t, 6, oneUser)
	c := w.nodes[0]
	w.ready(c)
	return &aim{w, c, c.m.origin.own[0]}
}

// say sends a relay cell to a hop.
func (a *aim) say(hop int, h header, payload []byte) {
	a.w.do(a.c, func(m *Machine) {
		if a.o.state == dead {
			return
		}
		b := m.newBody()
		h.write(b, payload)
		if n := h.n; n > 0 { // an absurd length
			binary.BigEndian.PutUint16(b[atLen:], uint16(n))
		}
		if !a.o.seal(b, hop) || !m.queue(&a.o.end, b) {
			a.w.t.Fatal("cannot send")
		}
	})
	a.w.idle(50 * time.Millisecond)
}

func get(index uint32, id keys.ID) entry { return entry{id: id, class: wire.Bulk, index: index} }

func dataID(n byte) keys.ID { return keys.ID{Kind: keys.KindData, Name: [32]byte{n}} }

// stranger signs a descriptor for a node that is not in the network.
func stranger(hash [32]byte) (wire.NodeID, []byte) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	d, err := wire.NewDescriptor(key, 3600, hash, []wire.Addr{"tcp/127.0.0.1:1"})
	if err != nil {
		panic(err)
	}
	return d.ID, d.Append(nil)
}

// SPEC §11: what a relay must not take.
func TestRelayEndsCircuitsThatBreakARule(t *testing.T) {
	_, good := stranger([32]byte{1})
	_, noKey := stranger([32]byte{})
	spoilt := slices.Clone(good)
	spoilt[len(spoilt)-1] ^= 1
	entryOf := func(change func(b []byte)) []byte {
		b := get(1, dataID(1)).append(nil)
		change(b)
		return b
	}
	many := func(n int) (all []byte) {
		for i := range n {
			all = get(uint32(i), dataID(byte(i))).append(all)
		}
		return all
	}
	head := get(5, dataID(1)).append(nil)
	put := append(slices.Clone(head), make([]byte, payloadSize-entrySize)...)
	type cell struct {
		h header
		p []byte
	}
	for name, says := range map[string]struct {
		hop   int
		cells []cell
	}{
		"command 0":                    {2, []cell{{header{cmd: 0}, nil}}},
		"command 14":                   {2, []cell{{header{cmd: 14}, nil}}},
		"an answer":                    {2, []cell{{header{cmd: cmdData}, nil}}},
		"more than the payload":        {2, []cell{{header{cmd: cmdProbe, n: payloadSize + 1}, nil}}},
		"PROBE with a payload":         {2, []cell{{header{cmd: cmdProbe}, []byte{1}}}},
		"PROBE with unknown flags":     {2, []cell{{header{cmd: cmdProbe, flags: 2}, nil}}},
		"PROBE to the middle":          {1, []cell{{header{cmd: cmdProbe, flags: 1}, nil}}},
		"GET to the guard":             {0, []cell{{header{cmd: cmdGet}, many(1)}}},
		"GET of nothing":               {2, []cell{{header{cmd: cmdGet}, nil}}},
		"GET of half an entry":         {2, []cell{{header{cmd: cmdGet}, many(2)[:60]}}},
		"GET of 41":                    {2, []cell{{header{cmd: cmdGet}, many(41)}}},
		"GET of 33":                    {2, []cell{{header{cmd: cmdGet}, many(33)}}},
		"GET with flags":               {2, []cell{{header{cmd: cmdGet, flags: 1}, many(1)}}},
		"an index twice":               {2, []cell{{header{cmd: cmdGet}, slices.Concat(many(1), many(1))}}},
		"kind 0":                       {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[0] = 0 })}}},
		"kind 3":                       {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[0] = 3 })}}},
		"rotation 4":                   {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[33] = 4 })}}},
		"class 2":                      {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[34] = 2 })}}},
		"wait 2":                       {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[0], b[39] = 2, 2 })}}},
		"wait for a data block":        {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[39] = 1 })}}},
		"nine waits":                   {2, []cell{{header{cmd: cmdGet}, waitEntries(9)}}},
		"PUT that waits":               {2, []cell{{header{cmd: cmdPut, req: 5}, append(waitEntry(5).append(nil), make([]byte, payloadSize-entrySize)...)}}},
		"an entry's last byte":         {2, []cell{{header{cmd: cmdGet}, entryOf(func(b []byte) { b[47] = 1 })}}},
		"END of nothing":               {2, []cell{{header{cmd: cmdEnd}, nil}}},
		"END of three bytes":           {2, []cell{{header{cmd: cmdEnd}, []byte{1, 2, 3}}}},
		"VOID to the launch node":      {2, []cell{{header{cmd: cmdVoid}, []byte{voidStart}}}},
		"VOID 0":                       {1, []cell{{header{cmd: cmdVoid}, []byte{voidStart}}, {header{cmd: cmdVoid}, []byte{0}}}},
		"VOID 2":                       {1, []cell{{header{cmd: cmdVoid}, []byte{2}}}},
		"VOID of nothing":              {1, []cell{{header{cmd: cmdVoid}, nil}}},
		"EXTEND at the middle":         {1, []cell{{header{cmd: cmdExtend}, make([]byte, payloadSize)}}},
		"DESC at the guard":            {0, []cell{{header{cmd: cmdDesc}, good}}},
		"DESC of nothing":              {2, []cell{{header{cmd: cmdDesc}, nil}}},
		"DESC with a bad signature":    {2, []cell{{header{cmd: cmdDesc}, spoilt}}},
		"DESC with a byte more":        {2, []cell{{header{cmd: cmdDesc}, append(slices.Clone(good), 0)}}},
		"DESC of one without a key":    {2, []cell{{header{cmd: cmdDesc}, noKey}}},
		"EXTEND's first cell short":    {2, []cell{{header{cmd: cmdExtend}, make([]byte, payloadSize-1)}}},
		"EXTEND's second cell alone":   {2, []cell{{header{cmd: cmdExtend, flags: 1}, make([]byte, createRest)}}},
		"EXTEND's first cell twice":    {2, []cell{{header{cmd: cmdExtend}, make([]byte, payloadSize)}, {header{cmd: cmdExtend}, make([]byte, payloadSize)}}},
		"EXTEND without a descriptor":  {2, []cell{{header{cmd: cmdExtend}, make([]byte, payloadSize)}, {header{cmd: cmdExtend, flags: 1}, make([]byte, createRest)}}},
		"EXTEND to one who is down":    {2, []cell{{header{cmd: cmdExtend}, make([]byte, payloadSize)}, {header{cmd: cmdExtend, flags: 1}, append(make([]byte, createRest), good...)}}},
		"DESC after GET":               {2, []cell{{header{cmd: cmdGet}, many(1)}, {header{cmd: cmdDesc}, good}}},
		"GET during EXTEND":            {2, []cell{{header{cmd: cmdExtend}, make([]byte, payloadSize)}, {header{cmd: cmdGet}, many(1)}}},
		"PUT's second cell alone":      {2, []cell{{header{cmd: cmdPut, flags: 1, req: 5}, put}}},
		"PUT of another index":         {2, []cell{{header{cmd: cmdPut, req: 6}, put}}},
		"PUT without an entry":         {2, []cell{{header{cmd: cmdPut, req: 5}, head[:47]}}},
		"PUT's first cell short":       {2, []cell{{header{cmd: cmdPut, req: 5}, put[:100]}, {header{cmd: cmdPut, flags: 1, req: 5}, put}}},
		"PUT's cells out of order":     {2, []cell{{header{cmd: cmdPut, req: 5}, put}, {header{cmd: cmdPut, flags: 2, req: 5}, put}}},
		"two PUTs mixed":               {2, []cell{{header{cmd: cmdPut, req: 5}, put}, {header{cmd: cmdPut, req: 5}, put}}},
		"PUT of what is being fetched": {2, []cell{{header{cmd: cmdGet}, get(5, dataID(1)).append(nil)}, {header{cmd: cmdPut, req: 5}, put}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAim(t)
			for _, s := range says.cells {
				a.say(says.hop, s.h, s.p)
			}
			if a.o.state != dead {
				t.Error("the circuit is still there")
			}
			for _, p := range a.w.nodes {
				check(t, p)
			}
		})
	}
}

// SPEC §11.6.
func TestPutThatDoesNotVerifyEndsTheCircuit(t *testing.T) {
	a := newAim(t)
	e := get(5, dataID(1))
	stream := append(e.append(nil), make([]byte, keys.DataSize)...)
	for i := range 16 {
		a.say(2, header{cmd: cmdPut, flags: uint8(i), req: 5}, stream[i*payloadSize:min((i+1)*payloadSize, len(stream))])
	}
	if a.o.state != dead {
		t.Error("the circuit is still there")
	}
}

// SPEC §11: what an originator must not take from a launch node, though its cells are well sealed.
func TestOriginatorEndsCircuitsThatAnswerRubbish(t *testing.T) {
	full := make([]byte, payloadSize)
	for name, h := range map[string]struct {
		h header
		p []byte
	}{
		"DATA for nothing":        {header{cmd: cmdData, req: 77}, full},
		"DATA's second part":      {header{cmd: cmdData, flags: 1}, full},
		"DATA's first part short": {header{cmd: cmdData}, full[:5]},
		"MISS for nothing":        {header{cmd: cmdMiss, req: 77}, []byte{1}},
		"MISS without a reason":   {header{cmd: cmdMiss}, nil},
		"MISS with reason 0":      {header{cmd: cmdMiss}, []byte{0}},
		"MISS with reason 4":      {header{cmd: cmdMiss}, []byte{4}},
		"PUTACK for a GET":        {header{cmd: cmdPutAck}, []byte{3}},
		"a GET":                   {header{cmd: cmdGet}, full[:entrySize]},
		"EXTENDED":                {header{cmd: cmdExtended}, full[:onion.CreatedSize]},
		"DESCR":                   {header{cmd: cmdDescr}, full[:onion.KeySize]},
		"PROBE":                   {header{cmd: cmdProbe, flags: probeAnswer}, nil},
		"command 200":             {header{cmd: 200}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAim(t)
			b := a.w.keep(1)[0]
			a.w.step(a.c, Get{Token: 1, ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 1)})
			for _, o := range a.c.m.origin.own {
				if o.place != nil {
					a.o = o
				}
			}
			x, r := a.w.relayOf(a.o, 2)
			a.w.do(x, func(m *Machine) {
				r.answer(m, h.h, h.p)
				if name == "DATA's first part short" {
					r.answer(m, header{cmd: cmdData, flags: 1}, full)
				}
			})
			a.w.await(a.c, 1, time.Minute)
			if a.o.state != dead {
				t.Error("the circuit is still there")
			}
			if !same(a.c.done[1], b) {
				t.Errorf("the request was lost: %+v", a.c.done[1])
			}
		})
	}
}

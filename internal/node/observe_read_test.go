package node_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/circuit"
	"nightjar/routing/wire"
)

// A cell in a frame, as routing/wire SPEC has it.
const (
	cellType = 0x20
	cellCirc = 1
	cellCmd  = 5
	cellBody = 9
	cellSize = cellBody + onion.BodySize
)

func isCell(frame []byte) bool { return len(frame) == cellSize && frame[0] == cellType }

// sighting is one thing that a process has seen.
type sighting struct {
	kind sight
	link uint32
	data []byte
}

// memory is all that one process has seen, in order, and what follows from it.
type memory struct {
	*process
	seen     []sighting
	links    map[uint32]far
	keys     []*onion.SecretKey
	passages []*passage
	begun    map[string]bool // the CREATEs that it has sent of its own accord
	asked    map[keys.ID]*wish
}

// far is the other end of a link.
type far struct {
	id      wire.NodeID
	address netip.Addr
}

// wish is a block that the local user has asked for or inserted.
type wish struct {
	data []byte // once it has worked
}

// end is a circuit on a link.
type end struct{ link, circ uint32 }

// passage is one circuit as one of its relays has seen it: all frames on both sides, and what its own layer hides.
type passage struct {
	at         *memory
	prev, next end
	create     []byte   // what it was made with: names it at both ends of the link
	extend     []byte   // the CREATE that was passed on
	frames     [][]byte // on both sides, both ways
	ext        []byte   // what its CREATE carried sealed
	heard      [][]byte // cells that were for this relay, open
	said       [][]byte // cells that it made itself, open
	passed     [][]byte // cells without its layer that should have gone on as they are
	fwd, bwd   *onion.Layer
	drawn      [][]byte // what may have made the layers
	depth      int      // 1 = the circuit's first relay
	origin     *memory
}

// remember reads a record.
func remember(p *process) (*memory, error) {
	b, err := os.ReadFile(p.record)
	if err != nil {
		return nil, err
	}
	m := &memory{process: p, links: make(map[uint32]far), begun: make(map[string]bool), asked: make(map[keys.ID]*wish)}
	for len(b) > 0 {
		if len(b) < 9 || len(b)-9 < int(binary.BigEndian.Uint32(b[5:])) {
			return nil, io.ErrUnexpectedEOF
		}
		n := 9 + int(binary.BigEndian.Uint32(b[5:]))
		m.seen = append(m.seen, sighting{sight(b[0]), binary.BigEndian.Uint32(b[1:]), b[9:n:n]})
		b = b[n:]
	}
	if err := m.findKeys(); err != nil {
		return nil, err
	}
	r := reading{m, make(map[end]*passage), make(map[end][]byte), make(map[string]*passage)}
	for _, s := range m.seen {
		if err := r.take(s); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// findKeys takes the node's onion keys out of what it saved.
func (m *memory) findKeys() error {
	known := map[[32]byte]bool{}
	for _, s := range m.seen {
		if s.kind != sawState {
			continue
		}
		var state struct{ Circuits circuit.State }
		if err := json.Unmarshal(s.data, &state); err != nil {
			return err
		}
		for _, k := range state.Circuits.Keys {
			if !known[k.Seed] {
				known[k.Seed] = true
				m.keys = append(m.keys, onion.RestoreSecretKey(k.Seed))
			}
		}
	}
	return nil
}

// reading is how far a record has been understood.
type reading struct {
	*memory
	at     map[end]*passage
	halves map[end][]byte      // CREATEs of which one half has been sent
	passed map[string]*passage // circuits that are to be extended, by the CREATE for the next relay
}

func (r *reading) take(s sighting) error {
	switch s.kind {
	case sawLink:
		address, err := netip.ParseAddr(string(s.data[32:]))
		if err != nil {
			return err
		}
		r.links[s.link] = far{wire.NodeID(s.data), address}
	case sawDrawn:
		for _, p := range r.passages {
			if len(p.create) == onion.CreateSize && p.fwd == nil && len(p.drawn) < 256 {
				p.drawn = append(p.drawn, s.data)
			}
		}
	case sawAsked, sawGot:
		id, rest, err := keys.ParseID(s.data)
		if err != nil {
			return err
		}
		if r.asked[id] == nil {
			r.asked[id] = &wish{}
		}
		if s.kind == sawGot {
			r.asked[id].data = rest
		}
	case sawReceived, sawSent:
		if isCell(s.data) {
			return r.cell(s)
		}
	}
	return nil
}

// cell takes in one cell.
func (r *reading) cell(s sighting) error {
	e := end{s.link, binary.BigEndian.Uint32(s.data[cellCirc:])}
	cmd, sent, body := wire.Cmd(s.data[cellCmd]), s.kind == sawSent, s.data[cellBody:]
	p := r.at[e]
	if cmd == wire.Create && !sent && (p == nil || len(p.create) >= onion.CreateSize) {
		p = &passage{at: r.memory, prev: e}
		r.at[e] = p
		r.passages = append(r.passages, p)
	}
	if cmd == wire.Create && sent {
		p = r.sentCreate(e, body)
	}
	if p == nil {
		return nil // padding, or a circuit of this node's own
	}
	p.frames = append(p.frames, s.data)
	switch {
	case cmd == wire.Create && !sent:
		p.create = append(p.create, body[:min(len(body), onion.CreateSize-len(p.create))]...)
	case cmd == wire.Created && sent:
		return p.unlock(body[:onion.CreatedSize])
	case cmd == wire.Relay && p.fwd != nil && e == p.prev && !sent:
		return r.forward(p, body)
	case cmd == wire.Relay && p.fwd != nil && e == p.prev:
		return p.backward(body)
	case cmd == wire.Relay && e == p.next && sent:
		if len(p.passed) == 0 || !bytes.Equal(p.passed[0], body) {
			return fmt.Errorf("node %d: a cell went on that is not what came without this relay's layer", r.index)
		}
		p.passed = p.passed[1:]
	}
	return nil
}

// sentCreate takes in one half of a CREATE that goes out: for the next relay of a circuit, or for one of this node's own.
func (r *reading) sentCreate(e end, body []byte) *passage {
	if half := r.halves[e]; half == nil {
		r.halves[e] = body
	} else {
		create := string(half) + string(body[:onion.CreateSize-len(half)])
		delete(r.halves, e)
		p := r.passed[create]
		if p == nil {
			r.begun[create] = true
			return nil
		}
		p.next = e
		p.frames = append(p.frames, half)
		r.at[e] = p
	}
	return r.at[e]
}

// unlock finds the layers that answer created: those that the relay derived from its key, CREATE, and what it drew.
func (p *passage) unlock(created []byte) error {
	for _, drawn := range p.drawn {
		var ext [onion.ExtSize]byte
		got, fwd, bwd, err := onion.Accept(bytes.NewReader(drawn), p.at.id, p.at.keys, p.create,
			func(e *[onion.ExtSize]byte) (none [onion.AnswerSize]byte) { ext = *e; return })
		if err == nil && bytes.Equal(got, created) {
			p.fwd, p.bwd, p.drawn = fwd, bwd, nil
			p.ext = ext[:]
			return nil
		}
	}
	return fmt.Errorf("node %d: the layers of a circuit are not found among %d draws", p.at.index, len(p.drawn))
}

// forward opens a cell from the originator's side.
func (r *reading) forward(p *passage, sealed []byte) error {
	body := [onion.BodySize]byte(sealed)
	if err := p.fwd.Decrypt(&body); err != nil {
		return err
	}
	if !onion.Ours(&body) {
		p.passed = append(p.passed, body[:])
		return nil
	}
	p.heard = append(p.heard, body[:])
	switch c := openCell(body[:]); {
	case c.cmd == cellExtend && c.flags == 0:
		p.extend = bytes.Clone(c.payload())
	case c.cmd == cellExtend && len(p.extend) < onion.CreateSize:
		p.extend = append(p.extend, c.payload()[:onion.CreateSize-len(p.extend)]...)
		r.passed[string(p.extend)] = p
	}
	return nil
}

// backward takes this relay's layer off a cell that it has sent towards the originator.
func (p *passage) backward(sealed []byte) error {
	body := [onion.BodySize]byte(sealed)
	if err := p.bwd.Decrypt(&body); err != nil {
		return err
	}
	if onion.Ours(&body) {
		p.said = append(p.said, body[:])
	}
	return nil
}

// The relay commands that matter here: routing/circuit SPEC §3.
const (
	cellExtend = 1
	cellDesc   = 3
	cellGet    = 5
	cellPut    = 8
	cellProbe  = 12
	cellEnd    = 13
)

// cellHead is a relay cell without layers.
type cellHead struct {
	cmd, flags byte
	n          int
	req        uint32
	body       []byte
}

// openCell reads the head of a cell.
func openCell(b []byte) cellHead {
	return cellHead{b[16], b[17], int(binary.BigEndian.Uint16(b[18:])), binary.BigEndian.Uint32(b[20:]), b}
}

func (c cellHead) payload() []byte { return c.body[24 : 24+min(c.n, len(c.body)-24)] }

// rest is the part of the payload that does not count.
func (c cellHead) rest() []byte { return c.body[24+min(c.n, len(c.body)-24):] }

// trace finds out where each passage belongs: how deep in whose circuit.
func trace(all []*memory) error {
	first := map[string]*memory{}
	before := map[string]*passage{}
	for _, m := range all {
		for create := range m.begun {
			first[create] = m
		}
		for _, p := range m.passages {
			if p.extend != nil {
				before[string(p.extend)] = p
			}
		}
	}
	for _, m := range all {
		for _, p := range m.passages {
			if len(p.create) < onion.CreateSize {
				continue
			}
			depth, x := 1, p
			for first[string(x.create)] == nil && before[string(x.create)] != nil && depth < 10 {
				depth, x = depth+1, before[string(x.create)]
			}
			if p.depth, p.origin = depth, first[string(x.create)]; p.origin == nil {
				return fmt.Errorf("node %d: a circuit comes from nobody", m.index)
			}
		}
	}
	return nil
}

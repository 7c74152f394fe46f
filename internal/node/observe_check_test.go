package node_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// breach is one kind of thing that must not be.
type breach string

const (
	breachPath     breach = "a circuit has another shape than originator, guard, middle, launch node"
	breachContent  breach = "a guard or middle sees what is asked for"
	breachNamed    breach = "a middle or launch node sees who asks"
	breachOpen     breach = "what is asked for is seen outside of requests between nodes"
	breachFirst    breach = "a node speaks of a block that nobody has spoken of to it"
	breachUnseen   breach = "a block was not launched by a circuit of whoever asked for it"
	breachJoined   breach = "two circuits of one originator have something in common at one node"
	breachDiffers  breach = "launch nodes see a difference between originators"
	breachDisguise breach = "a request names its originator"
)

// breaches collects what was found, and where.
type breaches map[breach][]string

func (b breaches) add(kind breach, m *memory, format string, args ...any) {
	b[kind] = append(b[kind], fmt.Sprintf("node %d: ", m.index)+fmt.Sprintf(format, args...))
}

// world is what all processes have seen.
type world struct {
	all    []*memory
	sought *finder           // whatever names, or is, something that anybody asked for or inserted; and who everybody is
	hits   map[*memory][]hit // where that is, outside of circuits
	public []byte            // what everybody may know of every node
}

// hit is something sought where it should not be.
type hit struct {
	needle
	sighting
}

// newWorld reads all records. files are what was inserted, by their URIs.
func newWorld(net *processes, files map[string][]byte) (*world, error) {
	w := &world{sought: newFinder(), hits: make(map[*memory][]hit)}
	for _, p := range net.all {
		m, err := remember(p)
		if err != nil {
			return nil, fmt.Errorf("the record of node %d: %w", p.index, err)
		}
		w.all = append(w.all, m)
		w.sought.addIdentity(m)
		w.public = p.self.Append(w.public)
		for _, k := range m.keys {
			w.public = append(w.public, k.Public().Bytes()...)
		}
	}
	seen := map[keys.ID]bool{}
	for _, m := range w.all {
		for id, x := range m.asked {
			if !seen[id] || x.data != nil { // a second time the same pieces are harmless
				seen[id] = true
				w.sought.addBlock(id, x.data)
			}
		}
	}
	for uri, file := range files {
		w.sought.addPieces("a file's bytes", file)
		if err := w.sought.addURI(uri); err != nil {
			return nil, err
		}
	}
	for _, m := range w.all {
		w.scan(m)
	}
	return w, trace(w.all)
}

// check looks for everything by which any node but the originator o, alone, could link o to a key.
func (w *world) check(o *memory) breaches {
	found := breaches{}
	for _, m := range w.all {
		for _, p := range m.passages {
			if p.origin == o {
				w.checkPassage(found, p, o)
			}
		}
		checkHits(found, w.hits[m], m, o)
		w.checkFirst(found, m, o)
		w.checkJoins(found, m, o)
	}
	w.checkUnseen(found, o)
	return found
}

// checkUnseen checks that all that o has asked for and got was launched at the end of o's circuits.
func (w *world) checkUnseen(found breaches, o *memory) {
	launched := map[keys.ID]bool{}
	for _, m := range w.all {
		for _, p := range m.passages {
			if p.origin == o && p.depth == 3 {
				for _, id := range p.launches() {
					launched[id] = true
				}
			}
		}
	}
	for id, x := range o.asked {
		if x.data != nil && !launched[id] {
			found.add(breachUnseen, o, "one of %d", len(o.asked))
		}
	}
}

// checkHits takes in what scan has found that concerns o.
func checkHits(found breaches, hits []hit, m, o *memory) {
	for _, h := range hits {
		switch h.of {
		case nil:
			found.add(breachOpen, m, "%v has %s", h.sighting, h.what)
		case o:
			found.add(breachDisguise, m, "%v has %s", h.sighting, h.what)
		}
	}
}

// checkPassage checks what one relay of o's has seen of one circuit. That the cells, as they pass, show nothing is scan's to say.
func (w *world) checkPassage(found breaches, p *passage, o *memory) {
	previous := p.at.links[p.prev.link].id
	first, last := p.depth == 1, p.depth == 3
	switch {
	case p.at == o, p.depth > 3, first != (previous == o.id), last && p.next != end{}:
		found.add(breachPath, p.at, "it is number %d on a circuit", p.depth)
	case !last && len(p.launches()) > 0:
		found.add(breachPath, p.at, "number %d on a circuit launches", p.depth)
	}
	for _, b := range p.open() {
		n, ok := w.sought.in(b, func(n needle) bool { return n.of == nil && last || n.of != nil && (n.of != o || first) })
		switch {
		case !ok:
		case n.of == nil:
			found.add(breachContent, p.at, "number %d on a circuit has %s", p.depth, n.what)
		default:
			found.add(breachNamed, p.at, "number %d on a circuit has %s", p.depth, n.what)
		}
	}
}

// open is what a relay has read and said on a circuit.
func (p *passage) open() [][]byte { return slices.Concat(p.heard, p.said, [][]byte{p.ext}) }

// everything is all bytes that a relay has seen of a circuit. A cell that it passes on is among the frames with and without its layer.
func (p *passage) everything() [][]byte { return slices.Concat(p.frames, p.open()) }

// launches lists the blocks that a circuit has asked this relay for, or given it to insert.
func (p *passage) launches() (ids []keys.ID) {
	for _, b := range p.heard {
		for _, e := range openCell(b).entries() {
			if id, _, err := keys.ParseID(e); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// entrySize is the size of what names one block in a cell: routing/circuit SPEC §3.4.
const entrySize = 48

// entries is what a cell says of the blocks that it is about.
func (c cellHead) entries() (all [][]byte) {
	p := c.payload()
	switch {
	case c.cmd == cellGet:
		for ; len(p) >= entrySize; p = p[entrySize:] {
			all = append(all, p[:entrySize])
		}
	case c.cmd == cellPut && c.flags == 0 && len(p) >= entrySize:
		all = append(all, p[:entrySize])
	}
	return all
}

// scan looks through all that a node has been sent, and kept. What it has sent is looked at where it came.
func (w *world) scan(m *memory) {
	for _, s := range m.seen {
		if n, ok := w.look(m, s); ok {
			w.hits[m] = append(w.hits[m], hit{n, s})
		}
	}
}

// look checks one sighting: blocks are named by requests, and by nothing else; and neither requests nor cells nor the log name a
// node.
func (w *world) look(m *memory, s sighting) (needle, bool) {
	var request, repair, cell, create bool
	switch s.kind {
	case sawReceived:
		request, repair, cell = isRequest(s.data), isRepair(s.data), isCell(s.data)
		create = cell && wire.Cmd(s.data[cellCmd]) == wire.Create
	case sawLog, sawState:
	default:
		return needle{}, false // the randomness that it draws, what its own user does
	}
	return w.sought.in(s.data, func(n needle) bool {
		switch {
		case n.of == nil:
			return request || repair
		case create: // it says which relay it is for, to that relay
			return n.of == m
		}
		return !request && !cell && s.kind != sawLog
	})
}

func (s sighting) String() string {
	return fmt.Sprintf("sighting of kind %d, %d bytes", s.kind, len(s.data))
}

// isRequest reports whether a frame asks for a block, inserts one, or answers; isRepair, whether sinks speak of blocks that they
// keep: routing/wire SPEC §2.
func isRequest(frame []byte) bool { return len(frame) > 0 && frame[0] >= 0x10 && frame[0] <= 0x15 }
func isRepair(frame []byte) bool  { return len(frame) > 0 && frame[0] >= 0x40 && frame[0] <= 0x45 }

// named is the blocks that a frame names.
func named(frame []byte) (ids []keys.ID) {
	if !isRequest(frame) && !isRepair(frame) {
		return nil
	}
	msg, err := wire.Parse(frame)
	if err != nil {
		return nil
	}
	switch msg := msg.(type) {
	case wire.Get:
		return []keys.ID{msg.ID}
	case wire.Put:
		return []keys.ID{msg.Block.ID()}
	case wire.Want:
		return []keys.ID{msg.ID}
	case wire.Copy:
		return []keys.ID{msg.Block.ID()}
	case wire.Held:
		for _, x := range msg.Items {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

// checkFirst checks that a node speaks of o's blocks, and asks its own store for them, only after a peer has, or if a circuit that
// ends there does.
func (w *world) checkFirst(found breaches, m, o *memory) {
	asked := map[keys.ID]bool{}
	for _, p := range m.passages {
		for _, id := range p.launches() {
			asked[id] = true
		}
	}
	for _, s := range m.seen {
		var ids []keys.ID
		switch s.kind {
		case sawReceived, sawSent:
			ids = named(s.data)
		case sawLookup, sawKept:
			if id, _, err := keys.ParseID(s.data); err == nil {
				ids = []keys.ID{id}
			}
		}
		for _, id := range ids {
			switch {
			case o.asked[id] == nil:
			case s.kind == sawReceived:
				asked[id] = true
			case !asked[id]:
				who := "who is not the originator"
				if m == o {
					who = "the originator"
				}
				found.add(breachFirst, m, "%s, by a %v", who, s)
			}
		}
	}
}

// checkJoins checks that a node that has several parts in circuits of o cannot tell by what it sees of them that they have one
// originator: nothing that one of them shows is shown by another, but what everybody knows.
func (w *world) checkJoins(found breaches, m, o *memory) {
	var parts [4][]*passage
	for _, p := range m.passages {
		if p.origin == o && p.depth <= 3 {
			parts[p.depth] = append(parts[p.depth], p)
		}
	}
	for i := 1; i < len(parts); i++ {
		for j := i + 1; j < len(parts); j++ {
			if what, ok := common(parts[i], parts[j], w.public); ok {
				found.add(breachJoined, m, "as number %d and number %d: %s", i, j, what)
			}
		}
	}
}

const (
	// pieceSize is the length of the pieces by which circuits are compared: one after the other at the beginning of every cell, and
	// later one in each pieceEvery bytes.
	pieceSize  = 8
	pieceDense = 256
	pieceEvery = 64
)

// common finds something that both sets of passages have in common and that is not public.
func common(a, b []*passage, public []byte) (what string, ok bool) {
	numbers := map[uint32]bool{}
	for _, p := range a {
		numbers[p.prev.circ], numbers[p.next.circ] = true, p.next.circ != 0
	}
	pieces := map[uint64]bool{}
	begins := make([]uint64, 1<<24/64)
	for _, p := range b {
		if numbers[p.prev.circ] || p.next.circ != 0 && numbers[p.next.circ] {
			return "a circuit's number", true
		}
		for _, x := range p.everything() {
			for at, step := 0, pieceSize; at+pieceSize <= len(x); at += step {
				if v := binary.BigEndian.Uint64(x[at:]); telling(v) {
					pieces[v] = true
					begins[v>>40/64] |= 1 << (v >> 40 % 64)
				}
				if at >= pieceDense {
					step = pieceEvery
				}
			}
		}
	}
	for _, p := range a {
		for _, x := range p.everything() {
			var v uint64
			for i, c := range x {
				v = v<<8 | uint64(c)
				if i < pieceSize-1 || begins[v>>40/64]&(1<<(v>>40%64)) == 0 || !pieces[v] {
					continue
				}
				if !bytes.Contains(public, x[i+1-pieceSize:i+1]) {
					return fmt.Sprintf("%d bytes of %d", pieceSize, len(x)), true
				}
			}
		}
	}
	return "", false
}

// telling reports whether a piece has so many different bytes that it is no part of a format.
func telling(v uint64) bool {
	var b [pieceSize]byte
	binary.BigEndian.PutUint64(b[:], v)
	slices.Sort(b[:])
	return len(slices.Compact(b[:])) >= pieceSize-2
}

package node_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// plant is a leak that did not happen: a check must not find anything, then find it once it is put there, and then not any more.
type plant struct {
	name string
	want breach
	do   func() (undo func())
	look func(found breaches)
}

func (p plant) test(t *testing.T) {
	look := func() breaches {
		found := breaches{}
		p.look(found)
		return found
	}
	if found := look(); len(found) > 0 {
		t.Fatalf("before it is planted: %v", found)
	}
	undo := p.do()
	if found := look(); len(found[p.want]) == 0 {
		t.Errorf("it is not found that %s, but %v", p.want, found)
	}
	undo()
	if found := look(); len(found) > 0 {
		t.Fatalf("after it is gone: %v", found)
	}
}

// over writes what over the beginning of b.
func over(b, what []byte) func() (undo func()) {
	return func() func() {
		old := bytes.Clone(b[:len(what)])
		copy(b, what)
		return func() { copy(b, old) }
	}
}

// gardener plants leaks about one originator.
type gardener struct {
	*world
	o       *memory
	others  []*memory
	parts   [4]*passage
	id      keys.ID // of a block that o has asked for, and nobody has asked o for
	all     []plant
	twofold [2]*passage // two circuits of o at one node, which is the launch node of the second
}

// plants lists leaks of every kind about the first of the originators.
func (w *world) plants(t *testing.T, hidden []*memory) []plant {
	g := &gardener{world: w, o: hidden[0], others: hidden}
	if !g.find() {
		t.Fatal("there is nowhere to plant a leak")
	}
	g.content()
	g.identity()
	g.form()
	g.requests()
	return g.all
}

// find looks for the circuits and the block that leaks are planted about.
func (g *gardener) find() bool {
	for _, m := range g.world.all {
		at := map[int]*passage{}
		for _, p := range m.passages {
			if p.origin == g.o && len(p.heard) > 0 && (p.depth < 3 || len(p.launches()) > 0) {
				g.parts[p.depth], at[p.depth] = p, p
			}
		}
		for depth := 1; depth < 3; depth++ {
			if at[depth] != nil && at[3] != nil {
				g.twofold = [2]*passage{at[depth], at[3]}
			}
		}
	}
	known := map[keys.ID]bool{}
	for _, p := range g.o.passages {
		for _, id := range p.launches() {
			known[id] = true
		}
	}
	for id, x := range g.o.asked {
		if !known[id] && x.data != nil {
			g.id = id
		}
	}
	return g.parts[1] != nil && g.parts[2] != nil && g.parts[3] != nil && g.twofold[0] != nil && g.id.Kind != 0
}

func (g *gardener) add(name string, want breach, do func() func(), look func(found breaches)) {
	g.all = append(g.all, plant{name, want, do, look})
}

// passage looks at one circuit again.
func (g *gardener) passage(p *passage) func(breaches) {
	return func(found breaches) { g.checkPassage(found, p, g.o) }
}

// frames looks at the cells of one circuit again.
func (g *gardener) frames(p *passage) func(breaches) {
	return func(found breaches) {
		for _, b := range p.frames {
			g.sighting(found, p.at, sighting{kind: sawReceived, data: b})
		}
	}
}

// first looks at what a node has seen first again.
func (g *gardener) first(m *memory) func(breaches) {
	return func(found breaches) { g.sighting(found, m, m.seen[0]) }
}

func (g *gardener) sighting(found breaches, m *memory, s sighting) {
	if n, ok := g.world.look(m, s); ok {
		checkHits(found, []hit{{n, s}}, m, g.o)
	}
}

// content plants what is asked for where it must not be.
func (g *gardener) content() {
	name, block := g.id.Name[:], g.o.asked[g.id].data
	for what, b := range map[string][]byte{
		"a name": name, "a name in hexadecimal": []byte(hex.EncodeToString(name)), "a name in base64": []byte(freenetBase64.EncodeToString(name)),
		"a routing target": binary.BigEndian.AppendUint64(nil, uint64(g.id.Location(0))), "a piece of a block": block[101:191],
		"a piece of a file": fileOf(byte(g.o.index), 1000)[333:433], "a URI": []byte(g.uriOf()),
	} {
		for depth, part := range []string{1: "guard", 2: "middle"} {
			if depth > 0 {
				p := g.parts[depth]
				g.add(what+" in what a "+part+" reads", breachContent, over(p.heard[len(p.heard)-1][777:], b), g.passage(p))
			}
		}
	}
	guard := g.parts[1]
	for i, where := range map[int]string{2: "the answer to CREATE", len(guard.frames) - 1: "the last cell"} {
		g.add("a name in "+where, breachOpen, over(guard.frames[i][1000:], name), g.frames(guard))
	}
	g.add("a name in a log", breachOpen, g.seen(guard.at, sighting{kind: sawLog, data: []byte("asked for " + hex.EncodeToString(name))}), g.first(guard.at))
	g.add("a name in what is saved", breachOpen, g.seen(guard.at, sighting{kind: sawState, data: name}), g.first(guard.at))
	g.add("a name in gossip", breachOpen, g.seen(g.o, sighting{kind: sawReceived, data: append([]byte{0x30}, name...)}), g.first(g.o))
}

// uriOf is a URI that somebody has read.
func (g *gardener) uriOf() string {
	for _, list := range g.sought.needles {
		for _, n := range list {
			if n.what == "a URI" {
				return string(n.b)
			}
		}
	}
	return ""
}

// identity plants who asks where it must not be.
func (g *gardener) identity() {
	launch, d := g.parts[3], g.o.self
	encoded := d.Append(nil)
	for what, b := range map[string][]byte{
		"an identity": d.ID[:], "an identity in hexadecimal": []byte(hex.EncodeToString(d.ID[:])), "an address": []byte(d.Addrs[0].HostPort()),
		"a descriptor": encoded, "an onion key's hash": d.Onion[:],
	} {
		g.add(what+" in what a launch node reads", breachNamed, over(launch.heard[len(launch.heard)-1][999:], b), g.passage(launch))
		g.add(what+" in what a middle reads", breachNamed, over(g.parts[2].heard[0][999:], b), g.passage(g.parts[2]))
		g.add(what+" in a cell to a launch node", breachDisguise, over(launch.frames[len(launch.frames)-1][999:], b), g.frames(launch))
	}
	g.add("an identity in a log", breachDisguise, g.seen(launch.at, sighting{kind: sawLog, data: []byte(hex.EncodeToString(d.ID[:]))}), g.first(launch.at))
	link := launch.prev.link
	g.add("a launch node that is linked with the originator", breachPath, func() func() {
		old := launch.at.links[link]
		launch.at.links[link] = far{id: g.o.id}
		return func() { launch.at.links[link] = old }
	}, g.passage(launch))
	g.add("a middle that launches", breachPath, func() func() {
		launch.depth = 2
		return func() { launch.depth = 3 }
	}, func(found breaches) {
		if g.checkPassage(found, launch, g.o); launch.depth == 2 {
			delete(found, breachContent) // which it sees as well
		}
	})
}

// form plants what tells one originator's circuits from another's, or one of its circuits from one of somebody else.
func (g *gardener) form() {
	first, second := g.twofold[0], g.twofold[1]
	joins := func(found breaches) { g.checkJoins(found, first.at, g.o) }
	g.add("a nonce that two circuits share", breachJoined, over(second.heard[0][64:], first.frames[3][300:316]), joins)
	g.add("a cell that two circuits share", breachJoined, over(second.frames[len(second.frames)-1], first.frames[len(first.frames)-1]), joins)
	g.add("a number that two circuits share", breachJoined, func() func() {
		old := second.prev.circ
		second.prev.circ = first.prev.circ
		return func() { second.prev.circ = old }
	}, joins)
	differ := func(found breaches) {
		for kind, where := range g.differences(g.others) {
			found[kind] = where
		}
	}
	launch := g.parts[3]
	i := slices.IndexFunc(launch.heard, func(b []byte) bool { return len(openCell(b).entries()) > 0 })
	request := launch.heard[i]
	for what, at := range map[string]int{"flags": 17, "a request's number": 23, "an entry's class": 24 + 34, "an entry's index": 24 + 38, "an entry's end": 24 + 47} {
		g.add("a difference in "+what, breachDiffers, over(request[at:], []byte{request[at] + 77}), differ)
	}
	g.add("a difference in the handshake's extension", breachDiffers, over(launch.ext, []byte{1}), differ)
	g.add("a difference after the handshake", breachDiffers, over(launch.frames[1][cellSize-1:], []byte{1}), differ)
}

// requests plants requests that have not come from a circuit.
func (g *gardener) requests() {
	first := func(found breaches) { g.checkFirst(found, g.o, g.o) }
	get := wire.Append(nil, wire.Get{Req: 1, HTL: 17, ID: g.id})
	g.add("the originator asks a peer", breachFirst, g.seen(g.o, sighting{kind: sawSent, data: get}), first)
	g.add("the originator looks in its own store", breachFirst, g.seen(g.o, sighting{kind: sawLookup, data: g.id.Append(nil)}), first)
	g.add("the originator keeps what it inserts", breachFirst, g.seen(g.o, sighting{kind: sawKept, data: g.id.Append(nil)}), first)
	stray := keys.ID{Kind: keys.KindData, Name: [32]byte{1, 2, 3}}
	g.add("a block that came another way", breachUnseen, func() func() {
		g.o.asked[stray] = &wish{data: []byte{1}}
		return func() { delete(g.o.asked, stray) }
	}, func(found breaches) { g.checkUnseen(found, g.o) })
}

// seen plants something that a node has seen before all else.
func (g *gardener) seen(m *memory, s sighting) func() (undo func()) {
	return func() func() {
		old := m.seen
		m.seen = append([]sighting{s}, old...)
		return func() { m.seen = old }
	}
}

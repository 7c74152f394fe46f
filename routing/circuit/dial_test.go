package circuit

import (
	"testing"

	"nightjar/routing/wire"
)

// Dials that nobody waits for any more make room: circuits that come and go and name nodes which do not answer keep nobody from a
// new connection.
func TestAbandonedDialsMakeRoom(t *testing.T) {
	w := newNet(t, 1, oneUser)
	c := w.nodes[0]
	var asked, given []wire.NodeID
	c.spy = func(e Effect) {
		switch e := e.(type) {
		case Connect:
			asked = append(asked, e.Node.ID)
		case Unwanted:
			given = append(given, e.Node)
		}
	}
	for i := range maxDials {
		hostile := w.carry(c, Link(10+i/maxLinkDials), 1)[0]
		id := wire.NodeID{9, byte(i)}
		w.do(c, func(m *Machine) {
			m.linkTo(wire.Descriptor{ID: id}, hostile)
			m.forgetDial(id, hostile)
		})
	}
	if len(asked) != maxDials || len(given) != 0 {
		t.Fatalf("%d dials, %d given up while there is room", len(asked), len(given))
	}
	honest, id := w.carry(c, 50, 1)[0], wire.NodeID{1}
	w.do(c, func(m *Machine) { m.linkTo(wire.Descriptor{ID: id}, honest) })
	if len(given) != 1 || given[0] != (wire.NodeID{9, 0}) || asked[len(asked)-1] != id {
		t.Fatalf("%d dials were given up for one more", len(given))
	}
	more := w.carry(c, 11, 1)[0]
	w.do(c, func(m *Machine) { m.linkTo(wire.Descriptor{ID: wire.NodeID{2}}, more) })
	if len(given) != 2 || given[1] != (wire.NodeID{9, maxLinkDials}) {
		t.Errorf("a link with all the dials that it may have has not given up one of its own")
	}
	for _, l := range c.m.net.links {
		if l.load.dials < 0 || l.load.dials > maxLinkDials {
			t.Errorf("a link has %d dials", l.load.dials)
		}
	}
}

// served notes which link it is given.
type served struct{ by Link }

func (s *served) linked(_ *Machine, l *link) { s.by = l.id }

// Of several links to a node the one serves that was heard last: an old one may be dead without knowing.
func TestTheLinkThatWasHeardLastServes(t *testing.T) {
	w := newNet(t, 2, oneUser)
	c, peer := w.nodes[0], w.nodes[1].desc
	for n := range Link(3) {
		w.step(c, LinkUp{Link: 100 + n, Peer: peer.ID})
	}
	serves := func() Link {
		got := &served{}
		w.do(c, func(m *Machine) { m.linkTo(peer, got) })
		return got.by
	}
	if got := serves(); got != 102 {
		t.Errorf("link %d serves, want the newest", got)
	}
	w.step(c, Received{Link: 100, Msg: wire.Cell{Cmd: wire.Pad}})
	if got := serves(); got != 100 {
		t.Errorf("link %d serves, want the one that was heard", got)
	}
	w.step(c, LinkDown{100})
	if got := serves(); got != 102 {
		t.Errorf("link %d serves, when that one is gone", got)
	}
}

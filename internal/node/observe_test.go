package node_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// An observer sees what the nodes under observation see: every message on every link, decrypted.
type observer struct {
	mu    sync.Mutex
	seen  []sighting
	cells map[[2]wire.NodeID]int // instead, if it only counts: relay cells by sender and receiver
}

// sighting is one message that a node has sent or received.
type sighting struct {
	at    wire.NodeID // who saw it
	peer  wire.NodeID // the other end of the link
	sent  bool
	frame []byte
	msg   wire.Message
}

// start forgets what was seen until now.
func (o *observer) start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = nil
	clear(o.cells)
}

// stop returns what was seen since start.
func (o *observer) stop() []sighting {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.seen)
}

// note takes a frame, which it copies: whoever gets it may seal or open a cell in place.
func (o *observer) note(s sighting) {
	frame := s.frame
	if o.cells == nil {
		frame = bytes.Clone(frame)
	}
	msg, err := wire.Parse(frame)
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cells == nil {
		s.frame, s.msg = frame, msg
		o.seen = append(o.seen, s)
	} else if c, ok := msg.(wire.Cell); ok && s.sent && c.Cmd == wire.Relay {
		o.cells[[2]wire.NodeID{s.at, s.peer}]++
	}
}

// wrap has a node's transport tell the observer.
func (o *observer) wrap(self wire.NodeID, t link.Transport) link.Transport {
	return &watchedTransport{t, o, self}
}

type watchedTransport struct {
	link.Transport
	o    *observer
	self wire.NodeID
}

func (t *watchedTransport) Dial(ctx context.Context, address string, peer wire.NodeID) (link.Conn, error) {
	c, err := t.Transport.Dial(ctx, address, peer)
	if err != nil {
		return nil, err
	}
	return &watchedConn{c, t.o, t.self}, nil
}

func (t *watchedTransport) Listen(address string) (link.Listener, error) {
	l, err := t.Transport.Listen(address)
	if err != nil {
		return nil, err
	}
	return &watchedListener{l, t}, nil
}

type watchedListener struct {
	link.Listener
	t *watchedTransport
}

func (l *watchedListener) Accept(ctx context.Context) (link.Conn, error) {
	c, err := l.Listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return &watchedConn{c, l.t.o, l.t.self}, nil
}

type watchedConn struct {
	link.Conn
	o    *observer
	self wire.NodeID
}

func (c *watchedConn) Read() ([]byte, error) {
	frame, err := c.Conn.Read()
	if err == nil {
		c.o.note(sighting{at: c.self, peer: c.Peer(), frame: frame})
	}
	return frame, err
}

func (c *watchedConn) Write(frame []byte) error {
	c.o.note(sighting{at: c.self, peer: c.Peer(), sent: true, frame: frame})
	return c.Conn.Write(frame)
}

// circuitOf finds the path of one block's cells in what was seen while nothing else happened: who sent whom at least as many
// relay cells as a block has. It begins at the originator.
func circuitOf(seen []sighting, from wire.NodeID) (path []wire.NodeID) {
	const most = 12 // a block has 16; setting a circuit up takes fewer
	cells := map[[2]wire.NodeID]int{}
	for _, s := range seen {
		if c, ok := s.msg.(wire.Cell); ok && s.sent && c.Cmd == wire.Relay {
			cells[[2]wire.NodeID{s.at, s.peer}]++
		}
	}
	path = []wire.NodeID{from}
	for next := true; next && len(path) < 10; {
		next = false
		for edge, n := range cells {
			if n >= most && edge[1] == path[len(path)-1] {
				path, next = append(path, edge[0]), true
				delete(cells, edge)
				break
			}
		}
	}
	return path
}

// launchers are the nodes that asked for a block, or handed it on, without having been asked.
func launchers(seen []sighting, id keys.ID) (first []wire.NodeID) {
	asked := map[wire.NodeID]bool{}
	for _, s := range seen {
		var of keys.ID
		switch m := s.msg.(type) {
		case wire.Get:
			of = m.ID
		case wire.Put:
			if m.HTL > 0 { // 0 is a copy for the sink set
				of = m.Block.ID()
			}
		}
		switch {
		case of != id:
		case !s.sent:
			asked[s.at] = true
		case !asked[s.at] && !slices.Contains(first, s.at):
			first = append(first, s.at)
		}
	}
	return first
}

// farBlock makes a block that none of the three nodes closest to it, who keep it, is the given one.
func (net *network) farBlock(from byte, self wire.NodeID) (keys.Block, byte) {
	for seed := from; ; seed++ {
		b := randomBlock(seed)
		if !slices.Contains(net.closestTo(b.ID())[:3], self) {
			return b, seed + 1
		}
	}
}

// closestTo lists the nodes by their distance from a block.
func (net *network) closestTo(id keys.ID) (all []wire.NodeID) {
	for _, m := range net.nodes {
		all = append(all, m.Self().ID)
	}
	target := id.Location(0)
	slices.SortFunc(all, func(a, b wire.NodeID) int {
		if a.Location().Distance(target) < b.Location().Distance(target) {
			return -1
		}
		return 1
	})
	return all
}

// onionNetwork is a network of eight nodes under observation, with circuits that are ready.
func onionNetwork(t *testing.T, o *observer) *network {
	net := &network{t: t, watch: o.wrap}
	net.mem = linktest.NewNetwork()
	net.populate(8)
	net.settle()
	for i, m := range net.nodes {
		if s := m.Status().Onion; s.Hops != 3 || s.Obstacle != nil || s.Ready == 0 {
			t.Fatalf("node %d has no circuit: %+v", i, s)
		}
	}
	return net
}

// TestNothingObservableLinksTheOriginatorToAKey fetches and inserts blocks one at a time and looks at everything that each of
// eight nodes sees of it.
func TestNothingObservableLinksTheOriginatorToAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &observer{}
		net := onionNetwork(t, o)
		defer net.close()
		ctx := context.Background()
		seed, originator := byte(0), net.nodes[5]
		self := originator.Self().ID
		fetched, inserted := 0, 0 // rounds in which a launch was to be seen: a launch node that keeps the block asks nobody
		for range 12 {
			var b keys.Block
			b, seed = net.farBlock(seed, self)
			c := originator.Client(wire.Bulk)
			o.start()
			if err := c.Insert(ctx, b, false); err != nil {
				t.Fatal(err)
			}
			seen := o.stop()
			checkHidden(t, seen, self, b.ID(), nil)
			inserted += len(launchers(seen, b.ID()))
			o.start()
			if _, err := c.Fetch(ctx, b.ID(), false); err != nil {
				t.Fatal(err)
			}
			seen = o.stop()
			fetched += len(launchers(seen, b.ID()))
			path := circuitOf(seen, self)
			if len(path) != 4 {
				t.Fatalf("the block's cells passed %d links, want 3", len(path)-1)
			}
			checkHidden(t, seen, self, b.ID(), path)
			c.Close()
			time.Sleep(time.Minute) // circuits are built anew meanwhile
		}
		if fetched == 0 || inserted == 0 {
			t.Errorf("%d launches of fetches and %d of inserts were seen: the checks of launch nodes have shown nothing", fetched, inserted)
		}
	})
}

// checkHidden checks what the issue demands of what was seen while one block was fetched or inserted.
func checkHidden(t *testing.T, seen []sighting, self wire.NodeID, id keys.ID, path []wire.NodeID) {
	t.Helper()
	if len(path) > 0 {
		for i, n := range path {
			if slices.Contains(path[:i], n) {
				t.Error("a node is twice on the circuit")
			}
		}
		for _, l := range launchers(seen, id) {
			if l != path[3] {
				t.Error("another node than the circuit's last one began to ask for the block")
			}
		}
	}
	for _, s := range seen {
		key := bytes.Contains(s.frame, id.Name[:])
		_, cell := s.msg.(wire.Cell)
		switch {
		case key && (s.at == self || s.peer == self):
			t.Errorf("the originator has a %T with the key in clear on a link", s.msg)
		case key && cell:
			t.Error("a cell shows the key")
		case key && len(path) > 0 && s.at == path[1] && s.peer == path[2], key && len(path) > 0 && s.at == path[2] && s.peer == path[1]:
			t.Error("the key is in clear between guard and middle")
		case bytes.Contains(s.frame, self[:]) && (cell || isRequest(s.msg)):
			t.Errorf("a %T names the originator", s.msg)
		}
	}
}

func isRequest(m wire.Message) bool {
	switch m.(type) {
	case wire.Get, wire.Put, wire.Data, wire.Stored, wire.Fail, wire.Cancel:
		return true
	}
	return false
}

package node_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"sync"

	"nightjar/internal/link"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// sight is one kind of thing that a process sees.
type sight byte

const (
	sawLink     sight = iota + 1 // a link that is up: the peer's identity, and the address at which it is seen
	sawReceived                  // a frame, decrypted
	sawSent                      // a frame, before it is encrypted
	sawDrawn                     // 64 random bytes, which is what a relay draws for its half of a handshake
	sawState                     // what the node saves: its onion keys are in it
	sawLog                       // what it logs
	sawLookup                    // a block that its store is asked for
	sawKept                      // a block that its store is given
	sawAsked                     // a block that its own user asks for or inserts
	sawGot                       // the same once it has worked, with the bytes
)

// drawnSize is how much a relay draws for its half of a handshake.
const drawnSize = 64

// A recorder writes down, in order, everything that a process sees, with the secrets by which its cells can be opened. Without a
// file it only counts cells.
type recorder struct {
	mu    sync.Mutex
	file  *os.File
	out   *bufio.Writer
	links uint32
	count
}

// count is how many relay cells have come, by peer.
type count struct {
	cells  map[wire.NodeID]int
	total  int
	at     []int               // totals that are to be reported
	report chan map[string]int // nil = to nobody
}

func newRecorder(name string) (*recorder, error) {
	r := &recorder{count: count{cells: make(map[wire.NodeID]int)}}
	if name == "" {
		return r, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	r.file, r.out = f, bufio.NewWriterSize(f, 1<<20)
	return r, nil
}

// note writes one sighting: kind (1), link (4), length (4), and the data.
func (r *recorder) note(kind sight, number uint32, data ...[]byte) {
	if r.out == nil {
		return
	}
	n := 0
	for _, d := range data {
		n += len(d)
	}
	var head [9]byte
	head[0] = byte(kind)
	binary.BigEndian.PutUint32(head[1:], number)
	binary.BigEndian.PutUint32(head[5:], uint32(n))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Write(head[:]) // an error stays, and flush returns it
	for _, d := range data {
		r.out.Write(d)
	}
}

func (r *recorder) flush() error {
	if r.out == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Flush()
}

func (r *recorder) close() error {
	if r.out == nil {
		return nil
	}
	return errors.Join(r.flush(), r.file.Close())
}

// save is the node's Config.Save.
func (r *recorder) save(state []byte) error {
	r.note(sawState, 0, state)
	return nil
}

// Write takes a line of the log.
func (r *recorder) Write(line []byte) (int, error) {
	r.note(sawLog, 0, line)
	return len(line), nil
}

// randomness is a source that notes what it gives for handshakes.
func (r *recorder) randomness(from io.Reader) io.Reader { return &watchedRandomness{from, r} }

type watchedRandomness struct {
	from io.Reader
	r    *recorder
}

func (w *watchedRandomness) Read(b []byte) (int, error) {
	n, err := w.from.Read(b)
	if n == drawnSize {
		w.r.note(sawDrawn, 0, b)
	}
	return n, err
}

// counted returns the counts, and begins anew.
func (r *recorder) counted() (byPeer map[string]int, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byPeer, total = r.byPeer(), r.total
	clear(r.cells)
	r.total = 0
	return byPeer, total
}

// byPeer is the counts under the names of the peers. r.mu is held.
func (r *recorder) byPeer() map[string]int {
	m := make(map[string]int, len(r.cells))
	for id, n := range r.cells {
		m[nameOf(id)] = n
	}
	return m
}

// alarms reports the cells of each peer, since the last report, whenever so many have come in all.
func (r *recorder) alarms(at []int) <-chan map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.report = at, make(chan map[string]int, len(at))
	return r.report
}

func (r *recorder) disarm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.report)
	r.at, r.report = nil, nil
}

// arrived counts a frame if it is a relay cell.
func (r *recorder) arrived(from wire.NodeID, frame []byte) {
	if !isCell(frame) || wire.Cmd(frame[cellCmd]) != wire.Relay {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells[from]++
	r.total++
	if len(r.at) > 0 && r.total >= r.at[0] {
		r.report <- maps.Clone(r.byPeer()) // it has room for all
		r.at = r.at[1:]
		r.cells, r.total = make(map[wire.NodeID]int), 0
	}
}

// watchTransport notes all frames of all links.
func (r *recorder) watchTransport(t link.Transport) link.Transport { return &watchedTransport{t, r} }

type watchedTransport struct {
	link.Transport
	r *recorder
}

func (t *watchedTransport) Dial(ctx context.Context, address string, peer wire.NodeID) (link.Conn, error) {
	c, err := t.Transport.Dial(ctx, address, peer)
	if err != nil {
		return nil, err
	}
	return t.r.watchConn(c), nil
}

func (t *watchedTransport) Listen(address string) (link.Listener, error) {
	l, err := t.Transport.Listen(address)
	if err != nil {
		return nil, err
	}
	return &watchedListener{l, t.r}, nil
}

type watchedListener struct {
	link.Listener
	r *recorder
}

func (l *watchedListener) Accept(ctx context.Context) (link.Conn, error) {
	c, err := l.Listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return l.r.watchConn(c), nil
}

func (r *recorder) watchConn(c link.Conn) link.Conn {
	r.mu.Lock()
	r.links++
	number := r.links
	r.mu.Unlock()
	peer := c.Peer()
	r.note(sawLink, number, peer[:], []byte(c.Remote().String()))
	return &watchedConn{c, r, number}
}

type watchedConn struct {
	link.Conn
	r      *recorder
	number uint32
}

func (c *watchedConn) Read() ([]byte, error) {
	frame, err := c.Conn.Read()
	if err == nil {
		c.r.note(sawReceived, c.number, frame)
		c.r.arrived(c.Peer(), frame)
	}
	return frame, err
}

func (c *watchedConn) Write(frame []byte) error {
	c.r.note(sawSent, c.number, frame)
	return c.Conn.Write(frame)
}

// watchStore notes what a store is asked for and given.
func (r *recorder) watchStore(s store.Store) store.Store { return &watchedStore{s, r} }

type watchedStore struct {
	store.Store
	r *recorder
}

func (s *watchedStore) Get(id keys.ID) (keys.Block, error) {
	s.r.note(sawLookup, 0, id.Append(nil))
	return s.Store.Get(id)
}

func (s *watchedStore) Put(b keys.Block, class store.Class, at keys.Location) error {
	return s.PutFrom(b, class, at, 0)
}

func (s *watchedStore) PutFrom(b keys.Block, class store.Class, at keys.Location, link uint64) error {
	s.r.note(sawKept, 0, b.ID().Append(nil), []byte{byte(class)})
	return s.Store.PutFrom(b, class, at, link)
}

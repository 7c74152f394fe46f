package linktest

import (
	"context"
	"crypto/ed25519"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

// patience is how long a case may take before something is taken to hang.
const patience = 20 * time.Second

// short is the handshake time in cases that wait for it to pass: long for an honest handshake on a busy machine.
const short = 600 * time.Millisecond

// Subject is a transport under test, and the ways past it that an attacker has.
type Subject struct {
	// New makes a node's transport.
	New func(identity ed25519.PrivateKey, o link.Options) link.Transport
	// DialChannel makes the encrypted channel to a listener, without a proof.
	DialChannel func(ctx context.Context, address string) (link.Channel, error)
	// ListenChannel takes such channels.
	ListenChannel func() (ChannelListener, error)
	// HalfClose ends the direction away from a channel's end, after what was written.
	HalfClose func(link.Channel) error
	// Stranger connects below the encryption. Its Read ends when the other end has closed, if the network tells.
	Stranger func(address string) (io.ReadWriteCloser, error)
	// StrangerHears says that it does tell.
	StrangerHears bool
	// Addresses says that connections tell where their other end is seen.
	Addresses bool
}

// ChannelListener accepts channels without a proof.
type ChannelListener interface {
	Accept(ctx context.Context) (link.Channel, error)
	Address() string
	Close() error
}

// loopback is where listeners of the suite listen.
const loopback = "127.0.0.1:0"

// Run runs the suite. newSubject is called for every case.
func Run(t *testing.T, newSubject func(t testing.TB) Subject) {
	run(t, func(t *testing.T, f func(rig)) {
		before := runtime.NumGoroutine()
		t.Cleanup(func() { noLeak(t, before) }) // the first to be registered, the last to run
		f(newRig(t, newSubject(t)))
	})
}

// RunInBubble runs the suite with every case in a synctest bubble, where a case costs no time and a goroutine that is left
// over is a failure.
func RunInBubble(t *testing.T, newSubject func(t testing.TB) Subject) {
	run(t, func(t *testing.T, f func(rig)) {
		synctest.Test(t, func(t *testing.T) { f(newRig(t, newSubject(t))) })
	})
}

func run(t *testing.T, in func(t *testing.T, f func(rig))) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { in(t, c.run) })
	}
}

var cases = []struct {
	name string
	run  func(rig)
}{
	{"both directions", rig.bothDirections},
	{"all frame sizes", rig.frameSizes},
	{"frames of forbidden sizes are not sent", rig.forbiddenSizes},
	{"frames of forbidden sizes are not taken", rig.forbiddenHeaders},
	{"frames belong to the caller", rig.frameOwnership},
	{"a frame cut off is no frame", rig.truncatedFrame},
	{"an end is io.EOF", rig.orderlyEnd},
	{"Close unblocks Read", rig.closeUnblocksRead},
	{"Close unblocks Write", rig.closeUnblocksWrite},
	{"a peer that does not read is given up", rig.writeTime},
	{"a silent peer is given up", rig.idleTime},
	{"only the wanted peer will do", rig.wrongIdentity},
	{"a node does not connect to itself", rig.self},
	{"strangers get nothing", rig.strangersGetNothing},
	{"false initiators are refused", rig.falseInitiators},
	{"false responders are refused", rig.falseResponders},
	{"a relayed proof is worthless", rig.relayedProof},
	{"garbage below the encryption", rig.garbage},
	{"slow strangers delay nobody", rig.slowStrangers},
	{"many connections at once", rig.manyConnections},
	{"Accept ends with its context", rig.acceptContext},
	{"Dial ends with its context", rig.dialContext},
	{"Dial ends in bounded time", rig.dialTime},
	{"nobody listens", rig.nobodyListens},
	{"names are not resolved", rig.names},
	{"an address in use", rig.addressInUse},
	{"a listener's end", rig.listenerEnd},
	{"where the other end is seen", rig.remote},
}

// rig is a case's surroundings. Whatever it hands out is closed when the case ends.
type rig struct {
	*testing.T
	s   Subject
	ctx context.Context
}

func newRig(t *testing.T, s Subject) rig {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return rig{t, s, ctx}
}

// node is a node of the test.
type node struct {
	link.Transport
	key ed25519.PrivateKey
	id  wire.NodeID
}

func (r rig) node(o link.Options) node {
	r.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	r.must(err)
	return node{r.s.New(key, o), key, wire.NodeID(key.Public().(ed25519.PublicKey))}
}

func (r rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r rig) listen(n node) link.Listener {
	r.Helper()
	l, err := n.Listen(loopback)
	r.must(err)
	r.Cleanup(func() { l.Close() })
	return l
}

func (r rig) dial(n node, address string, peer wire.NodeID) link.Conn {
	r.Helper()
	c, err := n.Dial(r.ctx, address, peer)
	r.must(err)
	r.Cleanup(func() { c.Close() })
	return c
}

func (r rig) accept(l link.Listener) link.Conn {
	r.Helper()
	c, err := l.Accept(r.ctx)
	r.must(err)
	r.Cleanup(func() { c.Close() })
	return c
}

// pair connects two nodes with the same options.
func (r rig) pair(o link.Options) (dialled, accepted link.Conn) {
	r.Helper()
	a, b := r.node(o), r.node(o)
	l := r.listen(b)
	return r.dial(a, l.Address(), b.id), r.accept(l)
}

func (r rig) channel(address string) link.Channel {
	r.Helper()
	ch, err := r.s.DialChannel(r.ctx, address)
	r.must(err)
	r.Cleanup(func() { ch.Close() })
	return ch
}

func (r rig) channelListener() ChannelListener {
	r.Helper()
	l, err := r.s.ListenChannel()
	r.must(err)
	r.Cleanup(func() { l.Close() })
	return l
}

// proved makes a channel to a listener of b by hand, with the proof of a new node, and returns both ends.
func (r rig) proved(o link.Options) (mine link.Channel, theirs link.Conn) {
	r.Helper()
	a, b := r.node(o), r.node(o)
	l := r.listen(b)
	ch := r.channel(l.Address())
	knock := link.Knock(ch.Binding(), b.id)
	r.write(ch, knock[:])
	var answer [link.ProofSize]byte
	_, err := io.ReadFull(ch, answer[:])
	r.must(err)
	proof := link.InitiatorProof(ch.Binding(), a.key, b.id)
	r.write(ch, proof[:])
	return ch, r.accept(l)
}

func (r rig) write(w io.Writer, p []byte) {
	r.Helper()
	_, err := w.Write(p)
	r.must(err)
}

// send writes frames and flushes them.
func (r rig) send(c link.Conn, frames ...[]byte) {
	r.Helper()
	for _, f := range frames {
		r.must(c.Write(f))
	}
	r.must(c.Flush())
}

// receive reads a frame.
func (r rig) receive(c link.Conn) []byte {
	r.Helper()
	f, err := c.Read()
	r.must(err)
	return f
}

// nextIs checks that the next connection which Accept gives is one by a new honest node: that nobody else got in before.
func (r rig) nextIs(l link.Listener, b wire.NodeID) {
	r.Helper()
	honest := r.node(link.Options{})
	r.dial(honest, l.Address(), b)
	if got := r.accept(l).Peer(); got != honest.id {
		r.Error("Accept gave a peer that is not the one which proved itself")
	}
}

// inBackground runs f and returns a channel with its error. f must end with the rig's connections or context.
func inBackground(f func() error) <-chan error {
	out := make(chan error, 1)
	go func() { out <- f() }() // ends with f
	return out
}

// result waits for what inBackground started.
func (r rig) result(c <-chan error) error {
	r.Helper()
	select {
	case err := <-c:
		return err
	case <-r.ctx.Done():
		r.Fatal("this hangs")
		return nil
	}
}

// noLeak fails if there are more goroutines than before, after a while in which those that are ending may end.
func noLeak(t *testing.T, before int) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-deadline.C:
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
			return
		}
	}
}

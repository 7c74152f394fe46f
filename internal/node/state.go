package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	crand "crypto/rand"

	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/circuit/guard"
	"nightjar/routing/relays"
	"nightjar/routing/repair"
	"nightjar/routing/wire"
)

const (
	// stateVersion is the version of what Config.Save is given.
	stateVersion = 1
	// saveEvery is how often that is done at most while the node runs.
	saveEvery = 30 * time.Second
	// saveShare keeps the loop's time for that below a thousandth: in a large network there is much to save.
	saveShare = 1000
)

// errState reports a state that this version of the node has not saved, or that was damaged since.
var errState = errors.New("node: the saved state of the circuits is damaged or of another version")

// state is what must outlive the process. It holds secrets: the onion keys, and who this node's guards are.
type state struct {
	Version  int           `json:"version"`
	Circuits circuit.State `json:"circuits"`
	Relays   relays.State  `json:"relays"`
}

// CheckState reports whether a node can go on with what another gave Config.Save.
func CheckState(b []byte) error {
	s, err := parseState(b)
	s.Circuits.Wipe()
	return err
}

// parseState reads a state; none is one.
func parseState(b []byte) (s state, err error) {
	if b == nil {
		return s, nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&s); err != nil {
		return state{}, fmt.Errorf("%w: %w", errState, err)
	}
	if _, err := d.Token(); err != io.EOF || s.Version != stateVersion {
		return state{}, errState
	}
	return s, nil
}

// newMachines makes the machines, and brings back what was saved of them.
func newMachines(n *Node, dials func(wire.Descriptor) []wire.Addr) machines {
	clean := 0 // the default
	if n.cfg.Direct {
		clean = -1
	}
	m := machines{
		machine: routing.New(routing.Config{Self: n.self, Rand: newRand()}),
		overlay: routing.NewOverlay(n.self, newRand()),
		relays:  relays.New(relays.Config{Self: n.self, Rand: newRand(), Dials: dials}),
		repair:  repair.New(repair.Config{Self: n.self, Rand: newRand()}),
		circuits: circuit.New(circuit.Config{
			Self: n.self, Rand: crand.Reader, Clean: clean, Shape: n.cfg.ConstantRate,
			Guard: guard.New(guard.Config{Self: n.self, Rand: newRand()}),
		}),
	}
	s, err := parseState(n.cfg.State)
	clear(n.cfg.State) // it holds the seeds of onion keys
	n.cfg.State = nil
	if err != nil {
		n.cfg.Log.Error("what this node knew of other nodes cannot be used; it chooses new guards", "err", err)
	}
	m.lost = n.cfg.Lost || err != nil
	if err != nil || len(s.Circuits.Keys) == 0 && len(s.Relays.Entries) == 0 {
		return m
	}
	m.relays.Restore(time.Now(), s.Relays)
	m.circuits.Restore(s.Circuits)
	s.Circuits.Wipe()
	return m
}

// newRand seeds a generator for a machine from the system's randomness.
func newRand() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:])
	return rand.New(rand.NewChaCha8(seed))
}

// saving is when the state was saved, and whether it has changed since.
type saving struct {
	changed bool
	next    time.Time
	busy    chan struct{} // closed when the save under way has ended; nil = none was begun
}

// snapshot is the state of the machines now.
func (l *loop) snapshot() *state {
	return &state{Version: stateVersion, Circuits: l.circuits.State(), Relays: l.relays.State()}
}

// save saves the state if it has changed and it is time to, and returns when that is next.
func (l *loop) save(now time.Time) time.Time {
	switch {
	case !l.state.changed || l.n.cfg.Save == nil:
		return time.Time{}
	case now.Before(l.state.next):
		return l.state.next
	case l.state.saving():
		return now.Add(time.Second)
	}
	begun := time.Now()
	s := l.snapshot()
	busy := make(chan struct{})
	l.state = saving{next: now.Add(max(saveEvery, saveShare*time.Since(begun))), busy: busy}
	started := l.n.spawn(func() { // ends when the disk has the state
		defer close(busy)
		l.n.keepState(s)
	})
	if !started {
		s.Circuits.Wipe()
		close(busy)
	}
	return time.Time{}
}

func (s *saving) saving() bool {
	if s.busy == nil {
		return false
	}
	select {
	case <-s.busy:
		return false
	default:
		return true
	}
}

// saveLast saves the state when the node stops. It waits: nothing is left for the loop to do.
func (l *loop) saveLast() {
	if l.n.cfg.Save == nil {
		return
	}
	if l.state.busy != nil {
		<-l.state.busy
	}
	l.n.keepState(l.snapshot())
}

// keepState encodes a state, which may take a while, and writes it to the disk. It wipes what is secret of it.
func (n *Node) keepState(s *state) {
	b, err := json.Marshal(s)
	s.Circuits.Wipe()
	if err != nil {
		n.cfg.Log.Error("the state of the circuits cannot be encoded", "err", err)
		return
	}
	if err := n.cfg.Save(b); err != nil {
		n.cfg.Log.Warn("the state of the circuits could not be saved", "err", err)
	}
	clear(b)
}

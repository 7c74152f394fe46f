package circuit

import (
	"errors"
	"fmt"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/circuit/guard"
)

// Status is what a person may be told of the circuits of this node.
type Status struct {
	Relays   int // usable ones that are known
	Missing  int // how many more are needed before a circuit can be built
	Clean    int // circuits that are ready
	Used     int // circuits that carry this node's requests
	Building int
	Built    uint64 // since the start
	Why      string // why no circuit can be built now; empty if one can
	Guards   guard.Report
}

// Status describes the node's circuits.
func (m *Machine) Status(now time.Time) Status {
	g := &m.origin
	s := Status{Relays: g.view.relays, Guards: m.guard.Report(now), Built: g.usual.built}
	for _, o := range g.own {
		switch {
		case o.state < clean:
			s.Building++
		case o.state == clean:
			s.Clean++
		default:
			s.Used++
		}
	}
	var short *guard.ShortError
	switch {
	case errors.As(g.why, &short):
		s.Missing, s.Why = short.Missing, short.Error()
	case g.why != nil:
		s.Why = g.why.Error()
	case g.failed.builds >= cleanPool || s.Clean+s.Used == 0 && g.failed.builds > 0:
		s.Why = fmt.Sprintf("attempts to build a circuit that have failed in a row: %d; the next one follows shortly", g.failed.builds)
	}
	return s
}

// State is what must outlive the machine. It holds secrets.
type State struct {
	Keys  []KeyState
	Guard guard.State
}

// KeyState is an onion key: its seed, and when it was made.
type KeyState struct {
	Seed [32]byte
	Made time.Time
}

// Wipe overwrites the secrets.
func (s *State) Wipe() {
	for i := range s.Keys {
		clear(s.Keys[i].Seed[:])
	}
}

// State returns what is to be saved.
func (m *Machine) State() State {
	s := State{Guard: m.guard.State()}
	for _, k := range m.ring.own {
		s.Keys = append(s.Keys, KeyState{k.key.Seed(), k.made})
	}
	return s
}

// Restore brings the state of an earlier machine back. It is called before the first Step; keys that are too old go then.
func (m *Machine) Restore(s State) {
	m.guard.Restore(s.Guard)
	m.ring.own = nil
	for _, k := range s.Keys[:min(len(s.Keys), keysKept)] {
		m.ring.own = append(m.ring.own, ownKey{onion.RestoreSecretKey(k.Seed), k.Made})
	}
}

package routing

import (
	"math/rand/v2"
	"time"

	"nightjar/routing/wire"
)

// Config holds the parameters of a Machine; the zero value of every number means its default.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand
}

// Machine is the key-routing state machine of one node.
type Machine struct{ cfg Config }

// New returns a machine without peers.
func New(cfg Config) *Machine { return &Machine{cfg: cfg} }

// Step takes in one event and returns what must be done, in order.
func (m *Machine) Step(now time.Time, ev Event) []Effect { return nil }

// NextDeadline is when the machine wants a Tick; ok is false if it waits for nothing.
func (m *Machine) NextDeadline() (t time.Time, ok bool) { return time.Time{}, false }

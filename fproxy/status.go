package fproxy

import (
	"time"

	"nightjar/internal/node"
)

// statusTime is how old what the proxy knows of the node may be.
const statusTime = time.Second

// status asks the node how it is, at most once in statusTime: every file that is served needs it, and the node's one loop answers.
type status struct {
	node Node
	last chan lastStatus // holds it, unless somebody looks
}

type lastStatus struct {
	node.Status
	at time.Time // zero = none yet
}

func newStatus(n Node) *status {
	s := &status{n, make(chan lastStatus, 1)}
	s.last <- lastStatus{}
	return s
}

// get returns the node's status. Those that ask while somebody does wait for the same answer.
func (s *status) get() node.Status {
	last := <-s.last
	defer func() { s.last <- last }()
	if now := time.Now(); last.at.IsZero() || now.Sub(last.at) >= statusTime {
		last = lastStatus{s.node.Status(), now}
	}
	return last.Status
}

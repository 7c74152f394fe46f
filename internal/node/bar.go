package node

import (
	"time"

	"nightjar/routing/wire"
)

// barTime is how long a node that lied is kept out.
const barTime = time.Hour

// maxBarred bounds the memory of who is barred; past it some go.
const maxBarred = 4096

// bar disconnects a node that lied and keeps it out for barTime.
func (l *loop) bar(id wire.NodeID) {
	if l.isBarred(id) {
		return
	}
	l.pardon()
	l.barred[id] = time.Now().Add(barTime)
	l.n.cfg.Log.Warn("a peer broke the protocol and was disconnected")
	for _, p := range l.links.byNode[id] {
		l.n.hangUp(p)
	}
}

// pardon forgets those whose time is over, and some others if there are too many.
func (l *loop) pardon() {
	now := time.Now()
	for id, until := range l.barred {
		if now.After(until) || len(l.barred) >= maxBarred {
			delete(l.barred, id)
		}
	}
}

func (l *loop) isBarred(id wire.NodeID) bool {
	until, ok := l.barred[id]
	return ok && time.Now().Before(until)
}

package node

import (
	"errors"
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/repair"
	"nightjar/store"
)

// copyWorkers is how many copies are read, looked for or kept at once: as many as are asked for at once, so that they share a sync.
const copyWorkers = 8

// workshop does what the repair of sinks needs of the store. Who counts and hashes has one worker: it may take seconds, and copies
// need not wait for it.
type workshop struct {
	scans  *pool[repair.Job]
	copies *pool[repair.Job]
}

func newWorkshop(n *Node) workshop {
	return workshop{scans: newPool(1, n.mend), copies: newPool(copyWorkers, n.mend)}
}

// wait returns when all is done.
func (w workshop) wait() {
	w.scans.wait()
	w.copies.wait()
}

// shelf is the store as long as the node runs: a scan ends with it. What a neighbour copies here falls into its share.
type shelf struct {
	store.Store
	over <-chan struct{}
	link uint64
}

func (s shelf) Put(b keys.Block, class store.Class, at keys.Location) error {
	return s.PutFrom(b, class, at, s.link)
}

func (s shelf) Arc(from, last keys.Location, after keys.ID, limit int) ([]store.Entry, error) {
	select {
	case <-s.over:
		return nil, store.ErrClosed
	default:
		return s.Store.Arc(from, last, after, limit)
	}
}

// mend carries a job out.
func (n *Node) mend(j repair.Job) {
	s := shelf{Store: n.cfg.Store, over: n.life.Done()}
	if k, ok := j.(repair.Keep); ok {
		s.link = n.shares.of(routing.Asker{Peer: k.From})
	}
	ev, err := repair.Do(s, j)
	if err != nil && !errors.Is(err, store.ErrClosed) {
		n.complain("store: what this node keeps could not be compared with its neighbours'", err)
	}
	n.inbox.push(ev)
	if k, ok := j.(repair.Keep); ok && ev == (repair.Kept{Ref: k.Ref, Result: repair.Stored}) {
		n.inbox.push(routing.Appeared{Block: k.Block}) // some peer may wait for it
	}
}

// mend steps the machine that repairs sinks.
func (l *loop) mend(now time.Time, ev repair.Event) {
	for _, e := range l.repair.Step(now, ev) {
		switch e := e.(type) {
		case repair.Send:
			if p := l.peers[e.To]; p != nil {
				l.post(p, e.Msg)
			}
		case repair.Misbehaved:
			l.bar(e.Peer)
		case repair.Sum, repair.Answer:
			l.hire(l.n.workshop.scans, e.(repair.Job))
		case repair.Job:
			l.hire(l.n.workshop.copies, e)
		}
	}
}

func (l *loop) hire(p *pool[repair.Job], j repair.Job) {
	if !p.submit(j) {
		l.n.inbox.push(repair.Refused(j))
	}
}

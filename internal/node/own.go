package node

import (
	"slices"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

const (
	// describeEvery is how often the node's descriptor is signed anew if nothing else causes that: others forget a node of
	// which they hear nothing new.
	describeEvery = 12 * time.Hour
	// grain is that of a descriptor's time.
	grain = uint64(time.Hour / time.Second)
)

// own is what the node says of itself.
type own struct {
	hash [32]byte // of the onion key with which it takes part in circuits
	next time.Time
	last *wire.Descriptor // what it said last, if only before a restart; nil = nothing that is known
	kept chan struct{}    // closed when last is on the disk; nil = none was begun
}

// saidBefore reads what the node said of itself before a restart. What another could not have taken from it by now is of no use: a
// clock may have been wrong.
func (n *Node) saidBefore(now time.Time) *wire.Descriptor {
	d, rest, err := wire.ParseDescriptor(n.cfg.Described)
	if err != nil || len(rest) > 0 || d.ID != n.self || d.Issued > hour(now)+grain {
		return nil
	}
	return &d
}

// describe signs a new descriptor, and passes it on. Its time is rounded to the hour, which does not tell when the node was
// started; of two in one hour the second is dated later, or others would keep the first. So it is after a restart in which the node
// has lost its onion key: else circuits would be built to a key that it does not have, for half a day.
func (l *loop) describe(now time.Time) {
	issued, last := hour(now), l.own.last
	if l.n.desc.Load() != nil && last.Onion == l.own.hash && now.Before(l.own.next) {
		return
	}
	switch {
	case last == nil || issued > last.Issued:
	case l.n.desc.Load() == nil && last.Onion == l.own.hash && slices.Equal(last.Addrs, l.n.addrs):
		issued = last.Issued // a restart that has changed nothing
	default:
		issued = last.Issued + grain
	}
	d, err := wire.NewDescriptor(l.n.cfg.Identity, issued, l.own.hash, l.n.addrs)
	if err != nil {
		l.n.cfg.Log.Error("the node cannot describe itself", "err", err) // its addresses were checked before
		return
	}
	l.n.desc.Store(&d)
	l.own.last, l.own.next = &d, now.Add(describeEvery)
	l.keepDescription(d.Append(nil))
	l.n.inbox.push(relays.Own{Desc: d})
}

// keepDescription writes what the node says of itself to the disk, one after the other.
func (l *loop) keepDescription(b []byte) {
	if l.n.cfg.SaveDescribed == nil {
		return
	}
	before, kept := l.own.kept, make(chan struct{})
	l.own.kept = kept
	started := l.n.spawn(func() { // ends when the disk has it
		defer close(kept)
		if before != nil {
			<-before
		}
		if err := l.n.cfg.SaveDescribed(b); err != nil {
			l.n.cfg.Log.Warn("what this node says of itself could not be saved", "err", err)
		}
	})
	if !started {
		close(kept)
	}
}

package node

import (
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
}

// describe signs a new descriptor, and passes it on. Its time is rounded to the hour, which does not tell when the node was
// started; of two in one hour the second is dated later, or others would keep the first.
func (l *loop) describe(now time.Time) {
	issued := hour(now)
	last := l.n.desc.Load()
	if last != nil && last.Onion == l.own.hash && now.Before(l.own.next) {
		return
	}
	if last != nil && issued <= last.Issued {
		issued = last.Issued + grain
	}
	d, err := wire.NewDescriptor(l.n.cfg.Identity, issued, l.own.hash, l.n.addrs)
	if err != nil {
		l.n.cfg.Log.Error("the node cannot describe itself", "err", err) // its addresses were checked before
		return
	}
	l.n.desc.Store(&d)
	l.own.next = now.Add(describeEvery)
	l.n.inbox.push(relays.Own{Desc: d})
}

package routing

import (
	"bytes"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// key is what makes two requests the same.
type key struct {
	id       keys.ID
	rotation uint8
	put      bool
}

// phase says what a request waits for.
//
//	Get:  looking -> routing -> ended        Put:  routing -> ended
//	         |          |  ^                          |  ^
//	         v          v  |                          v  |
//	       ended      resting                       resting
//	  routing -> asking -> ended               routing -> keeping -> ended
//
// Only requests with a local asker rest; asking and keeping happen at a local minimum.
type phase uint8

const (
	looking phase = iota // the own store
	routing              // a peer closer to the target, or room on its link
	asking               // Get at a local minimum: a member of the sink set
	keeping              // Put at a local minimum: the own store and the sink set
	resting              // the end of a pause after overload
	ended
)

// request is one block that is looked for or inserted on behalf of one or more askers.
type request struct {
	key      key
	block    keys.Block // what a Put carries
	target   keys.Location
	class    wire.Class
	phase    phase
	htl      uint8 // with which it is forwarded
	seen     uint8 // the largest HTL with which a peer has asked
	launched bool  // it entered key routing here: the local user, or somebody at a circuit's far end, is or was among the askers
	own      bool  // came with HTL 0: concerns the own store only
	waiters  []waiter
	route    route
	store    storeWait
	attempts [sinkCopies + sinkSpares]attempt // routing and asking use one, and another when that is late
	alarm
}

// waiter is one asker; if from is nil, the local user, or somebody whose circuit ends here.
type waiter struct {
	from    *link
	req     wire.Req
	token   Token
	foreign bool
	expires time.Duration
}

// route is how far the search among the peers has come: they are tried in the order of rank, each once.
type route struct {
	last    rank        // of the last peer tried
	begun   bool        // last is set
	drawn   [2]*link    // the peers that were asked first, out of order
	tries   int         // peers that could not serve it; while asking, peers asked; while keeping, late ones replaced
	refused bool        // some peer had no room
	reason  wire.Reason // the best answer so far; 0 = none, not even that there is none
	pauses  int
	rested  time.Duration // when a pause ends
}

// storeWait is what a request waits for from the own store, and what it has so far.
type storeWait struct {
	ref    Ref // 0 = nothing
	kept   bool
	copies uint8
}

// alarm is a request's place among the timers and on the list of those to be routed on.
type alarm struct {
	wake   time.Duration
	slot   int // index in timers plus one; 0 = not there
	listed bool
}

// Where an attempt stands.
const (
	idle = iota
	queued
	sent
)

// attempt is a request at one peer.
type attempt struct {
	r       *request
	link    *link
	class   wire.Class
	htl     uint8
	kind    kind
	state   uint8
	late    bool // it should have been answered
	req     wire.Req
	sent    time.Duration
	soon    time.Duration // when to look whether it is late
	expires time.Duration

	flow          *flow // the queue it stands in
	before, after *attempt
}

// foreign reports whether the first asker is at the far end of a circuit.
func (r *request) foreign() bool { return r.waiters[0].foreign }

// asker is in whose name r keeps a block. What comes through circuits is of one asker, whatever link it comes by: who floods through
// circuits chooses the middle.
func (r *request) asker() Asker {
	if l := r.waiters[0].from; l != nil {
		return Asker{Peer: l.id}
	}
	return Asker{Foreign: r.foreign()}
}

func (r *request) slow() bool { return r.key.put || r.class == wire.Bulk }

// predecessor is in whose name r waits in queues.
func (r *request) predecessor() *link { return r.waiters[0].from }

func (m *Machine) newRequest(k key, class wire.Class, htl uint8) *request {
	r := &request{key: k, class: class, htl: htl, target: k.id.Location(k.rotation)}
	for i := range r.attempts {
		r.attempts[i].r = r
	}
	return r
}

// joinable returns the live request to which an asker for the same block with so many hops to live may be added: it
// must go as far as the asker's own would, or an asker with few could make others fail.
func (m *Machine) joinable(k key, htl uint8, b keys.Block) (r *request, index bool) {
	r = m.active[k]
	switch {
	case r == nil:
		return nil, true
	case k.put && !bytes.Equal(b.Data(), r.block.Data()): // another version of a record
		return nil, false
	case r.htl < min(htl, enoughHTL):
		return nil, true
	}
	return r, false
}

// join adds an asker to a request; false means that there is no room.
func (m *Machine) join(r *request, w waiter, class wire.Class) bool {
	if w.from != nil && (r.phase == resting || len(r.waiters) >= maxWaiters) {
		return false
	}
	m.attach(r, w)
	if class < r.class {
		m.hurry(r, class)
	}
	return true
}

// attach adds an asker.
func (m *Machine) attach(r *request, w waiter) {
	r.waiters = append(r.waiters, w)
	m.timers.set(r, w.expires)
	if w.from == nil {
		r.launched = true
		m.local[w.token] = r
		if w.foreign {
			m.foreign++
		}
		return
	}
	w.from.asked[w.req] = r
	if r.key.put {
		w.from.puts++
		m.puts++
	}
}

// hurry moves a request to a better class, since somebody waits for a page now.
func (m *Machine) hurry(r *request, class wire.Class) {
	r.class = class
	for i := range r.attempts {
		a := &r.attempts[i]
		if a.state != queued {
			continue
		}
		a.link.flights[a.class].queue.remove(a)
		a.state = idle
		if !m.offer(a, a.link) {
			m.rejected(a)
		}
	}
}

// detach forgets that w waits.
func (m *Machine) detach(r *request, w waiter) {
	if w.from == nil {
		delete(m.local, w.token)
		if w.foreign {
			m.foreign--
		}
		return
	}
	delete(w.from.asked, w.req)
	if r.key.put {
		w.from.puts--
		m.puts--
	}
}

// forget drops the request that a peer has taken back, or whose link has ended.
func (m *Machine) forget(r *request, from *link, req wire.Req) {
	m.leave(r, func(w waiter) bool { return w.from == from && w.req == req })
}

func (m *Machine) forgetLocal(r *request, token Token) {
	m.leave(r, func(w waiter) bool { return w.from == nil && w.token == token })
}

// leave drops the askers that gone picks; a request that nobody waits for ends.
func (m *Machine) leave(r *request, gone func(waiter) bool) {
	stay := r.waiters[:0]
	for _, w := range r.waiters {
		if gone(w) {
			m.detach(r, w)
		} else {
			stay = append(stay, w)
		}
	}
	clear(r.waiters[len(stay):])
	r.waiters = stay
	if len(stay) == 0 {
		m.end(r)
	}
}

// succeed gives all askers what they wait for: the block, or how many copies were stored.
func (m *Machine) succeed(r *request, block keys.Block, copies uint8) {
	for _, w := range r.waiters {
		m.detach(r, w)
		switch {
		case w.from == nil:
			m.effects = append(m.effects, Done{Token: w.token, Block: block, Copies: copies})
		case r.key.put:
			m.effects = append(m.effects, Send{To: w.from.id, Msg: wire.Stored{Req: w.req, Copies: copies}})
		default:
			m.effects = append(m.effects, Send{To: w.from.id, Msg: wire.Data{Req: w.req, Block: block}})
		}
	}
	m.end(r)
}

// fail tells all askers that r has come to nothing, except that local askers wait out an overload.
func (m *Machine) fail(r *request, reason wire.Reason) {
	m.leave(r, func(w waiter) bool {
		if w.from == nil && reason == wire.Overload {
			return false
		}
		m.refuse(w, reason)
		return true
	})
	if r.phase != ended {
		m.rest(r)
	}
}

func (m *Machine) refuse(w waiter, reason wire.Reason) {
	if w.from == nil {
		m.effects = append(m.effects, Done{Token: w.token, Reason: reason})
	} else {
		m.effects = append(m.effects, Send{To: w.from.id, Msg: wire.Fail{Req: w.req, Reason: reason}})
	}
}

// rest lets a local request wait before it begins again.
func (m *Machine) rest(r *request) {
	pause := min(firstPause<<min(r.route.pauses, 8), maxPause)
	pause = pause/2 + time.Duration(m.rng.Int64N(int64(pause)))
	r.phase = resting
	r.route = route{pauses: r.route.pauses + 1, rested: m.now + pause}
	m.timers.set(r, r.route.rested)
}

// end forgets a request that nobody waits for.
func (m *Machine) end(r *request) {
	r.phase, r.listed, r.waiters = ended, false, nil
	m.timers.remove(r)
	if m.active[r.key] == r {
		delete(m.active, r.key)
	}
	if r.store.ref != 0 {
		delete(m.refs, r.store.ref)
	}
	for i := range r.attempts {
		m.abandon(&r.attempts[i])
	}
}

// expire takes in that something about r is due.
func (m *Machine) expire(r *request) {
	reason := wire.Failed
	if r.phase == resting || r.attempts[0].state == queued {
		reason = wire.Overload
	}
	m.leave(r, func(w waiter) bool {
		if w.expires > m.now {
			return false
		}
		m.refuse(w, reason)
		return true
	})
	for i := range r.attempts {
		if a := &r.attempts[i]; a.state == sent && a.expires <= m.now {
			m.timedOut(a)
			m.abandon(a)
			m.unheard(a)
		} else if a.state == sent && a.soon <= m.now {
			m.overdue(a)
		}
	}
	if r.phase == resting && r.route.rested <= m.now {
		m.list(r)
	}
	m.arm(r)
}

// arm sets the timer to what is due next.
func (m *Machine) arm(r *request) {
	if r.phase == ended {
		return
	}
	next := r.waiters[0].expires
	for _, w := range r.waiters[1:] {
		next = min(next, w.expires)
	}
	for i := range r.attempts {
		if a := &r.attempts[i]; a.state == sent {
			next = min(next, a.soon, a.expires)
		}
	}
	if r.phase == resting && !r.listed {
		next = min(next, r.route.rested)
	}
	m.timers.set(r, next)
}

// list has r routed on before Step ends.
func (m *Machine) list(r *request) {
	if r.phase != ended && !r.listed {
		r.listed = true
		m.todo = append(m.todo, r)
	}
}

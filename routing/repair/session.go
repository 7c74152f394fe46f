package repair

import (
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// session is one comparison with one peer: spans are asked about, divided, and at last listed; what is listed and lacking is copied.
//
//	begin ─Sum─> stack ─Compare─> Parts ─Sum─> stack …      equal: nothing
//	                          └──> Held ─Check─> wants ─Want─> Copy ─Keep─> stack …
//
// What is to do lies on a stack, so that it is small whatever is compared:
//
//	len(stack) <= maxDepth * (MaxParts-1) + 2;  len(wants) <= MaxItems;  len(flights) <= window
type session struct {
	p     *peer
	ends  time.Time // of its turn
	pause time.Time // nothing is asked before
	again bool      // more has come to be shared since it began
	stack []task

	asked   task      // with req: the Compare that is not answered
	req     wire.Req  // 0 = none
	expires time.Time // of the answer
	job     bool      // the store works on a Sum or Check
	spans   []wire.Span
	parts   []wire.Part // that the peer has told, while the own marks are being made

	wants   []wire.Item
	flights []*flight
	tally
}

// task is a span whose marks differ, or may.
type task struct {
	span  wire.Span
	mark  wire.Mark // the own one
	depth int
}

// flight is a block that was asked for, or is being kept.
type flight struct {
	item    wire.Item
	req     wire.Req
	expires time.Time
	keeping bool
}

// tally is what a session has come to.
type tally struct {
	differs   bool // some marks did
	cut       bool // the peer has left positions out
	copied    int
	fruitless int // answers in a row with nothing to copy
	silent    int // answers in a row that did not come
	broken    int // blocks that were listed and not handed out
	full      int // blocks in a row for which there is no room
}

// verdict is why a session ends.
type verdict uint8

const (
	complete verdict = iota // nothing is left to compare
	turned                  // its turn is over
	vain                    // much differs and nothing is to be copied: the peer lacks it
	failed                  // the peer does not answer, or does not keep its word
	noRoom                  // the store takes no more
	broke                   // the store cannot be read
)

// due is when a comparison with a peer may begin; zero = never.
func (m *Machine) due(p *peer) time.Time {
	t := p.next
	if t.IsZero() || !p.up {
		return time.Time{}
	}
	for _, other := range [2]time.Time{p.barred, m.rest} {
		if other.After(t) {
			t = other
		}
	}
	return t
}

// advance goes on with the comparison under way, or begins the one that is due for the longest.
func (m *Machine) advance() {
	for range 2 * maxPeers {
		if m.session == nil && !m.start() {
			return
		}
		if s := m.session; !m.push(s) {
			return
		}
	}
}

func (m *Machine) start() bool {
	var first *peer
	var when time.Time
	for _, p := range m.ring {
		if t := m.due(p); !t.IsZero() && !t.After(m.now) && (first == nil || t.Before(when)) {
			first, when = p, t
		}
	}
	if first == nil {
		return false
	}
	s := &session{p: first, ends: m.now.Add(slice), spans: first.spans, job: true}
	m.session = s
	m.emit(Sum{Ref: m.begun(pending{session: s}), Spans: s.spans})
	return true
}

// push does the next thing for a session; false means that it waits for something.
func (m *Machine) push(s *session) bool {
	m.expire(s)
	switch {
	case m.session != s:
		return true
	case s.job || s.req != 0:
		return false
	case len(s.flights) == 0 && !m.now.Before(s.ends):
		m.end(turned)
		return true
	case len(s.wants) > 0 || len(s.flights) > 0:
		m.ask(s)
		return false
	case len(s.stack) == 0:
		m.end(complete)
		return true
	case s.pause.After(m.now):
		return false
	case !m.in.take(m.now, listCost):
		s.pause = m.in.when(m.now, listCost)
		return false
	}
	s.asked = s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
	s.req, s.expires = m.question(s.p), m.now.Add(answerTime)
	m.emit(Send{s.p.id, wire.Compare{Req: s.req, Span: s.asked.span, Mark: s.asked.mark}})
	return false
}

// question draws the number of a question to a peer; 0 is none.
func (m *Machine) question(p *peer) wire.Req {
	p.owes++
	if m.req++; m.req == 0 {
		m.req++
	}
	return m.req
}

// ask asks for blocks that are lacking, as many as the rate and the window allow.
func (m *Machine) ask(s *session) {
	for len(s.wants) > 0 && len(s.flights) < window && !s.pause.After(m.now) && m.now.Before(s.ends) {
		if !m.in.take(m.now, keys.DataSize) {
			s.pause = m.in.when(m.now, keys.DataSize)
			return
		}
		f := &flight{item: s.wants[0], req: m.question(s.p), expires: m.now.Add(answerTime)}
		s.wants = s.wants[1:]
		s.flights = append(s.flights, f)
		m.emit(Send{s.p.id, wire.Want{Req: f.req, Rotation: f.item.Rotation, ID: f.item.ID}})
	}
}

// expire ends what was waited for in vain, and the session if that was too much.
func (m *Machine) expire(s *session) {
	if s.req != 0 && !m.now.Before(s.expires) {
		s.req = 0
		s.silent++
		s.stack = append(s.stack, s.asked)
	}
	for i := 0; i < len(s.flights); {
		if f := s.flights[i]; !f.keeping && !m.now.Before(f.expires) {
			s.drop(f)
			s.silent++
			s.broken++
			continue
		}
		i++
	}
	m.judge(s)
}

// judge ends a session with a peer that does not keep its word, or a store that has no room.
func (m *Machine) judge(s *session) {
	switch {
	case m.session != s:
	case s.silent >= maxSilent, s.broken > maxBroken+s.copied/8:
		m.end(failed)
	case s.fruitless > maxFruitless:
		m.end(vain)
	case s.full >= maxFull:
		m.end(noRoom)
	}
}

// drop takes a flight off the list.
func (s *session) drop(f *flight) {
	for i := range s.flights {
		if s.flights[i] == f {
			s.flights = append(s.flights[:i], s.flights[i+1:]...)
			return
		}
	}
}

// deadline is when the session must be looked at again if nothing happens.
func (s *session) deadline(m *Machine) (first time.Time) {
	at := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	if s.req != 0 {
		at(s.expires)
	}
	for _, f := range s.flights {
		if !f.keeping {
			at(f.expires)
		}
	}
	waits := s.job || s.req != 0 || len(s.flights) >= window || len(s.flights) > 0 && len(s.wants) == 0
	if !waits && s.pause.After(m.now) {
		at(s.pause)
	}
	if !waits && len(s.flights) == 0 && s.ends.After(m.now) {
		at(s.ends)
	}
	return first
}

// end ends the comparison under way and says when the next one with the peer is due.
func (m *Machine) end(v verdict) {
	s := m.session
	m.session = nil
	p := s.p
	if v == turned && s.copied == 0 { // a neighbour that is busy for so long is one to leave alone
		v = failed
	}
	p.next = m.now.Add(every*3/4 + m.around(every/2))
	if v != failed {
		p.fails = 0
	}
	switch v {
	case complete, vain:
		m.counts.Compared++
		m.finished(s)
	case turned:
		p.next = m.now.Add(again)
	case failed:
		pause := min(failPause<<min(p.fails, 10), failMost)
		p.fails++
		p.barred = m.now.Add(pause + m.around(pause/4))
		p.next = p.barred
	case noRoom:
		m.rest = m.now.Add(fullPause)
	case broke:
		p.next = m.now.Add(failPause)
	}
	if soon := m.now.Add(settle + m.around(settle)); s.again && v != failed && soon.Before(p.next) {
		p.next = soon
	}
}

// finished decides when to compare again after all was compared.
func (m *Machine) finished(s *session) {
	p := s.p
	switch {
	case s.cut && p.partly < maxPartly:
		p.partly++
		p.next = m.now.Add(partly + m.around(partly/2))
		return
	case !s.cut:
		p.partly = 0
	}
	if !s.differs || s.copied > 0 {
		p.idle = 0
		return
	}
	p.idle = min(p.idle+1, maxIdle)
	pause := every << p.idle
	p.next = m.now.Add(pause*3/4 + m.around(pause/2))
}

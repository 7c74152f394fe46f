package repair

import (
	"math/rand/v2"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// asking is the session that waits for this very answer of the peer; nil if the answer is one to nothing.
func (m *Machine) asking(p *peer, req wire.Req) *session {
	if s := m.session; s != nil && s.p == p && s.req == req && req != 0 {
		s.req, s.silent = 0, 0
		return s
	}
	m.unasked(p)
	return nil
}

// flying is the flight of the session under way that waits for this very answer of the peer.
func (m *Machine) flying(p *peer, req wire.Req) *flight {
	if s := m.session; s != nil && s.p == p {
		for _, f := range s.flights {
			if f.req == req && !f.keeping {
				return f
			}
		}
	}
	return nil
}

// lied ends a session with a peer that has sent what no honest node sends.
func (m *Machine) lied(p *peer) {
	m.emit(Misbehaved{p.id})
	m.end(failed)
}

// within reports whether a peer's answer keeps to the span that it was asked about, and notes if it falls short.
func (s *session) within(span wire.Span) bool {
	if !contains(s.asked.span, span) {
		return false
	}
	s.cut = s.cut || span != s.asked.span
	return true
}

// receiveParts takes in that a span differs, or that it does not.
func (m *Machine) receiveParts(p *peer, msg wire.Parts) {
	s := m.asking(p, msg.Req)
	if s == nil {
		return
	}
	if !s.within(msg.Span) || len(msg.Parts) == 0 && msg.Span != s.asked.span {
		m.lied(p)
		return
	}
	if len(msg.Parts) == 0 {
		return
	}
	s.differs = true
	if s.fruitless++; s.asked.depth >= maxDepth {
		m.end(failed)
		return
	}
	s.parts, s.spans = msg.Parts, make([]wire.Span, len(msg.Parts))
	from := msg.Span.From
	for i, part := range msg.Parts {
		s.spans[i] = wire.Span{From: from, Last: part.Last}
		from = part.Last + 1
	}
	s.job = true
	m.emit(Sum{Ref: m.begun(pending{session: s}), Spans: s.spans})
}

// receiveHeld takes in a list of all that a peer holds in a span.
func (m *Machine) receiveHeld(p *peer, msg wire.Held) {
	s := m.asking(p, msg.Req)
	if s == nil {
		return
	}
	if !s.within(msg.Span) || !ascending(msg.Span, msg.Items) {
		m.lied(p)
		return
	}
	s.differs = true
	s.fruitless++
	if len(msg.Items) == 0 {
		return
	}
	s.job = true
	m.emit(Check{Ref: m.begun(pending{session: s}), Items: msg.Items})
}

// looked goes on when the store has been looked at for the session.
func (m *Machine) looked(ev Event) {
	s := m.session
	s.job = false
	switch ev := ev.(type) {
	case Summed:
		if len(ev.Marks) != len(s.spans) {
			m.end(broke)
			return
		}
		m.summed(s, ev.Marks)
	case Checked:
		s.wants = ev.Lacks
		// Which of its neighbours a node asks for what, and when, is then not the same for all who compare at the same time.
		m.rng.Shuffle(len(s.wants), func(i, j int) { s.wants[i], s.wants[j] = s.wants[j], s.wants[i] })
	default:
		m.end(broke)
	}
}

// summed puts what differs on the stack, in random order: what one turn does not come to, another will.
func (m *Machine) summed(s *session, marks []wire.Mark) {
	depth := 0
	if s.parts != nil {
		depth = s.asked.depth + 1
	}
	for i, span := range s.spans {
		if s.parts != nil && (s.parts[i].Mark == marks[i] || span == s.asked.span) { // the same again would be for ever
			continue
		}
		s.stack = append(s.stack, task{span, marks[i], depth})
	}
	shuffleTop(m.rng, s.stack, len(s.spans))
	s.parts, s.spans = nil, nil
}

// shuffleTop shuffles at most the last n tasks, which are of one depth.
func shuffleTop(rng *rand.Rand, stack []task, n int) {
	depth := -1
	if len(stack) > 0 {
		depth = stack[len(stack)-1].depth
	}
	top := len(stack)
	for ; top > 0 && n > 0 && stack[top-1].depth == depth; n-- {
		top--
	}
	all := stack[top:]
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// receiveCopy takes in a block. It was verified when it was read.
func (m *Machine) receiveCopy(p *peer, msg wire.Copy) {
	f := m.flying(p, msg.Req)
	if f == nil {
		m.unasked(p)
		return
	}
	s := m.session
	if msg.Block.ID() != f.item.ID {
		m.lied(p)
		return
	}
	s.silent = 0
	if f.item.ID.Kind == keys.KindRecord && keys.RecordVersion(msg.Block) < f.item.Version {
		s.broken++ // it may still be newer than what is held, which the store finds out
	}
	f.keeping = true
	m.emit(Keep{Ref: m.begun(pending{session: s, flight: f}), Block: msg.Block, At: f.item.ID.Location(f.item.Rotation), From: p.id})
}

// kept goes on when a block is on disk, or is not.
func (m *Machine) kept(f *flight, ev Event) {
	s := m.session
	s.drop(f)
	k, ok := ev.(Kept)
	switch {
	case !ok:
		m.end(broke)
		return
	case k.Result == Full:
		s.full++
	case k.Result == Stored:
		m.counts.Copied++
		s.copied++
		s.full, s.fruitless = 0, 0
	}
	m.judge(s)
}

// receiveRefuse takes in that a peer shares nothing, holds a block no more, or has no time.
func (m *Machine) receiveRefuse(p *peer, msg wire.Refuse) {
	if f := m.flying(p, msg.Req); f != nil {
		s := m.session
		s.drop(f)
		s.silent = 0
		if msg.Reason == wire.NotFound {
			s.broken++
			m.judge(s)
			return
		}
		m.in.give(keys.DataSize)
		s.wants = append(s.wants, f.item)
		m.yield(s)
		return
	}
	s := m.asking(p, msg.Req)
	if s == nil {
		return
	}
	if msg.Reason == wire.NotFound {
		s.cut = true
		return
	}
	s.stack = append(s.stack, s.asked)
	m.yield(s)
}

// yield lets a peer rest that has no time. When its turn is over others have theirs.
func (m *Machine) yield(s *session) {
	if !m.now.Before(s.ends) {
		m.end(turned)
		return
	}
	s.pause = m.now.Add(busyPause/2 + m.around(busyPause))
}

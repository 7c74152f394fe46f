package circuit

// schedule decides whose cell goes out next on a link: first which source's turn it is (the link that the cells came
// from, or this node), then which circuit's. Deficit round robin over cells of one size is round robin, and so it is
// written: nobody, however many circuits he has and however full they are, has more than one cell in a round over all
// sources.
//
//	e.ready <=> e stands in e.flow;  f.listed <=> f stands in the schedule <=> f.head != nil
type schedule struct {
	flows       map[*link]*flow // all sources of circuits that go out here
	first, last *flow           // those with something to send, in their order
}

// flow is one source of cells on one link.
type flow struct {
	src        *link // nil = this node
	ends       int   // circuits
	head, tail *end  // those with something to send, in their order
	next       *flow
	listed     bool
}

// enter counts a circuit of a source.
func (s *schedule) enter(src *link) *flow {
	f := s.flows[src]
	if f == nil {
		f = &flow{src: src}
		s.flows[src] = f
	}
	f.ends++
	return f
}

// leave forgets a circuit of a source; it does not stand in f any more.
func (s *schedule) leave(f *flow) {
	if f.ends--; f.ends == 0 {
		delete(s.flows, f.src)
	}
}

// push puts e at the end of its source's circuits.
func (s *schedule) push(e *end) {
	f := e.flow
	e.ready = true
	e.before, e.after = f.tail, nil
	if f.tail == nil {
		f.head = e
	} else {
		f.tail.after = e
	}
	f.tail = e
	if !f.listed {
		s.list(f)
	}
}

func (s *schedule) list(f *flow) {
	f.listed, f.next = true, nil
	if s.last == nil {
		s.first = f
	} else {
		s.last.next = f
	}
	s.last = f
}

// pop takes out the circuit whose turn it is, or nil.
func (s *schedule) pop() *end {
	f := s.first
	if f == nil {
		return nil
	}
	if s.first = f.next; s.first == nil {
		s.last = nil
	}
	f.listed, f.next = false, nil
	e := f.head
	f.unlink(e)
	if f.head != nil {
		s.list(f)
	}
	return e
}

// remove takes out e, which is ready.
func (s *schedule) remove(e *end) {
	f := e.flow
	f.unlink(e)
	if f.head != nil {
		return
	}
	var before *flow
	for g := s.first; g != f; g = g.next {
		before = g
	}
	if before == nil {
		s.first = f.next
	} else {
		before.next = f.next
	}
	if s.last == f {
		s.last = before
	}
	f.listed, f.next = false, nil
}

func (f *flow) unlink(e *end) {
	if e.before == nil {
		f.head = e.after
	} else {
		e.before.after = e.after
	}
	if e.after == nil {
		f.tail = e.before
	} else {
		e.after.before = e.before
	}
	e.before, e.after, e.ready = nil, nil, false
}

package repair

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// Shelf is what a Job needs of a store.Store.
type Shelf interface {
	Get(id keys.ID) (keys.Block, error)
	Put(b keys.Block, class store.Class, at keys.Location) error
	Arc(from, last keys.Location, after keys.ID, limit int) ([]store.Entry, error)
}

// page is how many entries are taken from the store at a time: it serves others in between.
const page = 1024

// markLabel begins what a mark is the hash of: SPEC §3.
const markLabel = "nightjar repair mark v1"

// Do carries a job out and returns the event that answers it; the error, if any, is for the shell to log. It may take as long as reading
// the node's whole part of the store does, and is safe to call from many goroutines.
func Do(s Shelf, j Job) (Event, error) {
	var ev Event
	var err error
	switch j := j.(type) {
	case Sum:
		ev, err = sum(s, j)
	case Answer:
		ev, err = answer(s, j)
	case Check:
		ev, err = check(s, j)
	case Load:
		ev, err = load(s, j)
	case Keep:
		ev, err = keep(s, j)
	}
	if err != nil {
		return Failed{j.job()}, err
	}
	return ev, nil
}

// held is an entry of a span with the version that a record has.
type held struct {
	store.Entry
	version uint64
}

// walk visits what the store holds in a span, in order, and returns how much that was. A record that cannot be read is left out.
func walk(s Shelf, span wire.Span, visit func(held)) (cost int, err error) {
	from, after := span.From, keys.ID{}
	for {
		entries, err := s.Arc(from, span.Last, after, page)
		if err != nil {
			return cost, err
		}
		for _, e := range entries {
			cost++
			h := held{Entry: e}
			if e.ID.Kind == keys.KindRecord {
				cost += recordCost
				b, err := s.Get(e.ID)
				switch {
				case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrCorrupt):
					continue
				case err != nil:
					return cost, err
				}
				h.version = keys.RecordVersion(b)
			}
			visit(h)
		}
		if len(entries) < page {
			return cost, nil
		}
		from, after = entries[page-1].At, entries[page-1].ID
	}
}

// marker makes a mark.
type marker struct{ b []byte }

// add takes the next block in.
func (m *marker) add(h held) []byte {
	b := binary.BigEndian.AppendUint64(m.b[:0], uint64(h.At))
	b = h.ID.Append(b)
	m.b = binary.BigEndian.AppendUint64(b, h.version)
	return m.b
}

func sum(s Shelf, j Sum) (Event, error) {
	out := Summed{Ref: j.Ref, Marks: make([]wire.Mark, len(j.Spans))}
	for i, span := range j.Spans {
		h := sha256.New()
		h.Write([]byte(markLabel))
		var m marker
		if _, err := walk(s, span, func(b held) { h.Write(m.add(b)) }); err != nil {
			return nil, err
		}
		h.Sum(out.Marks[i][:0])
	}
	return out, nil
}

// answer compares what is held in a span with a peer's mark. If they differ it lists few blocks, and divides many into parts of
// equal number.
func answer(s Shelf, j Answer) (Event, error) {
	h := sha256.New()
	h.Write([]byte(markLabel))
	var m marker
	var first []held // all, if they are few
	n := 0
	cost, err := walk(s, j.Span, func(b held) {
		h.Write(m.add(b))
		if n++; n <= wire.MaxItems {
			first = append(first, b)
		}
	})
	if err != nil {
		return nil, err
	}
	equal := !j.Clipped && wire.Mark(h.Sum(nil)) == j.Mark
	switch {
	case equal:
		return Answered{j.Ref, wire.Parts{Req: j.Req, Span: j.Span}, cost}, nil
	case n <= wire.MaxItems:
		return Answered{j.Ref, wire.Held{Req: j.Req, Span: j.Span, Items: items(first)}, cost}, nil
	}
	parts, more, err := divide(s, j.Span, (n+wire.MaxParts-1)/wire.MaxParts)
	if err != nil {
		return nil, err
	}
	return Answered{j.Ref, wire.Parts{Req: j.Req, Span: j.Span, Parts: parts}, cost + more}, nil
}

// divide cuts a span into parts of n blocks. Blocks of one position stay together.
func divide(s Shelf, span wire.Span, n int) (parts []wire.Part, cost int, err error) {
	h := sha256.New()
	h.Write([]byte(markLabel))
	var m marker
	var last keys.Location
	in := 0
	end := func(at keys.Location) {
		p := wire.Part{Last: at}
		h.Sum(p.Mark[:0])
		parts = append(parts, p)
		h.Reset()
		h.Write([]byte(markLabel))
		in = 0
	}
	cost, err = walk(s, span, func(b held) {
		if in >= n && b.At != last && len(parts) < wire.MaxParts-1 {
			end(last)
		}
		h.Write(m.add(b))
		in++
		last = b.At
	})
	end(span.Last)
	return parts, cost, err
}

// items is how a peer is told of blocks. One whose position is not one of its ID's is nobody's business: routing keeps none.
func items(blocks []held) (out []wire.Item) {
	for _, b := range blocks {
		for r := range uint8(keys.Rotations) {
			if b.ID.Location(r) == b.At {
				out = append(out, wire.Item{ID: b.ID, Rotation: r, Version: b.version})
				break
			}
		}
	}
	return out
}

// find looks for a block among those that are kept for a position.
func find(s Shelf, id keys.ID, at keys.Location) (bool, error) {
	var after keys.ID
	for {
		entries, err := s.Arc(at, at, after, page)
		if err != nil || len(entries) == 0 {
			return false, err
		}
		for _, e := range entries {
			if e.ID == id {
				return true, nil
			}
		}
		after = entries[len(entries)-1].ID
	}
}

// check finds out what is lacking. What is only cached is lacking too: if it were not asked for, a peer that lists what it likes would
// learn what passed by. A block that is kept for another of its positions is kept for the nearer of the two from now on.
func check(s Shelf, j Check) (Event, error) {
	var lacks []wire.Item
	for _, it := range j.Items {
		ok, err := holds(s, it)
		if err != nil {
			return nil, err
		}
		if !ok {
			lacks = append(lacks, it)
		}
	}
	return Checked{j.Ref, lacks}, nil
}

// holds reports whether a block is held as a sink block, as new as an item says.
func holds(s Shelf, it wire.Item) (bool, error) {
	at := it.ID.Location(it.Rotation)
	here, err := find(s, it.ID, at)
	if err != nil || here && it.ID.Kind == keys.KindData {
		return here, err
	}
	held := here
	for r := uint8(0); r < keys.Rotations && !held && err == nil; r++ {
		held, err = find(s, it.ID, it.ID.Location(r))
	}
	if err != nil || !held {
		return false, err
	}
	b, err := s.Get(it.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrCorrupt):
		return false, nil
	case err != nil:
		return false, err
	case it.ID.Kind == keys.KindRecord && keys.RecordVersion(b) < it.Version:
		return false, nil
	}
	if !here {
		err = s.Put(b, store.Sink, at)
	}
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrFull) {
		err = nil
	}
	return err == nil, err
}

// load reads a sink block. What is only cached is not there: a peer must not learn what passed by.
func load(s Shelf, j Load) (Event, error) {
	found, err := find(s, j.ID, j.At)
	if err != nil || !found {
		return Loaded{Ref: j.Ref}, err
	}
	b, err := s.Get(j.ID)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
		return Loaded{Ref: j.Ref}, nil
	}
	return Loaded{j.Ref, b}, err
}

func keep(s Shelf, j Keep) (Event, error) {
	switch err := s.Put(j.Block, store.Sink, j.At); {
	case err == nil:
		return Kept{j.Ref, Stored}, nil
	case errors.Is(err, store.ErrStale):
		return Kept{j.Ref, Stale}, nil
	case errors.Is(err, store.ErrFull):
		return Kept{j.Ref, Full}, nil
	default:
		return nil, err
	}
}

// ascending reports whether items lie in a span, in the order in which a store lists them.
func ascending(span wire.Span, all []wire.Item) bool {
	var before keys.Location
	for i, it := range all {
		at := it.ID.Location(it.Rotation)
		if !covers(span, at) {
			return false
		}
		if off := at - span.From; i > 0 {
			if last := all[i-1].ID; off < before || off == before && bytes.Compare(it.ID.Append(nil), last.Append(nil)) <= 0 {
				return false
			}
		}
		before = at - span.From
	}
	return true
}

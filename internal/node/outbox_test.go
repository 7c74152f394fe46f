package node

import (
	"strings"
	"sync/atomic"
	"testing"

	"nightjar/crypto"
	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// kinds writes what the outbox gives as a text: s, c, b and r for small messages, cells, blocks and copies that repair a sink. Cells must come in order.
func kinds(t *testing.T, q *outbox, n int) (text string) {
	t.Helper()
	last := uint32(0)
	for range n {
		m, ok := q.next()
		if !ok {
			return text
		}
		switch m := m.(type) {
		case wire.Cell:
			text += "c"
			if m.Circ < last {
				t.Errorf("cell %d comes after %d", m.Circ, last)
			}
			last = m.Circ
		case wire.Data:
			text += "b"
		case wire.Copy:
			text += "r"
		default:
			text += "s"
		}
	}
	return text
}

func aBlock() keys.Block {
	return keys.SealData(make([]byte, keys.DataSize), &crypto.Key{1})
}

// fill queues so many cells and blocks.
func fill(t *testing.T, q *outbox, cells, blocks int) {
	t.Helper()
	body, b := new([onion.BodySize]byte), aBlock()
	for i := range cells {
		if !q.put(wire.Cell{Circ: uint32(i), Cmd: wire.Relay, Body: body}) {
			t.Fatalf("cell %d is one too many", i)
		}
	}
	for i := range blocks {
		if !q.put(wire.Data{Req: wire.Req(i), Block: b}) {
			t.Fatalf("block %d is one too many", i)
		}
	}
}

// Invariant 8.
func TestCellsAndBlocksShareALinkByTheirBytes(t *testing.T) {
	var all atomic.Int64
	q := newOutbox(&all)
	fill(t, q, 200, 10)
	q.put(wire.Ping{})
	if got := kinds(t, q, 1); got != "s" {
		t.Errorf("%q overtakes a small message", got)
	}
	cells, blocks := 0, 0
	for i, k := range kinds(t, q, 100) {
		if k == 'c' {
			cells += onion.BodySize
		} else {
			blocks += keys.DataSize
		}
		if d := cells - blocks; d > 2*onion.BodySize || d < -keys.DataSize {
			t.Fatalf("after %d messages cells have had %d bytes, blocks %d", i+1, cells, blocks)
		}
	}
	// What was alone on the link has earned and owes nothing.
	q = newOutbox(&all)
	fill(t, q, 100, 0)
	kinds(t, q, 100)
	fill(t, q, 40, 2)
	if got, want := kinds(t, q, 3), "cbc"; got != want {
		t.Errorf("after a time alone cells and blocks go as %q, want %q", got, want)
	}
}

// Invariant 3: of what waits for a peer.
func TestAnOutboxIsBounded(t *testing.T) {
	var all atomic.Int64
	q := newOutbox(&all)
	fill(t, q, maxOutCells, 0)
	if q.put(wire.Cell{Body: new([onion.BodySize]byte)}) {
		t.Error("there is no limit to the cells that wait")
	}
	q.close()
	if _, ok := q.next(); ok || all.Load() != 0 {
		t.Errorf("a closed outbox gives something, or holds %d bytes", all.Load())
	}
}

// A cell that is read is not copied until it is written: the message points into the frame that the link gave.
func TestReadingACellCopiesNothing(t *testing.T) {
	frame := wire.Append(nil, wire.Cell{Circ: 7, Cmd: wire.Relay, Body: new([onion.BodySize]byte)})
	msg, err := wire.Parse(frame)
	if err != nil {
		t.Fatal(err)
	}
	cell, ok := msg.(wire.Cell)
	if !ok || &cell.Body[onion.BodySize-1] != &frame[len(frame)-1] {
		t.Error("the body is not the end of the frame")
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := wire.Parse(frame); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // the interface's copy of the header
		t.Errorf("parsing a cell allocates %v times", n)
	}
}

func TestCopiesWaitForAllElseButNotForEver(t *testing.T) {
	var all atomic.Int64
	q := newOutbox(&all)
	b := aBlock()
	for i := range maxOutCopies + 1 {
		if !q.put(wire.Copy{Req: wire.Req(i), Block: b}) {
			t.Fatalf("copy %d ends the link", i)
		}
	}
	fill(t, q, 0, 20)
	q.put(wire.Ping{})
	if got, want := kinds(t, q, 100), "s"+strings.Repeat("b", 16)+"r"+strings.Repeat("b", 4)+strings.Repeat("r", maxOutCopies-1); got != want {
		t.Errorf("sent as %s, want %s", got, want)
	}
	if all.Load() != 0 {
		t.Errorf("%d bytes are left in the count", all.Load())
	}
}

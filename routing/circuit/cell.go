package circuit

import (
	"encoding/binary"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// body is what a cell carries.
type body = [onion.BodySize]byte

// command is the first byte of a relay cell after the zeros: SPEC.md §3.
type command uint8

const (
	cmdExtend   command = 1
	cmdExtended command = 2
	cmdDesc     command = 3
	cmdDescr    command = 4
	cmdGet      command = 5
	cmdData     command = 6
	cmdMiss     command = 7
	cmdPut      command = 8
	cmdPutAck   command = 9
	cmdDrop     command = 10
	cmdVoid     command = 11
	cmdProbe    command = 12
	cmdEnd      command = 13
)

// The layout of a relay cell: SPEC.md §3.
const (
	atCommand = 16
	atFlags   = 17
	atLen     = 18
	atReq     = 20
	atPayload = 24
	// payloadSize is what a relay cell carries for its command.
	payloadSize = onion.BodySize - atPayload
)

// header is what a relay cell says before its payload.
type header struct {
	cmd   command
	flags uint8
	n     int // bytes of payload that count
	req   uint32
}

// readHeader parses a body that begins with 16 zero bytes; ok is false if its length is absurd.
func readHeader(b *body) (h header, ok bool) {
	h = header{command(b[atCommand]), b[atFlags], int(binary.BigEndian.Uint16(b[atLen:])), binary.BigEndian.Uint32(b[atReq:])}
	return h, h.n <= payloadSize
}

// payload is the part of b that counts.
func (h header) payload(b *body) []byte { return b[atPayload : atPayload+h.n] }

// write fills b with a header and the payload, and zeros after it.
func (h header) write(b *body, payload []byte) {
	clear(b[:atCommand])
	b[atCommand], b[atFlags] = byte(h.cmd), h.flags
	binary.BigEndian.PutUint16(b[atLen:], uint16(len(payload)))
	binary.BigEndian.PutUint32(b[atReq:], h.req)
	n := copy(b[atPayload:], payload)
	clear(b[atPayload+n:])
}

// Entries of GET, and the head of a PUT: SPEC.md §3.4.
const (
	entrySize  = 48
	maxEntries = 40
)

// entry asks for, or announces, one block.
type entry struct {
	id       keys.ID
	rotation uint8
	class    wire.Class
	index    uint32
	wait     bool // until the record appears
}

func (e entry) append(b []byte) []byte {
	b = e.id.Append(b)
	b = append(b, e.rotation, byte(e.class))
	b = binary.BigEndian.AppendUint32(b, e.index)
	wait := byte(0)
	if e.wait {
		wait = 1
	}
	b = append(b, wait)
	return append(b, make([]byte, entrySize-keys.IDSize-7)...)
}

// readEntry parses the entry that fills b exactly.
func readEntry(b []byte) (e entry, ok bool) {
	id, rest, err := keys.ParseID(b)
	if err != nil || len(rest) != entrySize-keys.IDSize {
		return entry{}, false
	}
	e = entry{id, rest[0], wire.Class(rest[1]), binary.BigEndian.Uint32(rest[2:]), rest[6] == 1}
	if rest[6] > 1 || e.wait && id.Kind != keys.KindRecord {
		return entry{}, false
	}
	for _, b := range rest[7:] {
		if b != 0 {
			return entry{}, false
		}
	}
	return e, e.rotation < keys.Rotations && e.class <= wire.Bulk
}

// parts is in how many cells a block of the kind travels, whatever its size: SPEC.md §3.5.
func parts(kind keys.Kind) int {
	if kind == keys.KindData {
		return 16
	}
	return 2
}

// A block of the largest size, with the head of a PUT, fits in its cells.
const (
	_ = uint(16*payloadSize - entrySize - keys.DataSize)
	_ = uint(2*payloadSize - entrySize - keys.MaxRecordSize)
)

// cells is a queue of bodies, oldest first.
type cells struct {
	ring []*body
	head int
	n    int
}

func (q *cells) push(b *body) {
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = b
	q.n++
}

// grow doubles the ring, whose length is a power of two.
func (q *cells) grow() {
	bigger := make([]*body, max(8, 2*len(q.ring)))
	for i := range q.n {
		bigger[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = bigger, 0
}

// pop takes out the oldest body; the queue is not empty.
func (q *cells) pop() *body {
	b := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	if q.n == 0 && len(q.ring) > 64 { // a burst must not hold its memory for the life of a circuit
		q.ring, q.head = nil, 0
	}
	return b
}

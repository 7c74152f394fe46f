package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"testing"
)

// FuzzFrame: whatever arrives, frames are within their limits, encode as they came, and the end is one of three (SPEC §5).
func FuzzFrame(f *testing.F) {
	for _, v := range loadVectors(f) {
		if v["kind"] == "frames" {
			f.Add(v.bytes(f, "input"))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames, err := readAll(stream)
		again := writeAll(t, frames)
		if !bytes.HasPrefix(stream, again) {
			t.Fatal("the frames are not encoded as they were")
		}
		rest := stream[len(again):]
		switch {
		case err == io.EOF:
			if len(rest) != 0 {
				t.Fatalf("%d bytes were lost", len(rest))
			}
		case errors.Is(err, ErrFrame):
			if len(rest) < headerSize {
				t.Fatal("a size was refused that had not arrived")
			}
		case errors.Is(err, io.ErrUnexpectedEOF):
			if len(rest) == 0 || len(rest) >= headerSize+MaxFrame {
				t.Fatalf("cut off with %d bytes left", len(rest))
			}
		default:
			t.Fatal(err)
		}
		for _, frame := range frames {
			if len(frame) < 1 || len(frame) > MaxFrame {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
		}
	})
}

// FuzzProof: whatever a stranger says, a responder sends nothing or its proof, and believes only one who holds a key (SPEC §4).
func FuzzProof(f *testing.F) {
	for _, v := range loadVectors(f) {
		if v["kind"] == "responder" {
			f.Add(v.bytes(f, "binding"), v.bytes(f, "input"))
		}
	}
	key := loadVectors(f)["responder-accept"].key(f)
	self := NewSelf(key, Options{})
	f.Fuzz(func(t *testing.T, binding, input []byte) {
		if len(binding) != BindingSize {
			return
		}
		b := Binding(binding)
		ch := &script{binding: b, in: bytes.NewReader(input)}
		c, err := self.Respond(context.Background(), ch)

		knock := Knock(b, self.id)
		proof := ResponderProof(b, key)
		knocked := bytes.HasPrefix(input, knock[:])
		if knocked != bytes.Equal(ch.out.Bytes(), proof[:]) || !knocked && ch.out.Len() != 0 {
			t.Fatalf("knocked %t, and %d bytes were sent", knocked, ch.out.Len())
		}
		if err != nil {
			if err != ErrAuth || !ch.closed {
				t.Fatalf("got %v, closed %t", err, ch.closed)
			}
			return
		}
		id := c.Peer()
		said := input[KnockSize : KnockSize+ProofSize]
		if id == self.id || !bytes.Equal(said[:32], id[:]) ||
			!ed25519.Verify(id[:], statement(roleInitiator, b, self.id, id), said[32:]) {
			t.Fatal("somebody was believed without a proof")
		}
	})
}

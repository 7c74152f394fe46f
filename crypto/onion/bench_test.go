package onion

import (
	"crypto/rand"
	"testing"
)

func BenchmarkLayer(b *testing.B) {
	for _, c := range []struct {
		name string
		f    func(*Layer, *[BodySize]byte) error
	}{
		{"encrypt", (*Layer).Encrypt},
		{"decrypt", (*Layer).Decrypt},
	} {
		b.Run(c.name, func(b *testing.B) {
			l, body := newLayer(make([]byte, layerKeys)), new([BodySize]byte)
			measure(b, func() {
				l.cells = 0
				if err := c.f(l, body); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkHandshake is what one hop costs: "hop" is all that both sides compute, which a circuit of three hops pays three times.
func BenchmarkHandshake(b *testing.B) {
	key, err := NewSecretKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var relay [32]byte
	begin := func() (*Handshake, []byte) {
		h, create, err := Begin(rand.Reader, relay, key.Public(), new([ExtSize]byte))
		if err != nil {
			b.Fatal(err)
		}
		return h, create
	}
	accept := func(create []byte) []byte {
		created, _, _, err := Accept(rand.Reader, relay, []*SecretKey{key}, create, func(*[ExtSize]byte) (a [AnswerSize]byte) { return a })
		if err != nil {
			b.Fatal(err)
		}
		return created
	}
	finish := func(h *Handshake, created []byte) {
		if _, _, _, err := h.Finish(created); err != nil {
			b.Fatal(err)
		}
	}
	h, create := begin()
	created := accept(create)

	b.Run("hop", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h, create := begin()
			finish(h, accept(create))
		}
	})
	b.Run("begin", func(b *testing.B) {
		for b.Loop() {
			begin()
		}
	})
	b.Run("accept", func(b *testing.B) {
		for b.Loop() {
			accept(create)
		}
	})
	b.Run("finish", func(b *testing.B) {
		for b.Loop() {
			again, secret := *h, *h.secret // a handshake is used once
			again.secret = &secret
			finish(&again, created)
		}
	})
}

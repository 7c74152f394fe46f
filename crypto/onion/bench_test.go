package onion

import (
	"crypto/rand"
	"testing"
)

func BenchmarkLayer(b *testing.B) {
	var body [BodySize]byte
	for name, f := range map[string]func(*Layer) error{
		"encrypt": func(l *Layer) error { return l.Encrypt(&body) },
		"decrypt": func(l *Layer) error { return l.Decrypt(&body) },
	} {
		b.Run(name, func(b *testing.B) {
			l := newLayer(make([]byte, layerKeys))
			b.SetBytes(BodySize)
			b.ReportAllocs()
			for b.Loop() {
				l.cells = 0
				if err := f(l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHandshake is all that both sides compute for one hop.
func BenchmarkHandshake(b *testing.B) {
	key, err := NewSecretKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var relay [32]byte
	for b.Loop() {
		h, create, err := Begin(rand.Reader, relay, key.Public(), new([ExtSize]byte))
		if err != nil {
			b.Fatal(err)
		}
		created, _, _, err := Accept(rand.Reader, relay, []*SecretKey{key}, create, func(*[ExtSize]byte) (a [AnswerSize]byte) { return a })
		if err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := h.Finish(created); err != nil {
			b.Fatal(err)
		}
	}
}

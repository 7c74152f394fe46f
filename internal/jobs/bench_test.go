package jobs

import (
	"bytes"
	"context"
	"io"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

// nowhere is a network that takes everything and keeps nothing.
type nowhere struct{ content.Nowhere }

func (nowhere) Fetch(context.Context, keys.ID, bool) (keys.Block, error) {
	return keys.Block{}, content.ErrNotFound
}

func (nowhere) FetchAt(context.Context, keys.ID, uint8) (keys.Block, error) {
	return keys.Block{}, content.ErrNotFound
}

func (nowhere) Expect(uint64)   {}
func (nowhere) Obstacle() error { return nil }
func (nowhere) Close()          {}

// BenchmarkPut inserts files of 1 MiB one after the other: what one leaves the next does not make anew.
func BenchmarkPut(b *testing.B) {
	const size = 1 << 20
	m := New(Config{Network: func() Network { return nowhere{} }})
	defer m.Close()
	data := noise(1, size)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		j, err := m.NewPut(PutSpec{})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Put(b.Context(), io.Reader(bytes.NewReader(data)), func() {}); err != nil {
			b.Fatal(err)
		}
	}
}

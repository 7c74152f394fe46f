package content

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"nightjar/keys"

	"github.com/klauspost/compress/zstd"
)

// words is content that shrinks to about a quarter.
func words(size int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, 0, size+16)
	for len(b) < size {
		b = fmt.Appendf(b, "%x ", rng.Uint32N(1<<6))
	}
	return b[:size]
}

// framed compresses data in frames of that size, and lists them.
func framed(t testing.TB, data []byte, size int) (packed []byte, frames []frame) {
	t.Helper()
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	for len(data) > 0 {
		n := min(size, len(data))
		before := len(packed)
		packed = enc.EncodeAll(data[:n], packed)
		frames = append(frames, frame{uint32(len(packed) - before), uint32(n)})
		data = data[n:]
	}
	return packed, frames
}

// putCompressed inserts compressed bytes as a file of that size.
func putCompressed(t testing.TB, n *network, packed []byte, size uint64) keys.URI {
	t.Helper()
	uri := put(t, n, packed, PutOptions{MIME: "application/zstd"})
	m, err := (&finder{src: n, meter: new(meter)}).root(context.Background(), uri.Routing, &uri.Read)
	if err != nil {
		t.Fatal(err)
	}
	m.Stream.Size, m.Stream.Codec, m.Stream.Packed = size, codecZstd, uint64(len(packed))
	return putManifest(t, n, m)
}

// pack compresses with any parameters.
func pack(t testing.TB, data []byte, o ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, o...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// putPacked inserts a file whose compressed bytes are given, with a size of the publisher's choice.
func putPacked(t testing.TB, n *network, packed []byte, size uint64) *manifest {
	t.Helper()
	return &manifest{Version: 1, Kind: kindFile, MIME: "text/plain", Stream: &stream{
		Size: size, Codec: codecZstd, Packed: uint64(len(packed)), Inline: packed,
	}}
}

// discard counts what it drops.
type discard struct{ n uint64 }

func (d *discard) Write(p []byte) (int, error) {
	d.n += uint64(len(p))
	return len(p), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

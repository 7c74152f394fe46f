package badgerstore

import (
	"sync"

	"nightjar/keys"
	"nightjar/store"
)

// op is a Put on its way through the writer.
type op struct {
	entry  store.Entry
	link   uint64 // of the neighbour that brought it
	block  keys.Block
	sealed []byte
	done   chan error // capacity 1: the writer answers once and never waits
}

// buffers keeps buffers for sealed blocks, 32 KiB each, as many as there are callers.
type buffers struct{ pool sync.Pool }

// get returns an empty buffer with room for any sealed block.
func (p *buffers) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, keys.DataSize+sealSize)
	return &b
}

func (p *buffers) put(b *[]byte) { p.pool.Put(b) }

package badgerstore

import (
	"sync"

	"nightjar/keys"
	"nightjar/store"
)

// op is a Put on its way through the writer.
type op struct {
	entry  store.Entry
	block  keys.Block
	sealed []byte
	done   chan error // capacity 1: the writer answers once and never waits
}

// ops makes ops and keeps their buffers, 32 KiB each, as many as there are callers.
type ops struct{ buffers sync.Pool }

func (p *ops) get(e store.Entry, b keys.Block, seal *sealer) *op {
	buf, ok := p.buffers.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
		*buf = make([]byte, 0, keys.DataSize+sealSize)
	}
	return &op{entry: e, block: b, sealed: seal.sealBlock((*buf)[:0], b), done: make(chan error, 1)}
}

// put takes back an op that nobody looks at any more: Badger has copied what it wanted when its commit returns.
func (p *ops) put(o *op) { p.buffers.Put(&o.sealed) }

package content

import (
	"sync"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// Memory is what inserts and fetches leave for the next: buffers, encoders and codes, which cost more to make anew than the
// work on a small file. The zero value is ready, and safe for concurrent use. The garbage collector takes back what is not
// used. It holds what was last inserted and read, so that it must not outlive whoever may see that.
type Memory struct {
	compressors sync.Pool // of *compressor
	codes       sync.Pool // of *erasure.Code
	blocks      sync.Pool // of *[keys.DataSize]byte
}

// orNew is m, or memory of one operation's own.
func (m *Memory) orNew() *Memory {
	if m == nil {
		return new(Memory)
	}
	return m
}

// compressor gives one to be used alone; keepCompressor takes it back.
func (m *Memory) compressor() *compressor {
	if c, ok := m.compressors.Get().(*compressor); ok {
		return c
	}
	return new(compressor)
}

func (m *Memory) keepCompressor(c *compressor) { m.compressors.Put(c) }

// code gives the code for k of n blocks, with the work memory that it has gathered; keepCode takes it back.
func (m *Memory) code(k, n int) (*erasure.Code, error) {
	if c, ok := m.codes.Get().(*erasure.Code); ok && c.Data() == k && c.Total() == n {
		return c, nil
	}
	return erasure.New(k, n)
}

func (m *Memory) keepCode(c *erasure.Code) {
	if c != nil {
		m.codes.Put(c)
	}
}

// block gives a buffer of keys.DataSize bytes that holds anything; keepBlock takes one back.
func (m *Memory) block() []byte {
	if b, ok := m.blocks.Get().(*[keys.DataSize]byte); ok {
		return b[:]
	}
	return make([]byte, keys.DataSize)
}

func (m *Memory) keepBlock(b []byte) { m.blocks.Put((*[keys.DataSize]byte)(b)) }

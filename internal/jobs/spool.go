package jobs

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"nightjar/crypto"
	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// pinned is how many blocks a spool keeps to the end: manifests and tables of names, which are needed again whenever the get goes on: those of
	// 16 GiB at twice the size. What is too much goes to the ring.
	pinned = 1024
	// ring is how many of the latest blocks it keeps beside. Up to two segments are on their way at once, k(1+1/16) blocks of each, a third may
	// have begun, and what was written since the last checkpoint may be lost: 3 · 1088 + 512.
	ring = 4096

	slotHead  = 1 + 32 + 8 + 2 // kind, name, sequence, size
	slotPlain = slotHead + keys.DataSize
	slotSize  = 12 + slotPlain + 16
)

// labelSpool derives the key of a get's spool from the job's key.
const labelSpool crypto.Label = "jobs spool v1"

// spool keeps the blocks of a get that may still be needed, over the end of the process. Each slot is encrypted by itself; one that is torn
// or damaged is a block that is fetched again.
type spool struct {
	aead cipher.AEAD

	mu    sync.Mutex
	f     *os.File
	slots map[keys.ID]int
	pins  map[keys.ID]struct{} // what is needed to the end
	names []keys.ID            // by slot; the zero ID is an empty one
	next  int                  // the slot of the ring that is written next
	seq   uint64
	buf   []byte // a slot
	plain []byte // what is to be sealed into one
}

func openSpool(path string, key *crypto.Key) (*spool, error) {
	k := crypto.DeriveKey(key[:], labelSpool, nil)
	defer k.Wipe()
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &spool{
		aead: aead, f: f, slots: map[keys.ID]int{}, pins: map[keys.ID]struct{}{}, names: make([]keys.ID, pinned), next: pinned,
		buf: make([]byte, slotSize), plain: make([]byte, slotPlain),
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// load finds what is in the slots. The newest of the ring is the last that was written.
func (s *spool) load() error {
	for slot := range pinned + ring {
		_, err := s.f.ReadAt(s.buf, int64(slot)*slotSize)
		if err == io.EOF {
			return nil // a slot that is cut short is empty
		}
		if err != nil {
			return err
		}
		id, seq, _, ok := s.open(slot)
		if !ok {
			s.set(slot, keys.ID{})
			continue
		}
		s.set(slot, id)
		if seq >= s.seq {
			s.seq = seq + 1
			if slot >= pinned {
				s.next = after(slot)
			}
		}
	}
	return nil
}

// after is the slot of the ring behind another.
func after(slot int) int { return pinned + (slot+1-pinned)%ring }

// open decrypts the slot that is in s.buf.
func (s *spool) open(slot int) (id keys.ID, seq uint64, data []byte, ok bool) {
	plain, err := s.aead.Open(nil, nil, s.buf, binary.BigEndian.AppendUint32(nil, uint32(slot)))
	if err != nil || len(plain) != slotPlain {
		return id, 0, nil, false
	}
	id = keys.ID{Kind: keys.Kind(plain[0]), Name: [32]byte(plain[1:])}
	size := int(binary.BigEndian.Uint16(plain[41:]))
	if size > keys.DataSize {
		return id, 0, nil, false
	}
	return id, binary.BigEndian.Uint64(plain[33:]), plain[slotHead:][:size], true
}

// set notes what a slot holds.
func (s *spool) set(slot int, id keys.ID) {
	for len(s.names) <= slot {
		s.names = append(s.names, keys.ID{})
	}
	if old := s.names[slot]; s.slots[old] == slot {
		delete(s.slots, old)
	}
	s.names[slot] = id
	if id != (keys.ID{}) {
		s.slots[id] = slot
	}
}

// Holds reports whether the block is in the spool.
func (s *spool) Holds(id keys.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.slots[id]
	return ok
}

// get returns a block. One that is damaged is forgotten.
func (s *spool) get(id keys.ID) (keys.Block, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, ok := s.slots[id]
	if !ok {
		return keys.Block{}, false
	}
	var b keys.Block
	if _, err := s.f.ReadAt(s.buf, int64(slot)*slotSize); err == nil {
		if found, _, data, ok := s.open(slot); ok && found == id {
			if b, err = keys.Verify(id, data); err == nil {
				return b, true
			}
		}
	}
	s.set(slot, keys.ID{})
	return keys.Block{}, false
}

// Needed notes that a block is to be kept to the end. It implements content.Keeper.
func (s *spool) Needed(id keys.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pins) < pinned {
		s.pins[id] = struct{}{}
	}
}

// place is the slot for a block that comes. s.mu is held.
func (s *spool) place(id keys.ID) int {
	if _, ok := s.pins[id]; ok {
		if slot := slices.Index(s.names[:pinned], keys.ID{}); slot >= 0 {
			return slot
		}
	}
	slot := s.next
	s.next = after(slot)
	return slot
}

// put keeps a block. Where the disk has no room for it, it is fetched again if it must be.
func (s *spool) put(b keys.Block) {
	id, data := b.ID(), b.Data()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.slots[id]; ok || len(data) > keys.DataSize {
		return
	}
	slot := s.place(id)
	plain := s.plain
	plain[0] = byte(id.Kind)
	copy(plain[1:], id.Name[:])
	binary.BigEndian.PutUint64(plain[33:], s.seq)
	binary.BigEndian.PutUint16(plain[41:], uint16(len(data)))
	clear(plain[slotHead+copy(plain[slotHead:], data):])
	s.seq++
	sealed := s.aead.Seal(s.buf[:0], nil, plain, binary.BigEndian.AppendUint32(nil, uint32(slot)))
	if _, err := s.f.WriteAt(sealed, int64(slot)*slotSize); err != nil {
		id = keys.ID{}
	}
	s.set(slot, id)
}

func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.f.Close()
}

// spooling is a source that asks the network for nothing that the spool has. It is a content.Holder.
type spooling struct {
	content.Source
	*spool
}

// Fetch implements content.Source.
func (s *spooling) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if b, ok := s.get(id); ok {
		return b, nil
	}
	return s.Source.Fetch(ctx, id, top)
}

// keeping puts what comes into the spool, while it still counts as in flight.
type keeping struct {
	Network
	kept *spool
	came func()
}

func (k *keeping) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	b, err := k.Network.Fetch(ctx, id, top)
	if err == nil && b.ID() == id {
		k.kept.put(b)
		k.came()
	}
	return b, err
}

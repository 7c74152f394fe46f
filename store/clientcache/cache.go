package clientcache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"nightjar/keys"
	"nightjar/store"
)

// DefaultSize is the size in bytes of a Config that names none: 256 MiB.
const DefaultSize = 256 << 20

// MinSize is the least size in bytes with which a cache is worth its file: 1 MiB.
const MinSize = 1 << 20

const (
	nonceSize = 12
	tagSize   = 16
	plainSize = 2 + keys.DataSize // the length of the block, the block, zeros
	slotSize  = nonceSize + plainSize + tagSize
	// charged is what the books charge a slot.
	charged = store.MaxSize + store.Overhead
)

// Slots must fit into what the books charge, or the file would be longer than Config.Size.
var _ [charged - slotSize]struct{}

// Config says where a cache is and how large. Dir must be set.
type Config struct {
	Dir  string       // emptied and made anew
	Size int64        // bytes; 0 = DefaultSize, at least MinSize
	Log  *slog.Logger // nil = silent; never told which blocks
}

// Cache is open until Close.
type Cache struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	file   *os.File // nil when closed
	aead   cipher.AEAD
	secret [32]byte // keys the names
	ledger *store.Ledger
	slots  uint64 // that were ever written
	failed bool   // the disk's failure was told
	buf    []byte // a slot
}

// Open empties the directory and opens a cache in it.
func Open(cfg Config) (*Cache, error) {
	if cfg.Size == 0 {
		cfg.Size = DefaultSize
	}
	if cfg.Size < MinSize {
		return nil, fmt.Errorf("clientcache: a size of %d bytes is less than %d", cfg.Size, int64(MinSize))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	file, err := create(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("clientcache: %w", pathless(err))
	}
	var key, seed [32]byte
	crand.Read(key[:])
	crand.Read(seed[:])
	defer clear(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	c := &Cache{
		dir: cfg.Dir, log: cfg.Log, file: file, aead: aead, buf: make([]byte, 0, slotSize),
		ledger: store.NewLedger(cfg.Size, 0, rand.New(rand.NewChaCha8(seed))),
	}
	crand.Read(c.secret[:])
	return c, nil
}

// create makes the file, and takes its name away where the system lets it.
func create(dir string) (*os.File, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "blocks")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_ = os.Remove(path) // where an open file keeps its name Close removes it, or the next Open
	return f, nil
}

// Remove removes what a process that was killed left of a cache in a directory.
func Remove(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clientcache: removing: %w", pathless(err))
	}
	return nil
}

// Close forgets everything.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	err := errors.Join(c.file.Close(), os.RemoveAll(c.dir))
	c.file, c.aead, c.ledger = nil, nil, nil
	clear(c.secret[:])
	if err != nil {
		return fmt.Errorf("clientcache: closing: %w", err)
	}
	return nil
}

// Site is the part of a cache that belongs to one site, or one file: what was read of another is not in it.
type Site struct {
	c    *Cache
	name string
}

// Of is the part of what a URI belongs to: all editions and files of one author's site or document, one word, or one file or folder.
func (c *Cache) Of(uri keys.URI) Site {
	name := append([]byte{byte(uri.Type)}, uri.Routing[:]...)
	return Site{c, string(append(name, uri.Doc...))}
}

// nameOf is how the books name a block of a site.
func (s Site) nameOf(id keys.ID) keys.ID {
	mac := hmac.New(sha256.New, s.c.secret[:])
	mac.Write(id.Append(nil)) // of one length, so that no site can end like a block
	mac.Write([]byte(s.name))
	return keys.ID{Kind: keys.KindData, Name: [32]byte(mac.Sum(nil))}
}

// Holds reports whether Get would find the block, if the disk does not fail.
func (s Site) Holds(id keys.ID) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.c.file == nil {
		return false
	}
	_, held := s.c.ledger.Find(s.nameOf(id))
	return held
}

// Get returns a block that was kept for the site.
func (s Site) Get(id keys.ID) (keys.Block, bool) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return keys.Block{}, false
	}
	name := s.nameOf(id)
	_, slot, held := c.ledger.UseHint(name)
	if !held {
		return keys.Block{}, false
	}
	data, err := c.read(name, slot)
	if err != nil {
		c.drop(name, slot, err)
		return keys.Block{}, false
	}
	return keys.Restore(id, data), true
}

// Put keeps a verified block for the site.
func (s Site) Put(b keys.Block) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil || b.IsZero() {
		return
	}
	e := store.Entry{ID: s.nameOf(b.ID()), Class: store.Cache, Size: store.MaxSize}
	if _, held := c.ledger.Find(e.ID); held {
		if b.ID().Kind == keys.KindData {
			return
		}
		_, slot, _ := c.ledger.UseHint(e.ID) // a record may have been replaced
		if err := c.write(e.ID, slot, b.Data()); err != nil {
			c.drop(e.ID, slot, err)
		}
		return
	}
	slot := c.slots
	victims, err := c.ledger.Room(e)
	if err != nil {
		return
	}
	for _, v := range victims { // one, as all are equal
		_, slot, _ = c.ledger.UseHint(v.ID)
		c.ledger.Yield(v.ID, e, 0)
	}
	c.slots = max(c.slots, slot+1)
	c.ledger.Add(e, slot)
	if err := c.write(e.ID, slot, b.Data()); err != nil {
		c.drop(e.ID, slot, err)
	}
}

// drop forgets a block whose slot failed. The slot itself stays in the books, under a name that nobody asks for, until it gives way as
// any other does: the disk may have got better by then.
func (c *Cache) drop(name keys.ID, slot uint64, err error) {
	if !c.failed {
		c.failed = true
		c.log.Warn("what was read is not kept for a second time: the cache's file failed", "err", pathless(err))
	}
	c.ledger.Remove(name)
	var nobody [32]byte
	crand.Read(nobody[:])
	c.ledger.Add(store.Entry{ID: keys.ID{Kind: keys.KindData, Name: nobody}, Class: store.Cache, Size: store.MaxSize}, slot)
}

// pathless is an error of the system without the path that it names: it is logged, here or by who opens the cache.
func pathless(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// write seals a block into a slot, under its name.
func (c *Cache) write(name keys.ID, slot uint64, data []byte) error {
	plain := make([]byte, plainSize)
	binary.BigEndian.PutUint16(plain, uint16(len(data)))
	copy(plain[2:], data)
	sealed := c.aead.Seal(c.buf[:0], nil, plain, name.Name[:])
	_, err := c.file.WriteAt(sealed, int64(slot)*slotSize)
	return err
}

var errSeal = errors.New("clientcache: the seal is broken")

func (c *Cache) read(name keys.ID, slot uint64) ([]byte, error) {
	sealed := c.buf[:slotSize]
	if _, err := c.file.ReadAt(sealed, int64(slot)*slotSize); err != nil {
		return nil, err
	}
	plain, err := c.aead.Open(nil, nil, sealed, name.Name[:])
	if err != nil {
		return nil, errSeal
	}
	size := int(binary.BigEndian.Uint16(plain))
	if size > keys.DataSize {
		return nil, errSeal
	}
	return plain[2 : 2+size : 2+size], nil
}

package badgerstore

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"time"

	"nightjar/keys"
	"nightjar/store"
)

const (
	// smallBlock is the size in bytes of a record of the large store that is not full size: what is in memory and in the index is the same as
	// for a block of 32 KiB.
	smallBlock = 64
	// largeMemory is what the process may take for heap while the large store is measured (debug.SetMemoryLimit), so that what it takes is what the
	// store needs and not what a collector leaves lying about.
	largeMemory = 112 << 20
)

// large makes a store of many blocks and measures how it starts, what memory it takes, and what it does.
func (b *bench) large() (err error) {
	if b.cfg.Blocks == 0 {
		return nil
	}
	l := &large{bench: b, n: uint64(b.cfg.Blocks)}
	l.cfg.Dir = filepath.Join(b.cfg.Dir, "large")
	// Room for full-size blocks, so that the files have the sizes of such a store.
	l.store = Config{Dir: l.cfg.Dir, Quota: max(int64(l.n)*(keys.DataSize+store.Overhead)*5/4, 64<<20)}
	b.cfg.Note(fmt.Sprintf("a store of %d blocks, being made", l.n))
	if err := l.make(); err != nil {
		return err
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(largeMemory))
	b.cfg.Note(fmt.Sprintf("a store of %d blocks", l.n))
	for _, part := range []func() error{l.starts, l.works} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

type large struct {
	*bench
	store Config
	n     uint64
}

// what says in a note what the blocks are.
func (l *large) what() string {
	if l.cfg.Full {
		return "blocks of 32 KiB"
	}
	return fmt.Sprintf("records of %d bytes, with the index and the files' sizes of a store of 32 KiB blocks", smallBlock)
}

func (l *large) block(n uint64) keys.Block {
	if l.cfg.Full {
		return benchBlock(n, l.data)
	}
	return keys.Restore(benchID(keys.KindRecord, n), l.data[:smallBlock])
}

func (l *large) at(n uint64) keys.Location { return keys.Location(n * 0x9e3779b97f4a7c15) }

// make fills the store: with small blocks past the writer, without a sync.
func (l *large) make() (err error) {
	if l.s, err = Open(l.store); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.s.Close()) }()
	for n := uint64(0); n < l.n; {
		if err := l.ctx(); err != nil {
			return err
		}
		if l.cfg.Full {
			err = together(func(n uint64) error { return l.s.Put(l.block(n), store.Sink, l.at(n)) })(n)
			n += benchCallers
		} else {
			end := min(n+uint64(l.s.entries()), n+1000, l.n)
			err = l.stuff(n, end)
			n = end
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stuff commits blocks in one transaction.
func (l *large) stuff(from, to uint64) error {
	s := l.s
	s.batch.Lock()
	defer s.batch.Unlock()
	txn := s.db.NewTransactionAt(math.MaxUint64, true)
	defer txn.Discard()
	for n := from; n < to; n++ {
		b := l.block(n)
		e, err := store.NewEntry(b, store.Sink, l.at(n))
		if err != nil {
			return err
		}
		if err := txn.Set(s.seal.key(e), s.seal.sealBlock(nil, b)); err != nil {
			return err
		}
	}
	s.ts++
	if err := txn.CommitAt(s.ts, nil); err != nil {
		return err
	}
	s.wake()
	return nil
}

// starts opens the store several times, with its files in the system's memory and, the last time, without.
func (l *large) starts() error {
	var took, spent []time.Duration
	for range 3 {
		t, c, err := l.start()
		if err != nil {
			return err
		}
		took, spent = append(took, t), append(spent, c)
	}
	note := fmt.Sprintf("median of 3, %.1f s of processor time; %s", medianOf(spent).Seconds(), l.what())
	l.add(Figure{Name: fmt.Sprintf("start with %d blocks", l.n), Value: medianOf(took).Seconds(), Unit: "s", Note: note})
	dir := filepath.Join(l.cfg.Dir, dirBlocks)
	if err := errors.Join(dropCache(dir, ".sst"), dropCache(dir, ".vlog"), dropCache(dir, ".mem")); err != nil {
		return nil // not on this system
	}
	t, _, err := l.start()
	if err != nil {
		return err
	}
	l.add(Figure{Name: fmt.Sprintf("start with %d blocks, from the disk", l.n), Value: t.Seconds(), Unit: "s", Note: "the system was told to forget the files"})
	return nil
}

// start opens and closes the store.
func (l *large) start() (took, spent time.Duration, err error) {
	began, before := l.wall(), cpuTime()
	s, err := Open(l.store)
	if err != nil {
		return 0, 0, err
	}
	took, spent = l.wall()-began, cpuTime()-before
	if got := s.Stats().Blocks; got < int64(l.n) {
		err = fmt.Errorf("badgerstore: %d of %d blocks are there after a start", got, l.n)
	}
	return took, spent, errors.Join(err, s.Close())
}

// works measures the memory of the open store, and what it does.
func (l *large) works() (err error) {
	debug.FreeOSMemory()
	base, _, memErr := residentNow()
	memErr = errors.Join(memErr, resetPeak())
	if l.s, err = Open(l.store); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.s.Close()) }()
	now, _, err := residentNow()
	memErr = errors.Join(memErr, err)
	many := fmt.Sprintf("%d blocks", l.n)
	miss, err := repeat(l.turn/2, missTurn, func(n uint64) error { return l.missing(1<<40 + n) })
	if err != nil {
		return err
	}
	l.add(Figure{Name: "miss among " + many, Value: perSecond(miss), Unit: "/s", Note: "processor time of one caller"})
	each, err := parallel(l.turn/2*missTurn/2, func(n uint64) error { return l.missing(1<<41 + n) })
	if err != nil {
		return err
	}
	l.add(Figure{Name: "miss among " + many + ", all processors", Value: each, Unit: "/s and core", Note: "a caller on each; processor time"})
	get, err := repeat(l.turn/2, 2000, func(n uint64) error {
		_, err := l.s.Get(l.block(n * 2654435761 % l.n).ID())
		return err
	})
	if err != nil {
		return err
	}
	l.add(Figure{Name: "get among " + many, Value: perSecond(get), Unit: "blocks/s", Note: "processor time of one caller; " + l.what()})
	if memErr != nil {
		return nil // not on this system
	}
	_, peak, err := residentNow()
	if err != nil {
		return err
	}
	note := fmt.Sprintf("the whole process; %.0f MiB before the store was opened", float64(base)/(1<<20))
	l.add(Figure{Name: "memory with " + many, Value: float64(now) / (1 << 20), Unit: "MiB", Note: note})
	l.add(Figure{Name: "memory with " + many + ", at most", Value: float64(peak) / (1 << 20), Unit: "MiB",
		Note: fmt.Sprintf("over the start and all of the above, with Go's memory limit at %d MiB", largeMemory>>20)})
	return nil
}

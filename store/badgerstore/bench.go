package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"nightjar/keys"
	"nightjar/store"
)

// BenchConfig says what Bench measures. Only Dir must be set.
type BenchConfig struct {
	Dir    string            // is made, and removed at the end
	Blocks int               // in the large store; 0 = there is none
	Full   bool              // the large store's blocks are of 32 KiB, and not records of 64 bytes
	Quota  int64             // of the store that is overwritten; 0 = 256 MiB
	Times  int               // how often it is overwritten; 0 = 4
	Quick  bool              // only to see that it works: an eighth of everything else
	Note   func(what string) // is told what is measured now; nil = nobody
}

// Figure is one measurement. Baseline, in the same unit, was measured in the same run; 0 = there is none.
type Figure struct {
	Name     string
	Value    float64
	Unit     string
	Baseline float64
	Against  string // what the baseline is
	Note     string // how it was taken
}

// Bench measures a store beside Badger alone with the same options and the same durability. Machines and moments differ: what counts is the ratio of
// a figure to its baseline, and both take turns, of which the medians count. What one core does is measured in processor time, so that other
// programs matter little.
func Bench(ctx context.Context, cfg BenchConfig) (figures []Figure, err error) {
	if cfg.Quota == 0 {
		cfg.Quota = 256 << 20
	}
	if cfg.Times == 0 {
		cfg.Times = 4
	}
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.Dir)) }()
	b := &bench{cfg: cfg, held: benchHeld, turn: 80, ctx: ctx.Err, began: time.Now(), data: make([]byte, keys.DataSize)}
	if cfg.Quick {
		b.held, b.turn = b.held/8, b.turn/8
	}
	for _, part := range []func() error{b.beside, b.churn, b.large} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return b.out, nil
}

type bench struct {
	cfg   BenchConfig
	ctx   func() error // why to stop, if so
	began time.Time
	held  uint64 // blocks of the store that is not full
	turn  int    // turns of what is measured in processor time; half as many of what takes long
	out   []Figure
	data  []byte
	raw   *bare
	s     *Store
}

func (b *bench) wall() time.Duration { return time.Since(b.began) }

func (b *bench) add(f Figure) { b.out = append(b.out, f) }

const (
	benchCallers = 64
	benchHeld    = 4096 // blocks: 128 MiB, which the system keeps in memory
	missTurn     = 20_000
	getTurn      = 256
	coldTurn     = 64
	besideQuota  = 16 << 30
	againstBare  = "Badger alone"
)

// jump is a sequence that jumps about.
func (b *bench) jump(n uint64) uint64 { return n * 2654435761 % b.held }

// beside measures the operations of a store that is not full, each in turns with Badger alone.
func (b *bench) beside() (err error) {
	b.cfg.Note("beside Badger")
	if b.raw, err = openBare(filepath.Join(b.cfg.Dir, "badger"), besideQuota, true); err != nil {
		return err
	}
	defer func() {
		if b.raw != nil {
			err = errors.Join(err, b.raw.close())
		}
	}()
	if b.s, err = Open(Config{Dir: filepath.Join(b.cfg.Dir, "store"), Quota: besideQuota}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.s.Close()) }()
	if err := b.puts(); err != nil {
		return err
	}
	return b.gets()
}

// puts fills both sides.
func (b *bench) puts() error {
	bare, ours, err := b.turns(int(b.held)/benchCallers, benchCallers, b.wall,
		side{do: together(func(n uint64) error { return b.raw.put(benchKey(n), b.data) })},
		side{do: together(func(n uint64) error { return b.s.Put(benchBlock(n, b.data), store.Sink, 0) })})
	if err != nil {
		return err
	}
	b.add(Figure{"put, durable", perSecond(ours), "blocks/s", perSecond(bare), againstBare,
		fmt.Sprintf("%d callers share each sync; median of turns", benchCallers)})
	return nil
}

const processor = "processor time of one caller"

// gets measures what is read, and what is not there.
func (b *bench) gets() error {
	popular := make([]uint64, 1<<14)
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, b.held-1)
	for i := range popular {
		popular[i] = b.jump(zipf.Uint64())
	}
	hot := func(n uint64) uint64 { return popular[n%uint64(len(popular))] }
	const checks = againstBare + ", which checks its sums"
	if err := b.get(Figure{Name: "hot get", Against: checks, Note: processor + "; a popularity of exponent 1.1 over what is held"}, hot); err != nil {
		return err
	}
	if err := b.get(Figure{Name: "get", Against: checks, Note: processor + "; any block is as likely, and the system has all in memory"}, b.jump); err != nil {
		return err
	}
	bare, ours, err := b.turns(b.turn/2, coldTurn, b.wall,
		side{b.forget("badger"), alone(coldTurn, b.getBare(b.jump))},
		side{b.forget(filepath.Join("store", dirBlocks)), alone(coldTurn, b.getOurs(b.jump))})
	if err != nil {
		return err
	}
	b.add(Figure{"cold get", perSecond(ours), "blocks/s", perSecond(bare), againstBare, "one caller; the system was told to forget the value logs before each turn of 64"})
	bare, ours, err = b.turns(b.turn/2, missTurn, cpuTime,
		side{do: alone(missTurn, func(n uint64) error { return missing(b.raw.get(benchKey(1<<40 + n))) })},
		side{do: alone(missTurn, func(n uint64) error { return b.missing(1<<40 + n) })})
	if err != nil {
		return err
	}
	b.add(Figure{"miss", perSecond(ours), "/s", perSecond(bare), againstBare, processor})
	checked := b.raw
	b.raw = nil
	if err := checked.close(); err != nil {
		return err
	}
	if b.raw, err = openBare(filepath.Join(b.cfg.Dir, "badger"), besideQuota, false); err != nil {
		return err
	}
	return b.get(Figure{Name: "get, unchecked baseline", Against: againstBare + ", which checks nothing", Note: "as get, beside one that returns damaged bytes as they are"}, b.jump)
}

// get measures reads of what key says, from memory.
func (b *bench) get(f Figure, key func(n uint64) uint64) error {
	bare, ours, err := b.turns(b.turn, getTurn, cpuTime,
		side{do: alone(getTurn, b.getBare(key))}, side{do: alone(getTurn, b.getOurs(key))})
	f.Value, f.Baseline, f.Unit = perSecond(ours), perSecond(bare), "blocks/s"
	b.add(f)
	return err
}

func (b *bench) getBare(key func(n uint64) uint64) func(n uint64) error {
	return func(n uint64) error { _, err := b.raw.get(benchKey(key(n))); return err }
}

func (b *bench) getOurs(key func(n uint64) uint64) func(n uint64) error {
	return func(n uint64) error { _, err := b.s.Get(benchID(keys.KindData, key(n))); return err }
}

var errBenchFound = errors.New("badgerstore: a benchmark found what was never put")

func missing[T any](_ T, err error) error {
	if err == nil {
		return errBenchFound
	}
	return nil
}

func (b *bench) missing(n uint64) error {
	if _, err := b.s.Get(benchID(keys.KindData, n)); !errors.Is(err, store.ErrNotFound) {
		return errors.Join(errBenchFound, err)
	}
	return nil
}

// side is one of two that are compared.
type side struct {
	before func() error // a turn, outside of what is measured; nil = nothing
	do     func(first uint64) error
}

// turns has both sides do turns of size operations, the one first and then the other, and returns the median time of an operation of each.
func (b *bench) turns(turns, size int, clock func() time.Duration, bare, ours side) (bareTime, oursTime time.Duration, err error) {
	var took [2][]time.Duration
	for i := range turns {
		if err := b.ctx(); err != nil {
			return 0, 0, err
		}
		for j := range 2 {
			which := (i + j) % 2
			s := [2]side{bare, ours}[which]
			if s.before != nil {
				if err := s.before(); err != nil {
					return 0, 0, err
				}
			}
			start := clock()
			if err := s.do(uint64(i * size)); err != nil {
				return 0, 0, err
			}
			took[which] = append(took[which], (clock()-start)/time.Duration(size))
		}
	}
	return medianOf(took[0]), medianOf(took[1]), nil
}

// forget has the system let go of the value logs in dir.
func (b *bench) forget(dir string) func() error {
	dir = filepath.Join(b.cfg.Dir, dir)
	return func() error {
		release(dir, ".vlog")
		return dropCache(dir, ".vlog")
	}
}

func medianOf(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func perSecond(each time.Duration) float64 {
	if each <= 0 {
		return 0
	}
	return float64(time.Second) / float64(each)
}

// alone does a turn one operation after the other.
func alone(size int, do func(n uint64) error) func(uint64) error {
	return func(first uint64) error {
		for n := first; n < first+uint64(size); n++ {
			if err := do(n); err != nil {
				return err
			}
		}
		return nil
	}
}

// together does a turn all at once.
func together(do func(n uint64) error) func(uint64) error {
	return func(first uint64) error {
		errs := make(chan error, benchCallers)
		for n := range uint64(benchCallers) {
			go func() { errs <- do(first + n) }() // ends with the put
		}
		var err error
		for range benchCallers {
			err = errors.Join(err, <-errs)
		}
		return err
	}
}

// parallel has each of the processors do n operations, and returns how many were done in a second by one.
func parallel(n int, do func(n uint64) error) (float64, error) {
	workers := runtime.GOMAXPROCS(0)
	errs := make(chan error, workers)
	var running sync.WaitGroup
	start := cpuTime()
	for w := range workers {
		running.Go(func() { errs <- alone(n, do)(uint64(w * n)) }) // ends with its share
	}
	running.Wait()
	took := cpuTime() - start
	var err error
	for range workers {
		err = errors.Join(err, <-errs)
	}
	return perSecond(took / time.Duration(n*workers)), err
}

package badgerstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	crand "crypto/rand"

	"nightjar/keys"
	"nightjar/store"
)

// ageing is a store that is filled and then overwritten again and again, and what it did before and after.
type ageing struct {
	*bench
	dir      string
	next     uint64 // the number of the next block
	capacity int    // blocks of a full store
	most     int64  // bytes of the directory
}

// speeds is what a store does at an age.
type speeds struct {
	put       time.Duration // wall time of a put, the median of turns
	all       time.Duration // wall time of all puts together
	get, miss time.Duration // processor time
}

// churn fills a store and overwrites it as often as the configuration says: what it does then beside what it did when it was fresh.
func (b *bench) churn() (err error) {
	b.cfg.Note("a full store that is overwritten")
	a := &ageing{bench: b, dir: filepath.Join(b.cfg.Dir, "aged")}
	if b.s, err = Open(Config{Dir: a.dir, Quota: b.cfg.Quota}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.s.Close()) }()
	a.capacity = int(b.s.Stats().Usable / (keys.DataSize + store.Overhead))
	disk, err := diskSpeed(b.cfg.Dir, b.cfg.Quota)
	if err != nil {
		return err
	}
	fresh, err := a.round()
	if err != nil {
		return err
	}
	var old speeds
	var took time.Duration
	before, writtenErr := diskWrites()
	first := a.next
	for range b.cfg.Times {
		if old, err = a.round(); err != nil {
			return err
		}
		took += old.all
	}
	blocks := a.next - first
	bytes := float64(blocks) * keys.DataSize
	if again, err := diskSpeed(b.cfg.Dir, b.cfg.Quota); err == nil {
		disk = (disk + again) / 2
	}
	full := fmt.Sprintf("a store of %d MiB, overwritten %d times", b.cfg.Quota>>20, b.cfg.Times)
	const against = "the same store when it was filled"
	b.add(Figure{"put, full store", perSecond(old.put), "blocks/s", perSecond(fresh.put), against, full + "; median of turns"})
	b.add(Figure{"get, full store", perSecond(old.get), "blocks/s", perSecond(fresh.get), against, full})
	b.add(Figure{"miss, full store", perSecond(old.miss), "/s", perSecond(fresh.miss), against, full})
	b.add(Figure{"churn", bytes / 1e6 / took.Seconds(), "MB/s", disk, "writing one file, with one sync", full + "; all that is freed for it included"})
	if after, err := diskWrites(); err == nil && writtenErr == nil {
		b.add(Figure{Name: "write amplification", Value: float64(after-before) / bytes, Unit: "bytes a byte", Note: full})
	}
	if a.most > 0 {
		b.add(Figure{Name: "directory at its largest", Value: 100 * float64(a.most) / float64(b.cfg.Quota), Unit: "% of the quota", Note: "as the disk counts, looked at after every 64 puts"})
	}
	return nil
}

// round puts as many blocks as the store holds, and then measures what it does.
func (a *ageing) round() (v speeds, err error) {
	var puts []time.Duration
	put := together(func(n uint64) error { return a.s.Put(benchBlock(n, a.data), store.Cache, 0) })
	for done := 0; done < a.capacity; done += benchCallers {
		if err := a.ctx(); err != nil {
			return v, err
		}
		start := a.wall()
		if err := put(a.next); err != nil {
			return v, err
		}
		took := a.wall() - start
		puts = append(puts, took/benchCallers)
		v.all += took
		a.next += benchCallers
		if n, err := diskBytes(a.dir); err == nil {
			a.most = max(a.most, n)
		}
	}
	held := a.held()
	if len(held) == 0 {
		return v, errors.New("badgerstore: a full store holds nothing")
	}
	v.put = medianOf(puts)
	v.get, err = repeat(a.turn/2, getTurn, func(n uint64) error {
		_, err := a.s.Get(benchID(keys.KindData, held[n*2654435761%uint64(len(held))]))
		return err
	})
	if err != nil {
		return v, err
	}
	v.miss, err = repeat(a.turn/2, missTurn, func(n uint64) error { return a.missing(1<<40 + n) })
	return v, err
}

// held are the numbers of the blocks that were not evicted.
func (a *ageing) held() (all []uint64) {
	for n := range a.next {
		if _, ok := a.s.find(benchID(keys.KindData, n)); ok {
			all = append(all, n)
		}
	}
	return all
}

// repeat is the median processor time of an operation.
func repeat(turns, size int, do func(n uint64) error) (time.Duration, error) {
	var took []time.Duration
	for i := range turns {
		start := cpuTime()
		if err := alone(size, do)(uint64(i * size)); err != nil {
			return 0, err
		}
		took = append(took, (cpuTime()-start)/time.Duration(size))
	}
	return medianOf(took), nil
}

// diskSpeed writes a file of so many bytes, syncs it, and returns MB/s.
func diskSpeed(dir string, size int64) (float64, error) {
	f, err := os.CreateTemp(dir, "speed-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	piece := make([]byte, 4<<20)
	crand.Read(piece)
	start := time.Now()
	for done := int64(0); done < size; done += int64(len(piece)) {
		if _, err := f.Write(piece); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return float64(size) / 1e6 / time.Since(start).Seconds(), nil
}

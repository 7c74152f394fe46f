//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/store"
)

// onDisk is what a directory takes.
type onDisk struct {
	blocks int64 // bytes of the blocks that the file system has given
	length int64 // bytes of all files with their holes, the lock file's excepted
}

func (d onDisk) most(e onDisk) onDisk {
	return onDisk{max(d.blocks, e.blocks), max(d.length, e.length)}
}

// diskUse looks at every file as du does, without asking the store.
func diskUse(dir string) (d onDisk, err error) {
	err = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // freed since it was listed
			return nil
		}
		if err == nil {
			d.blocks += info.Sys().(*syscall.Stat_t).Blocks * 512
			if info.Mode().IsRegular() && info.Name() != fileLock {
				d.length += info.Size()
			}
		}
		return err
	})
	return d, err
}

// watchDisk looks at a directory every few milliseconds until stop is closed, and returns the most that it took.
func watchDisk(dir string, stop <-chan struct{}) (most onDisk, looks int, err error) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := diskUse(dir)
		if err != nil {
			return most, looks, err
		}
		most, looks = most.most(d), looks+1
		select {
		case <-tick.C:
		case <-stop:
			return most, looks, nil
		}
	}
}

// churn has several callers put blocks first to last-1 under a class, for places all over the ring, and returns how many were accepted.
func churn(s *Store, first, last uint64, class store.Class) (accepted int64, err error) {
	data := make([]byte, keys.DataSize)
	var next atomic.Uint64
	next.Store(first)
	var ok atomic.Int64
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() { // ends with the blocks
			for i := next.Add(1) - 1; i < last; i = next.Add(1) - 1 {
				switch err := s.Put(benchBlock(i, data), class, keys.Location(i*0x9e3779b97f4a7c15)); {
				case err == nil:
					ok.Add(1)
				case !errors.Is(err, store.ErrFull):
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return ok.Load(), errors.Join(errs...)
}

// written is how many bytes this process has had written to disks (proc(5), io); 0 where the system does not say.
func written() int64 {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if v, ok := bytes.CutPrefix(line, []byte("write_bytes:")); ok {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(v)), 10, 64)
			return n
		}
	}
	return 0
}

// childWear fills a store of a quota, then puts as much again as its argument says, and says what it has put and written.
func childWear(dir, arg string) error {
	var quota, times int64
	var class store.Class
	if _, err := fmt.Sscan(arg, &quota, &times, &class); err != nil {
		return err
	}
	s, err := Open(Config{Dir: dir, Quota: quota})
	if err != nil {
		return err
	}
	fits := uint64(usable(quota) / (keys.DataSize + store.Overhead))
	if _, err := churn(s, 0, fits, class); err != nil {
		return err
	}
	before, start := written(), time.Now()
	accepted, err := churn(s, fits, fits+uint64(quota*times/keys.DataSize), class)
	if err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Println(accepted, written()-before, took.Milliseconds(), s.Stats().Bytes, s.Stats().Usable)
	// The disk is watched until here.
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

// wear runs childWear and watches its directory from outside.
func wear(t *testing.T, quota int64, times int, class store.Class) {
	t.Helper()
	dir := t.TempDir()
	stop, watched := make(chan struct{}), make(chan struct{})
	var most onDisk
	var looks int
	var watchErr error
	go func() { // ends with stop
		defer close(watched)
		most, looks, watchErr = watchDisk(dir, stop)
	}()
	c := startChild(t, "wear", dir, fmt.Sprint(quota, times, int(class)))
	spoke := c.lines.Scan()
	close(stop)
	<-watched
	c.in.Close()
	var accepted, wrote, ms, held, usable int64
	if _, err := fmt.Sscan(c.lines.Text(), &accepted, &wrote, &ms, &held, &usable); !spoke || err != nil || watchErr != nil {
		t.Fatal("the child says", c.lines.Text(), err, watchErr)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	put := accepted * keys.DataSize
	t.Logf("quota %d MiB, %s: %d MiB put in %.1f s (%.0f MB/s); the directory took at most %.3f of the quota in blocks, %.3f in lengths, in %d looks; write amplification %.2f",
		quota>>20, class, put>>20, float64(ms)/1e3, float64(put)/1e3/float64(ms), float64(most.blocks)/float64(quota), float64(most.length)/float64(quota), looks, float64(wrote)/float64(put))
	if limit := ceiling(quota); most.blocks > limit || most.length > limit {
		t.Errorf("the directory took %d bytes in blocks and %d in lengths, the limit is %d", most.blocks, most.length, limit)
	}
	if wrote < put && wrote > 0 {
		t.Errorf("%d bytes were put and %d written: the disk is not watched well", put, wrote)
	}
	if float64(wrote) > 2.5*float64(put) {
		t.Errorf("write amplification is %.2f", float64(wrote)/float64(put))
	}
	if held < usable-keys.DataSize-store.Overhead || looks < 10 {
		t.Errorf("%d of %d usable bytes are held; %d looks at the disk", held, usable, looks)
	}
}

// TestDirectoryKeepsItsQuota_SPEC7 puts 20 quotas into a full store. NIGHTJAR_LONG=1 does so with a quota of 2 GiB as well.
func TestDirectoryKeepsItsQuota_SPEC7(t *testing.T) {
	sizes := []int64{24 << 20}
	if os.Getenv("NIGHTJAR_LONG") != "" {
		sizes = append(sizes, 256<<20, 2<<30)
	}
	for _, quota := range sizes {
		t.Run(fmt.Sprint(quota>>20), func(t *testing.T) { wear(t, quota, 20, store.Cache) })
	}
}

package badgerstore

import (
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"nightjar/keys"
	"nightjar/store"
)

// DefaultQuota is the quota in bytes of a Config that names none: 10 GiB.
const DefaultQuota = 10 << 30

// ErrInUse reports a directory that another store has open, in this process or another.
var ErrInUse = errors.New("badgerstore: the directory is in use by another store")

// Config says where a store is and how large. Only Dir must be set.
type Config struct {
	Dir   string        // created if it is missing
	Place *Place        // of Dir, unlocked; nil = Open takes Dir and Close gives it back
	Quota int64         // bytes; 0 = DefaultQuota
	Self  keys.Location // the node's place on the ring: what is near it is kept longest
	Log   *slog.Logger  // nil = silent; never told which blocks
}

func (c *Config) complete() error {
	if c.Place != nil && c.Dir == "" {
		c.Dir = c.Place.dir
	}
	if c.Dir == "" {
		return errors.New("badgerstore: no directory is given")
	}
	if c.Quota < 0 {
		return fmt.Errorf("badgerstore: a quota of %d bytes", c.Quota)
	}
	if c.Quota == 0 {
		c.Quota = DefaultQuota
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

const (
	tableParts   = 2048
	minTable     = 128 << 10
	maxTable     = 4 << 20
	valueParts   = 128 // value log files in a full store
	minValueFile = 1 << 20
	maxValueFile = 64 << 20 // puts wait while one is collected
	maxFiles     = 1024     // value log files in a full store, each a file descriptor and a map: above 64 GiB they are larger
	hugeFile     = 1 << 30  // above 1 TiB there are more of them: Badger takes none of 2 GiB
	// inline is the size in bytes below which Badger keeps a value in its tables: no sealed block is that small. But the mark
	// that ends a transaction is such a value, of up to 20 digits, and must be one: the replay of a log stops where
	// the mark is a pointer into the value log instead.
	inline = 32
)

// geometry is how large the files of a store with a quota are.
type geometry struct {
	table     int64 // bytes of a memtable
	valueFile int64 // bytes of a value log file
}

func shape(quota int64) geometry {
	return geometry{
		table:     min(max(quota/tableParts, minTable), maxTable),
		valueFile: min(max(quota/valueParts, minValueFile), max(maxValueFile, min(quota/maxFiles, hugeFile))),
	}
}

// batch is how many puts share a transaction and a sync at most: of blocks half a value log file, which the batch may make longer
// than it should be, and never more than 4 MiB.
func (g geometry) batch() int {
	return int(min(g.valueFile/2/(store.MaxSize+store.Overhead), maxBatch))
}

// usable is what of a quota the books may charge. The rest, and the 15 % that the disk may have more than the quota, is room for
// garbage: a file is worth freeing only when it holds less than the average, and with 0.8 that is half (decision 0011).
func usable(quota int64) int64 { return quota/5*4 + quota%5*4/5 }

// quotaFor is the smallest quota of which as much is usable.
func quotaFor(usable int64) int64 { return usable/4*5 + (usable%4*5+3)/4 }

// ceiling is what everything in the directory of a store with a quota takes at most, in bytes: 1.15 quotas; below 256 MiB, where the
// smallest files are large beside the quota, 38.4 MiB more than the quota. SPEC §7.
func ceiling(quota int64) int64 {
	return quota + min(max(quota/100*15, 256<<20/100*15), math.MaxInt64-quota)
}

// options tunes Badger for a small instance that is idle most of the time. Compaction and garbage collection
// are ours to start (maintain.go), so that nothing ticks and nothing writes when the disk is full.
func (g geometry) options(dir string, log badger.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = log
	o.MetricsEnabled = false
	o.BypassLockGuard = locks
	o.SyncWrites = false // one sync a batch, whose error is returned: writer.go
	o.DetectConflicts = false
	o.NumVersionsToKeep = 1
	o.MemTableSize = g.table
	o.NumMemtables = 2
	o.NumCompactors = 0
	o.NumLevelZeroTables = 1 // or Flatten leaves a few alone
	o.NumLevelZeroTablesStall = 1 << 20
	o.BaseLevelSize = 1 << 30 // two levels, as what is in the tables is 0.3 % of what is stored
	o.BaseTableSize = 2 << 20
	o.ValueThreshold = inline
	o.ValueLogFileSize = g.valueFile
	o.Compression = options.None                        // what we store does not compress
	o.BlockCacheSize = 0                                // the page cache has the tables already
	o.IndexCacheSize = 0                                // the indexes are small: 3 bytes a block
	o.VerifyValueChecksum = true                        // as the seal does; it matters to who reads through Badger: the benchmarks
	o.ChecksumVerificationMode = options.NoVerification // verify.go has read every table at opening
	return o
}

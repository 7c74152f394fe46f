package vault

import (
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

const (
	memTable = 1 << 20 // bytes; a transaction takes 15 % of it
	// inTables is the length from which on Badger would use its value log: longer than anything we write.
	inTables = 64 << 10
	// flattenAt is how many tables of flushed memtables a read may have to ask before they are merged into the others.
	flattenAt = 5
	// margin is what Badger may write, in bytes, until it is asked the next time: two memtables, their flushes, a few merges.
	margin = 6*memTable + 1<<20
)

// badgerOptions tunes Badger for a few thousand small records that change now and then. Merging is ours to start, so that nothing
// ticks, and nothing writes when the disk is full.
func badgerOptions(dir string) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = nil // its texts name files and keys
	o.MetricsEnabled = false
	o.BypassLockGuard = locks
	o.SyncWrites = false // durable() syncs, and returns the error
	o.DetectConflicts = false
	o.NumVersionsToKeep = 1
	o.MemTableSize = memTable
	o.NumMemtables = 2
	o.NumCompactors = 0
	o.NumLevelZeroTables = 1
	o.NumLevelZeroTablesStall = 1 << 20
	o.BaseLevelSize = 1 << 30
	o.BaseTableSize = 2 << 20
	o.ValueThreshold = inTables
	o.ValueLogFileSize = 1 << 20
	o.Compression = options.None
	o.BlockCacheSize = 0
	o.IndexCacheSize = 0
	o.ChecksumVerificationMode = options.OnBlockRead
	return o
}

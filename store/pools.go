package store

// PoolStats is what is held of one budget.
type PoolStats struct {
	Name   string // "sink", "cache" or "records"
	Blocks int64
	Bytes  int64 // charged
	Budget int64 // what it may always have, in bytes
}

// Pools is what is held of each budget.
func (l *Ledger) Pools() []PoolStats {
	var all []PoolStats
	for _, p := range []struct {
		pool uint8
		name string
	}{{inSink, "sink"}, {inCache, "cache"}, {inRecords, "records"}} {
		held := &l.pools[p.pool]
		all = append(all, PoolStats{p.name, int64(held.n), held.bytes, l.budget(p.pool)})
	}
	return all
}

package jobs

import (
	"math"
	"time"
)

const (
	// Samples closer together than this are joined: their times are too coarse to divide by.
	sampleTime = 200 * time.Millisecond
	// A sample loses 1-1/e of its weight in this time: long enough to read, short enough to follow.
	memoryTime = 3 * time.Second
)

// meter estimates how fast a counter grows.
type meter struct {
	started bool
	last    time.Time
	count   uint64
	perSec  float64
}

// rate takes in the counter's value at now and returns its growth per second.
func (m *meter) rate(now time.Time, count uint64) float64 {
	if !m.started {
		*m = meter{started: true, last: now, count: count}
		return 0
	}
	dt := now.Sub(m.last)
	if dt < sampleTime || count < m.count {
		return m.perSec
	}
	sample := float64(count-m.count) / dt.Seconds()
	if m.perSec == 0 {
		m.perSec = sample
	}
	weight := -math.Expm1(-dt.Seconds() / memoryTime.Seconds())
	m.perSec += weight * (sample - m.perSec)
	m.last, m.count = now, count
	return m.perSec
}

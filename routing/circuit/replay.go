package circuit

import "time"

// replay remembers the CREATEs of the last replayTime at least, so that none is answered twice. Replaying one gains
// nothing but this node's work, so that when more come than fit, the oldest are forgotten early.
type replay struct {
	now, before map[[16]byte]struct{}
	since       time.Duration // when now was begun
}

func (r *replay) init() { r.now = make(map[[16]byte]struct{}) }

// fresh reports whether the tag has not been seen, and remembers it.
func (r *replay) fresh(now time.Duration, tag [16]byte) bool {
	if now-r.since >= replayTime || len(r.now) >= maxReplayTags {
		if now-r.since >= 2*replayTime {
			r.now = nil
		}
		r.before, r.now, r.since = r.now, make(map[[16]byte]struct{}), now
	}
	if _, seen := r.now[tag]; seen {
		return false
	}
	if _, seen := r.before[tag]; seen {
		return false
	}
	r.now[tag] = struct{}{}
	return true
}

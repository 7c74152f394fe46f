package routing

import "slices"

// spread chooses a peer for what a circuit has launched here, the first or the second that is asked: of the closer half of the peers that may be asked some are drawn, and
// the one that has got least of this kind so far is taken. By the closest alone a few peers would see most of what is launched, and
// take this node for the one that asks; by a single draw some would for a while, by chance. docs/decisions/0009 has the figures.
// nil: no other peer is closer than this node.
func (m *Machine) spread(r *request) *link {
	type ranked struct {
		rank
		link *link
	}
	var few [MaxDegree]ranked
	closer := few[:0]
	own := rankOf(m.self, m.at, r.target)
	for _, l := range m.ring {
		if k := rankOf(l.id, l.at, r.target); k.less(&own) && l != r.route.drawn[0] && m.usable(l, r.kind(r.htl)) {
			closer = append(closer, ranked{k, l})
		}
	}
	if len(closer) == 0 {
		return nil
	}
	slices.SortFunc(closer, func(a, b ranked) int {
		if a.less(&b.rank) {
			return -1
		}
		return 1
	})
	half := (len(closer) + 1) / 2
	l := closer[m.rng.IntN(half)].link
	for range launchDraws - 1 {
		if other := closer[m.rng.IntN(half)].link; other.launched < l.launched {
			l = other
		}
	}
	l.launched++
	return l
}

// usualLaunches is what a new peer counts as having got: with nothing it would be preferred until it has caught up.
func (m *Machine) usualLaunches() uint64 {
	var sum uint64
	for _, l := range m.ring {
		sum += l.launched
	}
	return sum / uint64(max(1, len(m.ring)))
}

package anonymity

import (
	"math/rand/v2"
	"time"

	"nightjar/keys"
	"nightjar/routing/circuit/guard"
	"nightjar/routing/wire"
)

const (
	// rebuildEvery is how long a circuit is used: the time between two rounds of E5.
	rebuildEvery = 10 * time.Minute
	// roundUsers is how many nodes rebuild, on each topology.
	roundUsers = 20
)

// roundMarks are the numbers of rounds after which E5 accuses.
var roundMarks = []int{1, 3, 10, 30, 100, 300, 1000, 3000}

// identified is how often E5 was right, by index in roundMarks.
type identified []tallyOf

// predecessor is E5: a coalition counts, over rounds of rebuilding, who precedes it on circuits that launch a file known to it, and
// accuses the node that it has counted most often.
type predecessor struct {
	bad    []bool
	counts map[int32]int
}

// sees takes in a new circuit of the origin. Colluders recognise a circuit that has one of them at both ends with a perfect correlator.
func (p *predecessor) sees(origin int, path [3]int32) {
	switch {
	case !p.bad[path[2]]:
	case p.bad[path[0]]:
		p.counts[int32(origin)]++
	case p.bad[path[1]]:
		p.counts[path[0]]++
	default:
		p.counts[path[1]]++
	}
}

// right is the probability that the accused node is the origin: all with the highest count are alike.
func (p *predecessor) right(origin int) float64 {
	most, ties := 0, 0
	for a, n := range p.counts {
		switch {
		case p.bad[a]:
		case n > most:
			most, ties = n, 1
		case n == most:
			ties++
		}
	}
	if most == 0 || p.counts[int32(origin)] < most {
		return 0
	}
	return 1 / float64(ties)
}

// rounds runs E5 against one part of colluding nodes. With a network, paths are chosen by the machines' own selector, else all relays
// are drawn anew each time.
func (l *lab) rounds(w *network, part float64) identified {
	rng := l.cfg.source(l.topology, forRounds)
	out := make(identified, len(roundMarks))
	for range roundUsers {
		origin := rng.IntN(l.cfg.Nodes)
		var spies []*predecessor
		for range l.cfg.Coalitions {
			spies = append(spies, &predecessor{bad: l.drawBad(rng, part, origin), counts: make(map[int32]int)})
		}
		choose := func(int) [3]int32 { return drawPath(l.cfg.Nodes, origin, rng) }
		if w != nil {
			choose = w.chooser(origin, rng)
		}
		for round, mark := 1, 0; round <= l.cfg.Rounds; round++ {
			path := choose(round)
			for _, s := range spies {
				s.sees(origin, path)
			}
			if round < roundMarks[mark] {
				continue
			}
			for _, s := range spies {
				out[mark].all++
				out[mark].so += s.right(origin)
			}
			if mark++; mark == len(roundMarks) {
				break
			}
		}
	}
	return out
}

// chooser chooses paths as a node of the network does over virtual time.
func (w *network) chooser(origin int, rng *rand.Rand) func(round int) [3]int32 {
	view := w.net.View(origin)
	index := make(map[wire.NodeID]int32)
	self := wire.NodeID{}
	for i, j := 0, 0; i < w.g.nodes(); i++ {
		if i != origin {
			index[view.Relays[j].Desc.ID] = int32(i)
			j++
		}
	}
	s := guard.New(guard.Config{Self: self, Rand: rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))})
	begin := view.Since.Add(400 * 24 * time.Hour)
	s.Update(begin, view)
	return func(round int) (out [3]int32) {
		now := begin.Add(time.Duration(round) * rebuildEvery)
		p, err := s.Choose(now)
		if err != nil {
			panic("anonymity: no path in a network in which all know each other: " + err.Error())
		}
		s.Result(now, p, len(p.Hops), true)
		for i := range out {
			out[i] = index[p.Hops[i].ID]
		}
		return out
	}
}

// drawBad draws a coalition without a node.
func (l *lab) drawBad(rng *rand.Rand, part float64, without int) []bool {
	bad := make([]bool, l.cfg.Nodes)
	for left := l.members(part); left > 0; {
		if a := rng.IntN(l.cfg.Nodes); a != without && !bad[a] {
			bad[a] = true
			left--
		}
	}
	return bad
}

func (l *lab) members(part float64) int { return max(1, int(part*float64(l.cfg.Nodes)+0.5)) }

// places draws the places of a file's keys.
func places(n int, rng *rand.Rand) []keys.Location {
	out := make([]keys.Location, n)
	for i := range out {
		out[i] = keys.Location(rng.Uint64())
	}
	return out
}

package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/wire"
)

// patience is virtual time after which a request that has no answer would be a bug of the machine.
const patience = 10 * time.Minute

// job is one request that is being watched. Requests for the same block follow one another, so that the messages that
// carry its ID belong to one job.
type job struct {
	id      keys.ID
	block   keys.Block // zero if there is none
	started time.Time
	asked   int // Get or Put with hops to live
	hops    int // messages that carried the block towards its goal
	left    int // fetches to come
	open    bool
}

// workload inserts blocks and fetches them.
type workload struct {
	r    *rig
	jobs []*job
	byID map[keys.ID]*job

	open   int
	out    Outcome
	took   []time.Duration
	hops   int
	asked  int
	copies int
}

func newWorkload(r *rig) *workload {
	w := &workload{r: r, byID: make(map[keys.ID]*job)}
	for range r.cfg.Blocks {
		buf := make([]byte, keys.DataSize)
		var key crypto.Key
		binary.BigEndian.PutUint64(key[:], r.rng.Uint64())
		b := keys.SealData(buf, &key)
		w.add(&job{id: b.ID(), block: b, left: r.cfg.Fetches})
	}
	for range r.cfg.Missing {
		id := keys.ID{Kind: keys.KindData}
		binary.BigEndian.PutUint64(id.Name[:], r.rng.Uint64())
		w.add(&job{id: id, left: 1})
	}
	r.watch, r.done = w.see, w.done
	return w
}

func (w *workload) add(j *job) {
	w.jobs = append(w.jobs, j)
	w.byID[j.id] = j
}

// see counts what passes on the links for a job.
func (w *workload) see(_ int, _ wire.NodeID, msg wire.Message) {
	switch m := msg.(type) {
	case wire.Get:
		if j := w.byID[m.ID]; j != nil {
			j.asked++
		}
	case wire.Put:
		if j := w.byID[m.Block.ID()]; j != nil && m.HTL > 0 {
			j.asked++
			j.hops++
		}
	case wire.Data:
		if j := w.byID[m.Block.ID()]; j != nil {
			j.hops++
		}
	}
}

// insertAll inserts all blocks.
func (w *workload) insertAll() {
	w.reset()
	for i, j := range w.jobs[:w.r.cfg.Blocks] {
		w.begin(j, w.soon(), routing.LocalPut{Token: routing.Token(i), Block: j.block, Class: wire.Bulk})
	}
	w.finish()
}

// fetchAll fetches every block as often as the configuration says, all blocks at once.
func (w *workload) fetchAll() {
	w.reset()
	for i := range w.r.cfg.Blocks {
		w.fetch(i, w.soon())
	}
	w.finish()
}

// missAll asks for the blocks that do not exist.
func (w *workload) missAll() {
	w.reset()
	for i := range w.r.cfg.Missing {
		w.fetch(w.r.cfg.Blocks+i, w.soon())
	}
	w.finish()
}

// soon is within the time of the configuration; at once if a single node asks.
func (w *workload) soon() time.Duration {
	if w.r.cfg.Single {
		return 0
	}
	return time.Duration(w.r.rng.Int64N(int64(w.r.cfg.Within)))
}

func (w *workload) fetch(i int, after time.Duration) {
	j := w.jobs[i]
	j.left--
	class := wire.Interactive
	if w.r.cfg.Single {
		class = wire.Bulk
	}
	w.begin(j, after, routing.LocalGet{Token: routing.Token(i), ID: j.id, Class: class})
}

// begin has a random live node make a request.
func (w *workload) begin(j *job, after time.Duration, ev routing.Event) {
	n := w.r.nodes[0]
	for n.dead || n.mute || !w.r.cfg.Single && n == w.r.nodes[0] {
		n = w.r.nodes[w.r.rng.IntN(len(w.r.nodes))]
	}
	j.asked, j.hops, j.open = 0, 0, true
	j.started = w.r.now.Add(after)
	w.open++
	w.r.after(after, happening{node: n.n, ev: ev})
}

// done takes in the answer to a request and makes the next one for the same block a while later, when nothing of this one is on the way any more.
func (w *workload) done(d routing.Done) {
	j := w.jobs[d.Token]
	if !j.open {
		panic("sim: two answers to one request")
	}
	j.open = false
	w.open--
	w.out.Total++
	w.asked += j.asked
	w.took = append(w.took, w.r.now.Sub(j.started))
	switch {
	case d.Copies > 0 || !d.Block.IsZero():
		w.out.Success++
		w.hops += j.hops
		w.copies += int(d.Copies)
		w.out.MaxHops = max(w.out.MaxHops, j.hops)
	case d.Reason == wire.NotFound:
		w.out.NotFound++
	case d.Reason == wire.Overload:
		w.out.Overload++
	default:
		w.out.Failed++
	}
	if d.Copies == 0 && j.left > 0 {
		w.fetch(int(d.Token), time.Minute)
	}
}

func (w *workload) reset() {
	w.out, w.took, w.hops, w.asked, w.copies = Outcome{}, nil, 0, 0, 0
}

// finish plays until every request is answered, and then until nothing of them is on the way.
func (w *workload) finish() {
	end := w.r.now.Add(patience * time.Duration(max(1, w.r.cfg.Fetches)))
	w.r.run(end, func() bool { return w.open == 0 })
	if w.open > 0 {
		panic("sim: a request was never answered")
	}
	w.r.run(w.r.now.Add(time.Second), func() bool { return false })
}

// outcome sums up what was counted since reset.
func (w *workload) outcome() Outcome {
	out := w.out
	if out.Total == 0 {
		return out
	}
	out.Hops = float64(w.hops) / float64(max(1, out.Success))
	out.Asked = float64(w.asked) / float64(out.Total)
	slices.Sort(w.took)
	at := func(p int) time.Duration { return w.took[min(len(w.took)-1, len(w.took)*p/100)] }
	out.P50, out.P90, out.P99 = at(50), at(90), at(99)
	return out
}

func (w *workload) meanCopies() float64 { return float64(w.copies) / float64(max(1, w.out.Success)) }

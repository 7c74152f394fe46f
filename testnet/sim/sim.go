package sim

import (
	"time"
)

// Config describes a run; the zero value of every field means its default.
type Config struct {
	Seed    uint64
	Nodes   int // default 1 000
	Blocks  int // inserted from random nodes; default 300
	Fetches int // of each block, one after the other, from random nodes; default 3
	Missing int // fetches of blocks that do not exist

	// Single has one node make all requests, each kind at once: many more than its links take at a time.
	Single bool

	// Grown lets the nodes join one after the other through the Overlay; else they are linked at once by the same rule, and
	// links that are lost are not replaced.
	Grown bool

	// Dead is the part of the nodes that dies after the inserts. Their links end Detect later; until then they are silent.
	Dead   float64
	Detect time.Duration

	// Mute nodes take in all that they are sent, and neither answer it nor pass it on.
	Mute int

	Within time.Duration // requests of one kind are made, unless a single node makes them; default 1 s

	Latency time.Duration // median of one way; default 40 ms
	Sigma   float64       // of the lognormal distribution of latencies between links; default 0.5
	Keep    time.Duration // what it takes a store to keep a block; default 5 ms
}

// Result is what came of a run.
type Result struct {
	Nodes  int
	Degree float64 // mean number of links of a node before anybody died

	Inserts Outcome
	Fetches Outcome
	Missing Outcome // where the right answer is "not found"
	Copies  float64 // mean number of copies that a successful insert reported

	Messages int64 // of inserts and fetches
	Bytes    int64 // their size on the links
	Gossip   int64 // messages of the overlay
	Events   int64 // steps of all machines
	Virtual  time.Duration
	Trace    [32]byte // a hash over all events in their order
}

// Outcome sums up requests of one kind.
type Outcome struct {
	Total    int
	Success  int
	NotFound int
	Overload int
	Failed   int

	Hops    float64 // mean length of the path over which a block travelled
	MaxHops int
	Asked   float64 // mean number of Gets or Puts sent for a request, those that came to nothing included

	P50, P90, P99 time.Duration
}

// Rate is the part of the requests that succeeded.
func (o Outcome) Rate() float64 { return float64(o.Success) / float64(max(o.Total, 1)) }

func (c Config) withDefaults() Config {
	if c.Nodes == 0 {
		c.Nodes = 1000
	}
	if c.Blocks == 0 {
		c.Blocks = 300
	}
	if c.Fetches == 0 {
		c.Fetches = 3
	}
	if c.Within == 0 {
		c.Within = time.Second
	}
	if c.Latency == 0 {
		c.Latency = 40 * time.Millisecond
	}
	if c.Sigma == 0 {
		c.Sigma = 0.5
	}
	if c.Keep == 0 {
		c.Keep = 5 * time.Millisecond
	}
	return c
}

// Run plays a whole run: nodes are linked, blocks inserted, some nodes die, blocks are fetched.
func Run(cfg Config) Result {
	r := newRig(cfg.withDefaults())
	r.populate()
	res := Result{Nodes: len(r.nodes), Degree: r.degree()}
	r.silence()
	w := newWorkload(r)
	w.insertAll()
	res.Inserts, res.Copies = w.outcome(), w.meanCopies()
	r.kill()
	w.fetchAll()
	res.Fetches = w.outcome()
	w.missAll()
	res.Missing = w.outcome()
	res.Messages, res.Bytes, res.Gossip, res.Events = r.messages, r.bytes, r.gossip, r.events
	res.Virtual = r.now.Sub(epoch)
	r.trace.Sum(res.Trace[:0])
	return res
}

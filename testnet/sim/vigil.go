package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/wire"
)

// VigilConfig describes a network in which some wait for records. The zero value of every field means its default.
type VigilConfig struct {
	Seed      uint64
	Nodes     int           // default 200
	Records   int           // waited for and inserted, one after the other; default 5
	Followers int           // who wait for each; default 20
	Positions int           // of a record at which each of them waits; default 2
	Dead      float64       // part of the nodes that leave after all wait
	Detect    time.Duration // how long their neighbours take to notice; default 20 seconds
	After     time.Duration // when the first record is inserted after that; default 1 minute
	Mute      int           // nodes that take in all that they are sent, and neither answer it nor pass it on
}

// VigilResult is what came of it.
type VigilResult struct {
	Waited   int           // followers of all records, those that have left excepted
	Told     int           // who got the record
	Inserted int           // positions at which a record was stored, of four each
	P50      time.Duration // from the beginning of the insert until a follower had the record
	Last     time.Duration
	Stored   time.Duration // the mean time of an insert at one position
	Leases   float64       // Lease messages for each follower and position
	Pushes   float64       // Push messages for each follower
	Bytes    float64       // of both, for each follower
	Trace    [32]byte
}

func (c VigilConfig) withDefaults() VigilConfig {
	if c.Nodes == 0 {
		c.Nodes = 200
	}
	if c.Records == 0 {
		c.Records = 5
	}
	if c.Followers == 0 {
		c.Followers = 20
	}
	if c.Positions == 0 {
		c.Positions = 2
	}
	if c.Detect == 0 {
		c.Detect = 20 * time.Second
	}
	if c.After == 0 {
		c.After = time.Minute
	}
	return c
}

// vigil is a network in which some wait.
type vigil struct {
	r     *rig
	cfg   VigilConfig
	waits map[routing.Token]*waited
	puts  map[routing.Token]bool
	began time.Time // the insert
	took  []time.Duration
	res   VigilResult

	leases, pushes, bytes int64
}

// waited is one follower of one record.
type waited struct {
	node *node
	told bool
}

// Vigil lets a network grow, has followers wait for records, lets some nodes leave, and inserts the records.
func Vigil(cfg VigilConfig) VigilResult {
	cfg = cfg.withDefaults()
	v := &vigil{cfg: cfg, waits: make(map[routing.Token]*waited), puts: make(map[routing.Token]bool)}
	v.r = newRig(Config{Seed: cfg.Seed, Nodes: cfg.Nodes, Grown: true, Dead: cfg.Dead, Detect: cfg.Detect, Mute: cfg.Mute}.withDefaults())
	v.r.done, v.r.watch = v.done, v.see
	v.r.populate()
	v.r.silence()
	var records []keys.Block
	var followers []*waited
	for range cfg.Records {
		b := v.record()
		records = append(records, b)
		followers = append(followers, v.follow(b.ID())...)
	}
	v.r.run(v.r.now.Add(time.Minute), never)
	v.r.kill()
	v.r.run(v.r.now.Add(cfg.After), never)
	for _, b := range records {
		v.insert(b)
	}
	v.count(followers)
	return v.res
}

// record makes a record of an author of its own.
func (v *vigil) record() keys.Block {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], v.r.rng.Uint64())
	random := rand.NewChaCha8(seed)
	u, err := keys.NewAuthor(random)
	if err != nil {
		panic("sim: " + err.Error())
	}
	a, err := u.Author()
	if err != nil {
		panic("sim: " + err.Error())
	}
	b, err := a.Seal("site-1", keys.Record{Version: 1}, random)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return b
}

// able is a random node that takes part.
func (v *vigil) able() *node {
	for {
		if n := v.r.nodes[v.r.rng.IntN(len(v.r.nodes))]; !n.dead && !n.mute {
			return n
		}
	}
}

// follow has followers wait for a record.
func (v *vigil) follow(id keys.ID) (all []*waited) {
	for range v.cfg.Followers {
		w := &waited{node: v.able()}
		all = append(all, w)
		for _, rotation := range v.r.rng.Perm(keys.Rotations)[:v.cfg.Positions] {
			token := routing.Token(len(v.waits) + 1)
			v.waits[token] = w
			v.r.after(0, happening{node: w.node.n, ev: routing.LocalWait{Token: token, ID: id, Rotation: uint8(rotation)}})
		}
	}
	return all
}

// insert inserts a record at its four positions, and lets ten seconds pass.
func (v *vigil) insert(b keys.Block) {
	n := v.able()
	v.began = v.r.now
	for rotation := range uint8(keys.Rotations) {
		token := routing.Token(1<<32 + len(v.puts))
		v.puts[token] = true
		v.r.after(0, happening{node: n.n, ev: routing.LocalPut{Token: token, Block: b, Rotation: rotation, Launch: true}})
	}
	v.r.run(v.r.now.Add(10*time.Second), never)
}

func (v *vigil) done(d routing.Done) {
	since := v.r.now.Sub(v.began)
	switch w := v.waits[d.Token]; {
	case v.puts[d.Token] && d.Copies > 0:
		v.res.Inserted++
		v.res.Stored += since
	case w != nil && !w.told && !d.Block.IsZero():
		w.told = true
		v.took = append(v.took, since)
	}
}

// see counts messages.
func (v *vigil) see(_ int, _ wire.NodeID, msg wire.Message) {
	switch msg.(type) {
	case wire.Lease:
		v.leases++
	case wire.Push:
		v.pushes++
	default:
		return
	}
	v.bytes += int64(wire.Size(msg))
}

func (v *vigil) count(followers []*waited) {
	res := &v.res
	for _, w := range followers {
		if w.node.dead {
			continue
		}
		res.Waited++
		if w.told {
			res.Told++
		}
	}
	slices.Sort(v.took)
	if len(v.took) > 0 {
		res.P50, res.Last = v.took[len(v.took)/2], v.took[len(v.took)-1]
	}
	res.Stored /= time.Duration(max(1, res.Inserted))
	all := float64(len(followers))
	res.Leases, res.Pushes = float64(v.leases)/all/float64(v.cfg.Positions), float64(v.pushes)/all
	res.Bytes = float64(v.bytes) / all
	v.r.trace.Sum(res.Trace[:0])
}

package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/repair"
	"nightjar/routing/wire"
	"nightjar/store"
)

// DecayConfig describes a network whose nodes leave for ever. The zero value of every field means its default.
type DecayConfig struct {
	Seed   uint64
	Nodes  int           // default 20
	Leave  int           // default 10
	Every  time.Duration // how long after one the next one leaves; default 2 minutes
	Detect time.Duration // how long its neighbours take to notice; default 20 seconds
	Blocks int           // inserted before; default 300
	NoMend bool          // sinks do not repair each other
	Quiet  time.Duration // how long the network is left alone before and after; default 5 minutes
}

// DecayResult is what came of it.
type DecayResult struct {
	Inserted int
	Found    int     // of the blocks, by a fetch each from a random node that is left
	Copies   float64 // mean number of a block's sinks that hold it in the end, of 3
	Copied   uint64  // blocks that sinks copied from each other
	Talk     int64   // bytes that sinks said to each other, copies excepted
	Moved    int64   // bytes of copies
	Idle     float64 // bytes a node said in an hour in which nothing happened
	Accused  int     // nodes said to have misbehaved: none should be
	Trace    [32]byte
}

func (c DecayConfig) withDefaults() DecayConfig {
	if c.Nodes == 0 {
		c.Nodes = 20
	}
	if c.Leave == 0 {
		c.Leave = 10
	}
	if c.Every == 0 {
		c.Every = 2 * time.Minute
	}
	if c.Detect == 0 {
		c.Detect = 20 * time.Second
	}
	if c.Blocks == 0 {
		c.Blocks = 300
	}
	if c.Quiet == 0 {
		c.Quiet = 5 * time.Minute
	}
	return c
}

// decay is a network whose nodes keep their sinks whole.
type decay struct {
	r       *rig
	cfg     DecayConfig
	keepers map[*node]*keeper
	blocks  []keys.Block
	done    int
	ok      int
	res     DecayResult
}

// keeper is what a node has for that.
type keeper struct {
	machine *repair.Machine
	shelf   *shelf
	tick    time.Time
}

// Decay inserts blocks into a network that has grown, has nodes leave it for ever one after the other, and asks for every block.
func Decay(cfg DecayConfig) DecayResult {
	cfg = cfg.withDefaults()
	d := &decay{cfg: cfg, keepers: make(map[*node]*keeper)}
	d.r = newRig(Config{Seed: cfg.Seed, Nodes: cfg.Nodes, Grown: true, Detect: cfg.Detect}.withDefaults())
	d.r.kept = func(n *node, e routing.Keep) { d.keep(n, e.Block, e.Class, e.At) }
	d.r.met = d.met
	d.r.done = d.landed
	d.r.populate()
	d.insert()
	d.r.run(d.r.now.Add(cfg.Quiet), never)
	for _, i := range d.r.rng.Perm(len(d.r.nodes))[:cfg.Leave] {
		d.leave(d.r.nodes[i])
		d.r.run(d.r.now.Add(cfg.Every), never)
	}
	d.r.run(d.r.now.Add(cfg.Quiet), never)
	d.count()
	d.fetch()
	before := d.res.Talk
	d.r.run(d.r.now.Add(4*time.Hour), never)
	d.res.Idle = float64(d.res.Talk-before) / 4 / float64(cfg.Nodes-cfg.Leave)
	d.r.trace.Sum(d.res.Trace[:0])
	return d.res
}

func never() bool { return false }

func (d *decay) keeper(n *node) *keeper {
	k := d.keepers[n]
	if k == nil {
		seed := binary.BigEndian.Uint64(n.id[:])
		k = &keeper{
			machine: repair.New(repair.Config{Self: n.id, Rand: rand.New(rand.NewPCG(d.cfg.Seed, seed))}),
			shelf:   newShelf(n.id.Location(), rand.New(rand.NewPCG(seed, d.cfg.Seed))),
		}
		d.keepers[n] = k
	}
	return k
}

func (d *decay) keep(n *node, b keys.Block, class store.Class, at keys.Location) {
	// What the books refuse is an older record, and stays as it is.
	_ = d.keeper(n).shelf.Put(b, class, at)
}

func (d *decay) met(n, peer *node, up bool) {
	if up {
		d.step(n, repair.PeerUp{Peer: peer.id})
	} else {
		d.step(n, repair.PeerDown{Peer: peer.id})
	}
}

// step steps a node's machine and carries out what it asks for.
func (d *decay) step(n *node, ev repair.Event) {
	if n.dead || d.cfg.NoMend {
		return
	}
	k, r := d.keeper(n), d.r
	for _, e := range k.machine.Step(r.now, ev) {
		switch e := e.(type) {
		case repair.Send:
			d.send(n, e)
		case repair.Misbehaved:
			d.res.Accused++
		case repair.Job:
			r.after(lookTime, happening{call: func() { d.work(n, e) }})
		}
	}
	t, ok := k.machine.NextDeadline()
	if ok && (k.tick.IsZero() || t.Before(k.tick)) {
		k.tick = t
		r.after(max(0, t.Sub(r.now)), happening{call: func() {
			k.tick = time.Time{}
			d.step(n, repair.Tick{})
		}})
	}
}

// work does what a machine asks of its store.
func (d *decay) work(n *node, j repair.Job) {
	if n.dead {
		return
	}
	done, err := repair.Do(d.keeper(n).shelf, j)
	if err != nil {
		panic("sim: " + err.Error())
	}
	if k, ok := done.(repair.Kept); ok && k.Result == repair.Stored {
		b := j.(repair.Keep).Block
		n.store[b.ID()] = b
		d.res.Copied++
	}
	d.step(n, done)
}

func (d *decay) send(n *node, e repair.Send) {
	r := d.r
	size := int64(wire.Size(e.Msg))
	if _, copies := e.Msg.(wire.Copy); copies {
		d.res.Moved += size
	} else {
		d.res.Talk += size
	}
	to := r.nodes[r.index[e.To]]
	r.after(r.latency(n.n, to.n), happening{call: func() {
		if to.links[n.id] {
			r.trace.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
			d.step(to, repair.Received{From: n.id, Msg: e.Msg})
		}
	}})
}

// insert inserts all blocks from random nodes.
func (d *decay) insert() {
	for i := range d.cfg.Blocks {
		var key crypto.Key
		binary.BigEndian.PutUint64(key[:], d.r.rng.Uint64())
		b := keys.SealData(make([]byte, keys.DataSize), &key)
		d.blocks = append(d.blocks, b)
		d.ask(routing.LocalPut{Token: routing.Token(i), Block: b, Class: wire.Bulk})
	}
	d.await()
	d.res.Inserted = d.ok
}

// leave has a node leave for ever. Its neighbours notice a while later.
func (d *decay) leave(n *node) {
	n.dead = true
	d.r.after(d.cfg.Detect, happening{call: func() {
		for _, other := range d.r.nodes {
			d.r.cut(other, n)
		}
	}})
}

// fetch asks for every block.
func (d *decay) fetch() {
	for i, b := range d.blocks {
		d.ask(routing.LocalGet{Token: routing.Token(i), ID: b.ID(), Class: wire.Bulk})
	}
	d.await()
	d.res.Found = d.ok
}

// ask has a random node that is left make a request within ten seconds.
func (d *decay) ask(ev routing.Event) {
	n := d.r.nodes[d.r.rng.IntN(len(d.r.nodes))]
	for n.dead {
		n = d.r.nodes[d.r.rng.IntN(len(d.r.nodes))]
	}
	d.r.after(time.Duration(d.r.rng.Int64N(int64(10*time.Second))), happening{node: n.n, ev: ev})
}

// await plays until every request is answered.
func (d *decay) await() {
	d.done, d.ok = 0, 0
	d.r.run(d.r.now.Add(patience), func() bool { return d.done == len(d.blocks) })
	if d.done < len(d.blocks) {
		panic("sim: a request was never answered")
	}
}

func (d *decay) landed(e routing.Done) {
	d.done++
	if e.Copies > 0 || !e.Block.IsZero() {
		d.ok++
	}
}

// count finds out how many of the three nodes closest to a block hold it.
func (d *decay) count() {
	total := 0
	for _, b := range d.blocks {
		at := b.ID().Location(0)
		near := make([]*node, 0, wire.MaxCopies+1)
		for _, n := range d.r.nodes {
			if n.dead {
				continue
			}
			i := len(near)
			for i > 0 && n.id.Location().Distance(at) < near[i-1].id.Location().Distance(at) {
				i--
			}
			near = append(near[:i], append([]*node{n}, near[i:]...)...)
			near = near[:min(len(near), wire.MaxCopies)]
		}
		for _, n := range near {
			if _, ok := n.store[b.ID()]; ok {
				total++
			}
		}
	}
	d.res.Copies = float64(total) / float64(len(d.blocks))
}

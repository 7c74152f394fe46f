package anonymity

import (
	"fmt"
	"math/rand/v2"
)

// Config describes a measurement; the zero value of every field means its default.
type Config struct {
	Seed       uint64
	Nodes      int       // default 500, at least 60
	Topologies int       // networks, each with nodes and links of its own; default 10
	Downloads  int       // of each size, with each design, on each topology; default 50
	Blocks     []int     // sizes of files; default 16, 64, 256, 1024
	Parts      []float64 // of the nodes that collude; 0 = a single node, a peer of the originator; default 0, 0.05, 0.1
	Coalitions int       // that look at each download, for each part; default 8
	Load       int       // downloads under way at once in the design's network; default 4
	Rounds     int       // of rebuilding for E5; default 1 000
}

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&c.Nodes, 500)
	set(&c.Topologies, 10)
	set(&c.Downloads, 50)
	set(&c.Coalitions, 8)
	set(&c.Load, 4)
	set(&c.Rounds, 1000)
	if c.Blocks == nil {
		c.Blocks = []int{16, 64, 256, 1024}
	}
	if c.Parts == nil {
		c.Parts = []float64{0, 0.05, 0.1}
	}
	return c
}

// Quick is a measurement that takes seconds: enough to see that all of it works, and whether anything is badly wrong.
func Quick(seed uint64) Config {
	return Config{
		Seed: seed, Nodes: 150, Topologies: 4, Downloads: 12, Blocks: []int{16, 64, 256}, Coalitions: 6, Rounds: 300,
	}
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	c = c.WithDefaults()
	switch {
	case c.Nodes < 60 || c.Nodes > 5000:
		return fmt.Errorf("%d nodes: this measures networks of 60 to 5000", c.Nodes)
	case c.Topologies < 1 || c.Downloads < 1 || c.Coalitions < 1 || c.Load < 1 || c.Rounds < 1:
		return fmt.Errorf("numbers of topologies, downloads, coalitions and rounds begin at 1")
	case c.Downloads > c.Nodes/2:
		return fmt.Errorf("%d downloads on a topology: each has an originator of its own, among at most half of %d nodes", c.Downloads, c.Nodes)
	}
	for _, b := range c.Blocks {
		if b < 1 || b > 4096 {
			return fmt.Errorf("a file of %d blocks: sizes are 1 to 4096", b)
		}
	}
	for _, p := range c.Parts {
		if p < 0 || p > 0.5 {
			return fmt.Errorf("a part of %g of the nodes: it is 0 to 0.5", p)
		}
	}
	return nil
}

// What randomness is for: each has a source of its own, so that more of one thing changes nothing about another.
const (
	forGraph = iota + 1
	forFreenet
	forShares
	forCoalitions
	forPlaces
	forGuesses
	forReference
	forRounds
)

func (c Config) source(topology int, what uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.Seed, uint64(topology)<<8|what))
}

// design is a way to hide, or not to hide, who asks.
type design int

// The designs that are compared, in the order of the tables.
const (
	Guess     design = iota // B0: an attack that guesses, on the same downloads as Freenet
	Freenet                 // B1
	Stem                    // B3
	Unguarded               // B4
	Direct                  // Nightjar without circuits
	Nightjar                // B5
	designs
)

func (d design) String() string {
	return [...]string{"B0 guess", "B1 Freenet", "B3 stem", "B4 no guards", "Nightjar, 0 hops", "B5 Nightjar"}[d]
}

// leastHTL is the least HTL with which an originator's request leaves it, which is what E1 and E2 count; where requests are launched
// elsewhere they count all but those that only ask for what the receiver holds itself.
func (d design) leastHTL() uint8 {
	switch d {
	case Guess, Freenet:
		return maxHTL - 1
	case Direct:
		return maxHTL - 2
	}
	return 1
}

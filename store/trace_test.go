package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"testing"
)

// The measurement behind docs/decisions/0012: policies for the cache, replayed on traces that are made from a seed.
//
//	NIGHTJAR_TRACES=full go test ./store -run TestTraces -v       the table, in two minutes
//	go test ./store -run XXX -bench BenchmarkPolicy               what a request costs
//
// Without the variable a small part of it is a test of the Ledger's own cache.

// policy is a cache of equal blocks, which are numbered.
type policy interface {
	ask(id uint32) bool // for a block: is it held?
	add(id uint32)      // a block that is not held
	state() int         // bytes that it needs at its limit, beside what finds a block
}

// zipf draws ranks from 0 to n-1 with weights 1/(rank+1)^a, which rand.Zipf cannot for a <= 1.
type zipf struct {
	sum []float64
	rnd *rand.Rand
}

func newZipf(n int, a float64, rnd *rand.Rand) *zipf {
	z := &zipf{make([]float64, n), rnd}
	total := 0.0
	for i := range z.sum {
		total += math.Pow(float64(i+1), -a)
		z.sum[i] = total
	}
	return z
}

func (z *zipf) draw() int {
	return sort.SearchFloat64s(z.sum, z.rnd.Float64()*z.sum[len(z.sum)-1])
}

// load is what a trace, a stream of requests that reach a node, is mixed of.
type load struct {
	objects int
	alpha   float64
	scan    float64 // part of the requests that belong to downloads of blocks that nobody asks for again
	churn   float64 // chance of a request to give a rank to another block
	again   float64 // chance of a request to be repeated soon: a reader that retries, a second reader of a page
}

func (l load) trace(seed uint64) func() uint32 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	z := newZipf(l.objects, l.alpha, rnd)
	at := make([]uint32, l.objects) // the block of each rank
	fresh := uint32(0)
	for _, i := range rnd.Perm(l.objects) {
		at[i] = fresh
		fresh++
	}
	scanning := 0
	var soon []uint32 // blocks to repeat
	return func() uint32 {
		if rnd.Float64() < l.churn {
			at[z.draw()] = fresh
			fresh++
		}
		switch {
		case scanning > 0 && rnd.IntN(2) == 0: // a download passes, and others ask meanwhile
			scanning--
			fresh++
			return fresh - 1
		case l.scan > 0 && scanning == 0 && rnd.Float64() < l.scan/float64(l.objects)*40:
			scanning = l.objects / 40
		case len(soon) > 20 && rnd.IntN(3) == 0:
			i := rnd.IntN(len(soon))
			id := soon[i]
			soon[i] = soon[len(soon)-1]
			soon = soon[:len(soon)-1]
			return id
		}
		id := at[z.draw()]
		if rnd.Float64() < l.again {
			soon = append(soon, id)
		}
		return id
	}
}

// loads are the traces of the table.
func loads(objects int) (names []string, all []load) {
	for _, a := range []float64{0.7, 0.9, 1.1} {
		for _, k := range []struct {
			name               string
			scan, churn, again float64
		}{{"steady", 0, 0, 0}, {"scans", 0.4, 0, 0}, {"churn", 0, 0.02, 0}, {"again", 0, 0, 0.2}, {"all", 0.4, 0.02, 0.2}} {
			names = append(names, fmt.Sprintf("%.1f %s", a, k.name))
			all = append(all, load{objects, a, k.scan, k.churn, k.again})
		}
	}
	return names, all
}

// replay runs a trace through a policy as a node would: of what it did not hold it caches one block in oneIn.
func replay(p policy, next func() uint32, requests, oneIn int) (hits float64) {
	rnd := rand.New(rand.NewPCG(99, 0))
	counted, n := 0, 0
	for i := range requests {
		id := next()
		held := p.ask(id)
		if i >= requests/3 { // what comes before fills the cache
			counted++
			if held {
				n++
			}
		}
		if !held && rnd.IntN(oneIn) == 0 {
			p.add(id)
		}
	}
	return float64(n) / float64(counted)
}

// ledgerPolicy is the cache of a Ledger.
type ledgerPolicy struct{ *Ledger }

func newLedgerPolicy(limit int) policy {
	return ledgerPolicy{NewLedger(int64(limit)*(1000+Overhead), 0, rnd(1))}
}

func (p ledgerPolicy) ask(id uint32) bool {
	_, held := p.Use(block(int(id), Cache, 0, 1000).ID)
	return held
}

func (p ledgerPolicy) add(id uint32) {
	e := block(int(id), Cache, 0, 1000)
	victims, _ := p.Room(e)
	for _, v := range victims {
		p.Yield(v.ID, e, 0)
	}
	p.Set(e)
}

func (p ledgerPolicy) state() int {
	c := &p.cache
	return 4*int(p.pools[inCache].n) + 4*(len(c.queues[small].ring)+len(c.queues[main].ring)+ghostDepth*len(c.ghost.buckets))
}

// policies are the columns of the table.
var policies = []struct {
	name string
	make func(limit int) policy
}{
	{"random of five", newSampledLRU}, {"hyperbolic", newHyperbolic}, {"SIEVE", newSieve},
	{"S3-FIFO, 2 requests", func(n int) policy { return newS3(n, 1, n) }},
	{"S3-FIFO, 1 request", func(n int) policy { return newS3(n, 0, n) }},
	{"the same, no ghost", func(n int) policy { return newS3(n, 0, 0) }},
	{"Ledger", newLedgerPolicy},
}

// TestTraces holds the Ledger's cache to what S3-FIFO hits in the textbook's form, and above what random of five does; or prints the table.
func TestTraces(t *testing.T) {
	objects, requests, parts := 4_000, 60_000, []int{20}
	full := os.Getenv("NIGHTJAR_TRACES") == "full"
	if full {
		objects, requests, parts = 40_000, 600_000, []int{5, 20, 100}
	}
	names, all := loads(objects)
	for _, part := range parts {
		mean := map[string]float64{}
		for i, l := range all {
			hits := map[string]float64{}
			line := fmt.Sprintf("| 1/%d | %s", part, names[i])
			for _, p := range policies {
				if full || p.name == "random of five" || p.name == "S3-FIFO, 1 request" || p.name == "Ledger" {
					hits[p.name] = 100 * replay(p.make(objects/part), l.trace(7), requests, 4)
					mean[p.name] += hits[p.name] / float64(len(all))
					line += fmt.Sprintf(" | %.1f", hits[p.name])
				}
			}
			t.Log(line + " |")
			if hits["Ledger"] < hits["S3-FIFO, 1 request"]-1 || hits["Ledger"] < hits["random of five"]-0.5 {
				t.Errorf("%s: the Ledger's cache hits %.1f %%, S3-FIFO %.1f %%, random of five %.1f %%", names[i], hits["Ledger"], hits["S3-FIFO, 1 request"], hits["random of five"])
			}
		}
		for _, p := range policies {
			if full {
				t.Logf("1/%d, %s: mean %.1f %%, %.1f bytes a block", part, p.name, mean[p.name], float64(filled(p.make(objects/part), objects).state())/float64(objects/part))
			}
		}
		if mean["Ledger"] < mean["random of five"]+3 {
			t.Errorf("the Ledger's cache hits %.1f %%, random of five %.1f %%", mean["Ledger"], mean["random of five"])
		}
	}
}

func filled(p policy, n int) policy {
	for i := range n {
		p.add(uint32(i))
	}
	return p
}

// BenchmarkPolicy is what a request costs of which half hit, with what finds the block; of the Ledger the books as well.
func BenchmarkPolicy(b *testing.B) {
	const objects, limit = 400_000, 100_000
	for _, p := range policies {
		b.Run(p.name, func(b *testing.B) {
			next := load{objects, 0.9, 0.4, 0.02, 0.2}.trace(7)
			ids := make([]uint32, 1<<20)
			for i := range ids {
				ids[i] = next()
			}
			c := p.make(limit)
			for _, id := range ids {
				if !c.ask(id) {
					c.add(id)
				}
			}
			for i := 0; b.Loop(); i++ {
				if id := ids[i%len(ids)]; !c.ask(id) && i%4 == 0 {
					c.add(id)
				}
			}
		})
	}
}

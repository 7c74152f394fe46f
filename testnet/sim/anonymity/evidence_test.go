package anonymity

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
)

// hiddenRecord is a download of 20 keys by node 0 over two circuits: 1-2-3 launches the even ones, 4-5-6 the odd ones, and node 7
// gets them all from the launch nodes.
func hiddenRecord() *record {
	r := newRecord(0, make([]keys.Location, 20))
	r.paths = [][3]int32{{1, 2, 3}, {4, 5, 6}}
	for k := range int32(20) {
		x := int32(3)
		if k%2 == 1 {
			x = 6
		}
		at := time.Duration(k) * time.Second
		r.launches = append(r.launches, launch{at, x, k})
		r.hops = append(r.hops, hop{at + time.Millisecond, x, 7, k, maxHTL})
	}
	return r
}

func among(n int, bad ...int) []bool {
	out := make([]bool, n)
	for _, b := range bad {
		out[b] = true
	}
	return out
}

func TestCollusion(t *testing.T) {
	for _, c := range []struct {
		bad  []int
		want collusion
	}{
		{nil, collusion{}},
		{[]int{2, 5}, collusion{}},            // middles know neither end
		{[]int{3, 6, 7}, collusion{}},         // all keys, but nobody at the other end
		{[]int{1}, collusion{guard: true}},    // a guard without keys
		{[]int{1, 6}, collusion{guard: true}}, // the ends of different circuits
		{[]int{1, 3}, collusion{strict: true, oracle: true, guard: true}},
		{[]int{4, 6}, collusion{strict: true, oracle: true, guard: true}},
		{[]int{1, 7}, collusion{oracle: true, guard: true}}, // keys seen on their way, ten of them
	} {
		if got := hiddenRecord().collude(among(8, c.bad...)); got != c.want {
			t.Errorf("%v collude: %+v, want %+v", c.bad, got, c.want)
		}
	}
	r := hiddenRecord()
	r.hops = r.hops[:2*enoughKeys-2] // seven of each circuit
	if r.collude(among(8, 1, 7)).oracle {
		t.Error("the oracle recognises a circuit by seven keys")
	}
}

func TestFirstSpy(t *testing.T) {
	for _, c := range []struct {
		bad  []int
		want int
	}{
		{nil, -1},
		{[]int{1, 2}, -1},   // no key seen
		{[]int{3}, 2},       // the launch node knows the middle
		{[]int{3, 2}, 1},    // and the middle the guard
		{[]int{3, 2, 1}, 0}, // and the guard the originator
		{[]int{7}, 3},       // who sent the first key in clear
		{[]int{6, 7}, 3},    // which was before the other circuit launched
		{[]int{3, 7}, 2},
	} {
		if got := hiddenRecord().firstSpy(among(8, c.bad...)); got != c.want {
			t.Errorf("%v accuse %d, want %d", c.bad, got, c.want)
		}
	}
}

func TestBelief(t *testing.T) {
	c := &coalition{bad: among(8, 6, 7), honest: 6}
	flat := believe(make([]float64, 8), c, 2)
	if math.Abs(flat.top-1./6) > 1e-12 || math.Abs(flat.right-1./6) > 1e-12 || math.Abs(flat.degree-1) > 1e-12 || math.Abs(flat.brier-5./6) > 1e-12 {
		t.Errorf("without evidence: %+v", flat)
	}
	sure := believe([]float64{0, 0, 1000, 0, 0, 0, 2000, 0}, c, 2)
	if sure.top != 1 || sure.right != 1 || sure.degree != 0 || sure.brier != 0 {
		t.Errorf("with evidence against the originator: %+v", sure)
	}
	wrong := believe([]float64{1000, 0, 0, 0, 0, 0, 0, 0}, c, 2)
	if wrong.top != 1 || wrong.right != 0 || wrong.brier != 2 {
		t.Errorf("with evidence against another: %+v", wrong)
	}
}

func TestSuspectsAreAllButWhoCannotBeIt(t *testing.T) {
	g, _ := drawGraph(8, 60)
	r := hiddenRecord()
	s := newShares(g, g.router, rand.New(rand.NewPCG(9, 9)))
	alone := newCoalition(s, []int{3})
	left := float64(alone.honest - 1) // without the middle
	if b := r.suspects(g, alone, false, false); math.Abs(b.top-1/left) > 1e-12 {
		t.Errorf("a launch node suspects one of %v", 1/b.top)
	}
	if b := r.suspects(g, alone, true, false); b.top != 1 || b.right != 1 || b.degree != 0 {
		t.Errorf("the oracle is not sure: %+v", b)
	}
	nobody := newCoalition(s, []int{20})
	if b := r.suspects(g, nobody, false, true); math.Abs(b.degree-1) > 1e-12 {
		t.Errorf("a node that saw nothing believes %+v", b)
	}
}

// TestPredecessorCountsWhoPrecedes: the estimator accuses whom it has counted most often, and only circuits of which it knows the file count.
func TestPredecessorCountsWhoPrecedes(t *testing.T) {
	p := &predecessor{bad: among(10, 1, 3), counts: map[int32]int{}}
	p.sees(0, [3]int32{1, 5, 4}) // no colluder launched
	if p.right(0) != 0 {
		t.Error("a guard alone is enough")
	}
	p.sees(0, [3]int32{5, 6, 3})
	if p.right(0) != 0 || p.counts[6] != 1 {
		t.Errorf("counts %v", p.counts)
	}
	p.sees(0, [3]int32{1, 7, 3})
	if p.right(0) != 0.5 {
		t.Errorf("two counted once each: %v", p.right(0))
	}
	p.sees(0, [3]int32{1, 8, 3})
	if p.right(0) != 1 {
		t.Errorf("counts %v", p.counts)
	}
}

package sim

import (
	"encoding/binary"
	"testing"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/routing/circuit"
	"nightjar/routing/wire"
)

// download is what an observer who sees everything saw of one download.
type download struct {
	found    int
	launches map[int]int // by node
	asked    map[int]int // Gets that a node has sent
	paths    map[[3]int]bool
	trace    [32]byte
	routed   int64
	onion    int64
}

// fetchThrough has node 0 of a ring of n nodes fetch blocks that node n/2 and its neighbours hold.
func fetchThrough(t *testing.T, n, blocks int, direct bool) download {
	t.Helper()
	d := download{launches: map[int]int{}, asked: map[int]int{}, paths: map[[3]int]bool{}}
	net := NewNet(NetConfig{Seed: 3, Nodes: n, Direct: direct}, Tap{
		Asked:    func(_ time.Duration, from, _ int, _ wire.Get) { d.asked[from]++ },
		Launched: func(_ time.Duration, node int, _ keys.ID) { d.launches[node]++ },
		Built: func(origin int, hops [3]int) {
			if origin != 0 {
				t.Errorf("node %d has built a circuit", origin)
			}
			d.paths[hops] = true
		},
		Done: func(_ time.Duration, _ int, found bool) {
			if found {
				d.found++
			}
		},
	})
	for i := range n {
		for j := range i {
			net.Link(i, j)
		}
	}
	group := circuit.Group{Key: [32]byte{1}, Blocks: blocks}
	for i := range blocks {
		var key crypto.Key
		binary.BigEndian.PutUint64(key[:], uint64(i))
		b := keys.SealData(make([]byte, keys.DataSize), &key)
		for node := range n {
			net.Hold(node, b)
		}
		net.Fetch(0, i, b.ID(), group)
	}
	if !net.Run(10*time.Minute, func() bool { return d.found == blocks }) {
		t.Fatalf("%d of %d blocks found", d.found, blocks)
	}
	net.Finish(0, group)
	net.Run(time.Minute, func() bool { return false })
	d.trace = net.Trace()
	d.routed, d.onion = net.Bytes()
	return d
}

func TestNetFetchesThroughCircuits(t *testing.T) {
	const blocks = 40
	d := fetchThrough(t, 12, blocks, false)
	total := 0
	for node, n := range d.launches {
		if node == 0 {
			t.Error("a node has launched its own requests")
		}
		total += n
	}
	if most := circuit.Circuits(blocks); total != blocks || len(d.paths) > most || len(d.paths) < most/2 {
		t.Errorf("%d launches of %d blocks, %d circuits", total, blocks, len(d.paths))
	}
	for p := range d.paths {
		if d.launches[p[2]] == 0 || p[0] == 0 || p[1] == 0 || p[0] == p[1] || p[1] == p[2] || p[0] == p[2] {
			t.Errorf("circuit over %v, launches %v", p, d.launches)
		}
	}
	if d.asked[0] != 0 {
		t.Errorf("the originator has sent %d requests in clear", d.asked[0])
	}
	cells := int64(blocks * 3 * 16 * 2112)
	if most := cells*5/4 + int64(len(d.paths))*100_000; d.onion < cells || d.onion > most {
		t.Errorf("%d bytes of circuits, of which blocks are %d", d.onion, cells)
	}
}

func TestNetFetchesDirectly(t *testing.T) {
	d := fetchThrough(t, 12, 10, true)
	if d.onion != 0 || len(d.paths) != 0 || len(d.launches) != 0 {
		t.Errorf("a direct request has used circuits: %+v", d)
	}
}

func TestInvariant1SameSeedSameTraceWithCircuits(t *testing.T) {
	a, b := fetchThrough(t, 8, 20, false), fetchThrough(t, 8, 20, false)
	if a.trace != b.trace || a.onion != b.onion {
		t.Error("one seed, two traces")
	}
}

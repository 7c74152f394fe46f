package relays

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// costs is what gossip costs on one link, both directions together.
type costs struct {
	perDay    float64 // bytes
	perUpdate float64 // bytes for each new descriptor
	idle      float64 // bytes a day when nothing is new
}

// cost measures an hour of six nodes that all know n relays, each of which signs a new descriptor once a day.
func cost(t testing.TB, n int) costs {
	const nodes, links = 6, 15
	r := newRig(t, nodes)
	for _, m := range r.nodes {
		for i := range n - n/24 {
			m.add(epoch, paper(byte(i), i, epoch), origin(i%64))
		}
		for i := range n / 24 {
			d := describe(t, 1000+i, epoch, 1, "tcp/198.51.100.1:4001")
			m.add(epoch, &d, origin(i%64))
		}
	}
	r.mesh()
	r.run(12 * time.Hour) // until rounds have become hourly
	r.sent = 0
	r.run(2 * time.Hour)
	c := costs{idle: float64(r.sent) / links * 12}
	r.sent = 0
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n / 24 {
		d, err := wire.NewDescriptor(identity(1000+i), uint64(r.now.Unix()), [32]byte{2}, []wire.Addr{"tcp/198.51.100.1:4001", "quic/198.51.100.1:4001"})
		if err != nil {
			t.Fatal(err)
		}
		r.step(rng.IntN(nodes), PeerUp{Peer: d.ID, Desc: d})
		r.run(24 * time.Hour / time.Duration(n))
	}
	c.perDay = float64(r.sent) / links * 24
	c.perUpdate = float64(r.sent) / links / float64(n/24)
	for i, m := range r.nodes {
		if m.root() != r.nodes[0].root() {
			t.Fatalf("node %d holds another view", i)
		}
	}
	return c
}

func TestSpec6Costs(t *testing.T) {
	c := cost(t, 2400)
	t.Logf("%.0f bytes a day and link, %.0f for each new descriptor, %.0f when nothing is new", c.perDay, c.perUpdate, c.idle)
	if c.perUpdate > 2*160 {
		t.Errorf("a new descriptor costs %.0f bytes on every link", c.perUpdate)
	}
	if c.idle > 2*24*17*1.5 {
		t.Errorf("equal views cost %.0f bytes a day and link", c.idle)
	}
}

// BenchmarkDay reports what SPEC §6 says.
func BenchmarkDay(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				c := cost(b, n)
				b.ReportMetric(c.perDay/1e6, "MB/day/link")
				b.ReportMetric(c.perUpdate, "B/update/link")
				b.ReportMetric(c.idle, "B/day/link-idle")
			}
		})
	}
}

// large is a machine that knows n relays, with two addresses each, all in use.
func large(b testing.TB, n int) *Machine {
	m := machine(0)
	for i := range n {
		d, err := wire.NewDescriptor(identity(i+1), uint64(epoch.Unix()), [32]byte{1}, []wire.Addr{wire.Addr(spread(i % 10_000)), wire.Addr("quic" + spread(i % 10_000)[3:])})
		if err != nil {
			b.Fatal(err)
		}
		e := m.add(epoch, &d, origin(i%64))
		for o := range origin(3) {
			m.witness(e, o+1)
		}
		m.judge(e)
	}
	return m
}

// BenchmarkView is what the shell pays for a view; B/relay is what one costs in memory.
func BenchmarkView(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m := large(b, n)
			m.reachAll(epoch)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportAllocs()
			for b.Loop() {
				m.View(epoch)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/relay")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/relay")
		})
	}
}

// BenchmarkTake is what a descriptor costs that comes: one that is known, and a new one of a relay that is known.
func BenchmarkTake(b *testing.B) {
	d := describe(b, 9, epoch, 1, spread(9))
	b.Run("known", func(b *testing.B) {
		r := star(b, 1)
		r.tell(1, d)
		msg := wire.Relays{Nodes: []wire.Claim{d.Claim()}}
		for b.Loop() {
			r.play(1, msg)
		}
	})
	b.Run("new", func(b *testing.B) {
		r := star(b, 1)
		r.tell(1, d)
		e := r.nodes[0].entries[d.ID]
		next := describe(b, 9, epoch.Add(time.Hour), 1, spread(9))
		msg := wire.Relays{Nodes: []wire.Claim{next.Claim()}}
		for b.Loop() {
			e.desc, e.moves = &d, 0
			r.nodes[0].peers[r.descs[1].ID].account.checks.left = checkBurst
			r.play(1, msg)
		}
	})
}

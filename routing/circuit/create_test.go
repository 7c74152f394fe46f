package circuit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nightjar/routing/wire"
)

// flood is a node that many links ask for handshakes, and a few honest ones.
type flood struct {
	t     *testing.T
	w     *net
	p     *peer
	links Link
	sent  uint64
	got   map[Link]int // Created
}

func newFlood(t *testing.T) *flood {
	w := newNet(t, 1, oneUser)
	f := &flood{t: t, w: w, p: w.nodes[0], got: map[Link]int{}}
	f.p.spy = func(e Effect) {
		if s, ok := e.(Send); ok {
			if c, ok := s.Msg.(wire.Cell); ok && c.Cmd == wire.Created {
				f.got[s.Link]++
			}
		}
	}
	return f
}

func (f *flood) link(network string) Link {
	f.links++
	up := LinkUp{Link: f.links, Peer: wire.NodeID{1, byte(f.links >> 8), byte(f.links)}}
	if network != "" {
		up.Network = netip.MustParsePrefix(network)
	}
	f.w.step(f.p, up)
	return f.links
}

// send sends a CREATE; those that are not honest differ and are good for nothing.
func (f *flood) send(l Link, honest bool) {
	f.sent++
	halves := [2]*body{new(body), new(body)}
	if honest {
		halves = begun(f.t, f.p)
	} else {
		binary.BigEndian.PutUint64(halves[0][100:], f.sent)
	}
	for _, half := range halves {
		f.w.step(f.p, Received{Link: l, Msg: wire.Cell{Circ: uint32(2 * f.sent), Cmd: wire.Create, Body: half}})
	}
}

// Forty identities that ask for as many handshakes as each may do not keep others from theirs (C5, SPEC §9).
func TestAFloodOfCreatesLeavesRoomForOthers(t *testing.T) {
	for name, c := range map[string]struct {
		attacker func(i int) string
		honest   string
		again    bool // the attackers' links are replaced by new ones all the time
	}{
		"of many networks":                      {func(i int) string { return fmt.Sprintf("8.8.%d.0/24", i) }, "9.9.9.0/24", false},
		"of one network":                        {func(int) string { return "8.8.8.0/24" }, "9.9.9.0/24", false},
		"of the network of honest ones":         {func(int) string { return "8.8.8.0/24" }, "8.8.8.0/24", false},
		"on one machine":                        {func(int) string { return "" }, "", false},
		"of one network, with ever new links":   {func(int) string { return "8.8.8.0/24" }, "9.9.9.0/24", true},
		"of one IPv6 network, the honest local": {func(int) string { return "2001:db8::/48" }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlood(t)
			var honest, bad []Link
			for range 4 {
				honest = append(honest, f.link(c.honest))
			}
			for i := range 40 {
				bad = append(bad, f.link(c.attacker(i)))
			}
			asked := 0
			for turn := range 8 * setupRate {
				f.w.now = f.w.now.Add(time.Second / setupRate)
				for i, l := range bad {
					f.send(l, false)
					if c.again && turn%8 == 7 {
						f.w.step(f.p, LinkDown{Link: l})
						bad[i] = f.link(c.attacker(i))
					}
				}
				if turn > 2*setupRate && turn%setupRate < len(honest) { // the flood has had what there was
					f.send(honest[turn%setupRate], true)
					asked++
				}
			}
			got := 0
			for _, l := range honest {
				got += f.got[l]
			}
			if got != asked {
				t.Errorf("%d of %d honest handshakes were computed", got, asked)
			}
		})
	}
}

// However they come, no more handshakes are computed than the budget has; and a link that has had few, of a network that has, is served as long as
// such links alone could not use up their part.
func TestCreatesStayWithinTheirBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c creates
		c.init()
		links := make([]*link, rapid.IntRange(1, 60).Draw(t, "links"))
		for i := range links {
			links[i] = &link{}
			from := netip.Prefix{}
			if n := rapid.IntRange(0, 8).Draw(t, "network"); n > 0 {
				from = netip.PrefixFrom(netip.AddrFrom4([4]byte{8, 8, byte(n)}), 24)
			}
			c.enter(0, links[i], from)
		}
		var now time.Duration
		had := 0
		for range rapid.IntRange(1, 40).Draw(t, "bursts") {
			now += time.Duration(rapid.Int64Range(0, int64(4*time.Second)).Draw(t, "pause"))
			l := links[rapid.IntRange(0, len(links)-1).Draw(t, "link")]
			for range rapid.IntRange(1, 1000).Draw(t, "creates") {
				light := l.creates.sum(now/createWindow) < lightCreates && (l.network == nil || l.network.had.sum(now/createWindow) < lightCreates)
				ok := c.take(now, l)
				if ok {
					had++
				} else if light && len(links)*lightCreates < createBurst/2 {
					t.Fatalf("a light link was refused with %.0f left", c.left)
				}
			}
			if most := createBurst + now.Seconds()*createRate; float64(had) > most {
				t.Fatalf("%d handshakes in %v", had, now)
			}
		}
		for _, l := range links {
			c.leave(l)
		}
		c.sweep((now + 3*createWindow) / createWindow)
		if len(c.networks) > 0 {
			t.Fatalf("%d networks are remembered for nothing", len(c.networks))
		}
	})
}

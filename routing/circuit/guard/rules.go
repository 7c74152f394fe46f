package guard

import (
	"net/netip"
	"strings"
	"time"

	"nightjar/routing/wire"
)

const day = 24 * time.Hour

// The numbers of SPEC §2 to §5.
const (
	primaryGuards = 2
	sampledGuards = 5
	middleGuards  = 6
	highMiddles   = 4

	guardAge  = 30 * day
	middleAge = 72 * time.Hour
	launchAge = 72 * time.Hour
	leastAge  = time.Second

	// A guard stays between guardLife and twice as long after a circuit was first built through it.
	guardLife = 90 * day
	// goneAfter is how long the view must miss a guard before another may take its place.
	goneAfter = 7 * day
	// Replacements: one in drawEvery, maxDraws in drawWindow.
	drawEvery  = 48 * time.Hour
	drawWindow = 90 * day
	maxDraws   = 5

	leastMiddleLife = day
	mostMiddleLife  = 12 * day

	// farLaunch is how many eligible relays that are no peers there must be for peers to be left out as launch nodes.
	farLaunch = 8

	firstPause   = 2 * time.Second
	longestPause = 10 * time.Minute
)

// scale is the rule of young networks (SPEC §4): a duration of the full rule, or the given part of the network's age if that is less.
func (s *Selector) scale(now time.Time, full time.Duration, part int) time.Duration {
	if s.since.IsZero() {
		return full
	}
	return min(full, max(leastAge, now.Sub(s.since)/time.Duration(part)))
}

// Ages are how long a relay must have been known for each role now.
type Ages struct{ Guard, Middle, Launch time.Duration }

// Full are the ages of a network that is old enough.
var fullAges = Ages{guardAge, middleAge, launchAge}

func (s *Selector) ages(now time.Time) Ages {
	return Ages{s.scale(now, guardAge, 2), s.scale(now, middleAge, 4), s.scale(now, launchAge, 4)}
}

// networks lists the networks of a relay that must differ within a path: /16 of IPv4, /32 of IPv6. Private addresses and
// loopback belong to none: such networks are one household or one machine anyhow.
func networks(d *wire.Descriptor) (out []netip.Prefix) {
	for _, a := range d.Addrs {
		_, hostPort, _ := strings.Cut(string(a), "/")
		ap, err := netip.ParseAddrPort(hostPort)
		if err != nil || ap.Addr().IsLoopback() || ap.Addr().IsPrivate() || ap.Addr().IsLinkLocalUnicast() {
			continue
		}
		bits := 16
		if ap.Addr().Is6() {
			bits = 32
		}
		if p, err := ap.Addr().Prefix(bits); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// near reports whether two relays share a network.
func near(a, b *known) bool {
	for _, p := range a.networks {
		for _, q := range b.networks {
			if p == q {
				return true
			}
		}
	}
	return false
}

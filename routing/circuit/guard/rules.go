package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"nightjar/routing/wire"
)

const day = 24 * time.Hour

// The numbers of SPEC §1 to §4.
const (
	primaryGuards = 2
	sampledGuards = 5
	middleGuards  = 6

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
	// middleGoneAfter is how long the view must miss a middle, allGoneAfter if it misses them all.
	middleGoneAfter = day
	allGoneAfter    = 10 * time.Minute

	// enough is how many relays must remain for peers and guards to be left out of the other roles.
	enough = 8
)

// scale is the rule of young networks (SPEC §4): a duration of the full rule, or the given part of the time since a time if that
// is less.
func scale(now, since time.Time, full time.Duration, part int) time.Duration {
	if since.IsZero() {
		return full
	}
	return min(full, max(leastAge, now.Sub(since)/time.Duration(part)))
}

// Ages are how long a relay must have been known for each role now.
type Ages struct{ Guard, Middle, Launch time.Duration }

// fullAges are the ages of a network that is old enough.
var fullAges = Ages{guardAge, middleAge, launchAge}

// ages are those in force. They go by how long this node has known three relays at all. If hardly any of those is left, because
// this node was off for long, they go by how long it has known three of today's; the same for guards if there is none.
func (s *Selector) ages(now time.Time) Ages {
	a := Ages{scale(now, s.since, guardAge, 2), scale(now, s.since, middleAge, 4), scale(now, s.since, launchAge, 4)}
	if s.third.IsZero() {
		return a
	}
	if known := now.Sub(s.third); known < a.Launch {
		a.Middle, a.Launch = scale(now, s.third, a.Middle, 4), scale(now, s.third, a.Launch, 4)
	}
	if known := now.Sub(s.first); known < a.Guard && len(s.state.Sample) == 0 {
		a.Guard = scale(now, s.first, a.Guard, 2)
	}
	return a
}

// away reports whether this node knows the network for long enough, but hardly any of its relays.
func (s *Selector) away(now time.Time) bool {
	return s.ages(now).Launch < scale(now, s.since, launchAge, 4)
}

// Limits are how fast guards may change now: one draw in Every, five in Window, and a guard's place is free when the view has
// missed it for Gone.
type Limits struct {
	Every, Window, Gone time.Duration
	middle              time.Duration // as Gone, for middles
}

// limits go by the oldest view that this node ever had, so that nobody can make them short again by hiding relays from it.
func (s *Selector) limits(now time.Time) Limits {
	t := s.state.Since
	return Limits{
		Every: scale(now, t, drawEvery, 8), Window: scale(now, t, drawWindow, 1), Gone: scale(now, t, goneAfter, 4),
		middle: scale(now, t, middleGoneAfter, 4),
	}
}

// earliest is when the first and the third of relays were first seen; zero if there are fewer.
func earliest(all []*known) (first, third time.Time) {
	if len(all) < hops {
		return time.Time{}, time.Time{}
	}
	seen := make([]time.Time, len(all))
	for i, r := range all {
		seen[i] = r.Seen
	}
	slices.SortFunc(seen, time.Time.Compare)
	return seen[0], seen[hops-1]
}

// hidden is the network of those who have no public address in a network of those who do.
var hidden = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// networks lists the networks of a relay that must differ within a path: /16 of IPv4, /32 of IPv6. Private addresses and
// loopback belong to none: such networks are one household or one machine anyhow.
func networks(d *wire.Descriptor) (out []netip.Prefix) {
	for _, a := range d.Addrs {
		ap, err := netip.ParseAddrPort(a.HostPort())
		if err != nil || ap.Addr().IsLoopback() || ap.Addr().IsPrivate() || ap.Addr().IsLinkLocalUnicast() {
			continue
		}
		ip, bits := ap.Addr().Unmap(), 16
		if ip.Is6() {
			bits = 32
		}
		if p, err := ip.Prefix(bits); err == nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// hide puts the relays without a public address into one network, if more than half of all that this node reaches have one: there,
// to leave the address out must not be a way around the rule.
func (s *Selector) hide() {
	public := 0
	for _, r := range s.all {
		if len(r.networks) > 0 {
			public++
		}
	}
	if 2*public <= len(s.all) {
		return
	}
	for _, r := range s.known {
		if len(r.networks) == 0 {
			r.networks = []netip.Prefix{hidden}
		}
	}
}

// near reports whether two relays share a network.
func near(a, b *known) bool {
	for _, p := range a.networks {
		if slices.Contains(b.networks, p) {
			return true
		}
	}
	return false
}

func plural(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}

// round writes a duration without what nobody wants to read of it.
func round(d time.Duration) string {
	switch {
	case d >= 2*day:
		return plural(int((d+day/2)/day), "day", "days")
	case d >= 2*time.Hour:
		return plural(int((d+time.Hour/2)/time.Hour), "hour", "hours")
	case d >= 2*time.Minute:
		return plural(int((d+time.Minute/2)/time.Minute), "minute", "minutes")
	}
	return plural(int((d+time.Second-1)/time.Second), "second", "seconds")
}

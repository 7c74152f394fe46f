package guard

import (
	"fmt"
	"time"
)

// Report is what a person may be told of the guards: numbers, and never who they are.
type Report struct {
	Guards   int      // in the sample
	Up       int      // of these, in the view and not known to be down
	Middles  int      // second-layer guards
	Relays   int      // that this node has reached itself, and so may use
	Short    int      // that it knows and has not reached, or does not reach any more
	Ages     Ages     // in force
	Limits   Limits   // in force
	Young    bool     // the ages or limits in force are less than the full ones, since this node has not known the network for long
	Warnings []string // in plain words
}

// Report describes the guards.
func (s *Selector) Report(now time.Time) Report {
	r := Report{Guards: len(s.state.Sample), Middles: len(s.state.Middles), Relays: len(s.all), Short: s.short, Ages: s.ages(now), Limits: s.limits(now)}
	r.Young = r.Ages != fullAges || r.Limits != fullLimits
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	gone := 0
	for i := range s.state.Sample {
		g := &s.state.Sample[i]
		switch {
		case s.known[g.ID] == nil:
			gone++
		case !s.blocked(now, s.self, g.ID):
			r.Up++
		}
		if g.biased(warnBelow) {
			warn("a guard lets only %d of 100 circuits through; the others are preferred", g.Built*100/g.Builds)
		}
	}
	if r.Guards > 0 && r.Up == 0 {
		warn("no guard can be reached")
	}
	if s.short > len(s.all) && len(s.all) >= hops {
		warn("%d relays are known that this node does not reach, more than it does: they are not used; somebody may be inventing relays, or much of the network be down", s.short)
	}
	if gone > 0 && len(s.known) > 0 {
		warn("%s left the network; one that stays away for %s is replaced", plural(gone, "guard has", "guards have"), round(r.Limits.Gone))
	}
	if wait := s.nextDraw(now); r.Guards < sampledGuards && wait > 0 {
		warn("%s to be replaced; the next may be drawn in %s", plural(sampledGuards-r.Guards, "guard is", "guards are"), round(wait))
	}
	if t := s.state.Retired; !t.IsZero() && now.Sub(t) < retireEvery {
		warn("a guard was given up lately, because fewer than %d of 100 circuits through it stood", retireBelow)
	}
	if len(s.known) > 0 {
		s.warnYoung(now, &r, warn)
	}
	return r
}

// warnYoung says which ages and limits hold in place of the full ones.
func (s *Selector) warnYoung(now time.Time, r *Report, warn func(string, ...any)) {
	switch {
	case !r.Young:
	case s.away(now):
		warn("this node knows hardly any relay from before, as if it had been off for long: a relay may be used after %s instead of %d hours",
			round(r.Ages.Launch), launchAge/time.Hour)
	default:
		warn("this node has not known the network for long: a relay may be a guard after %s instead of %d days, and launch after %s instead of %d hours",
			round(r.Ages.Guard), guardAge/day, round(r.Ages.Launch), launchAge/time.Hour)
	}
}

// fullLimits are the limits of a network that is old enough.
var fullLimits = Limits{drawEvery, drawWindow, goneAfter, middleGoneAfter}

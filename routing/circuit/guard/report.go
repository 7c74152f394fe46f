package guard

import (
	"fmt"
	"time"
)

// Report is what a person may be told of the guards: numbers, and never who they are.
type Report struct {
	Guards   int      // in the sample
	Up       int      // of these, not known to be down
	Middles  int      // second-layer guards
	Ages     Ages     // in force
	Young    bool     // the ages in force are less than the full ones, since this node has not known the network for long
	Warnings []string // in plain words
}

// Report describes the guards.
func (s *Selector) Report(now time.Time) Report {
	r := Report{Guards: len(s.state.Sample), Middles: len(s.state.Middles), Ages: s.ages(now)}
	r.Young = r.Ages != fullAges
	for i := range s.state.Sample {
		g := &s.state.Sample[i]
		if s.usable(g.ID, now) {
			r.Up++
		}
		if g.biased(warnBelow) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("a guard lets only %d of 100 circuits through; the others are preferred", g.Built*100/g.Builds))
		}
	}
	if r.Guards > 0 && r.Up == 0 {
		r.Warnings = append(r.Warnings, "no guard can be reached")
	}
	if r.Young && len(s.known) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf(
			"this node has not known the network for long: a relay may be a guard after %s instead of %d days", round(r.Ages.Guard), guardAge/day))
	}
	return r
}

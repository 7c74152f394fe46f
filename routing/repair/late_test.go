package repair

import (
	"testing"
	"time"

	"nightjar/routing/wire"
)

// Whoever answers too late, for months, is left alone and not accused: an honest node on a slow line can do that.
func TestInvariant6LateAnswersAreNoLies(t *testing.T) {
	s := newStage(t, 6)
	late := 0
	s.liar.play = func(from *tnode, msg wire.Message) {
		if c, ok := msg.(wire.Compare); ok {
			s.after(answerTime+time.Second, func() {
				late++
				s.liar.send(from, wire.Refuse{Req: c.Req, Reason: wire.NotFound})
			})
		}
	}
	for range 100 * 24 {
		s.run(time.Hour)
	}
	if late <= 2*maxUnasked {
		t.Fatalf("%d late answers prove nothing", late)
	}
	if len(s.victim.accused) > 0 {
		t.Errorf("accused after %d late answers", late)
	}
}

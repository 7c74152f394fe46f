package repair

import "time"

// When sinks compare what they hold.
const (
	// every is how long after one comparison with a neighbour the next one begins, a quarter more or less.
	every = time.Hour
	// maxIdle bounds how often that doubles, while two differ and there is nothing to copy: 16 hours.
	maxIdle = 4
	// grace is how long a neighbour that has gone still counts: most come back.
	grace = time.Minute
	// settle is how long after a change of the neighbourhood a comparison begins at the earliest; as much again is drawn.
	settle = 10 * time.Second
	// partly is when to compare again with a neighbour that sees the ring otherwise, and maxPartly how often.
	partly    = 5 * time.Minute
	maxPartly = 3
	// busyPause is when to ask again a neighbour that has no time.
	busyPause = 2 * time.Second
	// failPause is how long a neighbour rests that has failed; it doubles up to failMost.
	failPause = 10 * time.Minute
	failMost  = 24 * time.Hour
	// fullPause is how long nothing is copied into a store that has no room.
	fullPause = time.Hour
	// slice is how long one neighbour has this node to itself; what is left waits until others have had their turn.
	slice = 5 * time.Minute
	// again is when that is.
	again = 5 * time.Second
)

// What a comparison may come to.
const (
	// maxDepth is how often a span may be split: sixteen-fold, seven times, for 2^28 lists.
	maxDepth = 7
	// maxFruitless is how many answers in a row may bring nothing to copy.
	maxFruitless = 1024
	// maxBroken is how many blocks a neighbour may list and not hand out, and an eighth of what it does beyond.
	maxBroken = 32
	// maxFull is how many blocks in a row the store may have no room for.
	maxFull = 8
	// maxSilent is how many answers in a row may fail to come.
	maxSilent = 3
	// answerTime is how long an answer is waited for.
	answerTime = 30 * time.Second
	// window is how many blocks are asked for at once.
	window = 8
	// maxUnasked is how many answers more than questions are borne.
	maxUnasked = 64
)

// What may be copied, and what a neighbour may have of this node. Rates are in bytes a second.
const (
	// DefaultRate is what is copied at most, and what is handed out at most.
	DefaultRate = 2 << 20
	// share is the part of what is handed out that one neighbour may have.
	share = 2
	// listCost is what a question is charged of the rate: an answer is at most that large.
	listCost = 8 << 10
	// scanBurst and scanRate bound how many blocks are looked at for one neighbour: at once, and per second. A comparison looks at
	// every block of the span once for each of its levels.
	scanBurst = 8 << 20
	scanRate  = 20_000
	// recordCost is what a record that is read for its version counts.
	recordCost = 64
	// maxAsks is how many questions of one neighbour may wait, maxLoads how many blocks for it may be being read.
	maxAsks  = 2
	maxLoads = 2 * window
	// maxPeers is how many links are looked at; routing has as many.
	maxPeers = 256
)

// tokens limits a rate.
type tokens struct {
	left, burst, rate float64 // rate is per second
	at                time.Time
}

func newTokens(now time.Time, burst, rate float64) tokens { return tokens{burst, burst, rate, now} }

// fill adds what has come in since.
func (t *tokens) fill(now time.Time) {
	if now.After(t.at) {
		t.left = min(t.burst, t.left+t.rate*now.Sub(t.at).Seconds())
		t.at = now
	}
}

// take takes n tokens, which are less than the burst, if they are there.
func (t *tokens) take(now time.Time, n float64) bool {
	t.fill(now)
	if t.left < n {
		return false
	}
	t.left -= n
	return true
}

// give gives back what was taken for nothing.
func (t *tokens) give(n float64) { t.left = min(t.burst, t.left+n) }

// when is when n tokens will be there.
func (t *tokens) when(now time.Time, n float64) time.Time {
	t.fill(now)
	if t.left >= n {
		return now
	}
	return now.Add(time.Duration((n-t.left)/t.rate*float64(time.Second)) + time.Millisecond)
}

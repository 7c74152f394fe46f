package circuit

import (
	"net/netip"
	"time"
)

// creates shares out the handshakes that this node computes for others: in all a part of one processor core, within it fair to
// links and to the networks that they come from. What is over is refused at once, for an originator that is told can go
// elsewhere, and one that waits in a queue behind a flood cannot.
//
// A link is light while it has had few handshakes of late: fewer than lightCreates, or than half of what links have on average;
// likewise a network. The budget has three parts. Its first, above createBurst·3/4, is anybody's, the second that of light
// links, the last, below createBurst/2, that of light links of light networks. So a flood lives on what comes in above the first
// mark, however many links it comes from, and leaves the rest to others.
type creates struct {
	left     float64
	at       time.Duration
	links    crowd
	all      crowd // of networks
	networks map[netip.Prefix]*source
}

// recent counts what happens in this window of time and in the one before it.
type recent struct {
	window      time.Duration // its number
	before, now int
}

// crowd is what all users of a kind have had together, and how many there are.
type crowd struct{ had, users recent }

// source is what has come from one network.
type source struct {
	links int
	had   recent
}

func (r *recent) roll(window time.Duration) {
	switch window - r.window {
	case 0:
		return
	case 1:
		r.before = r.now
	default:
		r.before = 0
	}
	r.now, r.window = 0, window
}

func (r *recent) sum(window time.Duration) int {
	r.roll(window)
	return r.before + r.now
}

// count takes in that a user has had one more.
func (c *crowd) count(window time.Duration, user *recent) {
	user.roll(window)
	c.had.roll(window)
	c.users.roll(window)
	if user.now == 0 {
		c.users.now++
	}
	user.now++
	c.had.now++
}

// light reports whether a user has had few.
func (c *crowd) light(window time.Duration, user *recent) bool {
	had := user.sum(window)
	c.users.roll(window)
	return had < lightCreates || 2*had*max(c.users.before, c.users.now) < c.had.sum(window)
}

func (c *creates) init() {
	c.left = createBurst
	c.networks = make(map[netip.Prefix]*source)
}

// take reports whether a handshake may be computed for a link, and takes it from the budget.
func (c *creates) take(now time.Duration, l *link) bool {
	c.left = min(createBurst, c.left+(now-c.at).Seconds()*createRate)
	c.at = now
	window := now / createWindow
	least := 1.0
	switch {
	case !c.links.light(window, &l.creates):
		least = createBurst * 3 / 4
	case l.network != nil && !c.all.light(window, &l.network.had):
		least = createBurst / 2
	}
	if c.left < least {
		return false
	}
	c.left--
	c.links.count(window, &l.creates)
	if l.network != nil {
		c.all.count(window, &l.network.had)
	}
	return true
}

// enter notes a new link from a network; one that is not valid counts for itself.
func (c *creates) enter(now time.Duration, l *link, from netip.Prefix) {
	if !from.IsValid() {
		return
	}
	n := c.networks[from]
	if n == nil {
		if len(c.networks) >= maxNetworks {
			c.sweep(now / createWindow)
		}
		n = &source{}
		c.networks[from] = n
	}
	n.links++
	l.network = n
}

// leave notes that a link is gone. What its network has had is remembered: it must not begin anew with another link.
func (c *creates) leave(l *link) {
	if l.network != nil {
		l.network.links--
	}
}

// sweep forgets networks without links that have had nothing of late; if there are none, all that have no links, of which there
// are more than links may be.
func (c *creates) sweep(window time.Duration) {
	for _, idle := range []bool{true, false} {
		for p, n := range c.networks {
			if n.links == 0 && (!idle || n.had.sum(window) == 0) {
				delete(c.networks, p)
			}
		}
		if len(c.networks) < maxNetworks {
			return
		}
	}
}

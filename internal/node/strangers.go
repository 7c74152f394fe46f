package node

import (
	"net/netip"
	"slices"
	"sync"

	"nightjar/internal/link"
)

// maxStrangers is how many inbound links may be waited for to say Hello.
const maxStrangers = 64

// strangers are the inbound links that have not said Hello yet.
type strangers struct {
	mu      sync.Mutex
	waiting []link.Conn // oldest first
}

// enter takes a link in. If there are too many, the one returned must go for it: the oldest of the network that has most, since
// honest ones say Hello at once and those who are silent must not shut them out.
func (s *strangers) enter(c link.Conn) (out link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= maxStrangers {
		counts := make(map[netip.Prefix]int)
		most := 0
		for _, o := range s.waiting {
			n := networkOf(o.Remote())
			counts[n]++
			most = max(most, counts[n])
		}
		i := slices.IndexFunc(s.waiting, func(o link.Conn) bool { return counts[networkOf(o.Remote())] == most })
		out = s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	s.waiting = append(s.waiting, c)
	return out
}

// leave takes a link out again, if it is still there.
func (s *strangers) leave(c link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, c); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
}

// networkOf is the /24 (v4) or /48 (v6) of a public address; all others are of the zero one.
func networkOf(a netip.Addr) (p netip.Prefix) {
	a = a.Unmap()
	if !a.IsValid() || a.IsLoopback() || isPrivate(a) || a.IsUnspecified() {
		return p
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ = a.WithZone("").Prefix(bits)
	return p
}

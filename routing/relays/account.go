package relays

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// The budgets of SPEC §4.
const (
	// Relays that an origin may be the first to name: freshBurst at once and one more per freshEvery.
	freshBurst = 16_384
	freshEvery = 500 * time.Millisecond
	// Signatures that are checked for it.
	checkBurst = 32_768
	checkEvery = 10 * time.Millisecond
	// giveEvery is in what time an origin may be told the whole view, giveLeast bytes of it in any case.
	giveEvery = 6 * time.Hour
	giveLeast = 2 << 20
	giveRelay = 256 // bytes for each relay of the view
	// maxAccounts is how many origins there are budgets for; all that are linked have one.
	maxAccounts = 4096
)

// origin stands for whoever shows relays: the first 8 bytes of SHA-256 over its network, or over its identity where the network is
// private (SPEC §5). Two that share one count once, and share their budgets: identities cost nothing.
type origin uint64

// originOf goes by where the other end is seen, and only if nobody has looked by what it says of itself.
func originOf(up PeerUp) origin {
	n := network(up.From)
	if !up.From.IsValid() {
		for _, a := range addresses(up.Desc) {
			if n = network(a); n.IsValid() {
				break
			}
		}
	}
	b := up.Peer[:]
	if n.IsValid() {
		b = n.AppendTo(nil)
	}
	sum := sha256.Sum256(b)
	return origin(binary.BigEndian.Uint64(sum[:]))
}

// network is the /16 (v4) or /32 (v6) of a public address.
func network(a netip.Addr) (p netip.Prefix) {
	a = a.Unmap()
	if !public(a) {
		return p
	}
	bits := 32
	if a.Is4() {
		bits = 16
	}
	p, _ = a.Prefix(bits)
	return p
}

func public(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast() && !a.IsUnspecified()
}

// addresses lists where a node says that it is.
func addresses(d wire.Descriptor) (out []netip.Addr) {
	for _, a := range d.Addrs {
		if ap, err := netip.ParseAddrPort(a.HostPort()); err == nil {
			out = append(out, ap.Addr())
		}
	}
	return out
}

// account is what an origin may still make this node do. It outlives the links, or a new link would be a new budget.
type account struct {
	fresh, checks, give tokens
	links               int
	used                time.Time
}

// account returns the budgets of an origin. If there are too many, it forgets those that have had no link for the longest.
func (m *Machine) account(now time.Time, o origin) *account {
	a := m.accounts[o]
	if a == nil {
		if len(m.accounts) >= maxAccounts {
			m.closeAccount()
		}
		a = &account{fresh: fullTokens(now, freshBurst), checks: fullTokens(now, checkBurst), give: fullTokens(now, m.giveBurst())}
		m.accounts[o] = a
	}
	a.used = now
	return a
}

func (m *Machine) closeAccount() {
	var oldest *account
	var which origin
	for o, a := range m.accounts {
		if a.links == 0 && (oldest == nil || a.used.Before(oldest.used) || a.used.Equal(oldest.used) && o < which) {
			oldest, which = a, o
		}
	}
	if oldest != nil {
		delete(m.accounts, which)
	}
}

func (m *Machine) giveBurst() float64 { return giveLeast + giveRelay*float64(len(m.entries)) }

// mayGive reports whether a peer may be sent about n bytes, and counts them.
func (m *Machine) mayGive(now time.Time, p *peer, n int) bool {
	burst := m.giveBurst()
	return p.account.give.take(now, float64(n), burst, giveEvery/time.Duration(burst))
}

// tokens limits how much may be done.
type tokens struct {
	left float64
	at   time.Time
}

func fullTokens(now time.Time, burst float64) tokens { return tokens{left: burst, at: now} }

// has reports whether n tokens are there. At most burst are, and one comes back per every.
func (t *tokens) has(now time.Time, n, burst float64, every time.Duration) bool {
	if now.After(t.at) {
		t.left = min(burst, t.left+float64(now.Sub(t.at))/float64(every))
		t.at = now
	}
	return t.left >= n
}

// take takes n tokens if they are there.
func (t *tokens) take(now time.Time, n, burst float64, every time.Duration) bool {
	ok := t.has(now, n, burst, every)
	if ok {
		t.left -= n
	}
	return ok
}

// quorum is how many independent peers must have shown a descriptor for it to come into use, and to stay there.
type quorum struct{ use, keep int }

// count works the quorum out anew.
func (m *Machine) count() {
	var all, compared []origin
	for _, p := range m.order {
		if !slices.Contains(all, p.from) {
			all = append(all, p.from)
		}
		if p.compared && !slices.Contains(compared, p.from) {
			compared = append(compared, p.from)
		}
	}
	keep := max(1, min(least, len(all)))
	m.need = quorum{use: max(keep, min(enough, len(compared))), keep: keep}
	m.view.due = true
}

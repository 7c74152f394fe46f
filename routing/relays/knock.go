package relays

import (
	"net/netip"
	"time"

	"nightjar/routing/wire"
)

// The bounds of SPEC §9 for one address.
const (
	// One address is dialled targetBurst times and once more per targetEvery, a private one nearBurst times and nearEvery; this
	// machine itself without a bound. A public v6 address counts by its /64, all of which one host has. maxTargets is how many
	// are remembered: past it all are forgotten, which takes nine hours of dials at least.
	targetBurst = 4
	targetEvery = 6 * time.Hour
	nearBurst   = 16
	nearEvery   = 30 * time.Minute
	maxTargets  = 65_536
	// maxIPs is how many addresses of one relay are dialled in one probe.
	maxIPs = 2
)

// knock has a relay dialled, at those of its addresses that may be; false if there is none.
func (m *Machine) knock(now time.Time, e *entry) bool {
	doors := m.probes.open(now, e.doors)
	if len(doors) == 0 {
		e.proof.next = now.Add(m.around(targetEvery))
		m.probes.due(e.proof.next)
		return false
	}
	e.proof.next = now.Add(probeTime + m.around(probeTime))
	m.probes.due(e.proof.next)
	m.probes.out[e.desc.ID] = now
	d := *e.used
	d.Addrs = doors
	m.emit(Probe{d})
	return true
}

// open lists the addresses at which may be knocked now, and counts that.
func (p *prober) open(now time.Time, doors []wire.Addr) (out []wire.Addr) {
	may := make(map[netip.Addr]bool, maxIPs)
	for _, a := range doors {
		ap, err := netip.ParseAddrPort(a.HostPort())
		if err != nil {
			continue
		}
		ip := ap.Addr().Unmap()
		ok, asked := may[ip]
		if !asked {
			ok = len(may) < maxIPs && p.target(now, ip)
			may[ip] = ok
		}
		if ok {
			out = append(out, a)
		}
	}
	return out
}

// target counts a knock at an address, if there may be one.
func (p *prober) target(now time.Time, ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	burst, every := float64(targetBurst), targetEvery
	if !public(ip) {
		burst, every = nearBurst, nearEvery
	} else if ip.Is6() {
		ip = netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	t := p.targets[ip]
	if t == nil {
		if len(p.targets) >= maxTargets {
			clear(p.targets)
		}
		full := fullTokens(now, burst)
		t = &full
		p.targets[ip] = t
	}
	return t.take(now, 1, burst, every)
}

// forgetTargets drops the addresses whose budgets are full again.
func (p *prober) forgetTargets(now time.Time) {
	for ip, t := range p.targets {
		if now.Sub(t.at) >= targetBurst*targetEvery {
			delete(p.targets, ip)
		}
	}
}

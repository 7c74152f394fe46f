package routing

import (
	"time"

	"nightjar/routing/wire"
)

// sweepLeases ends what is over, and passes on anew what others would forget.
func (m *Machine) sweepLeases() {
	for i := len(m.leases.all) - 1; i >= 0; i-- {
		ls := m.leases.all[i]
		m.quit(ls, func(w await) bool {
			over := w.until <= m.now
			if over && w.from == nil {
				m.effects = append(m.effects, Done{Token: w.token, Reason: wire.NotFound})
			}
			return over
		})
		if len(ls.awaits) > 0 {
			if ls.late {
				m.repass(ls)
			}
			m.pass(ls)
		}
	}
	m.leases.moved = 0
	m.sweepLater()
}

func (m *Machine) sweepLater() {
	m.leases.sweep = m.now + leaseSweep + time.Duration(m.rng.Int64N(int64(leaseSweep)))
}

// repassAll passes on what a link that has come or gone is about: at once, until that was often done since the last sweep, and else with the next one. Links can
// come and go faster than thousands of leases can be passed on.
func (m *Machine) repassAll(about func(*lease) bool) {
	for _, ls := range m.leases.all {
		switch {
		case !ls.routed || ls.late || !about(ls):
		case m.leases.moved < maxMoved:
			m.leases.moved++
			m.repass(ls)
		default:
			ls.late = true
		}
	}
}

// repass passes a lease on to those who should know of it now and do not.
func (m *Machine) repass(ls *lease) {
	renew, ends := ls.renew, ls.ends
	ls.routed, ls.late = false, false
	m.pass(ls)
	ls.renew, ls.ends = renew, ends // those who have known of it longer forget it then
}

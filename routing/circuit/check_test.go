package circuit

import "testing"

// check compares a machine's books with what it holds.
func check(t testing.TB, p *peer) {
	t.Helper()
	m := p.m
	held, carried := 0, 0
	loads := map[*link]*load{}
	of := func(l *link) *load {
		if loads[l] == nil {
			loads[l] = &load{}
		}
		return loads[l]
	}
	puts, waits := 0, 0
	for _, d := range m.net.dials {
		if d.by != nil {
			of(d.by).dials++
		}
	}
	for _, l := range m.net.links {
		of(l)
		for circ, e := range l.ends {
			if e.circ != circ || e.link != l {
				t.Errorf("%s: an end is listed under another number", p.name)
			}
			held += e.out.n
			if src := e.payer(); src != nil {
				of(src).held += e.out.n
			}
			switch c := e.carrier.(type) {
			case *relayed:
				if c.dead {
					t.Errorf("%s: a dead circuit is listed", p.name)
				}
				if e != &c.prev {
					continue
				}
				carried++
				ld := of(l)
				ld.carried++
				if c.setup != nil {
					ld.setups++
				}
				if c.shaper != nil {
					held += c.shaper.waiting.n
					of(c.next.link).held += c.shaper.waiting.n
				}
				if c.exit == nil {
					continue
				}
				for _, ans := range c.exit.answers {
					if ans.cmd == cmdData {
						ld.answers++
					}
				}
				n, w := checkExit(t, p, c.exit, ld)
				puts, waits = puts+n, waits+w
				if c.exit.put != nil {
					ld.puts++
					puts++
				}
			case *own:
				open := 0
				for _, q := range c.use.open {
					if q.wait {
						open++
						continue
					}
					of(l).open++
					if q.class == 1 {
						of(l).bulk++
					}
				}
				if c.use.waits != open {
					t.Errorf("%s: %d requests wait, booked as %d", p.name, open, c.use.waits)
				}
			}
		}
	}
	if held != m.net.held || carried != m.relay.carried || puts != m.launch.puts || waits != m.launch.waits {
		t.Errorf("%s: held %d, booked %d; carried %d, booked %d; puts %d, booked %d; waits %d, booked %d",
			p.name, held, m.net.held, carried, m.relay.carried, puts, m.launch.puts, waits, m.launch.waits)
	}
	for l, want := range loads {
		if !l.down && l.load != *want {
			t.Errorf("%s: a link's load is booked as %+v and is %+v", p.name, l.load, *want)
		}
	}
	checkSchedules(t, p)
}

// checkExit adds what a circuit has asked for here to ld, and counts its PUTs and waits.
func checkExit(t testing.TB, p *peer, x *exit, ld *load) (puts, waits int) {
	t.Helper()
	open := 0
	for _, a := range x.open {
		if a.entry.wait {
			open++
		}
		switch {
		case a.done:
		case a.entry.wait:
			ld.waits++
			waits++
		default:
			ld.launches++
			if a.put {
				ld.puts++
				puts++
			}
		}
	}
	if x.waits != open {
		t.Errorf("%s: %d waits are open, booked as %d", p.name, open, x.waits)
	}
	return puts, waits
}

func checkSchedules(t testing.TB, p *peer) {
	t.Helper()
	for _, l := range p.m.net.links {
		ends := map[*flow]int{}
		for _, e := range l.ends {
			ends[e.flow]++
		}
		if len(ends) != len(l.flows) {
			t.Errorf("%s: %d sources in use, %d kept", p.name, len(ends), len(l.flows))
		}
		for src, f := range l.flows {
			if f.ends != ends[f] || f.src != src || f.listed != (f.head != nil) {
				t.Errorf("%s: a source's books are wrong: %+v", p.name, f)
			}
		}
	}
	for i, a := range p.m.alarms {
		if a.slot != i+1 || a.owner == nil {
			t.Errorf("%s: an alarm is misplaced", p.name)
		}
	}
}

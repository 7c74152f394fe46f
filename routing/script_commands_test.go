package routing

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// doNode: node NAME PLACE...  | ghost NAME PLACE
func (s *stage) doNode(f []string) {
	for i := 1; i+1 < len(f); i += 2 {
		a := &actor{name: f[i], id: idNear(s.float(f[i+1])), holds: make(map[keys.ID]keys.Block)}
		if f[0] == "node" {
			a.coins = &coinSource{all: highCoins}
			a.machine = New(Config{Self: a.id, Rand: rand.New(a.coins)})
		}
		s.actors[a.name] = a
		s.order = append(s.order, a)
	}
}

func (s *stage) actor(name string) *actor {
	a := s.actors[name]
	if a == nil {
		s.t.Fatalf("no such node: %s", name)
	}
	return a
}

func (s *stage) float(text string) float64 {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return x
}

// doLink: link A B...  links A with each of the others.
func (s *stage) doLink(f []string) {
	a := s.actor(f[1])
	for _, name := range f[2:] {
		b := s.actor(name)
		s.step(a, PeerUp{b.id})
		s.step(b, PeerUp{a.id})
	}
}

func (s *stage) doUnlink(f []string) {
	a, b := s.actor(f[1]), s.actor(f[2])
	s.step(a, PeerDown{b.id})
	s.step(b, PeerDown{a.id})
}

// doBlock: block NAME PLACE [rotation]  | record …
func (s *stage) doBlock(f []string) {
	rotation := uint8(0)
	if len(f) > 3 {
		rotation = uint8(s.float(f[3]))
	}
	kind := keys.KindData
	if f[0] == "record" {
		kind = keys.KindRecord
	}
	s.blocks[f[1]] = madeUp(kind, s.float(f[2]), rotation, len(s.blocks))
}

func (s *stage) block(name string) keys.Block {
	b, ok := s.blocks[name]
	if !ok {
		s.t.Fatalf("no such block: %s", name)
	}
	return b
}

// doHold: hold NODE BLOCK...
func (s *stage) doHold(f []string) {
	for _, name := range f[2:] {
		b := s.block(name)
		s.actor(f[1]).holds[b.ID()] = b
	}
}

// doLocal: get NODE TOKEN BLOCK [bulk] [launch] [rotation=N]  | put …
func (s *stage) doLocal(f []string) {
	var class wire.Class
	var rotation uint8
	var launch bool
	for _, opt := range f[4:] {
		if opt == "bulk" {
			class = wire.Bulk
		} else if opt == "launch" {
			launch = true
		} else if n, ok := strings.CutPrefix(opt, "rotation="); ok {
			rotation = uint8(s.float(n))
		}
	}
	token := Token(s.float(f[2]))
	if f[0] == "get" {
		s.step(s.actor(f[1]), LocalGet{token, s.block(f[3]).ID(), rotation, class, launch})
	} else {
		s.step(s.actor(f[1]), LocalPut{token, s.block(f[3]), rotation, class, launch})
	}
}

// doAwait: await NODE TOKEN RECORD [rotation=N]
func (s *stage) doAwait(f []string) {
	rotation := uint8(0)
	if len(f) > 4 {
		rotation = uint8(s.float(strings.TrimPrefix(f[4], "rotation=")))
	}
	s.step(s.actor(f[1]), LocalWait{Token(s.float(f[2])), s.block(f[3]).ID(), rotation})
}

// doAppear: appear NODE RECORD: the node's store comes to hold it by itself.
func (s *stage) doAppear(f []string) { s.step(s.actor(f[1]), Appeared{s.block(f[2])}) }

func (s *stage) doCancel(f []string) { s.step(s.actor(f[1]), LocalCancel{Token(s.float(f[2]))}) }

// doFrom: from GHOST NODE get|put|data|stored|fail|cancel|garbled|lease|push …: the ghost says something to the node at once.
func (s *stage) doFrom(f []string) {
	from, to := s.actor(f[1]), s.actor(f[2])
	arg := func(name, otherwise string) string {
		for _, opt := range f[4:] {
			if v, ok := strings.CutPrefix(opt, name+"="); ok {
				return v
			}
		}
		return otherwise
	}
	req := wire.Req(s.float(arg("req", "0")))
	if answer := arg("to", ""); answer != "" { // the number that the script printed
		req = s.realReq(to, from, answer)
	}
	htl, class := uint8(s.float(arg("htl", "10"))), wire.Class(s.float(arg("class", "0")))
	rotation := uint8(s.float(arg("rotation", "0")))
	var msg wire.Message
	switch f[3] {
	case "get":
		msg = wire.Get{Req: req, HTL: htl, Class: class, Rotation: rotation, ID: s.block(f[4]).ID()}
	case "put":
		msg = wire.Put{Req: req, HTL: htl, Class: class, Rotation: rotation, Block: s.block(f[4])}
	case "data":
		msg = wire.Data{Req: req, Block: s.block(f[4])}
	case "stored":
		msg = wire.Stored{Req: req, Copies: uint8(s.float(arg("copies", "1")))}
	case "fail":
		msg = wire.Fail{Req: req, Reason: map[string]wire.Reason{"notfound": wire.NotFound, "overload": wire.Overload, "failed": wire.Failed}[f[4]]}
	case "cancel":
		msg = wire.Cancel{Req: req}
	case "lease":
		msg = wire.Lease{Own: arg("own", "") != "", Rotation: rotation, ID: s.block(f[4]).ID()}
	case "push":
		msg = wire.Push{Block: s.block(f[4])}
	case "garbled":
		s.step(to, Garbled{from.id, wire.BadBlockError{Req: req, Put: arg("put", "") != ""}})
		return
	default:
		s.t.Fatalf("%q", f)
	}
	if arg("quiet", "") == "" {
		s.printf("%s -> %s: %s", from.name, to.name, s.describe(from, to, msg))
	}
	s.step(to, Received{from.id, msg})
}

// doRun plays until nothing is on its way; timers do not go off.
func (s *stage) doRun([]string) {
	for len(s.queue) > 0 {
		s.deliver()
	}
}

// doWait: wait DURATION plays what happens within it, timers included.
func (s *stage) doWait(f []string) {
	d, err := time.ParseDuration(f[1])
	if err != nil {
		s.t.Fatal(err)
	}
	end := s.now.Add(d)
	for {
		var next *actor
		at := end
		for _, a := range s.order {
			if a.machine == nil {
				continue
			}
			if t, ok := a.machine.NextDeadline(); ok && t.Before(at) {
				next, at = a, t
			}
		}
		switch {
		case len(s.queue) > 0 && !s.queue[0].at.After(at):
			s.deliver()
		case next != nil:
			s.now = maxTime(s.now, at)
			s.step(next, Tick{})
		default:
			s.now = end
			return
		}
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// doSet: silence NODE | heal NODE | break NODE
func (s *stage) doSet(f []string) {
	for _, name := range f[1:] {
		a := s.actor(name)
		switch f[0] {
		case "silence":
			a.silent = true
		case "break":
			a.broken = true
		case "heal":
			a.silent, a.broken = false, false
		}
	}
}

// doCoins: coins NODE low|high|SEED
func (s *stage) doCoins(f []string) {
	c := s.actor(f[1]).coins
	switch f[2] {
	case "low":
		*c = coinSource{all: lowCoins}
	case "high":
		*c = coinSource{all: highCoins}
	default:
		*c = coinSource{pcg: rand.NewPCG(uint64(s.float(f[2])), 0)}
	}
}

// doFlood: flood N COMMAND… repeats a command without printing; req= and a token of it count up.
func (s *stage) doFlood(f []string) {
	s.mute = true
	for i := range int(s.float(f[1])) {
		cmd := append([]string(nil), f[2:]...)
		for j := range cmd {
			cmd[j] = strings.ReplaceAll(cmd[j], "%", strconv.Itoa(i+1))
		}
		s.command(cmd)
	}
	s.mute = false
}

// doWindow: window NODE PEER N sets how many requests of each class may be in flight.
func (s *stage) doWindow(f []string) {
	l := s.actor(f[1]).machine.links[s.actor(f[2]).id]
	for i := range l.flights {
		l.flights[i].window = s.float(f[3])
	}
}

// doHolds: holds BLOCK lists who holds it.
func (s *stage) doHolds(f []string) {
	var who []string
	for _, a := range s.order {
		if _, ok := a.holds[s.block(f[1]).ID()]; ok {
			who = append(who, a.name)
		}
	}
	s.printf("%s is held by %s", f[1], strings.Join(who, " "))
}

// doState: state NODE prints what its tables hold.
func (s *stage) doState(f []string) {
	m := s.actor(f[1]).machine
	s.printf("%s: active %d, waiting for the store %d, local %d, timers %d", f[1], len(m.active), len(m.refs), len(m.local), len(m.timers))
	if n := len(m.leases.all); n > 0 {
		s.printf("  leases %d, of peers %d, local %d", n, m.leases.peers, len(m.leases.local))
	}
	for _, a := range s.order {
		l := m.links[a.id]
		if l == nil {
			continue
		}
		if len(l.asked)+l.silent > 0 {
			s.printf("  %s: asks %d, silent %d", a.name, len(l.asked), l.silent)
		}
		for class := range l.flights {
			if fl := &l.flights[class]; fl.inflight+fl.queue.n > 0 || fl.window != startWindow {
				s.printf("  %s %s: window %.0f, in flight %d, queued %d", a.name,
					[]string{"interactive", "bulk"}[class], fl.window, fl.inflight, fl.queue.n)
			}
		}
	}
}

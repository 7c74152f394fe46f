package node

import (
	"time"

	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// launches pairs what circuits of others have launched here with the requests of key routing.
type launches struct {
	refs   map[routing.Token]circuit.Ref
	tokens map[circuit.Ref]routing.Token
}

func newLaunches() launches {
	return launches{make(map[routing.Token]circuit.Ref), make(map[circuit.Ref]routing.Token)}
}

// launched brings a launched request into key routing.
func (l *loop) launch(ref circuit.Ref, event func(routing.Token) routing.Event) {
	token := routing.Token(l.n.tokens.Add(1))
	l.launches.refs[token], l.launches.tokens[ref] = ref, token
	l.n.inbox.push(event(token))
}

// landed gives the answer of key routing to the circuit that waits for it.
func (l *loop) landed(d routing.Done) {
	ref, ok := l.launches.refs[d.Token]
	if !ok {
		return
	}
	delete(l.launches.refs, d.Token)
	delete(l.launches.tokens, ref)
	l.n.inbox.push(circuit.Launched{Ref: ref, Block: d.Block, Copies: d.Copies, Reason: d.Reason})
}

// circuitEffects carries out what the circuits asked for. As with the other machines, what follows comes through the inbox.
func (l *loop) circuitEffects(effects []circuit.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case circuit.Send:
			if p := l.links.byNumber[e.Link]; p != nil {
				l.post(p, e.Msg)
			}
		case circuit.LaunchGet:
			if e.Wait {
				l.lease(e)
				break
			}
			l.launch(e.Ref, func(t routing.Token) routing.Event {
				return routing.LocalGet{Token: t, ID: e.ID, Rotation: e.Rotation, Class: e.Class, Launch: true}
			})
		case circuit.LaunchPut:
			l.launch(e.Ref, func(t routing.Token) routing.Event {
				return routing.LocalPut{Token: t, Block: e.Block, Rotation: e.Rotation, Class: e.Class, Launch: true}
			})
		case circuit.LaunchCancel:
			if token, ok := l.launches.tokens[e.Ref]; ok {
				delete(l.launches.tokens, e.Ref)
				delete(l.launches.refs, token)
				l.n.inbox.push(routing.LocalCancel{Token: token})
			}
		case circuit.Done:
			l.answer(routing.Done{Token: routing.Token(e.Token), Block: e.Block, Copies: e.Copies, Reason: e.Reason})
		case circuit.Connect:
			l.connect(e.Node, e.Own)
		case circuit.Unwanted:
			l.unwanted(e.Node)
		case circuit.Rekeyed:
			l.own.hash = e.Hash
			l.describe(time.Now())
		case circuit.Changed:
			l.state.changed = true
		case circuit.Misbehaved:
			if p := l.links.byNumber[e.Link]; p != nil {
				l.bar(p.id)
			}
		}
	}
	l.look.stale = true
}

// relayEffects carries out what the gossip about relays asked for.
func (l *loop) relayEffects(effects []relays.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case relays.Send:
			if p := l.peers[e.To]; p != nil {
				l.post(p, e.Msg)
			}
		case relays.Updated:
			l.n.inbox.push(viewed{})
		case relays.Changed:
			l.state.changed = true
		case relays.Probe:
			l.probe(e.Desc)
		case relays.Misbehaved:
			l.bar(e.Peer)
		}
	}
}

// viewed says that the circuits should be shown the relays that are known.
type viewed struct{}

func (l *loop) view(now time.Time) {
	l.circuitEffects(l.circuits.Step(now, circuit.Known{View: l.relays.View(now)}))
}

// failed brings a Fail, which answers a request of key routing or a question for an onion key.
type failed struct {
	p   *peer
	msg wire.Fail
}

func (l *loop) fail(now time.Time, ev failed) {
	switch {
	case l.circuits.Expects(ev.p.number, ev.msg.Req):
		l.circuitEffects(l.circuits.Step(now, circuit.Received{Link: ev.p.number, Msg: ev.msg}))
	case ev.p.purpose == wire.ForRouting && l.talks(ev.p.id):
		l.effects(l.machine.Step(now, routing.Received{From: ev.p.id, Msg: ev.msg}))
	}
}

// request hands a request of the local user to the circuits, or, if the user wants that, straight to key routing.
func (l *loop) request(now time.Time, r request) {
	if l.n.cfg.Direct && len(l.peers) == 0 { // through circuits it waits, and Obstacle says so
		r.reply <- routing.Done{Token: r.token, Reason: wire.Failed}
		return
	}
	l.waiting[r.token] = r.reply
	switch {
	case r.wait:
		l.await(now, r)
	case l.n.cfg.Direct && r.block.IsZero():
		l.effects(l.machine.Step(now, routing.LocalGet{Token: r.token, ID: r.id, Rotation: r.rotation, Class: r.class}))
	case l.n.cfg.Direct:
		l.effects(l.machine.Step(now, routing.LocalPut{Token: r.token, Block: r.block, Rotation: r.rotation, Class: r.class}))
	case r.block.IsZero():
		l.circuitEffects(l.circuits.Step(now, circuit.Get{
			Token: circuit.Token(r.token), ID: r.id, Rotation: r.rotation, Class: r.class, Group: r.group,
		}))
	default:
		l.circuitEffects(l.circuits.Step(now, circuit.Put{
			Token: circuit.Token(r.token), Block: r.block, Rotation: r.rotation, Class: r.class, Group: r.group,
		}))
	}
}

// cancel takes a request back.
func (l *loop) cancel(now time.Time, token routing.Token) {
	if l.waiting[token] == nil {
		return
	}
	delete(l.waiting, token)
	if l.n.cfg.Direct {
		l.effects(l.machine.Step(now, routing.LocalCancel{Token: token}))
	} else {
		l.circuitEffects(l.circuits.Step(now, circuit.Cancel{Token: circuit.Token(token)}))
	}
}

// answer gives the local user what a request came to.
func (l *loop) answer(d routing.Done) {
	if reply := l.waiting[d.Token]; reply != nil {
		delete(l.waiting, d.Token)
		reply <- d
	}
}

package circuit

import (
	"slices"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/wire"
)

// keyring is this node's onion keys, and those of other relays that others have asked for through this one.
type keyring struct {
	own   []ownKey // newest first
	known map[[32]byte]knownKey
	alarm alarm
}

type ownKey struct {
	key  *onion.SecretKey
	made time.Time
}

type knownKey struct {
	key   *onion.PublicKey
	until time.Duration
}

// secrets lists the keys that a CREATE may be for.
func (k *keyring) secrets() []*onion.SecretKey {
	keys := make([]*onion.SecretKey, len(k.own))
	for i, o := range k.own {
		keys[i] = o.key
	}
	return keys
}

// ring changes the onion key.
func (k *keyring) ring(m *Machine, _ *alarm) { m.rotateKeys() }

// rotateKeys makes a new onion key if the newest is keyLife old, forgets those that are keysKept lives old, and says
// which is the newest.
func (m *Machine) rotateKeys() {
	k, now := &m.ring, m.time()
	changed := len(k.own) == 0
	for i := 0; i < len(k.own); {
		if k.own[i].made.After(now) { // the clock has been set back
			k.own[i].made = now
		}
		if age := now.Sub(k.own[i].made); age >= keysKept*keyLife {
			k.own[i].key.Wipe()
			k.own = slices.Delete(k.own, i, i+1)
			changed = true
		} else {
			i++
		}
	}
	if len(k.own) == 0 || now.Sub(k.own[0].made) >= keyLife {
		key, err := onion.NewSecretKey(m.cfg.Rand)
		if err != nil {
			panic("circuit: no randomness: " + err.Error())
		}
		k.own = slices.Insert(k.own, 0, ownKey{key, now})
		changed = true
	}
	if changed {
		m.effects = append(m.effects, Changed{})
	}
	m.effects = append(m.effects, Rekeyed{Hash: k.own[0].key.Public().Hash()})
	m.alarms.set(&k.alarm, m.now+max(time.Second, keyLife-now.Sub(k.own[0].made)))
}

// asks is the onion keys that were asked for on a link.
type asks struct {
	next    wire.Req
	waiting map[wire.Req]*ask
}

// ask is one question, and who waits for its answer.
type ask struct {
	hash    [32]byte
	req     wire.Req
	waiters []keyWaiter
	expires time.Duration
}

// keyWaiter waits for a relay's onion key; nil says that it cannot be had.
type keyWaiter interface {
	keyed(m *Machine, key *onion.PublicKey)
}

func (a *asks) init(first wire.Req) {
	a.next, a.waiting = first, make(map[wire.Req]*ask)
}

// Expects reports whether a Fail with this number on a link answers an AskKey of this machine.
func (m *Machine) Expects(id Link, req wire.Req) bool {
	l := m.net.links[id]
	return l != nil && l.asks.waiting[req] != nil
}

// askKey asks the other end of a link for its onion key.
func (m *Machine) askKey(l *link, hash [32]byte, w keyWaiter) {
	for _, a := range l.asks.waiting {
		if a.hash == hash && a.expires > m.now && len(a.waiters) < maxSetups {
			a.waiters = append(a.waiters, w)
			return
		}
	}
	if len(l.asks.waiting) >= maxSetups {
		m.forgetAsks(l)
	}
	if len(l.asks.waiting) >= maxSetups {
		w.keyed(m, nil)
		return
	}
	a := &ask{hash: hash, req: l.asks.next, waiters: []keyWaiter{w}, expires: m.now + setupTime}
	l.asks.next++
	l.asks.waiting[a.req] = a
	m.effects = append(m.effects, Send{Link: l.id, Msg: wire.AskKey{Req: a.req, Hash: hash}})
}

// forgetAsks drops the questions that are too old to be answered; those who waited have given up.
func (m *Machine) forgetAsks(l *link) {
	for req, a := range l.asks.waiting {
		if a.expires <= m.now {
			delete(l.asks.waiting, req)
		}
	}
}

// gotKey takes in the answer to a question.
func (m *Machine) gotKey(l *link, req wire.Req, raw *[onion.KeySize]byte) {
	a := l.asks.waiting[req]
	if a == nil {
		return
	}
	delete(l.asks.waiting, req)
	var key *onion.PublicKey
	if raw != nil {
		var err error
		if key, err = onion.ParsePublicKey(raw[:]); err != nil || key.Hash() != a.hash {
			key = nil
			m.misbehaved(l)
		}
	}
	m.tell(a, key)
}

func (m *Machine) tell(a *ask, key *onion.PublicKey) {
	for _, w := range a.waiters {
		w.keyed(m, key)
	}
}

// loseAsks answers all who wait for a key from a link that is down.
func (m *Machine) loseAsks(l *link) {
	all := make([]*ask, 0, len(l.asks.waiting))
	for _, a := range l.asks.waiting {
		all = append(all, a)
	}
	clear(l.asks.waiting)
	slices.SortFunc(all, func(a, b *ask) int { return int(int32(a.req - b.req)) })
	for _, a := range all {
		m.tell(a, nil)
	}
}

// askedKey answers for this node's own keys.
func (m *Machine) askedKey(l *link, ask wire.AskKey) {
	if l.budget.take(m.now) {
		for _, o := range m.ring.own {
			if pub := o.key.Public(); pub.Hash() == ask.Hash {
				raw := [onion.KeySize]byte(pub.Bytes())
				m.effects = append(m.effects, Send{Link: l.id, Msg: wire.Key{Req: ask.Req, Key: &raw}})
				return
			}
		}
	}
	m.effects = append(m.effects, Send{Link: l.id, Msg: wire.Fail{Req: ask.Req, Reason: wire.NotFound}})
}

// recall returns an onion key of another relay that has been asked for before.
func (k *keyring) recall(now time.Duration, hash [32]byte) *onion.PublicKey {
	if c, ok := k.known[hash]; ok && c.until > now {
		return c.key
	}
	return nil
}

// learn remembers an onion key; when there are too many, the ones that are the oldest go.
func (k *keyring) learn(now time.Duration, key *onion.PublicKey) {
	if len(k.known) >= maxCachedKeys {
		var oldest [32]byte
		var until time.Duration
		for h, c := range k.known {
			if until == 0 || c.until < until || c.until == until && string(h[:]) < string(oldest[:]) {
				oldest, until = h, c.until
			}
		}
		delete(k.known, oldest)
	}
	k.known[key.Hash()] = knownKey{key, now + cachedFor}
}

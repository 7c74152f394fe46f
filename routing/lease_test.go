package routing

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// recordNo makes up a record that is different for every number.
func recordNo(i int) keys.Block {
	id := keys.ID{Kind: keys.KindRecord}
	binary.BigEndian.PutUint64(id.Name[:], uint64(i))
	return keys.Restore(id, []byte{1})
}

// landlord is a machine with peers, whose store holds nothing.
type landlord struct {
	*Machine
	now   time.Time
	looks int
}

func newLandlord(peers ...wire.NodeID) *landlord {
	m := &landlord{Machine: New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 1))}), now: start}
	for _, p := range peers {
		m.step(PeerUp{p})
	}
	return m
}

// step takes in an event, and that the store holds nothing of what is looked for.
func (m *landlord) step(ev Event) (out []Effect) {
	for _, e := range append([]Effect(nil), m.Step(m.now, ev)...) {
		if look, ok := e.(Lookup); ok {
			m.looks++
			out = append(out, m.step(LookedUp{Ref: look.Ref})...)
		} else {
			out = append(out, e)
		}
	}
	return out
}

// sends lists what is sent to a peer.
func sends[M wire.Message](effects []Effect, to wire.NodeID) (out []M) {
	for _, e := range effects {
		if s, ok := e.(Send); ok && s.To == to {
			if msg, ok := s.Msg.(M); ok {
				out = append(out, msg)
			}
		}
	}
	return out
}

func TestInvariant13AFloodOfLeasesCostsOnlyTheFlooder(t *testing.T) {
	flooder, honest := idNear(0.05), idNear(0.04)
	m := newLandlord(flooder, honest, idNear(0.27))
	record := recordNo(-1)
	m.step(Received{honest, wire.Lease{Own: true, ID: record.ID()}})
	for i := range 1_000_000 {
		m.step(Received{flooder, wire.Lease{Own: true, ID: recordNo(i).ID()}})
	}
	if most := maxLeases + 1; m.leases.peers > most || len(m.leases.all) > most || m.looks > most {
		t.Fatalf("a million leases make %d, and %d looks into the store", m.leases.peers, m.looks)
	}
	for i := range 10_000 { // one hundredth of a second apart: more than leaseRate
		m.now = m.now.Add(10 * time.Millisecond)
		m.step(Received{flooder, wire.Lease{Own: true, ID: recordNo(1_000_000 + i).ID()}})
	}
	if most := maxLeases + 1 + 100*leaseRate; m.looks > most || m.leases.peers > maxLeases+1 {
		t.Errorf("%d looks into the store, %d leases", m.looks, m.leases.peers)
	}
	if got := sends[wire.Push](m.step(Appeared{record}), honest); len(got) != 1 {
		t.Errorf("the honest peer got %d pushes", len(got))
	}
	if got := len(m.links[flooder].tenancy.held); got != maxLeases {
		t.Errorf("the flooder has %d", got)
	}
	if _, ok := m.leases.byKey[leaseKey{id: recordNo(0).ID()}]; ok {
		t.Error("the oldest of them is still there")
	}
}

func TestInvariant13AllPeersTogetherLeaveNoMoreThanTheirShare(t *testing.T) {
	var flooders []wire.NodeID
	for i := range 2 * maxAllLeases / maxLeases {
		flooders = append(flooders, idNear(0.3+float64(i)/100))
	}
	honest := idNear(0.04)
	m := newLandlord(append(flooders, honest)...)
	leave := func(first int) {
		for i := range 32 {
			m.step(Received{honest, wire.Lease{Own: true, ID: recordNo(first - i).ID()}})
		}
	}
	leave(-1)
	n := 0
	for range maxLeases {
		for _, f := range flooders {
			m.step(Received{f, wire.Lease{Own: true, ID: recordNo(n).ID()}})
			n++
		}
	}
	leave(-100)
	if m.leases.peers != maxAllLeases {
		t.Errorf("%d leases of %d", m.leases.peers, n)
	}
	if got := len(m.links[honest].tenancy.held); got != 64 {
		t.Errorf("of the honest peer's 64 leases %d are left", got)
	}
}

func TestInvariant13PushesThatNobodyAskedFor(t *testing.T) {
	liar, waiter := idNear(0.27), idNear(0.04)
	m := newLandlord(liar, waiter)
	m.step(Received{waiter, wire.Lease{ID: recordNo(1).ID()}})
	for i := range 10 { // 1 is asked for: one push may come, of any record
		got := m.step(Received{liar, wire.Push{Block: recordNo(100 + i)}})
		if len(got) != 0 {
			t.Fatalf("push %d of what nobody waits for: %v", i, got)
		}
	}
	if got := m.step(Received{liar, wire.Push{Block: recordNo(1)}}); len(got) != 0 {
		t.Errorf("a push too many is passed on: %v", got)
	}
	accused := 0
	for i := range 2 * maxUnasked {
		for _, e := range m.step(Received{liar, wire.Push{Block: recordNo(i + 2)}}) {
			if e == (Misbehaved{liar}) {
				accused++
			}
		}
	}
	if accused == 0 {
		t.Error("a flood of pushes is nothing to say a word about")
	}
	if got := sends[wire.Push](m.step(Appeared{recordNo(1)}), waiter); len(got) != 1 {
		t.Errorf("the one that was asked for came %d times", len(got))
	}
}

func TestInvariant12ALeaseOfAPeerThatIsCloserIsRefused(t *testing.T) {
	near := idNear(0.45)
	m := newLandlord(near)
	id := madeUp(keys.KindRecord, 0.5, 0, 1).ID()
	if got := m.step(Received{near, wire.Lease{ID: id}}); len(got) != 1 || got[0] != (Misbehaved{near}) {
		t.Errorf("got %v", got)
	}
	if got := m.step(Received{near, wire.Lease{Own: true, ID: id}}); len(got) != 0 || len(m.leases.all) != 1 {
		t.Errorf("an own lease: %v", got)
	}
}

func TestInvariant12LeasesFollowThePeersThatComeAndGo(t *testing.T) {
	far, near, nearer, nearest := idNear(0.04), idNear(0.35), idNear(0.40), idNear(0.45)
	m := newLandlord(far, near)
	record := madeUp(keys.KindRecord, 0.5, 0, 1)
	m.step(Received{far, wire.Lease{ID: record.ID()}})
	told := func(what string, ev Event, who wire.NodeID, others ...wire.NodeID) {
		t.Helper()
		got := m.step(ev)
		if leases := sends[wire.Lease](got, who); len(leases) != 1 || leases[0].Own {
			t.Errorf("%s: %v", what, leases)
		}
		for _, other := range others {
			if n := len(sends[wire.Lease](got, other)); n > 0 {
				t.Errorf("%s: another is told as well", what)
			}
		}
	}
	told("a closer peer", PeerUp{nearest}, nearest, near, far)
	if got := m.step(PeerUp{nearer}); len(got) != 0 {
		t.Errorf("a peer that is not the closest: %v", got)
	}
	told("the closest goes", PeerDown{nearest}, nearer, near, far)
	told("the next goes", PeerDown{nearer}, near, far)
	got := m.step(PeerDown{near}) // here is where it ends now, and far is of the sink set
	if leases := sends[wire.Lease](got, far); len(leases) != 1 || !leases[0].Own {
		t.Errorf("the last goes: %v", got)
	}
	if got := sends[wire.Push](m.step(Appeared{record}), far); len(got) != 1 {
		t.Error("who waits got nothing")
	}
	m.step(Received{far, wire.Lease{ID: record.ID()}})
	m.step(PeerDown{far})
	if len(m.leases.all) != 0 {
		t.Error("a lease outlives its peer")
	}
}

// A lease that is left again in time is passed on again in time: whoever waits for hours is told.
func TestInvariant12ALeaseIsPassedOnAsLongAsSomebodyWaits(t *testing.T) {
	far, near := idNear(0.04), idNear(0.45)
	m := newLandlord(far, near)
	record := madeUp(keys.KindRecord, 0.5, 0, 1)
	last, longest, count := m.now, time.Duration(0), 0
	note := func(effects []Effect) {
		if len(sends[wire.Lease](effects, near)) > 0 {
			longest = max(longest, m.now.Sub(last))
			last = m.now
			count++
		}
	}
	for range 600 { // ten hours
		m.now = m.now.Add(time.Minute)
		note(m.step(Tick{}))
		if int(m.now.Sub(start).Minutes())%8 == 1 {
			note(m.step(Received{far, wire.Lease{ID: record.ID()}}))
		}
	}
	if longest >= leaseTime || count < 60 || count > 90 {
		t.Errorf("passed on %d times, %v apart at most", count, longest)
	}
	m.now = m.now.Add(2 * leaseTime)
	if m.step(Tick{}); len(m.leases.all) != 0 {
		t.Error("nobody waits any more, and the lease is there")
	}
}

// Peers that come and go do not make those who stay forget.
func TestInvariant12PeersThatComeAndGoPostponeNothing(t *testing.T) {
	far, stays, next, flaps := idNear(0.04), idNear(0.255), idNear(0.29), idNear(0.275)
	m := newLandlord(far, stays, next)
	record := madeUp(keys.KindRecord, 0.245, 0, 1)
	last := m.now
	for i := range 120 {
		m.now = m.now.Add(time.Minute)
		got := m.step(Received{far, wire.Lease{ID: record.ID()}})
		if i%4 == 0 {
			got = append(got, m.step(PeerUp{flaps})...)
		} else if i%4 == 2 {
			got = append(got, m.step(PeerDown{flaps})...)
		}
		if len(sends[wire.Lease](got, stays)) > 0 {
			last = m.now
		} else if m.now.Sub(last) >= leaseTime {
			t.Fatalf("after %v it is not told again", m.now.Sub(last))
		}
	}
}

// A link that comes and goes costs what maxMoved allows, however many leases it is about; all of them find their way with the next sweep.
func TestInvariant13LinksThatComeAndGoMoveFewLeasesAtOnce(t *testing.T) {
	far := []wire.NodeID{idNear(0.02), idNear(0.04), idNear(0.06)}
	stays, flaps := idNear(0.29), idNear(0.275)
	m := newLandlord(append(far, stays)...)
	for i := range maxMoved + maxLeases {
		m.step(Received{far[i%len(far)], wire.Lease{ID: madeUp(keys.KindRecord, 0.27, 0, i).ID()}})
	}
	moved := 0
	for range 10 {
		moved += len(sends[wire.Lease](m.step(PeerUp{flaps}), flaps))
		moved += len(sends[wire.Lease](m.step(PeerDown{flaps}), stays))
	}
	if moved == 0 || moved > maxMoved {
		t.Errorf("%d leases were passed on at once", moved)
	}
	m.step(PeerUp{flaps})
	got := 0
	for range 2 {
		m.now = m.now.Add(2 * leaseSweep)
		got += len(sends[wire.Lease](m.step(Tick{}), flaps))
	}
	if want := len(m.leases.all); got < want {
		t.Errorf("of %d leases %d were passed on to the closer peer", want, got)
	}
}

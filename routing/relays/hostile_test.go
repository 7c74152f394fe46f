package relays

import (
	"encoding/binary"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// paper is a descriptor that nobody has signed, for what is decided before or after signatures are looked at.
func paper(bucket byte, n int, at time.Time) *wire.Descriptor {
	d := &wire.Descriptor{Issued: uint64(at.Unix()), Onion: [32]byte{1}}
	d.ID[0] = bucket
	binary.BigEndian.PutUint32(d.ID[1:], uint32(n))
	return d
}

// bytesOf is what the effects send, and in how many messages.
func bytesOf(effects []Effect) (bytes, messages int) {
	for _, e := range effects {
		if s, ok := e.(Send); ok {
			bytes += wire.Size(s.Msg)
			messages++
		}
	}
	return bytes, messages
}

func reported(effects []Effect) bool {
	for _, e := range effects {
		if _, ok := e.(Misbehaved); ok {
			return true
		}
	}
	return false
}

func TestOldFutureAndReplayedDescriptorsCostNoSignature(t *testing.T) {
	r := star(t, 3)
	now := epoch.Add(100 * time.Hour)
	r.now = now
	m := r.nodes[0]
	for name, at := range map[string]time.Time{"too old": now.Add(-73 * time.Hour), "from the future": now.Add(3 * time.Hour)} {
		d := describe(t, 9, at, 1, loopback(9))
		r.tell(1, d)
		if m.entries[d.ID] != nil {
			t.Errorf("%s: taken", name)
		}
	}
	newer, older := describe(t, 9, now, 2, loopback(9)), describe(t, 9, now.Add(-5*time.Hour), 1, loopback(9))
	r.tell(1, newer)
	checks := m.peers[r.descs[2].ID].account.checks.left
	for range 100 {
		r.tell(2, older, newer, describe(t, 9, now.Add(-72*time.Hour), 1, loopback(9)))
	}
	if !m.entries[newer.ID].desc.Equal(newer) {
		t.Fatal("an older descriptor has replaced a newer one")
	}
	self := describe(t, 0, now, 77, loopback(0))
	r.tell(2, self)
	if m.entries[self.ID].desc.Onion == self.Onion {
		t.Fatal("a peer has said what this node is")
	}
	if left := m.peers[r.descs[2].ID].account.checks.left; left != checks {
		t.Errorf("%v signatures were checked for what is not wanted", checks-left)
	}
}

// Invariant 1.
func TestWhoeverHandsOnAForgeryIsReported(t *testing.T) {
	r := star(t, 2)
	raw := wire.Append(nil, wire.Relays{Nodes: []wire.Claim{describe(t, 8, epoch, 1, loopback(8)).Claim(), describe(t, 9, epoch, 1, loopback(9)).Claim()}})
	raw[len(raw)-1] ^= 1
	msg, err := wire.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !reported(r.play(1, msg)) || len(r.nodes[0].entries) != 1+2+1 {
		t.Fatalf("%d entries", len(r.nodes[0].entries))
	}
	if reported(r.tell(2, describe(t, 9, epoch, 1, loopback(9)))) {
		t.Fatal("an honest peer was reported")
	}
}

func TestARelayMayNotChangeItsMindAllTheTime(t *testing.T) {
	r := star(t, 3)
	m := r.nodes[0]
	r.now = epoch.Add(60 * time.Hour)
	sent := 0
	for h := range 60 {
		for _, e := range r.tell(1, describe(t, 9, epoch.Add(time.Duration(h)*time.Hour), byte(h+1), loopback(9))) {
			if s, ok := e.(Send); ok {
				if _, ok := s.Msg.(wire.Relays); ok {
					sent++
				}
			}
		}
	}
	if want := (maxMoves + 1) * 2; sent != want {
		t.Errorf("%d messages about 60 descriptors of one relay, want %d", sent, want)
	}
	for i := range 10 { // of one hour
		r.tell(1, describe(t, 9, r.now, byte(100+i), loopback(9)))
	}
	before := m.entries[describe(t, 9, epoch, 1, loopback(9)).ID].desc
	r.now = r.now.Add(settleTime)
	last := describe(t, 9, epoch.Add(60*time.Hour), 99, loopback(9))
	r.tell(1, last)
	if e := m.entries[last.ID]; e.desc == before || !e.desc.Equal(last) {
		t.Error("it may not change its mind after a minute either")
	}
}

// Invariant 4: a new link is no new budget.
func TestANewLinkIsNoNewBudget(t *testing.T) {
	r := star(t, 3)
	m := r.nodes[0]
	a := m.peers[r.descs[1].ID].account
	a.fresh.left, a.checks.left = 0, 0
	m.Step(r.now, PeerDown{r.descs[1].ID})
	r.play(1, nil)
	r.tell(1, describe(t, 50, epoch, 1, loopback(50)))
	if n := len(m.entries); n != 1+3 {
		t.Fatalf("%d entries: a peer without budget has added a relay", n)
	}
	r.tell(2, describe(t, 50, epoch, 1, loopback(50)))
	if n := len(m.entries); n != 1+3+1 {
		t.Fatalf("%d entries: the budget of one peer holds for another", n)
	}
	r.now = r.now.Add(freshEvery)
	r.tell(1, describe(t, 51, epoch, 1, loopback(51)), describe(t, 52, epoch, 1, loopback(52)))
	if n := len(m.entries); n != 1+3+2 {
		t.Fatalf("%d entries: one more a half second", n)
	}
}

// Invariant 6: of those who send.
func TestAccountsAreBounded(t *testing.T) {
	r := star(t, 3)
	m := r.nodes[0]
	for i := range maxAccounts + 200 {
		m.account(r.now.Add(time.Duration(i)), origin(i+1))
	}
	if len(m.accounts) != maxAccounts {
		t.Fatalf("%d accounts", len(m.accounts))
	}
	for _, p := range m.order {
		if m.accounts[p.from] != p.account {
			t.Fatal("a peer that is linked has lost its account")
		}
	}
	r.now = r.now.Add(giveEvery + time.Hour)
	m.Step(r.now, Tick{})
	if len(m.accounts) != 3 {
		t.Fatalf("%d accounts after all have left", len(m.accounts))
	}
}

// Invariant 4: nobody adds more than its share.
func TestOneOriginFillsNoMoreThanItsShareOfABucket(t *testing.T) {
	m := machine(0)
	named := 0
	for i := range 2 * maxBucket {
		if victim, ok := m.room(epoch, paper(7, i, epoch).ID, 1); ok && victim == nil {
			m.add(epoch, paper(7, i, epoch), 1)
			named++
		}
	}
	if named != maxNamed {
		t.Fatalf("one origin has named %d relays of a bucket", named)
	}
	for i := range 2 * maxBucket {
		o := origin(2 + i%50)
		if victim, ok := m.room(epoch, paper(7, 100_000+i, epoch).ID, o); ok {
			if victim != nil {
				m.remove(victim)
			}
			m.add(epoch, paper(7, 100_000+i, epoch), o)
		}
	}
	if err := m.check(); err != nil || len(m.buckets[7].entries) != maxBucket {
		t.Fatalf("%d in the bucket, %v", len(m.buckets[7].entries), err)
	}
	counts := make(map[origin]int)
	for _, e := range m.buckets[7].entries {
		counts[e.from]++
	}
	if counts[1] > maxBucket/20 {
		t.Errorf("the first still has %d of a bucket that 51 origins want", counts[1])
	}
}

// Invariant 4: nobody who is known for long is taken away.
func TestAFloodWashesNobodyOutWhoIsKnownForLong(t *testing.T) {
	m := machine(0)
	for i := range maxBucket / 2 { // one honest peer for all of them, long ago
		m.add(epoch, paper(7, i, epoch), origin(1+i%2))
	}
	now := epoch.Add(tenure)
	for i := range 4 * maxBucket {
		d := paper(7, 1_000_000+i, now)
		if victim, ok := m.room(now, d.ID, origin(100+i%4000)); ok {
			if victim != nil {
				m.remove(victim)
			}
			m.add(now, d, origin(100+i%4000))
		}
	}
	for i := range maxBucket / 2 {
		if m.entries[paper(7, i, epoch).ID] == nil {
			t.Fatalf("relay %d was washed out", i)
		}
	}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
}

func TestQuestionsAreAnsweredAtABoundedRate(t *testing.T) {
	r := star(t, 3)
	m := r.nodes[0]
	for i := range 20_000 {
		d := paper(byte(i), i, epoch)
		m.add(epoch, d, origin(i))
	}
	budget := m.giveBurst()
	sent := 0
	for range 3000 { // five minutes of everything that asks for answers
		r.now = r.now.Add(rootEvery)
		for _, msg := range []wire.Message{wire.Root{}, wire.Root{}, wire.Digests{Buckets: new([wire.Buckets]uint64)}} {
			n, _ := bytesOf(r.play(1, msg))
			sent += n
		}
		for b := range 100 {
			n, _ := bytesOf(r.play(1, wire.List{Bucket: uint8(b), Reply: true}))
			sent += n
		}
	}
	if sent > int(budget)+1<<20 {
		t.Errorf("%d bytes in answer to a flood, the budget is %v", sent, budget)
	}
	n, _ := bytesOf(r.play(2, wire.Root{}))
	if n == 0 {
		t.Error("another peer gets no answer")
	}
}

func TestListsThatNobodyWaitsForAreIgnored(t *testing.T) {
	r := star(t, 1)
	m := r.nodes[0]
	r.now = r.now.Add(time.Minute)
	m.Step(r.now, Tick{})
	p := m.peers[r.descs[1].ID]
	for p.lists > 0 { // joining has compared views once
		r.play(1, wire.List{})
	}
	if n, _ := bytesOf(r.play(1, wire.List{Reply: true})); n != 0 {
		t.Errorf("%d bytes in answer to a List", n)
	}
	r.play(1, wire.Digests{Buckets: new([wire.Buckets]uint64)})
	if n, _ := bytesOf(r.play(1, wire.Digests{Buckets: &[wire.Buckets]uint64{1}})); n != 0 {
		t.Errorf("%d bytes in answer to the second Digests", n)
	}
}

// A peer that claims to hold everything that this node holds is one witness, however often it says so.
func TestAPeerThatClaimsEverythingIsOneWitness(t *testing.T) {
	r := star(t, 4)
	m := r.nodes[0]
	d := describe(t, 9, epoch, 1, loopback(9))
	r.tell(1, d)
	for range 10 {
		r.now = r.now.Add(2 * lastRound)
		m.Step(r.now, Tick{})
		r.play(2, wire.Root{Hash: m.root()})
		digests := new([wire.Buckets]uint64)
		for i := range m.buckets {
			digests[i] = m.buckets[i].sum()
		}
		r.play(2, wire.Digests{Buckets: digests})
	}
	if e := m.entries[d.ID]; len(e.shown) != 2 || e.used != nil {
		t.Fatalf("%d have shown it", len(e.shown))
	}
}

// Eight witnesses of one network must not keep others from being heard.
func TestManyOfOneNetworkDoNotCrowdOutWitnesses(t *testing.T) {
	r := newRig(t, 1)
	for i := range 20 {
		r.join(describe(t, 200+i, epoch, 1, "tcp/192.0.2.7:1"))
	}
	for i := range 3 {
		r.join(describe(t, 300+i, epoch, 1, spread(i)))
	}
	d := describe(t, 9, epoch, 1, loopback(9))
	for p := 1; p < len(r.descs); p++ {
		r.tell(p, d)
	}
	if got, ok := inUse(r.nodes[0], r.now, d.ID); !ok || got.Shown != 4 {
		t.Fatalf("%+v, %v", got, ok)
	}
}

func TestStrangersAndImpostorsAreNotHeard(t *testing.T) {
	r := star(t, 1)
	m := r.nodes[0]
	d := describe(t, 9, epoch, 1, loopback(9))
	n := len(m.entries)
	m.Step(r.now, Received{d.ID, wire.Relays{Nodes: []wire.Claim{d.Claim()}}})
	m.Step(r.now, PeerUp{Peer: d.ID, Desc: describe(t, 10, epoch, 1, loopback(10)), Routing: true})
	m.Step(r.now, PeerUp{Peer: m.self, Desc: describe(t, 0, epoch, 5, loopback(10)), Routing: true})
	m.Step(r.now, Own{d})
	m.Step(r.now, PeerDown{d.ID})
	if len(m.entries) != n || len(m.peers) != 1 {
		t.Fatalf("%d entries, %d peers", len(m.entries), len(m.peers))
	}
}

func TestAClockThatGoesBackStopsNothing(t *testing.T) {
	r := star(t, 3)
	r.now = r.now.Add(-time.Hour)
	for i := range 5 {
		d := describe(t, 50+i, r.now, 1, loopback(50))
		for p := range 3 {
			r.tell(1+p, d)
		}
		if _, ok := inUse(r.nodes[0], r.now, d.ID); !ok {
			t.Fatal("nothing is taken in any more")
		}
		if n, _ := bytesOf(r.play(1, wire.Root{})); n == 0 && i == 0 {
			t.Fatal("no Root is answered any more")
		}
	}
}

// FuzzStep gives the machine everything that a peer can send. The input is messages, each behind its length.
func FuzzStep(f *testing.F) {
	frame := func(msgs ...wire.Message) (b []byte) {
		for _, m := range msgs {
			raw := wire.Append(nil, m)
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(raw))), raw...)
		}
		return b
	}
	d := describe(f, 9, epoch, 1, loopback(9))
	some := wire.Relays{Nodes: []wire.Claim{d.Claim(), describe(f, 10, epoch.Add(time.Hour), 1, spread(3)).Claim(), d.Claim()}}
	f.Add(frame(wire.Root{}, wire.Digests{Buckets: new([wire.Buckets]uint64)}, wire.List{Reply: true}, some))
	f.Add(frame(some, wire.List{Bucket: d.ID[0], Reply: true, Items: []wire.Listed{d.Listed()}}, some, wire.Root{}, wire.List{Bucket: d.ID[0]}))
	f.Add(frame(wire.Digests{Buckets: &[wire.Buckets]uint64{1, 2, 3}}, wire.Root{}, wire.List{Bucket: d.ID[0], Items: []wire.Listed{{ID: d.Listed().ID, Issued: 1 << 31}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := star(t, 3)
		budget := r.nodes[0].giveBurst() + 1<<20
		sent := 0
		for i := 0; len(b) >= 2; i++ {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			msg, err := wire.Parse(b[2 : 2+n])
			b = b[2+n:]
			if err != nil {
				continue
			}
			r.now = r.now.Add(time.Duration(n%7) * 100 * time.Millisecond)
			bytes, _ := bytesOf(r.play(1+i%3, msg))
			sent += bytes
		}
		if err := r.nodes[0].check(); err != nil {
			t.Fatal(err)
		}
		if float64(sent) > 3*budget {
			t.Fatalf("%d bytes were sent", sent)
		}
	})
}

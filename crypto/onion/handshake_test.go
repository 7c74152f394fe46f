package onion

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

var (
	relayB = [32]byte(bytes.Repeat([]byte{0xb0}, 32))
	extC   = [ExtSize]byte(bytes.Repeat([]byte("to B"), ExtSize/4))
	toC    = [AnswerSize]byte(bytes.Repeat([]byte("to C"), AnswerSize/4))
)

func say(*[ExtSize]byte) [AnswerSize]byte { return toC }

func onionKey(n uint64) *SecretKey { return RestoreSecretKey([32]byte(fill(make([]byte, 32), n))) }

func begin(t testing.TB, key *SecretKey, n uint64) (*Handshake, []byte) {
	t.Helper()
	h, create, err := Begin(seeded(n), relayB, key.Public(), &extC)
	if err != nil || len(create) != CreateSize {
		t.Fatalf("%d bytes, %v", len(create), err)
	}
	return h, create
}

func accept(t testing.TB, key *SecretKey, create []byte, n uint64) (created []byte, fwd, bwd *Layer) {
	t.Helper()
	created, fwd, bwd, err := Accept(seeded(n), relayB, []*SecretKey{key}, create, say)
	if err != nil || len(created) != CreatedSize {
		t.Fatalf("%d bytes, %v", len(created), err)
	}
	return created, fwd, bwd
}

// again is a copy of a handshake that waits, for tests that need more than one end of it.
func (h *Handshake) again() *Handshake {
	c, secret := *h, *h.secret
	c.secret = &secret
	return &c
}

// refused fails unless CREATE gives nothing.
func refused(t testing.TB, what string, keys []*SecretKey, relay [32]byte, create []byte) {
	t.Helper()
	created, fwd, bwd, err := Accept(seeded(3), relay, keys, create, func(*[ExtSize]byte) [AnswerSize]byte {
		t.Errorf("%s: asked what to say", what)
		return toC
	})
	if err != ErrHandshake || created != nil || fwd != nil || bwd != nil {
		t.Errorf("%s: %d bytes, %v", what, len(created), err)
	}
}

// unfinished fails unless a Finish gave nothing, and left nothing.
func unfinished(t testing.TB, what string, h *Handshake, created []byte) {
	t.Helper()
	fwd, bwd, answer, err := h.Finish(created)
	if err != ErrHandshake || fwd != nil || bwd != nil || answer != [AnswerSize]byte{} {
		t.Errorf("%s: %v", what, err)
	}
	if !reflect.ValueOf(*h).IsZero() {
		t.Errorf("%s: secrets are left", what)
	}
}

func TestAHandshakeGivesBothSidesTheSameLayers(t *testing.T) {
	key := onionKey(1)
	h, create := begin(t, key, 2)
	var heard [ExtSize]byte
	created, fwdB, bwdB, err := Accept(seeded(3), relayB, []*SecretKey{onionKey(9), key}, create, func(ext *[ExtSize]byte) [AnswerSize]byte {
		heard = *ext
		return toC
	})
	if err != nil || heard != extC {
		t.Fatalf("B heard %q, %v", heard, err)
	}
	fwdC, bwdC, answer, err := h.Finish(created)
	if err != nil || answer != toC {
		t.Fatalf("C heard %q, %v", answer, err)
	}
	for i := range uint64(3) {
		there, back := markedBody(i), markedBody(i+10)
		encrypt(t, fwdC, there)
		decrypt(t, fwdB, there)
		encrypt(t, bwdB, back)
		decrypt(t, bwdC, back)
		if *there != *markedBody(i) || *back != *markedBody(i + 10) {
			t.Errorf("cell %d does not open", i)
		}
	}
	if fwdC.chain == bwdC.chain {
		t.Error("the directions share keys")
	}
	for name, b := range map[string][]byte{"CREATE": create, "CREATED": created} {
		if bytes.Contains(b, extC[:8]) || bytes.Contains(b, toC[:8]) || bytes.Contains(b, relayB[:8]) {
			t.Errorf("%s shows what it seals, or whom it is for", name)
		}
	}
}

// SPEC §3 and §4, computed a second time with other libraries.
func TestHandshakeIsTheReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.Uint64().Draw(r, "seed")
		in := refInput{
			relay: fill(make([]byte, 32), n), seedB: fill(make([]byte, 32), n+1), random: fill(make([]byte, 112), n+2),
			answerRandom: fill(make([]byte, 64), n+3), ext: fill(make([]byte, ExtSize), n+4), answer: fill(make([]byte, AnswerSize), n+5),
			version: 1, kind: 1,
		}
		want := in.run(t)
		key := RestoreSecretKey([32]byte(in.seedB))
		h, create, err := Begin(bytes.NewReader(in.random), [32]byte(in.relay), key.Public(), (*[ExtSize]byte)(in.ext))
		if err != nil || !bytes.Equal(create, want.create) {
			r.Fatalf("CREATE differs: %v", err)
		}
		created, fwd, bwd, err := Accept(bytes.NewReader(in.answerRandom), [32]byte(in.relay), []*SecretKey{key}, create,
			func(ext *[ExtSize]byte) [AnswerSize]byte { return [AnswerSize]byte(in.answer) })
		if err != nil || !bytes.Equal(created, want.created) {
			r.Fatalf("CREATED differs: %v", err)
		}
		fwdC, bwdC, answer, err := h.Finish(created)
		if err != nil || !bytes.Equal(answer[:], in.answer) {
			r.Fatalf("the answer differs: %v", err)
		}
		for _, l := range []struct {
			ours *Layer
			keys []byte
		}{{fwd, want.fwd}, {fwdC, want.fwd}, {bwd, want.bwd}, {bwdC, want.bwd}} {
			a, b := *someBody(n), *someBody(n)
			newRefLayer(l.keys).encrypt(&a)
			if err := l.ours.Encrypt(&b); err != nil || a != b {
				r.Fatal("the layers differ")
			}
		}
	})
}

// Invariant 1: one bit of each byte.
func TestEveryByteOfCreateCounts(t *testing.T) {
	key := onionKey(1)
	_, create := begin(t, key, 2)
	for i := range create {
		bad := bytes.Clone(create)
		bad[i] ^= 1 << (i % 8)
		refused(t, fmt.Sprintf("byte %d", i), []*SecretKey{key}, relayB, bad)
	}
}

// Invariant 2: one bit of each byte.
func TestEveryByteOfCreatedCounts(t *testing.T) {
	key := onionKey(1)
	h, create := begin(t, key, 2)
	created, _, _ := accept(t, key, create, 3)
	for i := range created {
		bad := bytes.Clone(created)
		bad[i] ^= 1 << (i % 8)
		unfinished(t, fmt.Sprintf("byte %d", i), h.again(), bad)
	}
	if _, _, _, err := h.Finish(created); err != nil {
		t.Error("the untouched one: ", err)
	}
}

func TestHandshakeMessagesHaveOneLength(t *testing.T) {
	key := onionKey(1)
	h, create := begin(t, key, 2)
	created, _, _ := accept(t, key, create, 3)
	for _, n := range []int{0, 1, 2, atHash, atE, atExt, CreateSize - 1, CreateSize + 1, 2 * CreateSize} {
		refused(t, fmt.Sprint("CREATE of ", n), []*SecretKey{key}, relayB, append(bytes.Clone(create), create...)[:n])
	}
	for _, n := range []int{0, 1, atConf, atAnswer, CreatedSize - 1, CreatedSize + 1, 2 * CreatedSize} {
		unfinished(t, fmt.Sprint("CREATED of ", n), h.again(), append(bytes.Clone(created), created...)[:n])
	}
}

func TestCreateIsForOneRelayAndOneKey(t *testing.T) {
	key, other := onionKey(1), onionKey(5)
	_, create := begin(t, key, 2)
	for name, c := range map[string]struct {
		keys  []*SecretKey
		relay [32]byte
	}{
		"another relay": {[]*SecretKey{key}, [32]byte{1}},
		"another key":   {[]*SecretKey{other}, relayB},
		"no key":        {nil, relayB},
	} {
		refused(t, name, c.keys, c.relay, create)
	}
	// Whoever names his own key in what was made for another's has no ct_B for it.
	stolen := bytes.Clone(create)
	hash := other.Hash()
	copy(stolen[atHash:], hash[:])
	refused(t, "renamed", []*SecretKey{other}, relayB, stolen)
}

// A relay's old and new keys are both taken; a wiped one is not, and zero names none (invariant 5).
func TestAWipedKeyOpensNothing(t *testing.T) {
	key, next := onionKey(1), onionKey(5)
	_, create := begin(t, key, 2)
	if _, _, _, err := Accept(seeded(3), relayB, []*SecretKey{next, key}, create, say); err != nil {
		t.Fatal(err)
	}
	hash := key.Hash()
	key.Wipe()
	refused(t, "wiped", []*SecretKey{next, key}, relayB, create)
	zero := bytes.Clone(create)
	clear(zero[atHash:atCtB])
	refused(t, "zero hash", []*SecretKey{key, {}}, relayB, zero)
	if key.Seed() != [32]byte{} || key.key != nil || key.Hash() != hash {
		t.Error("the secret is left, or the name is gone")
	}
	key.Wipe()
}

// A relay that forgot it answered a CREATE answers with other keys: a replay opens nothing that is sealed for the first, and its own answer
// is of no use without E's secret.
func TestAReplayedCreateGivesNothing(t *testing.T) {
	key := onionKey(1)
	h, create := begin(t, key, 2)
	first, fwd1, bwd1 := accept(t, key, create, 3)
	second, fwd2, bwd2 := accept(t, key, create, 4)
	if ReplayTag(create) != ReplayTag(bytes.Clone(create)) {
		t.Error("a replay has another tag")
	}
	if bytes.Equal(first, second) || bytes.Equal(first[atAnswer:], second[atAnswer:]) || fwd1.chain == fwd2.chain || bwd1.chain == bwd2.chain {
		t.Error("two answers share something")
	}
	mixed := append(bytes.Clone(first[:atConf]), second[atConf:]...)
	unfinished(t, "the confirmation of the second", h.again(), mixed)
	mixed = append(bytes.Clone(first[:atAnswer]), second[atAnswer:]...)
	unfinished(t, "the answer of the second", h.again(), mixed)
	fwdC, _, _, err := h.Finish(first)
	if err != nil {
		t.Fatal(err)
	}
	c := *markedBody(1)
	encrypt(t, fwdC, &c)
	if decrypt(t, fwd2, &c); Ours(&c) || !unrelated(&c, markedBody(1)) {
		t.Error("the replay opens a cell of the original")
	}
}

func TestReplayTagsTellCreatesApart(t *testing.T) {
	key := onionKey(1)
	seen := map[[16]byte]bool{}
	for n := range uint64(50) {
		_, create := begin(t, key, n)
		if tag := ReplayTag(create); seen[tag] {
			t.Fatal("two share a tag")
		} else {
			seen[tag] = true
		}
	}
	_, a := begin(t, key, 1)
	_, b := begin(t, key, 2)
	copy(b[atNonce:atHash], a[atNonce:atHash])
	if ReplayTag(a) == ReplayTag(b) {
		t.Error("only the nonce counts")
	}
}

// Invariant 2: an answer to one handshake is none to another, were it of the same two, and none is taken twice.
func TestAHandshakeTakesItsOwnAnswerOnce(t *testing.T) {
	key := onionKey(1)
	h, create := begin(t, key, 2)
	h2, create2 := begin(t, key, 3)
	created, _, _ := accept(t, key, create, 4)
	created2, _, _ := accept(t, key, create2, 4)
	unfinished(t, "of another handshake", h.again(), created2)
	if _, _, _, err := h.Finish(created); err != nil {
		t.Fatal(err)
	}
	unfinished(t, "a second time", h, created)

	unfinished(t, "a wrong one", h2, created)
	unfinished(t, "the right one after a wrong one", h2, created2)

	h3, create3 := begin(t, key, 5)
	created3, _, _ := accept(t, key, create3, 6)
	secret := h3.secret
	h3.Wipe()
	if !reflect.ValueOf(*secret).IsZero() {
		t.Error("E's secret is left")
	}
	unfinished(t, "after Wipe", h3, created3)
}

// The seal is right and E is none: only an originator can do that, to himself.
func TestCreateWithAKeyThatIsNoneIsRefused(t *testing.T) {
	key := onionKey(1)
	in := someInput()
	in.e = bytes.Repeat([]byte{0xff}, KeySize)
	refused(t, "coefficients above q", []*SecretKey{key}, relayB, in.create(t).create)
}

// X25519 keys of small order make that half of X-Wing known to all, which harms only whoever names such a key as his own. They must
// not do more.
func TestKeysOfSmallOrderDoNoHarm(t *testing.T) {
	raw := onionKey(1).Public().Bytes()
	clear(raw[KeySize-32:])
	weak, err := ParsePublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, create, err := Begin(seeded(2), relayB, weak, &extC); err != nil || len(create) != CreateSize {
		t.Errorf("towards such a key: %v", err)
	}
	in := someInput()
	in.e = raw
	if _, _, _, err := Accept(seeded(3), relayB, []*SecretKey{onionKey(1)}, in.create(t).create, say); err != nil {
		t.Errorf("from such a key: %v", err)
	}
}

func TestRandomnessThatFailsIsAnError(t *testing.T) {
	key := onionKey(1)
	_, create := begin(t, key, 2)
	broken := errors.New("no more")
	for n := range int64(112) {
		r := io.MultiReader(io.LimitReader(seeded(1), n), iotest.ErrReader(broken))
		if h, create, err := Begin(r, relayB, key.Public(), &extC); h != nil || create != nil || !errors.Is(err, broken) {
			t.Fatalf("Begin with %d bytes: %v", n, err)
		}
	}
	short := func(n int64) io.Reader { return io.LimitReader(seeded(1), n) }
	if created, fwd, bwd, err := Accept(short(63), relayB, []*SecretKey{key}, create, say); created != nil || fwd != nil || bwd != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Accept: %v", err)
	}
	if key, err := NewSecretKey(short(31)); key != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("NewSecretKey: %v", err)
	}
}

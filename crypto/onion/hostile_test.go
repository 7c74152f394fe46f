package onion

import (
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// Invariant 6: whatever a stranger sends, in whatever length, nothing panics, and no more memory is taken than a handshake takes that
// succeeds, some copies of the fixed sizes and the library's working space aside.
func TestRubbishTakesNoMoreMemoryThanAHandshake(t *testing.T) {
	key := onionKey(1)
	h, create := begin(t, key, 2)
	created, _, _ := accept(t, key, create, 3)
	most := allocated(func() { Accept(seeded(3), relayB, []*SecretKey{key}, create, say) })
	most = max(most, allocated(func() { h.again().Finish(created) })) + 4*CreateSize
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SampledFrom([][]byte{create, created, key.Public().Bytes(), nil}).Draw(t, "message")
		b = append([]byte(nil), b...)
		if n := rapid.SampledFrom([]int{len(b), 0, 1, len(b) / 2, len(b) + 1, 1 << 20}).Draw(t, "length"); n <= len(b) {
			b = b[:n]
		} else {
			b = append(b, make([]byte, n-len(b))...)
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(b) > 0 {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "bits")
			}
		}
		for name, f := range map[string]func(){
			"CREATE":  func() { Accept(seeded(3), relayB, []*SecretKey{key}, b, say) },
			"CREATED": func() { h.again().Finish(b) },
			"a key":   func() { ParsePublicKey(b) },
		} {
			if got := allocated(f); got > most {
				t.Fatalf("%s of %d bytes takes %d bytes of memory, a handshake %d", name, len(b), got, most)
			}
		}
	})
}

// allocated is how many bytes f takes: the least of some runs, since others may take some at the same time.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

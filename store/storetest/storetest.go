package storetest

import (
	"math/rand/v2"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// Config is what a case asks of a store.
type Config struct {
	Quota int64 // of which all is usable: what Stats().Usable then says
	Self  keys.Location
}

// Impl makes stores of one implementation.
type Impl struct {
	// Open returns an empty store. It ends with the test at the latest.
	Open func(t testing.TB, cfg Config) store.Store
	// Reopen returns a store that holds what s, which is closed, left behind; nil if an implementation keeps nothing.
	Reopen func(t testing.TB, s store.Store, cfg Config) (store.Store, error)
	// Damage flips one bit, drawn from rnd, in what s, which is closed, left behind.
	Damage func(t testing.TB, s store.Store, rnd *rand.Rand)
}

// Run runs the suite.
func Run(t *testing.T, impl Impl) {
	cases := []struct {
		name string
		run  func(*testing.T, Impl)
	}{
		{"what was put is got", putGet},
		{"what was not put is not found", notFound},
		{"put of a held block changes nothing", putHeld},
		{"a Put of nothing is refused", invalid},
		{"records give way to newer ones only", records},
		{"a block is charged its size and Overhead", charge},
		{"a block that cannot fit is refused", tooLarge},
		{"each class has its budget", budgets},
		{"what a class has borrowed it gives back", returned},
		{"a link that floods displaces its own", floodOfLink},
		{"what a link brings again is not its own", claim},
		{"a full store keeps what is near", nearKept},
		{"a held block keeps its better class", betterClass},
		{"a stale record improves the class", staleClass},
		{"a held block is kept for its nearest position", nearestPosition},
		{"a refusal leaves everything", refusal},
		{"an arc lists sink blocks in order", arcInOrder},
		{"an arc follows what becomes of a block", arcFollows},
		{"the quota holds while many put", quotaUnderLoad},
		{"many put the same block", sameBlock},
		{"many put versions of a record", sameRecord},
		{"a closed store says so", closed},
		{"Close waits for calls under way", closeUnderLoad},
	}
	if impl.Reopen != nil {
		cases = append(cases, []struct {
			name string
			run  func(*testing.T, Impl)
		}{
			{"what was held is there after reopening", reopen},
			{"classes and positions survive reopening", reopenClasses},
			{"an arc is the same after reopening", reopenArc},
			{"a smaller quota is honoured at once", reopenSmaller},
			{"a flipped bit is never served", damage},
		}...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, impl) })
	}
}

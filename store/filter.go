package store

import (
	"encoding/binary"
	"sync/atomic"

	"nightjar/keys"
)

// Filter tells that a block is not held without waiting for whoever changes the books: most requests that pass a node ask for what it does
// not have. It is a counting filter: a block counts in two of the 16 counters of one word, and one of which a counter is 0
// is not held. A word holds two to four blocks, so that 2 to 15 % of the blocks that are not held must be looked up all the
// same; that is 2 to 4 bytes a block.
//
// Absent is safe for concurrent use with everything, and so are the changes that a Ledger makes, one at a time. What is
// held throughout a call of Absent is never called absent.
type Filter struct {
	words atomic.Pointer[[]atomic.Uint64] // a power of two of them, replaced by twice as many; then nobody changes the old ones
	mult  uint64                          // odd and secret, as that of table
	n     int                             // blocks counted; the ledger's owner guards it
}

const (
	minWords      = 64
	blocksPerWord = 4 // at most, on average
	counterBits   = 4
	counterMax    = 1<<counterBits - 1
)

// Absent reports that a block is certainly not held.
func (f *Filter) Absent(id keys.ID) bool {
	words := *f.words.Load()
	at, a, b := f.place(len(words), &id)
	w := words[at].Load()
	return w>>a&counterMax == 0 || w>>b&counterMax == 0
}

// place is where a block counts: a word, and by how many bits to shift it for each of the two counters.
func (f *Filter) place(words int, id *keys.ID) (at uint64, a, b uint) {
	x := (binary.LittleEndian.Uint64(id.Name[8:]) ^ uint64(id.Kind)) * f.mult
	return x >> 32 & uint64(words-1), uint(x>>60) * counterBits, uint(x>>56&15) * counterBits
}

// add counts a block that is about to be entered into the books.
func (f *Filter) add(l *Ledger, id *keys.ID) {
	if f == nil {
		return
	}
	if f.n++; f.n > blocksPerWord*len(*f.words.Load()) {
		f.fill(l, 2*len(*f.words.Load()))
	}
	f.count(id)
}

func (f *Filter) count(id *keys.ID) {
	words := *f.words.Load()
	at, a, b := f.place(len(words), id)
	w := words[at].Load()
	for _, shift := range [2]uint{a, b} {
		if w>>shift&counterMax < counterMax {
			w += 1 << shift
		}
	}
	words[at].Store(w)
}

// drop uncounts a block that was taken out of the books. A counter that was ever full stays so: nobody knows what it missed.
func (f *Filter) drop(id *keys.ID) {
	if f == nil {
		return
	}
	f.n--
	words := *f.words.Load()
	at, a, b := f.place(len(words), id)
	w := words[at].Load()
	for _, shift := range [2]uint{a, b} {
		if w>>shift&counterMax < counterMax {
			w -= 1 << shift
		}
	}
	words[at].Store(w)
}

// fill makes as many words and counts what the books hold.
func (f *Filter) fill(l *Ledger, words int) {
	next := make([]atomic.Uint64, words)
	building := Filter{mult: f.mult}
	building.words.Store(&next)
	for c := range l.pools {
		p := &l.pools[c]
		for i := range p.n {
			id := p.at(i).id()
			building.count(&id)
		}
	}
	f.words.Store(&next)
}

// wordsFor is how many words n blocks need.
func wordsFor(n int) int {
	words := minWords
	for n > blocksPerWord*words {
		words *= 2
	}
	return words
}

// Filter returns the filter of the books, which follows them from now on. It is made when it is asked for first.
func (l *Ledger) Filter() *Filter {
	if l.filter == nil {
		f := &Filter{mult: l.rnd.Uint64() | 1, n: l.index.n}
		f.fill(l, wordsFor(f.n))
		l.filter = f
	}
	return l.filter
}

package store

import "nightjar/keys"

// A hint is what a store notes about where it keeps a block; 0 is none. The books do not know what it means: they forget it when
// a block is entered anew, as then it is kept elsewhere.

// Expect makes room in the index, and in the filter if there is one, for n blocks, so that neither need grow while they are entered.
func (l *Ledger) Expect(n int) {
	if least := n + n/2; least > len(l.index.refs) {
		l.index.resize(l, least)
	}
	if words := wordsFor(n); l.filter != nil && words > len(*l.filter.words.Load()) {
		l.filter.fill(l, words)
	}
}

// Touch looks where a block that will be added soon has its place. Who touches a few hundred before adding them waits for the memory once for many of
// them, and not for each: a million are entered in a third of the time.
func (l *Ledger) Touch(id keys.ID) {
	if l.index.refs != nil {
		l.touched ^= l.index.refs[l.index.home(&id)] // kept, or the compiler would not look
	}
	if l.filter != nil {
		words := *l.filter.words.Load()
		at, _, _ := l.filter.place(len(words), &id)
		words[at].Load()
	}
}

// Add enters a block with a hint, or returns false if one of that ID is held. It is Set for a store that enters what it finds when it
// opens.
func (l *Ledger) Add(e Entry, hint uint64) bool {
	// Of a million blocks that are not there yet, to find nothing in the index costs most: it looks at slots all over the memory.
	if l.filter == nil || !l.filter.Absent(e.ID) {
		if _, ok := l.find(e.ID); ok {
			return false
		}
	}
	l.filter.add(l, &e.ID)
	s := slotOf(e)
	s.hint = hint
	l.push(s, e.Class)
	return true
}

// UseHint is Use that also returns the hint of the block.
func (l *Ledger) UseHint(id keys.ID) (e Entry, hint uint64, ok bool) {
	r, ok := l.find(id)
	if !ok {
		return Entry{}, 0, false
	}
	s := l.slot(r)
	s.asked()
	return s.entry(r.class()), s.hint, true
}

// Hint notes where a block is kept, if it is still held as e says.
func (l *Ledger) Hint(e Entry, hint uint64) {
	if r, ok := l.find(e.ID); ok && l.slot(r).entry(r.class()) == e {
		l.slot(r).hint = hint
	}
}

//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

const (
	// loadQuota has the smallest files there are, which are succeeded, merged and freed all the time while a few hundred blocks are put.
	loadQuota = 24 << 20
	// loadPins is how many blocks that may never go a store of the tests has at most: not half of what fits.
	loadPins = 200
)

// load is what a child that is going to be killed, or whose disk is going to fail, does to a store: pinned blocks, which are kept for the node's own place
// and are therefore never evicted, records of which only the newest version counts, and others that pass through a full cache, so that there is always a log to
// succeed, a table to merge and a file to free.
type load struct {
	store *Store
	seed  uint64
	out   sync.Mutex
	each  uint64 // puts of a worker; then it ends
}

// childLoad plays the load, until it is killed or every worker has made its puts. The argument is "seed puts".
func childLoad(dir, arg string) error {
	l := &load{}
	if _, err := fmt.Sscan(arg, &l.seed, &l.each); err != nil {
		return err
	}
	s, err := Open(Config{Dir: dir, Quota: loadQuota})
	if err != nil {
		return err
	}
	l.store = s
	l.say("open", 0, 0, nil)
	var wg sync.WaitGroup
	for w := range uint64(6) {
		wg.Go(func() { l.work(w) }) // ends with its puts, or with the process
	}
	wg.Wait()
	return s.Close()
}

func (l *load) work(w uint64) {
	for n := range l.each {
		switch {
		case w < 2 && n < loadPins/8:
			l.say("pin", w, n, l.store.Put(crashBlock(l.seed, w, n), store.Sink, 0))
		case w < 3:
			r, err := crashRecord(w, l.seed<<20+n)
			if err == nil {
				err = l.store.Put(r, store.Sink, 0)
			}
			l.say("record", w, l.seed<<20+n, err)
		default:
			l.say("pass", w, n, l.store.Put(crashBlock(l.seed, w, n), store.Cache, keys.Location(n<<40)))
		}
		if _, err := l.store.Get(crashBlock(l.seed, w, n/2).ID()); err != nil && !errors.Is(err, store.ErrNotFound) {
			l.say("read", w, n, err)
		}
	}
}

// say tells the parent what was accepted; what the system writes of one line, it writes whole.
func (l *load) say(kind string, w, n uint64, err error) {
	l.out.Lock()
	defer l.out.Unlock()
	if err != nil {
		fmt.Println("refused", kind, w, n, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	fmt.Println(kind, w, n)
}

// witness is what the children of a directory were promised.
type witness struct {
	pins    [][3]uint64 // seed, worker, number
	records map[uint64]uint64
	passed  map[[2]uint64]uint64 // seed and worker: the last number
	opened  bool
	refused []string
}

func newWitness() *witness {
	return &witness{records: map[uint64]uint64{}, passed: map[[2]uint64]uint64{}}
}

// hear notes a line of the child with a seed.
func (w *witness) hear(seed uint64, line string) {
	var kind string
	var who, n uint64
	if len(strings.Fields(line)) != 3 {
		w.refused = append(w.refused, line)
		return
	}
	if _, err := fmt.Sscan(line, &kind, &who, &n); err != nil {
		w.refused = append(w.refused, line)
		return
	}
	switch kind {
	case "open":
		w.opened = true
	case "pin":
		w.pins = append(w.pins, [3]uint64{seed, who, n})
	case "record":
		w.records[who] = max(w.records[who], n)
	case "pass":
		w.passed[[2]uint64{seed, who}] = n
	default:
		w.refused = append(w.refused, strconv.Quote(line))
	}
}

// accepted is how many puts can be checked.
func (w *witness) accepted() int { return len(w.pins) + len(w.records) }

// verify opens the store, as the next start of the node does, and holds it to what was promised: all that was accepted and cannot have been evicted is there,
// and nothing that is read is corrupt. It returns what was done to damage.
func (w *witness) verify(t *testing.T, dir, what string) *Repair {
	t.Helper()
	s, err := Open(Config{Dir: dir, Quota: loadQuota})
	if err != nil {
		t.Fatalf("%s: the store does not open: %v", what, err)
	}
	r := s.repaired.Load()
	lost := 0
	for _, p := range w.pins {
		b := crashBlock(p[0], p[1], p[2])
		got, err := s.Get(b.ID())
		if err != nil || !bytes.Equal(got.Data(), b.Data()) {
			lost++
			t.Errorf("%s: an accepted block %v: %v", what, p, err)
		}
	}
	for who, version := range w.records {
		rec, err := crashRecord(who, version)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(rec.ID()); err != nil || keys.RecordVersion(got) < version {
			lost++
			t.Errorf("%s: an accepted record: version %d, %v", what, version, err)
		}
	}
	for k, n := range w.passed {
		for i := max(n, 20) - 20; i < n+3; i++ { // what was written and not answered may be there too
			b := crashBlock(k[0], k[1], i)
			switch got, err := s.Get(b.ID()); {
			case err == nil && !bytes.Equal(got.Data(), b.Data()):
				t.Errorf("%s: other bytes are read", what)
			case err != nil && !errors.Is(err, store.ErrNotFound):
				t.Errorf("%s: a read: %v", what, err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: Close: %v", what, err)
	}
	if lost > 0 {
		t.Errorf("%s: %d accepted blocks and records are lost; repaired: %+v", what, lost, r)
	}
	return r
}

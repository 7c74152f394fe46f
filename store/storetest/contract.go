package storetest

import (
	"errors"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// payloads give a record of every size that exists.
var payloads = []int{0, 256, 257, 1024, 1025, keys.MaxPayload}

func putGet(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	var all []keys.Block
	for n := range uint64(8) {
		all = append(all, Data(1, n))
	}
	for i, size := range payloads {
		all = append(all, Record(t, "doc-"+string(rune('a'+i)), 1, size))
	}
	for i, b := range all {
		put(t, s, b, store.Class(1+i%2), b.ID().Location(0))
		mustHold(t, s, all[:i+1]...)
		if st := withinQuota(t, s); st.Blocks != int64(i+1) {
			t.Fatalf("%d blocks after %d puts", st.Blocks, i+1)
		}
	}
}

func notFound(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	b, r := Data(1, 0), Record(t, "doc", 1, 10)
	put(t, s, b, store.Sink, 0)
	put(t, s, r, store.Sink, 0)
	for _, id := range []keys.ID{
		{}, Data(1, 1).ID(), Record(t, "other", 1, 10).ID(),
		{Kind: keys.KindRecord, Name: b.ID().Name}, {Kind: keys.KindData, Name: r.ID().Name}, {Kind: 77, Name: b.ID().Name},
	} {
		got, err := s.Get(id)
		wantErr(t, "Get", err, store.ErrNotFound)
		if !got.IsZero() {
			t.Error("a block comes with the error")
		}
	}
}

func putHeld(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	b := Data(1, 0)
	put(t, s, b, store.Sink, 5)
	before := s.Stats()
	for range 3 {
		put(t, s, b, store.Sink, 5)
		put(t, s, b, store.Cache, 1)
	}
	if after := s.Stats(); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
	mustHold(t, s, b)
}

func invalid(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	wantErr(t, "no block", s.Put(keys.Block{}, store.Sink, 0), store.ErrInvalid)
	wantErr(t, "no class", s.Put(Data(1, 0), 0, 0), store.ErrInvalid)
	wantErr(t, "unknown class", s.Put(Data(1, 0), 3, 0), store.ErrInvalid)
	if st := s.Stats(); st.Blocks != 0 || st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
}

func records(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	for _, step := range []struct {
		name    string
		version uint64
		payload int
		want    error
	}{
		{"first", 5, 10, nil},
		{"equal", 5, 10, store.ErrStale},
		{"equal version, other content", 5, 2000, store.ErrStale},
		{"older", 4, 10, store.ErrStale},
		{"newer and larger", 6, 2000, nil},
		{"newer and smaller", 1 << 40, 10, nil},
		{"older again", 6, 10, store.ErrStale},
		{"newest", 1<<64 - 1, keys.MaxPayload, nil},
		{"zero", 0, 10, store.ErrStale},
	} {
		r := Record(t, "doc", step.version, step.payload)
		before, had := s.Get(r.ID())
		if err := s.Put(r, store.Sink, 0); !errors.Is(err, step.want) {
			t.Fatalf("%s: %v", step.name, err)
		}
		want := r
		if step.want != nil {
			want = before
		} else if had == nil && keys.RecordVersion(before) >= step.version {
			t.Fatalf("%s: replaced a newer record", step.name)
		}
		mustHold(t, s, want)
		if st := s.Stats(); st.Blocks != 1 || st.Bytes != int64(len(want.Data()))+store.Overhead {
			t.Fatalf("%s: %+v", step.name, st)
		}
	}
}

func charge(t *testing.T, impl Impl) {
	r := Record(t, "doc", 1, 300)
	quota := 10*charged + int64(len(r.Data())) + store.Overhead
	s := impl.Open(t, Config{Quota: quota})
	put(t, s, r, store.Sink, 1<<62) // the farthest of all
	var all []keys.Block
	for n := range uint64(10) {
		all = append(all, Data(1, n))
		put(t, s, all[n], store.Sink, 0)
	}
	mustHold(t, s, append(all, r)...)
	got := s.Stats()
	got.Quota = 0 // a store on a disk has a larger one
	if want := (store.Stats{Blocks: 11, Bytes: quota, Usable: quota}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func tooLarge(t *testing.T, impl Impl) {
	s := impl.Open(t, Config{Quota: charged - 1})
	wantErr(t, "Put", s.Put(Data(1, 0), store.Sink, 0), store.ErrFull)
	r := Record(t, "doc", 1, 300)
	put(t, s, r, store.Sink, 0)
	wantErr(t, "Put", s.Put(Data(1, 0), store.Sink, 0), store.ErrFull)
	mustHold(t, s, r)
	withinQuota(t, s)
}

func closed(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	b := Data(1, 0)
	put(t, s, b, store.Sink, 0)
	want := s.Stats()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Close", s.Close(), store.ErrClosed)
	wantErr(t, "Put of a held block", s.Put(b, store.Sink, 0), store.ErrClosed)
	wantErr(t, "Put of a new block", s.Put(Data(1, 1), store.Sink, 0), store.ErrClosed)
	for _, id := range []keys.ID{b.ID(), Data(1, 1).ID()} {
		_, err := s.Get(id)
		wantErr(t, "Get", err, store.ErrClosed)
	}
	_, err := s.Arc(0, ^keys.Location(0), keys.ID{}, 1)
	wantErr(t, "Arc", err, store.ErrClosed)
	if got := s.Stats(); got != want {
		t.Errorf("Stats: %+v, were %+v", got, want)
	}
}

package anonymity

import (
	"encoding/binary"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/routing/circuit"
	"nightjar/routing/wire"
	"nightjar/testnet/sim"
)

const (
	// openFetches is how many blocks of a download are asked for at once, as internal/content does.
	openFetches = 256
	// fetchTime is virtual time after which a download that is not done counts as failed.
	fetchTime = 30 * time.Minute
	// restTime is virtual time between downloads, for what is still on its way.
	restTime = 10 * time.Second
)

// network is a simulated network of whole nodes, and the downloads under way in it.
type network struct {
	net   *sim.Net
	g     *graph
	byKey map[keys.ID]keyOf
	byOrg map[int]*fetch
	all   []*fetch
	files uint64
	left  int // keys to come
	stop  func() bool
}

// keyOf says which key of which download a block is.
type keyOf struct {
	f   *fetch
	key int32
}

// fetch is a download under way.
type fetch struct {
	rec   *record
	ids   []keys.ID
	next  int
	group circuit.Group
	since time.Duration
}

// newNetwork makes nodes and links them; link makes the graph of their places.
func newNetwork(cfg sim.NetConfig, stop func() bool, link func([]keys.Location) *graph) *network {
	w := &network{stop: stop}
	w.net = sim.NewNet(cfg, sim.Tap{Asked: w.asked, Launched: w.launched, Built: w.built, Done: w.done})
	at := make([]keys.Location, cfg.Nodes)
	for i := range at {
		at[i] = w.net.Location(i)
	}
	w.g = link(at)
	for a, peers := range w.g.peers {
		for _, b := range peers {
			if a < int(b) {
				w.net.Link(a, int(b))
			}
		}
	}
	return w
}

// download has several nodes download files of so many blocks each at the same time. The files are stored for it where they
// belong, and gone afterwards. The records are of no use if the caller's stop reports true by then.
func (w *network) download(origins []int, blocks int) []*record {
	w.byKey, w.byOrg, w.all = make(map[keys.ID]keyOf), make(map[int]*fetch), nil
	for _, origin := range origins {
		w.begin(origin, blocks)
	}
	w.left = len(origins) * blocks
	for _, f := range w.all {
		for f.next < min(openFetches, blocks) {
			w.ask(f)
		}
	}
	w.net.Run(fetchTime, func() bool { return w.left == 0 || w.stop() })
	var out []*record
	for _, f := range w.all {
		w.net.Finish(f.rec.origin, f.group)
		out = append(out, f.rec)
	}
	w.net.Run(restTime, func() bool { return false })
	for _, f := range w.all {
		w.net.Forget(f.ids)
	}
	w.net.Sweep()
	return out
}

// begin makes a file and stores it.
func (w *network) begin(origin, blocks int) {
	f := &fetch{rec: newRecord(origin, make([]keys.Location, blocks)), since: w.net.Now()}
	f.rec.found = 0
	f.group = circuit.Group{Blocks: blocks}
	w.files++
	binary.BigEndian.PutUint64(f.group.Key[:], w.files)
	for i := range blocks {
		var key crypto.Key
		binary.BigEndian.PutUint64(key[:], w.files)
		binary.BigEndian.PutUint64(key[8:], uint64(i))
		b := keys.SealData(make([]byte, keys.DataSize), &key)
		f.ids = append(f.ids, b.ID())
		f.rec.places[i] = b.ID().Location(0)
		w.byKey[b.ID()] = keyOf{f, int32(i)}
		for _, holder := range w.g.holders(f.rec.places[i]) {
			w.net.Hold(holder, b)
		}
	}
	w.byOrg[origin] = f
	w.all = append(w.all, f)
}

// ask asks for the next block of a download.
func (w *network) ask(f *fetch) {
	token := f.next
	for i, o := range w.all {
		if o == f {
			token |= i << 32
		}
	}
	w.net.Fetch(f.rec.origin, token, f.ids[f.next], f.group)
	f.next++
}

func (w *network) done(at time.Duration, token int, found bool) {
	f := w.all[token>>32]
	w.left--
	if found {
		if f.rec.found == 0 {
			f.rec.firstKey = at - f.since
		}
		f.rec.found++
		f.rec.whole = at - f.since
	}
	if f.next < len(f.ids) {
		w.ask(f)
	}
}

func (w *network) asked(at time.Duration, from, to int, get wire.Get) {
	if k, ok := w.byKey[get.ID]; ok {
		k.f.rec.hops = append(k.f.rec.hops, hop{at, int32(from), int32(to), k.key, get.HTL})
	}
}

func (w *network) launched(at time.Duration, node int, id keys.ID) {
	if k, ok := w.byKey[id]; ok {
		k.f.rec.launches = append(k.f.rec.launches, launch{at, int32(node), k.key})
	}
}

func (w *network) built(origin int, hops [3]int) {
	if f := w.byOrg[origin]; f != nil {
		f.rec.paths = append(f.rec.paths, [3]int32{int32(hops[0]), int32(hops[1]), int32(hops[2])})
	}
}

package fproxy

import (
	"sync"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

// healers counts the reads that were given somewhere to heal to, and what they gave.
type healers struct {
	mu    sync.Mutex
	reads int
	given []keys.Block
}

func (h *healers) next() func(keys.Block, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reads++
	return func(b keys.Block, _ bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.given = append(h.given, b)
	}
}

// F10: what had to be rebuilt is given back in part, each read for itself; what is whole is left alone.
func TestReadersGiveBackATenthOfWhatWasMissing(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, noise(200*keys.DataSize), content.PutOptions{MIME: "video/mp4"})
	var h healers
	page := serve(t, n, func(c *Config) { c.Heal = h.next }) + "/" + uri.Encode()
	ask(t, "GET", page).want(t, 200)
	if h.reads != 1 || len(h.given) != 0 {
		t.Fatalf("%d reads gave %d blocks, and none was missing", h.reads, len(h.given))
	}
	lost := map[keys.ID]bool{}
	for id := range n.blocks {
		if id.Name != uri.Routing && len(lost) < 150 {
			lost[id] = true
		}
	}
	for id := range lost {
		delete(n.blocks, id)
	}
	page = serve(t, n, func(c *Config) { c.Heal = h.next }) + "/" + uri.Encode() // that remembers nothing
	ask(t, "GET", page).want(t, 200)
	if h.reads != 2 || len(h.given) == 0 || len(h.given) > len(lost)/10 {
		t.Errorf("%d reads gave %d blocks of %d", h.reads, len(h.given), len(lost))
	}
	for _, b := range h.given {
		if !lost[b.ID()] {
			t.Error("a block was given back that is there")
		}
	}
}

package node_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// byDistance sorts the nodes that run by how close they are to a position.
func (net *network) byDistance(at keys.Location) []*member {
	all := slices.Clone(net.nodes)
	slices.SortFunc(all, func(a, b *member) int {
		if a.Location().Distance(at) < b.Location().Distance(at) {
			return -1
		}
		return 1
	})
	return all
}

// keeps reports whether a node keeps a block as one of its sinks.
func (m *member) keeps(b keys.Block) bool {
	at := b.ID().Location(0)
	entries, err := m.store.Arc(at, at, keys.ID{}, store.MaxArc)
	return err == nil && slices.ContainsFunc(entries, func(e store.Entry) bool { return e.ID == b.ID() })
}

func TestTheFourthClosestTakesTheLostSinksPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		var blocks []keys.Block
		for i := range byte(24) {
			blocks = append(blocks, randomBlock(i))
			if err := net.nodes[0].Client(wire.Bulk).Insert(context.Background(), blocks[i], false); err != nil {
				t.Fatal(err)
			}
		}
		lost := net.nodes[5]
		var fourth []*member // of each block that the lost node kept
		var orphans []keys.Block
		for _, b := range blocks {
			near := net.byDistance(b.ID().Location(0))
			if slices.Contains(near[:3], lost) {
				if !lost.keeps(b) || near[3].keeps(b) {
					t.Fatal("the block is not where it belongs")
				}
				orphans, fourth = append(orphans, b), append(fourth, near[3])
			}
		}
		if len(orphans) == 0 {
			t.Fatal("the lost node has kept nothing")
		}
		net.mem.Isolate(lost.Self().ID)
		time.Sleep(5 * time.Minute)
		for i, b := range orphans {
			if !fourth[i].keeps(b) {
				t.Errorf("block %d is not kept by the fourth closest", i)
			}
			if got, err := fourth[i].store.Get(b.ID()); err == nil && !bytes.Equal(got.Data(), b.Data()) {
				t.Errorf("block %d was changed", i)
			}
		}
		for i, m := range net.nodes {
			if s := m.Status(); m != lost && (s.Barred > 0 || len(s.Peers) != 6) {
				t.Errorf("node %d has %d peers, and bars %d", i, len(s.Peers), s.Barred)
			}
		}
	})
}

package node_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store/clientcache"
)

// serves asks a node from the outside, as a peer does that sits in the block's sink set, whether it has a block, and returns what came.
func (l *liar) serves(t *testing.T, req wire.Req, id keys.ID) bool {
	t.Helper()
	l.send(wire.Append(nil, wire.Get{Req: req, HTL: 0, Class: wire.Bulk, ID: id}))
	for {
		frame, err := l.conn.Read()
		if err != nil {
			t.Fatal(err)
		}
		switch msg, _ := wire.Parse(frame); msg := msg.(type) {
		case wire.Data:
			if msg.Req == req {
				return msg.Block.ID() == id
			}
		case wire.Fail:
			if msg.Req == req {
				return false
			}
		}
	}
}

// TestOwnFetchesNeverEnterTheSharedStore has a node read a file twice, through circuits and its client cache, and asks it from the outside for
// every block before and after: it serves what it served before, and nothing of what it has read. Then it reads the file a
// third time with nobody to ask.
func TestOwnFetchesNeverEnterTheSharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		ctx := context.Background()
		data := make([]byte, 40*keys.DataSize)
		rand.NewChaCha8([32]byte{1}).Read(data)
		all := &noting{to: net.nodes[0].Client(wire.Bulk), ids: make(chan keys.ID, 200)}
		uri, err := content.PutFile(ctx, all, bytes.NewReader(data), content.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		close(all.ids)
		net.settle()

		reader := net.nodes[5]
		cache, err := clientcache.Open(clientcache.Config{Dir: filepath.Join(t.TempDir(), "client")})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		peer := net.newLiar(identityOf(90), reader)
		before, stats := map[keys.ID]bool{}, reader.store.Stats()
		var req wire.Req
		for id := range all.ids {
			req++
			before[id] = peer.serves(t, req, id)
		}
		read := func(o content.GetOptions) {
			client := reader.Client(wire.Interactive)
			defer client.Close()
			obj, err := content.Open(ctx, content.Cached(client, cache.Of(uri), uri), uri, o)
			var got bytes.Buffer
			if err == nil {
				err = obj.WriteTo(ctx, &got)
			}
			if err != nil || !bytes.Equal(got.Bytes(), data) {
				t.Fatalf("%d bytes, %v", got.Len(), err)
			}
		}
		read(content.GetOptions{})
		read(content.GetOptions{Order: content.Reading})
		kept, had := 0, 0
		for id, was := range before {
			req++
			if now := peer.serves(t, req, id); now != was {
				t.Errorf("a block that the node has read: it was served before: %v, and after: %v", was, now)
			}
			if was {
				had++
			} else if cache.Of(uri).Holds(id) {
				kept++
			}
		}
		if after := reader.store.Stats(); after != stats {
			t.Errorf("the shared store was %+v and is %+v", stats, after)
		}
		if had == 0 || kept < 10 {
			t.Errorf("the node is a sink of %d blocks and has read %d of which it is not: that proves nothing", had, kept)
		}
		net.mem.Isolate(reader.Self().ID)
		read(content.GetOptions{})
		read(content.GetOptions{Order: content.Reading})
	})
}

// noting is a Sink that notes what it is given.
type noting struct {
	to  content.Sink
	ids chan keys.ID
}

func (n *noting) Insert(ctx context.Context, b keys.Block, top bool) error {
	n.ids <- b.ID()
	return n.to.Insert(ctx, b, top)
}

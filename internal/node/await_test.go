package node_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/link/linktest"
	"nightjar/internal/node"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// author writes the editions of a site.
type author struct {
	t      *testing.T
	insert keys.URI
}

func newAuthor(t *testing.T) author {
	u, err := keys.NewAuthor(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	u.Type, u.Doc = keys.USK, "site"
	return author{t, u}
}

// edition is the record of an edition.
func (a author) edition(n int64) keys.Block {
	a.t.Helper()
	u := a.insert
	u.Edition = n
	w, err := u.Author()
	if err != nil {
		a.t.Fatal(err)
	}
	b, err := w.Seal(u.DocName(), keys.Record{Version: 1, Payload: []byte("somewhere")}, rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// site is the site's request URI at an edition.
func (a author) site(n int64) keys.URI {
	a.t.Helper()
	u, err := a.insert.Public()
	if err != nil {
		a.t.Fatal(err)
	}
	u.Edition = n
	return u
}

// publish inserts an edition and returns how long after that the follower knew of it.
func (a author) publish(by *member, n int64, followed <-chan error) time.Duration {
	a.t.Helper()
	c := by.Client(wire.Bulk)
	defer c.Close()
	before := time.Now()
	inserted := make(chan error, 1)
	go func() { inserted <- c.Insert(context.Background(), a.edition(n), true) }() // ends with the insert
	if err := <-followed; err != nil {
		a.t.Fatal(err)
	}
	took := time.Since(before)
	if err := <-inserted; err != nil {
		a.t.Fatal(err)
	}
	return took
}

// follow follows the site from an edition on.
func follow(c *node.Client, site keys.URI) <-chan error {
	found := make(chan error, 1)
	go func() { // ends with Follow
		u, err := content.Follow(context.Background(), c, site)
		if err == nil && u.Edition != site.Edition+1 {
			err = errors.New("another edition was found")
		}
		found <- err
	}()
	return found
}

// A new edition is known to who follows the site within two seconds of its insertion, by push: the next look would come minutes later.
func TestAFollowerLearnsOfANewEditionByPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer func() { net.close() }()
		net.settle()
		a := newAuthor(t)
		c := net.nodes[5].Client(wire.Interactive)
		defer c.Close()
		for n := range int64(3) {
			followed := follow(c, a.site(n))
			time.Sleep([]time.Duration{20 * time.Second, time.Minute, 25 * time.Minute}[n]) // the last is longer than a lease, and than a circuit is used
			if took := a.publish(net.nodes[2], n+1, followed); took > 2*time.Second {
				t.Errorf("edition %d was known after %v", n+1, took)
			}
		}
	})
}

func TestDirectFollowersWaitInKeyRouting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork(), direct: true}
		net.populate(6)
		defer func() { net.close() }()
		net.settle()
		a := newAuthor(t)
		followed := follow(net.nodes[5].Client(wire.Interactive), a.site(0))
		time.Sleep(15 * time.Minute)
		if took := a.publish(net.nodes[2], 1, followed); took > time.Second {
			t.Errorf("it was known after %v", took)
		}
	})
}

// What is there already need not be waited for; and who waits while nodes go is told all the same.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 9)
		defer func() { net.close() }()
		net.settle()
		a := newAuthor(t)
		c := net.nodes[0].Client(wire.Bulk)
		defer c.Close()
		b := a.edition(1)
		if err := c.Insert(t.Context(), b, true); err != nil {
			t.Fatal(err)
		}
		w := net.nodes[3].Client(wire.Interactive)
		defer w.Close()
		before := time.Now()
		got, err := w.Await(t.Context(), b.ID())
		if err != nil || got.ID() != b.ID() || time.Since(before) > 2*time.Second {
			t.Errorf("Await of what is there: %v after %v", err, time.Since(before))
		}
		if _, err := w.Await(t.Context(), randomBlock(1).ID()); err == nil {
			t.Error("Await of a data block")
		}

		came := make(chan error, 1)
		go func() { // ends with Await
			_, err := w.Await(context.Background(), a.edition(2).ID())
			came <- err
		}()
		time.Sleep(time.Minute)
		for _, m := range net.nodes[7:] {
			m.stop()
			if err := <-m.ended; err != nil {
				t.Fatal(err)
			}
		}
		net.nodes = net.nodes[:7]
		time.Sleep(2 * time.Minute)
		if took := a.publish(net.nodes[1], 2, came); took > 2*time.Second {
			t.Errorf("with two nodes fewer it took %v", took)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		if _, err := w.Await(ctx, a.edition(3).ID()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing came: %v", err)
		}
		ended := make(chan error, 1)
		go func() { // ends with Await
			_, err := w.Await(context.Background(), a.edition(3).ID())
			ended <- err
		}()
		time.Sleep(time.Second)
		net.nodes[3].stop()
		if err := <-ended; !errors.Is(err, node.ErrStopped) {
			t.Errorf("the node stopped: %v", err)
		}
	})
}

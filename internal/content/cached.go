package content

import (
	"context"

	"nightjar/keys"
)

// Shelf keeps blocks that were read of one site, or one file, for this reader alone.
type Shelf interface {
	Get(id keys.ID) (keys.Block, bool)
	Put(b keys.Block)
	Holder
}

// Cached is a Source that asks another for nothing that a shelf has, and puts what comes onto it. It is a Holder, and a Keeper for the other. Records are kept if uri
// names an edition: no record of an edition replaces another (SPEC §2.2), and any other may be replaced by a newer one, which
// a reader wants to see. What was sought and not found is sought again.
func Cached(src Source, shelf Shelf, uri keys.URI) Source {
	c := &cached{src: src, shelf: shelf, records: uri.Type == keys.USK && uri.Edition >= 0}
	c.holder, _ = src.(Holder)
	return c
}

type cached struct {
	src     Source
	holder  Holder // src, if it is one
	shelf   Shelf
	records bool
}

func (c *cached) keeps(id keys.ID) bool { return c.records || id.Kind == keys.KindData }

// Fetch implements Source.
func (c *cached) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if !c.keeps(id) {
		return c.src.Fetch(ctx, id, top)
	}
	if b, ok := c.shelf.Get(id); ok {
		return b, nil
	}
	b, err := c.src.Fetch(ctx, id, top)
	if err == nil && b.ID() == id {
		c.shelf.Put(b)
	}
	return b, err
}

// Needed implements Keeper.
func (c *cached) Needed(id keys.ID) {
	if k, ok := c.src.(Keeper); ok {
		k.Needed(id)
	}
}

// Holds implements Holder.
func (c *cached) Holds(id keys.ID) bool {
	return c.keeps(id) && c.shelf.Holds(id) || c.holder != nil && c.holder.Holds(id)
}

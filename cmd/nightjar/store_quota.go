package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/store/badgerstore"
)

func newStoreQuotaCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "quota [size]",
		Short: "Show or change how much the store may take on the disk",
		Long: `Show how much the store of the running node takes and may take, or change it, now and for the next starts. The quota is for everything in the store's directory,
which stays within 15 % above it (38 MiB above it, if it is smaller than 256 MiB); four fifths of it are for blocks, the rest is room that the store works in.

A larger quota holds at once. For a smaller one blocks are evicted, the least useful ones first, and files freed, while the node runs; nightjar store quota
without a size shows how far that is. A --store-size on the node's command line holds for that run alone.

To move the store to another disk, stop the node, move the whole data directory, and start the node with --data.`,
		Example: `  nightjar store quota
  nightjar store quota 20GiB`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(cmd, "%s takes one size", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return e.showQuota(cmd.Context())
			}
			var size byteSize
			if err := size.Set(args[0]); err != nil {
				return usage(cmd, "%v", err)
			}
			if size < api.MinQuota {
				return usage(cmd, "a store takes %s at least", byteSize(api.MinQuota))
			}
			err := e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error { return c.SetQuota(ctx, int64(size)) })
			if err != nil {
				return during(err, "change the quota of the store")
			}
			if e.json {
				return e.printJSON(api.Quota{Quota: int64(size)})
			}
			e.notice("the quota of the store is %s", size)
			return nil
		},
	}
}

// showQuota prints what there is of the store.
func (e *env) showQuota(ctx context.Context) error {
	var s api.Status
	err := e.withClient(ctx, func(ctx context.Context, c *api.Client) (err error) {
		s, err = c.Status(ctx)
		return err
	})
	switch {
	case err != nil:
		return during(err, "ask for the quota of the store")
	case s.State != api.StateOpen:
		return during(api.ErrLocked, "ask for the quota of the store")
	case e.json:
		return e.printJSON(s.Store)
	}
	_, err = fmt.Fprintf(e.stdout, "%s, of which %s are for blocks; %d blocks take %s\n", byteSize(s.Store.Quota), byteSize(s.Store.Usable), s.Store.Blocks, byteSize(s.Store.Bytes))
	return err
}

// quota is how much the store may take: what the command line says, or what was said last. 0 = nobody has said anything.
func (d *daemon) quota() (int64, error) {
	if d.cfg.quota != 0 {
		return d.cfg.quota, nil
	}
	quota, err := d.cfg.dir.Quota()
	if errors.Is(err, datadir.ErrAbsent) {
		return 0, nil
	}
	return quota, during(err, "read the quota of the store")
}

// resizer changes the size of a store and remembers it.
type resizer struct {
	*badgerstore.Store
	dir datadir.Dir
}

// Resize implements api.Shelf. What cannot be remembered is not done.
func (r resizer) Resize(quota int64) error {
	if err := r.dir.SaveQuota(quota); err != nil {
		return during(err, "remember the quota of the store")
	}
	return r.Store.Resize(quota)
}

// resizer is nil where the store is not one on a disk.
func (d *daemon) resizer() api.Shelf {
	if st, ok := d.store.(*badgerstore.Store); ok {
		return resizer{st, d.cfg.dir}
	}
	return nil
}

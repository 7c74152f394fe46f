package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nightjar/internal/api/datadir"
	"nightjar/store/badgerstore"
)

// repaired has status say what was done to a damaged store when it was opened.
func (d *daemon) repaired(r *badgerstore.Repair) {
	if r != nil {
		d.trouble = append(d.trouble, "the index of the store was damaged and was made anew: "+repairText(r))
	}
}

func repairText(r *badgerstore.Repair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %d entries were found, %d were damaged and dropped", r.Symptom, r.Entries, r.Damaged)
	if r.Unread > 0 {
		fmt.Fprintf(&b, "; the disk did not give back all of %d files", r.Unread)
	}
	if r.Aside != "" {
		fmt.Fprintf(&b, "; the damaged files are in %s", r.Aside)
	}
	return b.String()
}

// storeReport is what stats prints. It names no block.
type storeReport struct {
	State   string              `json:"state"` // "ok", "repaired", or why no blocks are taken
	Blocks  int64               `json:"blocks"`
	Bytes   int64               `json:"bytes"`
	Quota   int64               `json:"quota"`
	Usable  int64               `json:"usable"`
	Disk    int64               `json:"disk"`
	Garbage int64               `json:"garbage"`
	Pools   []poolReport        `json:"pools"`
	Repair  *badgerstore.Repair `json:"repair,omitempty"`
}

type poolReport struct {
	Name   string `json:"name"`
	Blocks int64  `json:"blocks"`
	Bytes  int64  `json:"bytes"`
	Budget int64  `json:"budget"`
}

// offline opens the store of a node that does not run, and has f look at it.
func (e *env) offline(cmd *cobra.Command, file string, before func(*badgerstore.Place) error, f func(*badgerstore.Store) error) error {
	dir, err := e.dir()
	if err != nil {
		return err
	}
	if ok, err := filepath.Glob(filepath.Join(dir.Store(), "VERSION")); err != nil || len(ok) == 0 {
		return during(errors.Join(err, errNoStore), "open the store in %s", dir.Path())
	}
	place, err := badgerstore.Take(dir.Store())
	if err != nil {
		return during(err, "open the store in %s", dir.Path())
	}
	var passphrase []byte
	sealed, err := place.Sealed()
	if err == nil && sealed {
		var text string
		text, err = e.passphrase(cmd, file, false)
		passphrase = []byte(text)
	}
	if err == nil {
		err = place.Unlock(passphrase)
	}
	clear(passphrase)
	if err == nil {
		err = before(place)
	}
	if err == nil {
		err = e.inStore(badgerstore.Config{Place: place, Log: e.logger(), Quota: roomyQuota(dir)}, f)
	}
	return during(errors.Join(err, place.Release()), "look at the store in %s", dir.Path())
}

func (e *env) inStore(cfg badgerstore.Config, f func(*badgerstore.Store) error) error {
	st, err := badgerstore.Open(cfg)
	if err != nil {
		return err
	}
	return errors.Join(f(st), st.Close())
}

// roomyQuota is the quota that was kept, or as much more as it takes for no block to be evicted here: only the node knows its quota and its place.
func roomyQuota(dir datadir.Dir) int64 {
	quota, err := dir.Quota()
	if err != nil {
		quota = badgerstore.DefaultQuota
	}
	var all int64
	// What cannot be looked at cannot be opened either, which says why.
	_ = filepath.WalkDir(dir.Store(), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if st, err := d.Info(); err == nil {
				all += st.Size()
			}
		}
		return nil
	})
	return max(quota, all/4*5)
}

// errNoStore reports a data directory without a store.
var errNoStore = errors.New("there is no store yet")

func nothingBefore(*badgerstore.Place) error { return nil }

func newStoreCheckCmd(e *env) *cobra.Command {
	var file string
	var rate byteSize
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read every block of a node that does not run, and verify its seal",
		Long: `Read every block and verify that it is as it was put. A block that is not is forgotten; the other nodes that hold it bring it back when the node runs. A damaged index
is made anew first, as it is when a node starts. Ctrl-C ends the check; what it has found stays done. It ends with exit code 1 if something was corrupt, and 5 while
the node runs.`,
		Example: `  nightjar store check
  nightjar store check --rate 50MiB --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.offline(cmd, file, nothingBefore, func(st *badgerstore.Store) error {
				c, err := st.Check(cmd.Context(), int64(rate), e.checking)
				if err != nil {
					return err
				}
				if e.json {
					err = e.printJSON(c)
				} else {
					err = e.println(fmt.Sprintf("%d blocks are sound, %d were corrupt", c.Blocks, c.Corrupt))
				}
				if err == nil && c.Corrupt > 0 {
					err = toldError(exitFailure)
				}
				return err
			})
		},
	}
	cmd.Flags().Var(&rate, "rate", "read so many `bytes` a second at most")
	cmd.Flags().StringVar(&file, "passphrase-file", "", "read the passphrase from the first line of this `file` (- for standard input)")
	return cmd
}

// checking tells how far a check is.
func (e *env) checking(c badgerstore.Checked) {
	if !e.json && c.Blocks%1000 < 100 {
		e.notice("%d of %d blocks", c.Blocks+c.Corrupt, c.Total)
	}
}

func newStoreRepairCmd(e *env) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Make the index of a node that does not run anew, and drop what is damaged",
		Long: `Make the index of the store anew from the blocks, whether it seems damaged or not, and drop every entry that is not as it was written. A node does so by itself when it
starts and finds damage; this is for what it did not find. It takes about as long as reading the whole store, and may be interrupted: it is done again at the next
start. It ends with exit code 5 while the node runs.`,
		Example: `  nightjar store repair
  nightjar store repair --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.offline(cmd, file, badgerstore.RequestRepair, func(st *badgerstore.Store) error {
				r := st.Repaired()
				if r == nil {
					return errNoStore
				}
				if e.json {
					return e.printJSON(r)
				}
				return e.println(fmt.Sprintf("%d entries were kept, %d were damaged and dropped; %d blocks are held", r.Entries, r.Damaged, st.Stats().Blocks))
			})
		},
	}
	cmd.Flags().StringVar(&file, "passphrase-file", "", "read the passphrase from the first line of this `file` (- for standard input)")
	return cmd
}

func newStoreStatsCmd(e *env) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show what the store of a node that does not run holds, by class, and what it takes of the disk",
		Long: `Show how many blocks the store holds of each budget, what they are charged, what the directory takes, and what was repaired. No block is named. nightjar store quota and
nightjar status tell the same of a node that runs, in short. It ends with exit code 5 while the node runs.`,
		Example: `  nightjar store stats
  nightjar store stats --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.offline(cmd, file, nothingBefore, func(st *badgerstore.Store) error {
				r, err := st.Report()
				if err != nil {
					return err
				}
				return e.printReport(r)
			})
		},
	}
	cmd.Flags().StringVar(&file, "passphrase-file", "", "read the passphrase from the first line of this `file` (- for standard input)")
	return cmd
}

func (e *env) printReport(r badgerstore.Report) error {
	s := storeReport{State: "ok", Blocks: r.Blocks, Bytes: r.Bytes, Quota: r.Quota, Usable: r.Usable, Disk: r.Disk, Garbage: r.Garbage, Repair: r.Repair}
	if r.Repair != nil {
		s.State = "repaired"
	}
	if r.Ailment != "" {
		s.State = r.Ailment
	}
	for _, p := range r.Pools {
		s.Pools = append(s.Pools, poolReport(p))
	}
	if e.json {
		return e.printJSON(s)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "state\t%s\n", s.State)
	for _, p := range s.Pools {
		fmt.Fprintf(t, "%s\t%d blocks, %s of %s\n", p.Name, p.Blocks, byteSize(p.Bytes), byteSize(p.Budget))
	}
	fmt.Fprintf(t, "all\t%d blocks, %s of %s\n", s.Blocks, byteSize(s.Bytes), byteSize(s.Usable))
	fmt.Fprintf(t, "disk\t%s of %s, of which %s are garbage\n", byteSize(s.Disk), byteSize(s.Quota), byteSize(s.Garbage))
	if r.Repair != nil {
		fmt.Fprintf(t, "repair\t%s\n", repairText(r.Repair))
	}
	return t.Flush()
}

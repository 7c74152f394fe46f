package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/store/badgerstore"
)

const (
	// stateTime is how long a node may take to lock or to unlock its store before the command says that it gave up waiting.
	stateTime = time.Minute
	// tellTime is how long a node has to answer that it has heard of the destruction of its key.
	tellTime = 3 * time.Second
)

func newStoreLockCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "Close the store until somebody unlocks it with the passphrase",
		Long: `Have the running node end what it does, close everything that the store's key opens, and forget the key. The node keeps running and answers nightjar store
unlock and a page at the proxy's address. When the command returns the key is no longer in the node's memory, where the system lets a program
replace itself (not on Windows); what the system has written to its swap space is beyond it.`,
		Example: `  nightjar store lock`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error { return c.Lock(ctx) })
			if err != nil && !errors.Is(err, api.ErrLocked) {
				return during(err, "lock the store")
			}
			if err := e.untilState(cmd.Context(), api.StateLocked); err != nil {
				return during(err, "wait until the store is locked")
			}
			return e.storeDone("locked", "the store is locked")
		},
	}
}

func newStoreUnlockCmd(e *env) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Unlock the store of the running node with the passphrase",
		Long: `Give the running node the passphrase of its store and wait until it serves. It is asked for on the terminal, without showing it, or read from the first line
of --passphrase-file; it never stands on the command line, where other programs could see it. A wrong one ends the command with exit code 11.`,
		Example: `  nightjar store unlock
  nightjar store unlock --passphrase-file secret.txt
  pass nightjar | nightjar store unlock --passphrase-file -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				s, err := c.Status(ctx)
				if err != nil || s.State != api.StateLocked {
					return err
				}
				passphrase, err := e.passphrase(cmd, file, false)
				if err != nil {
					return err
				}
				return c.Unlock(ctx, passphrase)
			})
			if err != nil {
				return during(err, "unlock the store")
			}
			if err := e.untilState(cmd.Context(), api.StateOpen); err != nil {
				return during(err, "wait until the node serves")
			}
			return e.storeDone("unlocked", "the store is unlocked, and the node serves")
		},
	}
	cmd.Flags().StringVar(&file, "passphrase-file", "", "read the passphrase from the first line of this `file` (- for standard input)")
	return cmd
}

// storeDone says that a command has done what it should.
func (e *env) storeDone(what, text string) error {
	if e.json {
		return e.printJSON(map[string]bool{what: true})
	}
	e.notice("%s", text)
	return nil
}

// untilState waits until the store of the running node is in a state. A node that locks itself is not there for a moment.
func (e *env) untilState(ctx context.Context, state string) error {
	ctx, stop := context.WithTimeout(ctx, stateTime)
	defer stop()
	for {
		var s api.Status
		err := e.withClient(ctx, func(ctx context.Context, c *api.Client) (err error) {
			s, err = c.Status(ctx)
			return err
		})
		switch {
		case err == nil && s.State == state:
			return nil
		case err != nil && state == api.StateOpen:
			return err // its own words are on its stderr
		}
		select {
		case <-time.After(stopPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func newStorePasswdCmd(e *env) *cobra.Command {
	var f passwdFlags
	cmd := &cobra.Command{
		Use:   "passwd",
		Short: "Set, change or remove the passphrase of the store",
		Long: `Set the passphrase that unlocks the store, change it, or remove it. The store is not rewritten: the passphrase wraps its key. From then on the node waits for
it at each start (nightjar store unlock, or nightjar node --passphrase-file). Nobody can open the store without it: there is no other way in, and no copy.

Whoever has the disk can try passphrases, at about two a second on each machine: take five random words or more. A key that has lain on the disk without a
passphrase may still be there: a flash disk and a file system that copies what is written keep what was overwritten. A store that was made with nightjar node
--passphrase-file has never been without.`,
		Example: `  nightjar store passwd
  nightjar store passwd --remove
  nightjar store passwd --passphrase-file old.txt --new-passphrase-file new.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := e.dir()
			if err != nil {
				return err
			}
			if err := e.passwd(cmd, dir, f); err != nil {
				return during(err, "change the passphrase")
			}
			if f.remove {
				return e.storeDone("removed", "the store has no passphrase any more: whoever has the disk can open it")
			}
			return e.storeDone("changed", "the passphrase of the store is set")
		},
	}
	cmd.Flags().StringVar(&f.old, "passphrase-file", "", "read the present passphrase from the first line of this `file` (- for standard input)")
	cmd.Flags().StringVar(&f.new, "new-passphrase-file", "", "read the new passphrase from the first line of this `file`")
	cmd.Flags().BoolVar(&f.remove, "remove", false, "remove the passphrase")
	return cmd
}

// passwdFlags are those of store passwd.
type passwdFlags struct {
	old, new string // files
	remove   bool
}

// passwd asks the running node to change the passphrase, or does it itself where there is none.
func (e *env) passwd(cmd *cobra.Command, dir datadir.Dir, f passwdFlags) error {
	if f.remove && f.new != "" {
		return usage(cmd, "--remove and --new-passphrase-file do not go together")
	}
	change := api.Passphrases{}
	var err error
	if badgerstore.NeedsPassphrase(dir.Store()) {
		if change.Old, err = e.passphrase(cmd, f.old, false); err != nil {
			return err
		}
	} else if f.old != "" || f.remove {
		return badgerstore.ErrNoPassphrase
	}
	if !f.remove {
		if f.new == "" && onTerminal(e.stdin) {
			e.notice("the new passphrase:")
		}
		if change.New, err = e.passphrase(cmd, f.new, true); err != nil {
			return err
		}
	}
	err = e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error { return c.SetPassphrase(ctx, change) })
	if !errors.Is(err, api.ErrNotRunning) {
		return err
	}
	return rewrap(dir, change)
}

// rewrap changes the passphrase of a store that no node has.
func rewrap(dir datadir.Dir, change api.Passphrases) (err error) {
	place, err := badgerstore.Take(dir.Store())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Release()) }()
	if err := place.Unlock(noneIfEmpty(change.Old)); err != nil {
		return err
	}
	return place.SetPassphrase(noneIfEmpty(change.New))
}

func noneIfEmpty(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func newStoreWipeCmd(e *env) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "wipe",
		Short: "Destroy the key of the store: nobody can open it again, not even you",
		Long: `Overwrite and remove the key of the store, at once, whether a node is running or not and however busy it is; a running node then ends. What it kept for others,
its queue, the keys of its sites, its identity, and what it knew of other nodes cannot be read any more, by anybody. Export your sites first if
you want to keep them (nightjar site export).

It is honest only as far as the disk is: a flash disk, a file system that copies what is written (btrfs, ZFS, APFS), a snapshot or a backup may have kept the
key. A store that was locked with a good passphrase from its beginning is safe even then.`,
		Example: `  nightjar store wipe
  nightjar store wipe --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := e.dir()
			if err != nil {
				return err
			}
			if !yes {
				if err := e.confirmWipe(cmd, dir); err != nil {
					return err
				}
			}
			return e.wipe(cmd.Context(), dir)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirmWipe asks whether somebody means it.
func (e *env) confirmWipe(cmd *cobra.Command, dir datadir.Dir) error {
	if !onTerminal(e.stdin) {
		return usage(cmd, "there is no terminal to ask on whether you mean it; say so with --yes")
	}
	fmt.Fprintf(e.stderr, "The key of the store in %s will be destroyed. Nothing brings it back. Type \"wipe\" to go on: ", printable(dir.Path()))
	line, err := bufio.NewReader(io.LimitReader(e.stdin, maxPassphrase)).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "wipe" {
		return errors.New("nothing was destroyed")
	}
	return nil
}

// wipe destroys the key before it talks to anybody, and only then has a running node end, which still has it in its memory.
func (e *env) wipe(ctx context.Context, dir datadir.Dir) error {
	err := badgerstore.Wipe(dir.Store())
	if err != nil {
		return during(err, "destroy the key")
	}
	var pid int
	told := e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		ctx, stop := context.WithTimeout(ctx, tellTime)
		defer stop()
		if at, err := dir.Endpoint(); err == nil {
			pid = at.PID
		}
		return c.Wipe(ctx)
	})
	if told == nil {
		late, stop := context.WithTimeout(ctx, wipeTime+tellTime)
		defer stop()
		told = e.untilEnded(late)
	}
	// A node that was just changing its passphrase may have written it once more.
	if err := badgerstore.Wipe(dir.Store()); err != nil && !errors.Is(err, badgerstore.ErrWiped) {
		return during(err, "destroy the key a second time")
	}
	if told != nil && !errors.Is(told, api.ErrNotRunning) {
		return fmt.Errorf("the key on the disk is destroyed, but the node did not end and still has it in its memory: end process %d now (%w)", pid, told)
	}
	e.notice("nothing opens %s any more, as far as its disk forgets: a flash disk, a file system that copies, or a backup may still have the key", dir.Path())
	return e.storeDone("wiped", "the key of the store is destroyed")
}

// untilEnded waits until the node has taken node.json away, or does not answer any more: one that ends at once leaves it.
func (e *env) untilEnded(ctx context.Context) error {
	for {
		err := e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
			_, err := c.Status(ctx)
			return err
		})
		if errors.Is(err, api.ErrNotRunning) {
			late, stop := context.WithTimeout(ctx, tellTime)
			defer stop()
			_ = e.untilGone(late) // one that ends in order takes it away a little later
			return nil
		}
		select {
		case <-time.After(stopPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/jobs"
)

// env is what a command has to do with the world: its streams and the global flags.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	data  string // --data, else NIGHTJAR_DATA, else the XDG data directory
	json  bool   // --json
	quiet bool   // --quiet

	renew func(proxy string) error // replaces this process by one that begins locked, at that address of the proxy; nil = it cannot be

	watch func(jobs.Network) jobs.Network // stands between jobs and the network: tests count there; nil = nothing does
}

func (e *env) watched(n jobs.Network) jobs.Network {
	if e.watch == nil {
		return n
	}
	return e.watch(n)
}

// commands lists the constructors of all commands, in the order in which help shows them.
func commands() []func(*env) *cobra.Command {
	return []func(*env) *cobra.Command{
		newDemoCmd,
		newNodeCmd, newStartCmd, newStopCmd, newStatusCmd, newPeerCmd,
		newPutCmd, newGetCmd, newSiteCmd, newQueueCmd, newKeepCmd, newKeyCmd, newStoreCmd,
		newTestnetCmd, newBenchCmd,
		newVersionCmd, newCompletionCmd, newExitCodesTopic,
	}
}

func newRootCmd(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "nightjar",
		Short: "An anonymous, censorship-resistant content store",
		Long: `Nightjar is a content store without servers: run a node in the background, browse through its local proxy,
and insert content with one command.`,
		Example: `  nightjar start                     run a node in the background
  nightjar put photo.jpg             insert a file; prints its URI
  nightjar get CHK@.../photo.jpg     fetch a file or a folder`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%w", err) })
	f := root.PersistentFlags()
	f.StringVar(&e.data, "data", "", "`directory` of the node's data (default $NIGHTJAR_DATA, else nightjar in the XDG data directory)")
	f.BoolVar(&e.json, "json", false, "print results, and errors, as JSON")
	f.BoolVarP(&e.quiet, "quiet", "q", false, "print no progress, notices or hints")
	for _, newCmd := range commands() {
		root.AddCommand(newCmd(e))
	}
	return root
}

// dir is the data directory that the command works on.
func (e *env) dir() (datadir.Dir, error) {
	path := e.data
	if path == "" {
		path = os.Getenv("NIGHTJAR_DATA")
	}
	if path == "" {
		base, err := xdgDataHome()
		if err != nil {
			return datadir.Dir{}, err
		}
		path = filepath.Join(base, "nightjar")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return datadir.Dir{}, fmt.Errorf("find the data directory: %w", err)
	}
	return datadir.At(path), nil
}

// xdgDataHome follows the XDG Base Directory Specification, which says to pass over relative paths.
func xdgDataHome() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home directory to keep data in; name one with --data")
	}
	return filepath.Join(home, ".local", "share"), nil
}

// client finds the running node.
func (e *env) client() (*api.Client, error) {
	dir, err := e.dir()
	if err != nil {
		return nil, err
	}
	return api.Dial(dir)
}

// withClient runs f with a client of the running node.
func (e *env) withClient(ctx context.Context, f func(context.Context, *api.Client) error) error {
	c, err := e.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return f(ctx, c)
}

func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return usage(cmd, "unknown command %q", args[0])
	}
	return usage(cmd, "%s takes no arguments, and got %q", cmd.CommandPath(), args[0])
}

// oneArg accepts one argument, which the message calls what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usage(cmd, "%s needs %s", cmd.CommandPath(), what)
		case len(args) > 1:
			return usage(cmd, "%s takes %s only, and got %q as well; quote what holds spaces", cmd.CommandPath(), what, args[1])
		}
		return nil
	}
}

// group is a command that only holds others.
func group(c *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	c.Args = noArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return usage(cmd, "%s needs a command of its own", cmd.CommandPath())
	}
	c.AddCommand(subcommands...)
	return c
}

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/store/badgerstore"
)

// logName is the file in the data directory that takes what a node in the background has to say.
const logName = "node.log"

func newStartCmd(e *env) *cobra.Command {
	var flags nodeFlags
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run a node in the background",
		Long: `Run a node in the background and wait until it serves. It prints the node's ready line; what the node has to say
later is in ` + logName + ` in the data directory, which is begun anew at every start. Stop it with nightjar stop.

If the store has a passphrase it is asked for on the terminal, or read from --passphrase-file. Where there is neither, the node waits for nightjar store
unlock, and the line that is printed says "locked" in place of "ready".`,
		Example: `  nightjar start --seed nightjar-peer:...
  nightjar start --store-size 10GiB
  nightjar start --data ./second --fproxy 127.0.0.1:8889`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := flags.config(cmd, e) // so that a wrong flag is told here and not in a file
			if err != nil {
				return err
			}
			if err := flags.askPassphrase(cmd, e, &cfg); err != nil {
				return err
			}
			return e.startNode(cmd.Context(), cfg.dir.Path(), flags.args(e), cfg.passphrase)
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

// askPassphrase reads the passphrase from its file, or asks for it where one is needed and there is somebody to ask. Else the node begins locked.
func (f *nodeFlags) askPassphrase(cmd *cobra.Command, e *env, cfg *daemonConfig) error {
	if f.pass != "" || !badgerstore.NeedsPassphrase(cfg.dir.Store()) || !onTerminal(e.stdin) {
		return f.readPassphrase(cmd, e, cfg)
	}
	f.pass = "-"
	p, err := e.passphrase(cmd, "", false)
	cfg.passphrase = []byte(p)
	return err
}

// args spells the flags out again, for the node command.
func (f *nodeFlags) args(e *env) []string {
	args := []string{"--fproxy", f.fproxy, "--client-cache", fmt.Sprint(int64(f.cache)), "--hops", fmt.Sprint(f.hops)}
	if f.quota != 0 {
		args = append(args, "--store-size", fmt.Sprint(int64(f.quota)))
	}
	if f.pass != "" {
		args = append(args, "--passphrase-file", "-") // which start has read
	} else {
		args = append(args, "--tell-locked")
	}
	if f.fill {
		args = append(args, "--fill")
	}
	if f.steady {
		args = append(args, "--constant-rate")
	}
	if f.alone {
		args = append(args, "--no-follow")
	}
	if e.json {
		args = append(args, "--json")
	}
	if e.quiet {
		args = append(args, "--quiet")
	}
	for _, s := range f.seeds {
		args = append(args, "--seed", s)
	}
	for _, l := range f.listen {
		args = append(args, "--listen", l)
	}
	return args
}

// startNode starts the node command and returns when it serves.
func (e *env) startNode(ctx context.Context, data string, args []string, passphrase []byte) error {
	running := e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		_, err := c.Status(ctx)
		return err
	})
	if running == nil {
		return during(badgerstore.ErrInUse, "start a node in %s", data)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	// A node that is just being started or stopped may still write to the log, so that it is appended to.
	logPath := filepath.Join(data, logName)
	log, err := os.OpenFile(logPath, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(program, append([]string{"node", "--data", data}, args...)...) // without ctx: it outlives this program
	cmd.Stderr = log
	if passphrase != nil {
		cmd.Stdin = bytes.NewReader(append(passphrase, '\n'))
	}
	detach(cmd)
	line, err := firstLine(ctx, cmd)
	if said, readErr := os.ReadFile(logPath); readErr == nil {
		e.stderr.Write(said)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return toldError(exit.ExitCode())
	case err != nil:
		return fmt.Errorf("start a node: %w", err)
	}
	return e.println(line)
}

// firstLine starts cmd and returns the first line that it prints, or why it ended without one. If ctx ends, cmd is killed.
func firstLine(ctx context.Context, cmd *exec.Cmd) (string, error) {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if stop() && err == nil {
		return strings.TrimSuffix(line, "\n"), cmd.Process.Release()
	}
	return "", cmp.Or(ctx.Err(), cmd.Wait(), err)
}

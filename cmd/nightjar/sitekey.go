package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"nightjar/internal/api"
	"nightjar/internal/sites"
)

// maxPassphrase bounds what is read of a file with a passphrase.
const maxPassphrase = 1024

// errPassphrases reports a passphrase that was not typed the same way twice.
var errPassphrases = errors.New("the two passphrases are not the same; nothing was written")

// errNoText reports a passphrase that would be another one after it was sent to a node: JSON is UTF-8.
var errNoText = errors.New("the passphrase must be UTF-8 text")

const passphraseHelp = `The passphrase is asked for on the terminal, without showing it, or read from the first line of --passphrase-file; it never stands on the command
line, where other programs could see it. Whoever has the file can try passphrases, at about two a second on each machine: take five random
words or more.`

func newSiteExportCmd(e *env) *cobra.Command {
	var out, file string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write a site's key, sealed under a passphrase",
		Long: `Write the key of a site as one line of text that only the passphrase opens: a copy for a safe place, or to publish from another
machine. The machines must take turns: what one has published the other does not know until it tries.

` + passphraseHelp,
		Example: `  nightjar site export blog -o blog.key
  nightjar site export blog --passphrase-file secret.txt > blog.key`,
		Args: oneArg("the name of a site"),
		RunE: func(cmd *cobra.Command, args []string) error {
			doing := "export the site " + args[0]
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				if _, err := c.Site(ctx, args[0]); err != nil { // before a passphrase is asked for
					return during(err, "%s", doing)
				}
				passphrase, err := e.passphrase(cmd, file, true)
				if err != nil {
					return during(err, "%s", doing)
				}
				sealed, err := c.ExportSite(ctx, args[0], passphrase)
				if err != nil {
					return during(err, "%s", doing)
				}
				if out != "" {
					return during(writeSecret(out, sealed+"\n"), "write the key to %s", out)
				}
				if e.json {
					return e.printJSON(api.SealedSite{Sealed: sealed})
				}
				return e.println(sealed)
			})
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it to this new `file`, readable by you alone")
	cmd.Flags().StringVar(&file, "passphrase-file", "", "read the passphrase from the first line of this `file` (- for standard input)")
	return cmd
}

func newSiteImportCmd(e *env) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Take in a site that was exported",
		Long: `Take in the key of a site that nightjar site export has written, and print the site's URI. It never replaces a site of the same name.

` + passphraseHelp,
		Example: `  nightjar site import blog.key`,
		Args:    oneArg("a file or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			sealed, err := e.readSealed(args[0])
			if err != nil {
				return during(err, "import a site")
			}
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				passphrase, err := e.passphrase(cmd, file, false)
				if err != nil {
					return during(err, "import a site")
				}
				s, err := c.ImportSite(ctx, sealed, passphrase)
				if err != nil {
					return during(err, "import a site")
				}
				return e.printSite(s)
			})
		},
	}
	cmd.Flags().StringVar(&file, "passphrase-file", "", "read the passphrase from the first line of this `file` (- for standard input)")
	return cmd
}

func (e *env) readSealed(name string) (string, error) {
	r := e.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, sites.MaxSealed+1))
	return strings.TrimSpace(string(b)), err
}

// passphrase reads a passphrase from a file, or asks for it, twice if it seals something.
func (e *env) passphrase(cmd *cobra.Command, file string, twice bool) (string, error) {
	switch {
	case file == "-":
		return firstSecret(cmd, e.stdin)
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return firstSecret(cmd, f)
	case !onTerminal(e.stdin):
		return "", usage(cmd, "there is no terminal to ask for the passphrase on; name a file that holds it with --passphrase-file")
	}
	first, err := e.ask("Passphrase: ")
	if err != nil || !twice {
		return first, err
	}
	again, err := e.ask("Once more: ")
	if err == nil && first != again {
		err = errPassphrases
	}
	return first, err
}

// ask reads a line from the terminal without showing it.
func (e *env) ask(prompt string) (string, error) {
	fmt.Fprint(e.stderr, prompt)
	b, err := term.ReadPassword(int(e.stdin.(*os.File).Fd())) // onTerminal has looked
	fmt.Fprintln(e.stderr)
	switch {
	case err == nil && len(b) == 0:
		err = errors.New("the passphrase is empty")
	case err == nil && !utf8.Valid(b):
		err = errNoText
	}
	return string(b), err
}

// firstSecret is the first line of what r holds.
func firstSecret(cmd *cobra.Command, r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassphrase+2)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	line = bytes.TrimRight(line, "\r\n")
	if !utf8.Valid(line) {
		return "", usage(cmd, "%w", errNoText)
	}
	if len(line) == 0 || len(line) > maxPassphrase {
		return "", usage(cmd, "the passphrase must be on the first line of its file, and have at most %d bytes", maxPassphrase)
	}
	return string(line), nil
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/keys"
)

func newKeyCmd(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "key",
		Short: "Make keys, take them apart, and derive request URIs",
		Long: `Work with keys. Except for verify, no node is needed and nothing is sent.

There are four kinds of capability, and each is derived from the one before, never the other way:

  insert   an SSK or USK that can write and must stay secret
  read     the request URI that belongs to it, or a CHK: it can read, and is for readers
  verify   it can keep content alive, and not read it: for helpers
  word     a KSK: whoever knows or guesses the word can read and write`,
		Example: `  nightjar key generate
  nightjar key public @insert.key
  nightjar key verify CHK@...
  nightjar key show CHK@...`,
	}, newKeyGenerateCmd(e), newKeyShowCmd(e), newKeyPublicCmd(e), newKeyVerifyCmd(e))
}

// keyPair is the result of key generate.
type keyPair struct {
	Insert  string `json:"insert,omitempty"`
	Request string `json:"request"`
}

func newKeyGenerateCmd(e *env) *cobra.Command {
	var site, out string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a new pair of insert URI and request URI",
		Long: `Make a new namespace that nobody has written to, and print its insert URI and its request URI. Put a document name
behind an SSK to insert a document; with --site the pair is a USK for the editions of a site.`,
		Example: `  nightjar key generate
  nightjar key generate --site blog -o insert.key     # prints the request URI alone
  nightjar put --target @insert.key my-site/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			insert, err := keys.NewAuthor(rand.Reader)
			if err != nil {
				return fmt.Errorf("draw a key: %w", err)
			}
			defer insert.Wipe()
			if site != "" {
				insert.Type, insert.Doc = keys.USK, site
			}
			request, err := insert.Public()
			if err != nil {
				return usage(cmd, "--site %q: %w", site, err)
			}
			pair := keyPair{insert.Encode(), request.Encode()}
			if out != "" {
				if err := writeSecret(out, pair.Insert+"\n"); err != nil {
					return during(err, "write the insert URI to %s", out)
				}
				pair.Insert = ""
			}
			return e.printPair(pair)
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "make a USK for the site of this `name`")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the insert URI to this new `file`, readable by you alone, and do not print it")
	return cmd
}

func (e *env) printPair(p keyPair) error {
	switch {
	case e.json:
		return e.printJSON(p)
	case p.Insert == "":
		return e.println(p.Request)
	}
	return e.println("insert  " + p.Insert + "\nrequest " + p.Request)
}

// writeSecret writes a new file that only its owner can read.
func writeSecret(name, text string) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return errExists
	}
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(name) // half a key is worse than none
		}
	}()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}

func newKeyPublicCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "public URI",
		Short: "Print the request URI that belongs to an insert URI",
		Long:  "Print the request URI that belongs to an insert URI. A request URI is printed as it is.\n\n" + uriHelp,
		Example: `  nightjar key public @insert.key
  nightjar key public 'SSK@...'`,
		Args: oneArg("a URI"),
		RunE: func(_ *cobra.Command, args []string) error {
			u, err := e.readURI(args[0])
			if err != nil {
				return during(err, "read the key")
			}
			defer u.Wipe()
			request, err := u.Public()
			if err != nil {
				return during(err, "derive the request URI")
			}
			if e.json {
				return e.printJSON(keyPair{Request: request.Encode()})
			}
			return e.println(request.Encode())
		},
	}
}

func newKeyVerifyCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify URI",
		Short: "Make a capability that keeps content alive and cannot read it",
		Long: `Make a verify capability of some content, and print it. Whoever has it can repair the content with nightjar keep, and learns the names of its blocks
and nothing else. The list of these names is inserted into the network for it, so that a node is needed; each one that is made is another one. Of a site
it is for the edition that is the newest now.

` + uriHelp,
		Example: `  nightjar key verify 'CHK@.../film.mkv'
  nightjar key verify @film.key > verify.key`,
		Args: oneArg("a URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := e.readURI(args[0])
			if err == nil && u.Insert {
				u, err = u.Public()
			}
			if err != nil {
				return during(err, "read the key")
			}
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				verify, err := c.Verify(ctx, u.Encode())
				if err != nil {
					return during(err, "make a verify capability of %s", shortURI(u))
				}
				if e.json {
					return e.printJSON(api.URI{URI: verify})
				}
				return e.println(verify)
			})
		},
	}
}

// keyParts is the result of key show.
type keyParts struct {
	Type       string `json:"type"`
	Capability string `json:"capability"` // insert, read, verify or word
	Can        string `json:"can"`
	Doc        string `json:"document,omitempty"`
	Edition    *int64 `json:"edition,omitempty"`
	Path       string `json:"path,omitempty"`
	Routing    string `json:"routing,omitempty"`
	Read       string `json:"read,omitempty"`
}

// hidden stands for a key that is not shown.
const hidden = "(hidden; --reveal shows it)"

func newKeyShowCmd(e *env) *cobra.Command {
	var reveal bool
	cmd := &cobra.Command{
		Use:   "show URI",
		Short: "Take a URI apart",
		Long:  "Say what a URI is, what it can do, and what its parts are. The keys in it are shown only with --reveal.\n\n" + uriHelp,
		Example: `  nightjar key show 'USK@.../blog/3/index.html'
  nightjar key show --reveal @insert.key`,
		Args: oneArg("a URI"),
		RunE: func(_ *cobra.Command, args []string) error {
			u, err := e.readURI(args[0])
			if err != nil {
				return during(err, "read the key")
			}
			defer u.Wipe()
			parts := takeApart(u, reveal)
			if e.json {
				return e.printJSON(parts)
			}
			return e.printParts(parts)
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show the keys as well")
	return cmd
}

func takeApart(u keys.URI, reveal bool) keyParts {
	p := keyParts{Type: u.Type.String(), Capability: "read", Can: "read", Doc: u.Doc, Path: u.Path}
	switch {
	case u.Type == keys.KSK:
		p.Capability, p.Can = "word", "read and write, as everybody can who knows the word"
		return p
	case u.Insert:
		p.Capability, p.Can = "insert", "read and write"
	case u.Verify:
		p.Capability, p.Can = "verify", "keep content alive, and not read it"
	}
	if u.Type == keys.USK {
		p.Edition = &u.Edition
	}
	p.Routing, p.Read = hidden, hidden
	if reveal {
		_, fields, _ := strings.Cut(u.Encode(), "@")
		f := strings.SplitN(fields, ",", 3)
		p.Routing, p.Read = f[0], f[1]
	}
	return p
}

func (e *env) printParts(p keyParts) error {
	t := tabwriter.NewWriter(e.stdout, 0, 0, 3, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, printable(value))
		}
	}
	row("type", p.Type)
	row("capability", p.Capability)
	row("can", p.Can)
	row("document", p.Doc)
	if p.Edition != nil {
		row("edition", fmt.Sprint(*p.Edition))
	}
	row("path", p.Path)
	row("routing", p.Routing)
	row("read", p.Read)
	return t.Flush()
}

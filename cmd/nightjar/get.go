package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/foldertar"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

// getFlags are the flags of get.
type getFlags struct {
	output  string
	force   bool
	timeout time.Duration
}

func newGetCmd(e *env) *cobra.Command {
	var flags getFlags
	cmd := &cobra.Command{
		Use:   "get URI",
		Short: "Fetch a file or a folder",
		Long: `Fetch what a URI names and write it to a file, a folder or standard output. The output appears when it is complete, and
not at all if the command fails or is interrupted.

Without -o the name is the last one in the URI. If -o names a folder that exists, the output goes into it. With -o - a file is written
to standard output as it is, and a folder as a tar stream.

` + uriHelp,
		Example: `  nightjar get 'CHK@.../photo.jpg'
  nightjar get 'USK@.../site/-1/' -o site
  nightjar get 'KSK@a-word-we-agreed-on' -o - | less`,
		Args: oneArg("a URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.timeout < 0 {
				return usage(cmd, "--timeout must not be negative")
			}
			u, err := e.readURI(args[0])
			if err != nil {
				return during(err, "read the URI")
			}
			out, err := e.chooseOutput(cmd, u, flags)
			if err != nil {
				return during(err, "fetch %s", shortURI(u))
			}
			return e.get(cmd.Context(), u, out, flags.timeout)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.output, "output", "o", "", "`path` to write to, or - for standard output")
	f.BoolVarP(&flags.force, "force", "f", false, "replace what is there, and write to a terminal")
	f.DurationVar(&flags.timeout, "timeout", 0, "give up after this time (default: never, but a minute without finding the key)")
	return cmd
}

// chooseOutput decides where the content goes, and refuses before anything is fetched.
func (e *env) chooseOutput(cmd *cobra.Command, u keys.URI, flags getFlags) (*output, error) {
	if flags.output == "-" {
		if onTerminal(e.stdout) && !flags.force {
			return nil, usage(cmd, "content from the network can take control of a terminal; write it to a file, pipe it on, or add --force")
		}
		return nil, nil
	}
	where := flags.output
	name := defaultName(u)
	if info, err := os.Stat(where); where == "" || strings.HasSuffix(where, string(filepath.Separator)) || err == nil && info.IsDir() {
		if name == "" {
			return nil, usage(cmd, "the URI has no name that a file could have; say where to write with -o")
		}
		where = filepath.Join(where, name)
	}
	return newOutput(where, flags.force)
}

// defaultName is the last name in a URI, if a file here can have it and it is no hidden one: the URI comes from somebody else.
func defaultName(u keys.URI) string {
	name := u.Doc
	if u.Path != "" {
		name = path.Base(u.Path)
	}
	local, err := filepath.Localize(name)
	if name == "" || err != nil || strings.HasPrefix(name, ".") || local != filepath.Base(local) {
		return ""
	}
	return local
}

// getResult is what get prints as JSON.
type getResult struct {
	Path   string `json:"path"`
	Folder bool   `json:"folder"`
	Files  int    `json:"files"`
	Size   uint64 `json:"size"`
	MIME   string `json:"mime,omitempty"`
}

// get fetches u into out, or to stdout if out is nil.
func (e *env) get(ctx context.Context, u keys.URI, out *output, timeout time.Duration) error {
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		job, err := createJob(ctx, c, api.JobRequest{Kind: jobs.Get, URI: u.Encode(), TimeoutMS: timeout.Milliseconds()})
		if err != nil {
			return during(err, "fetch %s", shortURI(u))
		}
		done := e.follow(ctx, c, job, 0)
		result, err := e.download(ctx, c, job.ID, out)
		done()
		if err != nil {
			cancelJob(ctx, c, job.ID)
			return during(err, "fetch %s", shortURI(u))
		}
		if out == nil {
			return nil
		}
		if e.json {
			return e.printJSON(result)
		}
		e.notice("%s", result)
		return nil
	})
}

func (e *env) download(ctx context.Context, c *api.Client, id jobs.ID, out *output) (getResult, error) {
	d, err := c.Download(ctx, id)
	if err != nil {
		return getResult{}, err
	}
	defer d.Close()
	if out == nil {
		_, err := io.Copy(e.stdout, d)
		return getResult{}, err
	}
	r := getResult{Path: out.path, Folder: d.Folder, MIME: d.MIME}
	if d.Folder {
		err = out.folder(func(root *os.Root) error {
			r.Files, r.Size, err = foldertar.Unpack(ctx, root, d)
			return err
		})
		return r, err
	}
	err = out.file(func(w io.Writer) error {
		n, err := io.Copy(w, d)
		r.Files, r.Size = 1, uint64(n)
		if err == nil && n != d.Size {
			err = errors.New("the content has another length than was announced")
		}
		return err
	})
	return r, err
}

// String says for people what was fetched.
func (r getResult) String() string {
	if r.Folder {
		return fmt.Sprintf("wrote %d files, %s, to %s", r.Files, byteSize(r.Size), r.Path)
	}
	return fmt.Sprintf("wrote %s to %s", byteSize(r.Size), r.Path)
}

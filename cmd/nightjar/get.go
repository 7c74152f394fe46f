package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

// getFlags are the flags of get.
type getFlags struct {
	output   string
	force    bool
	detach   bool
	priority string
	timeout  time.Duration
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

A folder's names, the executable bit and, if its author kept them, the times of its files are restored. A folder with names that some system
cannot have, or would take for something else (.., CON, a name that ends in a dot, two names that differ in case alone), is refused on all systems,
since folders are copied from one to another: fetch it as a tar stream, or look at it in the browser.

` + detachHelp + ` What goes to standard output is written by this command, and ends with it.

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
			return during(e.get(cmd, u, flags), "fetch %s", shortURI(u))
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.output, "output", "o", "", "`path` to write to, or - for standard output")
	f.BoolVarP(&flags.force, "force", "f", false, "replace what is there, and write to a terminal")
	registerPriority(f, &flags.priority)
	registerDetach(f, &flags.detach)
	f.DurationVar(&flags.timeout, "timeout", 0, "give up after this time (default: never, but a minute without finding the key)")
	return cmd
}

func (e *env) get(cmd *cobra.Command, u keys.URI, flags getFlags) error {
	if err := checkPriority(cmd, flags.priority); err != nil {
		return err
	}
	if flags.output != "-" {
		where, err := chooseOutput(cmd, u, flags)
		if err != nil {
			return err
		}
		return e.getPath(cmd.Context(), u, where, flags)
	}
	switch {
	case flags.detach || flags.priority != "":
		return usage(cmd, "what goes to standard output is written as it comes: that goes with neither --detach nor --priority")
	case onTerminal(e.stdout) && !flags.force:
		return usage(cmd, "content from the network can take control of a terminal; write it to a file, pipe it on, or add --force")
	}
	return e.getStream(cmd.Context(), u, flags)
}

// chooseOutput decides where the content goes, and refuses before the node is asked for anything.
func chooseOutput(cmd *cobra.Command, u keys.URI, flags getFlags) (string, error) {
	where := flags.output
	name := defaultName(u)
	if info, err := os.Stat(where); where == "" || strings.HasSuffix(where, string(filepath.Separator)) || err == nil && info.IsDir() {
		if name == "" {
			return "", usage(cmd, "the URI has no name that a file could have; say where to write with -o")
		}
		where = filepath.Join(where, name)
	}
	where = filepath.Clean(where)
	return where, free(where, flags.force)
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

// getPath has the node fetch u into a file or folder.
func (e *env) getPath(ctx context.Context, u keys.URI, where string, flags getFlags) error {
	path, err := filepath.Abs(where)
	if err != nil {
		return err
	}
	req := api.JobRequest{Kind: jobs.Get, URI: u.Encode(), TimeoutMS: flags.timeout.Milliseconds(), Queueing: api.Queueing{
		Path: path, Force: flags.force, Priority: flags.priority,
	}}
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		if flags.detach {
			return e.detach(ctx, c, req)
		}
		job, err := e.attend(ctx, c, req, nil)
		if err != nil {
			return err
		}
		result := getResult{Path: where, Folder: job.Folder, Files: 1, Size: job.Size, MIME: job.MIME}
		if job.Folder {
			if result.Files, err = countFiles(path); err != nil {
				return err
			}
		}
		if e.json {
			return e.printJSON(result)
		}
		e.notice("%s", result)
		return nil
	})
}

func countFiles(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

// getStream writes what u names to standard output.
func (e *env) getStream(ctx context.Context, u keys.URI, flags getFlags) error {
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		job, err := createJob(ctx, c, api.JobRequest{Kind: jobs.Get, URI: u.Encode(), TimeoutMS: flags.timeout.Milliseconds()})
		if err != nil {
			return err
		}
		done := e.follow(ctx, c, job, 0)
		err = e.download(ctx, c, job.ID)
		done()
		if err != nil {
			cancelJob(ctx, c, job.ID)
		}
		return err
	})
}

func (e *env) download(ctx context.Context, c *api.Client, id jobs.ID) error {
	d, err := c.Download(ctx, id)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = io.Copy(e.stdout, d)
	return err
}

// String says for people what was fetched.
func (r getResult) String() string {
	if r.Folder {
		return fmt.Sprintf("wrote %s, %s, to %s", filesText(r.Files), byteSize(r.Size), r.Path)
	}
	return fmt.Sprintf("wrote %s to %s", byteSize(r.Size), r.Path)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightjar/internal/api"
	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

// putFlags are the flags of put.
type putFlags struct {
	api.Queueing
	name, mime, target        string
	convergent                bool
	onlyURI, uriFirst, detach bool
	timeout                   time.Duration
}

func newPutCmd(e *env) *cobra.Command {
	var flags putFlags
	cmd := &cobra.Command{
		Use:   "put FILE|FOLDER|-",
		Short: "Insert a file, a folder or standard input, and print its URI",
		Long: `Insert a file, a folder or standard input into the network, and print one line: the URI by which everybody who has it
can read it. A folder's index.html is its front page.

Names and the executable bit travel with a folder; owners and empty directories do not, and times only with --times: they tell readers
when files were made. Hidden files are left out, symbolic links are refused.

By default two inserts of one file have nothing in common. With --convergent they are the same, which saves space and lets anybody
test whether a file that they know was inserted.

` + detachHelp + ` What comes from standard input is read by this command, and ends with it.`,
		Example: `  nightjar put photo.jpg
  nightjar put my-site/ --target @insert.key
  nightjar put film.mkv --detach --redundancy 3
  tar c notes | nightjar put - --name notes.tar
  nightjar put letter.txt --target KSK@a-word-we-agreed-on`,
		Args: oneArg("a file, a folder or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd, args[0]); err != nil {
				return err
			}
			return e.put(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.name, "name", "", "file `name` at the end of the URI (default: the file's own; none for a folder)")
	f.StringVar(&flags.mime, "type", "", "media `type`, like text/plain (default: found from the name and the content)")
	f.StringVar(&flags.target, "target", "", "insert `URI` to insert under: an SSK, a USK or a KSK (default: a new CHK); @FILE reads it from a file")
	f.BoolVar(&flags.convergent, "convergent", false, "give the same URI to the same content")
	registerInsertFlags(f, &flags.Queueing)
	f.BoolVar(&flags.uriFirst, "uri-first", false, "print the URI as soon as it is known, before anything is inserted; the source is read twice")
	f.BoolVar(&flags.onlyURI, "only-uri", false, "print the URI and insert nothing, with --convergent or --target; no node is needed")
	f.DurationVar(&flags.timeout, "timeout", 0, "give up after this time (default: never)")
	registerDetach(f, &flags.detach)
	return cmd
}

// registerInsertFlags adds what is the same for all commands that insert a folder.
func registerInsertFlags(f *pflag.FlagSet, q *api.Queueing) {
	f.BoolVar(&q.Hidden, "hidden", false, "insert a folder's hidden files too")
	f.BoolVar(&q.Times, "times", false, "keep when a folder's files were changed last")
	f.StringVar(&q.Redundancy, "redundancy", "", "insert this `number` of blocks for each block of data: 1.25 to 4 in steps of 0.25 (default 2)")
	registerPriority(f, &q.Priority)
}

func checkInsertFlags(cmd *cobra.Command, q api.Queueing) error {
	if q.Redundancy != "" {
		if _, err := content.ParseRedundancy(q.Redundancy); err != nil {
			return usage(cmd, "--redundancy %q: it is a number from 1.25 to 4 in steps of 0.25", q.Redundancy)
		}
	}
	return checkPriority(cmd, q.Priority)
}

func (f *putFlags) check(cmd *cobra.Command, path string) error {
	switch {
	case f.timeout < 0:
		return usage(cmd, "--timeout must not be negative")
	case f.onlyURI && !f.convergent && f.target == "":
		return usage(cmd, "--only-uri needs --convergent or --target: without them every insert has a URI of its own, and nothing would ever be found under this one")
	case f.onlyURI && (f.detach || f.uriFirst):
		return usage(cmd, "--only-uri inserts nothing, and goes with neither --detach nor --uri-first")
	case path == "-" && (f.detach || f.uriFirst || f.Queueing != (api.Queueing{})):
		return usage(cmd, "what comes from standard input is sent as it comes: that goes with none of --detach, --uri-first, --priority, --redundancy, --hidden and --times")
	}
	return checkInsertFlags(cmd, f.Queueing)
}

// errNotInsert reports a target that can only be read.
var errNotInsert = fmt.Errorf("%w: this one can only be read", keys.ErrBadURI)

func (e *env) put(ctx context.Context, path string, flags putFlags) error {
	req := api.JobRequest{
		Kind: jobs.Put, TimeoutMS: flags.timeout.Milliseconds(), Name: flags.name, MIME: flags.mime, Convergent: flags.convergent, Queueing: flags.Queueing,
	}
	var target keys.URI
	if flags.target != "" {
		var err error
		if target, err = e.readURI(flags.target); err != nil {
			return during(err, "read --target")
		}
		defer target.Wipe()
		if target.Type == keys.CHK || target.Type != keys.KSK && !target.Insert {
			return during(errNotInsert, "insert under %s", shortURI(target))
		}
		req.Target = target.Encode()
	}
	if flags.onlyURI {
		return during(e.onlyURI(ctx, path, target, flags), "insert %s", path)
	}
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		if path == "-" {
			return during(e.putStream(ctx, c, req), "insert -")
		}
		err := insertable(path)
		if err == nil {
			req.Path, err = filepath.Abs(path)
		}
		if err == nil {
			err = e.putPath(ctx, c, req, flags)
		}
		return during(err, "insert %s", path)
	})
}

// insertable looks for what the user can be told better here than by the node.
func insertable(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: to insert what a pipe or a device gives, use -", foldertar.ErrEntry)
	}
	return err
}

// warnOfNames tells of names in a folder with which it can be read and not be written to every disk. What else is wrong with it the node will say.
func (e *env) warnOfNames(ctx context.Context, path string, hidden bool) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return
	}
	defer root.Close()
	files, err := foldertar.Scan(ctx, root, hidden)
	if err != nil {
		return
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	if err := foldertar.CheckNames(paths); errors.Is(err, foldertar.ErrName) {
		e.notice("warning: %s; others can read this folder in the browser, and fetch it as a tar stream alone", oneLineOf(err.Error()))
	}
}

// putPath has the node insert a file or folder.
func (e *env) putPath(ctx context.Context, c *api.Client, req api.JobRequest, flags putFlags) error {
	e.warnOfNames(ctx, req.Path, req.Hidden)
	req.EarlyURI = flags.uriFirst
	if flags.detach {
		return e.detach(ctx, c, req)
	}
	printed, printErr := false, error(nil)
	job, err := e.attend(ctx, c, req, func(j api.Job) {
		if flags.uriFirst && j.URI != "" && !printed {
			printed, printErr = true, e.printPut(j)
		}
	})
	if err = errors.Join(err, printErr); err != nil || printed {
		return err
	}
	return e.printPut(job)
}

// putResult is what put prints as JSON.
type putResult struct {
	URI    string `json:"uri"`
	Size   uint64 `json:"size"`
	Folder bool   `json:"folder"`
}

func (e *env) printPut(j api.Job) error {
	if e.json {
		return e.printJSON(putResult{j.URI, j.Size, j.Folder})
	}
	return e.println(j.URI)
}

// putStream sends the node what comes from standard input. If that does not succeed, the node forgets it too.
func (e *env) putStream(ctx context.Context, c *api.Client, req api.JobRequest) error {
	job, err := createJob(ctx, c, req)
	if err != nil {
		return err
	}
	id := job.ID // Upload returns no job where it fails
	done := e.follow(ctx, c, job, 0)
	job, err = c.Upload(ctx, id, e.stdin, -1)
	done()
	if err != nil {
		cancelJob(ctx, c, id)
		return err
	}
	return e.printPut(job)
}

// jobTime is how long the node may take to make a job or to take it back.
const jobTime = 15 * time.Second

// createJob makes a job even if ctx has ended: a job whose id did not arrive could not be cancelled.
func createJob(ctx context.Context, c *api.Client, req api.JobRequest) (api.Job, error) {
	ctx, stop := context.WithTimeoutCause(context.WithoutCancel(ctx), jobTime, jobs.ErrTimeout)
	defer stop()
	return c.CreateJob(ctx, req)
}

// cancelJob cancels a job even if ctx has ended. A job that the node does not have any more needs no cancelling, and a node that
// does not answer ends the job when the connection breaks.
func cancelJob(ctx context.Context, c *api.Client, id jobs.ID) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), jobTime)
	defer stop()
	_ = c.Cancel(ctx, id)
}

// onlyURI computes the URI that an insert would have, here, and sends nothing.
func (e *env) onlyURI(ctx context.Context, path string, target keys.URI, flags putFlags) error {
	redundancy := content.Redundancy(0)
	if flags.Redundancy != "" {
		var err error
		if redundancy, err = content.ParseRedundancy(flags.Redundancy); err != nil {
			return err
		}
	}
	o := content.PutOptions{
		Target: target, Name: flags.name, MIME: flags.mime, Convergent: flags.convergent, Redundancy: redundancy, Now: time.Now,
	}
	if path == "-" {
		uri, err := content.PutFile(ctx, content.Nowhere{}, e.stdin, o)
		return e.printURI(uri, err)
	}
	if err := insertable(path); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return e.onlyFolderURI(ctx, path, flags.Hidden, o)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if o.Name == "" && target == (keys.URI{}) {
		o.Name = filepath.Base(path)
	}
	uri, err := content.PutFile(ctx, content.Nowhere{}, f, o)
	return e.printURI(uri, err)
}

func (e *env) onlyFolderURI(ctx context.Context, path string, hidden bool, o content.PutOptions) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	files, err := foldertar.Scan(ctx, root, hidden)
	if err == nil && len(files) == 0 {
		err = jobs.ErrEmpty
	}
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	defer r.Close() // ends the packing
	// Ends with the last file, or when r is closed.
	go func() { w.CloseWithError(foldertar.Pack(ctx, w, root, files)) }()
	uri, err := content.PutFolder(ctx, content.Nowhere{}, foldertar.NewReader(r), o)
	return e.printURI(uri, err)
}

func (e *env) printURI(uri keys.URI, err error) error {
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(api.URI{URI: uri.Encode()})
	}
	return e.println(uri.Encode())
}

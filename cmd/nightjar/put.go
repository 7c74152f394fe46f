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

	"nightjar/internal/api"
	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
)

// putFlags are the flags of put.
type putFlags struct {
	name, mime, target string
	convergent, hidden bool
	timeout            time.Duration
}

func newPutCmd(e *env) *cobra.Command {
	var flags putFlags
	cmd := &cobra.Command{
		Use:   "put FILE|FOLDER|-",
		Short: "Insert a file, a folder or standard input, and print its URI",
		Long: `Insert a file, a folder or standard input into the network, and print one line: the URI by which everybody who has it
can read it. A folder's index.html is its front page.

Names and the executable bit travel with a folder; times, owners and empty directories do not. Hidden files are left out, symbolic
links are refused.

By default two inserts of one file have nothing in common. With --convergent they are the same, which saves space and lets anybody
test whether a file that they know was inserted.`,
		Example: `  nightjar put photo.jpg
  nightjar put my-site/ --target @insert.key
  tar c notes | nightjar put - --name notes.tar
  nightjar put letter.txt --target KSK@a-word-we-agreed-on`,
		Args: oneArg("a file, a folder or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.timeout < 0 {
				return usage(cmd, "--timeout must not be negative")
			}
			return e.put(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.name, "name", "", "file `name` at the end of the URI (default: the file's own; none for a folder)")
	f.StringVar(&flags.mime, "type", "", "media `type`, like text/plain (default: found from the name and the content)")
	f.StringVar(&flags.target, "target", "", "insert `URI` to insert under: an SSK, a USK or a KSK (default: a new CHK); @FILE reads it from a file")
	f.BoolVar(&flags.convergent, "convergent", false, "give the same URI to the same content")
	f.BoolVar(&flags.hidden, "hidden", false, "insert a folder's hidden files too")
	f.DurationVar(&flags.timeout, "timeout", 0, "give up after this time (default: never)")
	return cmd
}

// source is what a put sends.
type source struct {
	folder bool
	name   string // to propose for the URI
	size   int64  // of a file; -1 = not known
	total  uint64 // content bytes, for progress; 0 = not known
	body   io.ReadCloser
}

func (e *env) put(ctx context.Context, path string, flags putFlags) error {
	req := api.JobRequest{
		Kind: jobs.Put, TimeoutMS: flags.timeout.Milliseconds(), MIME: flags.mime, Convergent: flags.convergent,
	}
	if flags.target != "" {
		target, err := e.readURI(flags.target)
		if err != nil {
			return during(err, "read --target")
		}
		defer target.Wipe()
		req.Target = target.Encode()
	}
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		src, err := e.openSource(ctx, path, flags.hidden)
		if err != nil {
			return during(err, "insert %s", path)
		}
		defer src.body.Close()
		req.Folder, req.Name = src.folder, src.name
		if flags.name != "" {
			req.Name = flags.name
		}
		job, err := e.upload(ctx, c, req, src)
		if err != nil {
			return during(err, "insert %s", path)
		}
		if e.json {
			return e.printJSON(putResult{job.URI, job.Size, job.Folder})
		}
		return e.println(job.URI)
	})
}

// putResult is what put prints as JSON.
type putResult struct {
	URI    string `json:"uri"`
	Size   uint64 `json:"size"`
	Folder bool   `json:"folder"`
}

// upload runs a put; if it does not succeed, the node forgets it too.
func (e *env) upload(ctx context.Context, c *api.Client, req api.JobRequest, src source) (api.Job, error) {
	job, err := createJob(ctx, c, req)
	if err != nil {
		return api.Job{}, err
	}
	id := job.ID // Upload returns no job where it fails
	done := e.follow(ctx, c, job, src.total)
	job, err = c.Upload(ctx, id, src.body, src.size)
	done()
	if err != nil {
		cancelJob(ctx, c, id)
	}
	return job, err
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

// openSource looks at what is to be inserted before anything is sent.
func (e *env) openSource(ctx context.Context, path string, hidden bool) (source, error) {
	if path == "-" {
		return source{size: -1, body: io.NopCloser(e.stdin)}, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return source{}, err
	case info.IsDir():
		return openFolder(ctx, path, hidden)
	case !info.Mode().IsRegular():
		return source{}, fmt.Errorf("%w: to insert what a pipe or a device gives, use -", foldertar.ErrEntry)
	}
	f, err := os.Open(path)
	if err != nil {
		return source{}, err
	}
	return source{name: filepath.Base(path), size: info.Size(), total: uint64(info.Size()), body: f}, nil
}

func openFolder(ctx context.Context, path string, hidden bool) (source, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return source{}, err
	}
	files, err := foldertar.Scan(ctx, root, hidden)
	if err == nil && len(files) == 0 {
		err = errors.New("the folder has no files")
	}
	if err != nil {
		return source{}, errors.Join(err, root.Close())
	}
	src := source{folder: true, size: -1, body: packing(ctx, root, files)}
	for _, f := range files {
		src.total += f.Size
	}
	return src, nil
}

// packing is the stream of a folder. Closing it ends the packing.
func packing(ctx context.Context, root *os.Root, files []content.FileInfo) io.ReadCloser {
	r, w := io.Pipe()
	// Ends with the last file, or when r is closed.
	go func() {
		err := foldertar.Pack(ctx, w, root, files)
		w.CloseWithError(errors.Join(err, root.Close()))
	}()
	return r
}

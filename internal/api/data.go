package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
)

// Headers of the answer to GET jobs/{id}/data.
const (
	headerKind = "Nightjar-Kind" // "file" or "folder"
	headerMIME = "Nightjar-Type" // the file's own type; the answer itself must not have it, for the sake of browsers
)

// upload feeds a put with the request's body.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	// The server's limit on reading a request is for small ones: content takes what it takes.
	if err := rc.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("lift the limit on the time of an upload: %w", err)
	}
	interrupt := func() { rc.SetReadDeadline(time.Unix(1, 0)) }
	body := uploadBody{r.Body}
	if j.Folder() {
		folder := &uploadFolder{body: body, tar: foldertar.NewReader(body)}
		err = j.PutFolder(r.Context(), folder, interrupt)
	} else {
		err = j.Put(r.Context(), body, interrupt)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newJob(j.Snapshot()))
}

// uploadBody names the failure of a body that ends too early.
type uploadBody struct{ r io.Reader }

func (b uploadBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrDropped, err)
	}
	return n, err
}

// uploadFolder reads a folder that a client sends.
type uploadFolder struct {
	body io.Reader
	tar  *foldertar.Reader
}

// Next leaves out the times of files, which would tell readers when and where they were made. At the end it reads what a
// tar program pads the stream with: the server sees that a client has gone only once it has read the whole body.
func (f *uploadFolder) Next() (content.FileInfo, io.Reader, error) {
	info, r, err := f.tar.Next()
	if err == io.EOF {
		if _, err := io.CopyN(io.Discard, f.body, maxPadding); err == nil {
			return content.FileInfo{}, nil, fmt.Errorf("%w: something follows its end", foldertar.ErrStream)
		} else if err != io.EOF {
			return content.FileInfo{}, nil, err
		}
		return content.FileInfo{}, nil, io.EOF
	}
	info.ModTime = time.Time{}
	return info, r, err
}

// maxPadding is more than the record of 10 KiB that tar programs fill up.
const maxPadding = 1 << 20

// download drains a get into the answer. A failure after the first byte breaks the connection, which is the only way left to tell.
func (s *Server) download(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	// Until the answer has begun nothing can block, and the failure must still be written.
	var begun atomic.Bool
	interrupt := func() {
		if begun.Load() {
			rc.SetWriteDeadline(time.Unix(1, 0))
		}
	}
	err = j.Get(r.Context(), func(ctx context.Context, o *content.Object) error {
		begun.Store(true)
		if err := ctx.Err(); err != nil { // interrupt may have come and gone
			begun.Store(false)
			return err
		}
		downloadHeaders(w.Header(), o)
		w.WriteHeader(http.StatusOK)
		if o.IsFolder() {
			return writeFolder(ctx, w, o)
		}
		return o.WriteTo(ctx, w)
	}, interrupt)
	if err != nil && begun.Load() {
		panic(http.ErrAbortHandler)
	}
	return err
}

func downloadHeaders(h http.Header, o *content.Object) {
	h.Set("Content-Disposition", "attachment")
	if o.IsFolder() {
		h.Set(headerKind, "folder")
		h.Set("Content-Type", foldertar.MediaType)
		return
	}
	info := o.Info()
	h.Set(headerKind, "file")
	h.Set(headerMIME, info.MIME)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatUint(info.Size, 10))
}

func writeFolder(ctx context.Context, w io.Writer, o *content.Object) error {
	t := foldertar.NewWriter(w)
	for _, info := range o.Files() {
		file, err := o.File(info.Path)
		if err != nil {
			return err
		}
		if err := t.File(info, func(w io.Writer) error { return file.WriteTo(ctx, w) }); err != nil {
			return err
		}
	}
	return t.Close()
}

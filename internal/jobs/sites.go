package jobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/store/vault"
)

// sumFrom is the size from which on content recognises an unchanged file by its sum alone.
const sumFrom = 256 << 10

// ConflictError says that an edition which was to be published is there already, with other content: somebody else who has the site's key has published it.
type ConflictError struct {
	Site   string
	Newest int64 // the newest edition there is; the next run of the same job publishes the one after it
}

// Error says what to do, too.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("edition %d of %q is in the network already, published from elsewhere, and nothing was overwritten; publish again to make edition %d", e.Newest, e.Site, e.Newest+1)
}

// Is makes it content.ErrConflict for errors.Is.
func (e *ConflictError) Is(target error) bool { return target == content.ErrConflict }

// checkSite looks at what a put that publishes a site may not have; the error wraps ErrSpec.
func (s *PutSpec) checkSite() error {
	switch {
	case s.Site == "":
		return nil
	case len(s.Site) > maxName:
		return fmt.Errorf("%w: the name of a site is too long", ErrSpec)
	case s.Target != (keys.URI{}) || s.Name != "" || s.MIME != "" || s.Convergent || s.EarlyURI:
		return fmt.Errorf("%w: a site decides about its URI, so that name, type, target and convergence make no sense", ErrSpec)
	}
	return nil
}

// inspectSite looks at the site and its folder before the job is accepted, and decides which edition it writes: the same one whenever it is tried again.
func (j *Job) inspectSite(src *source) error {
	if !src.folder {
		return fmt.Errorf("%w: a site is a folder", ErrSpec)
	}
	if j.m.cfg.Sites == nil {
		return sites.ErrNoSite
	}
	s, err := j.m.cfg.Sites.Site(j.put.Site)
	if err != nil {
		return err
	}
	defer s.Wipe()
	j.q.progress.Edition = s.Newest + 1
	return nil
}

// publish inserts the next edition of a site, what has changed of it, and notes it in the book of sites. An edition that this node wrote, and could not note before
// its process ended or its job was cancelled, is known for its own; then it publishes the one after it.
func (j *Job) publish(ctx context.Context, dst content.Sink, src *source, o content.PutOptions) error {
	if j.m.cfg.Sites == nil {
		return sites.ErrNoSite
	}
	s, err := j.m.cfg.Sites.Site(j.put.Site)
	if err != nil {
		return err
	}
	defer s.Wipe()
	if j.q.progress.Placing && s.Newest >= j.q.progress.Edition {
		return nil // the last process had noted it, and only could not say so any more
	}
	for {
		err := j.publishEdition(ctx, dst, src, o, &s)
		if !errors.Is(err, content.ErrConflict) {
			return err
		}
		// Ends, since the book knows marks of one edition only.
		if own, err := j.ownEdition(ctx, &s); err != nil {
			return err
		} else if !own {
			return j.conflict(ctx, &s)
		}
	}
}

// publishEdition inserts the edition that the job is at.
func (j *Job) publishEdition(ctx context.Context, dst content.Sink, src *source, o content.PutOptions, s *sites.Site) (err error) {
	book, number := j.m.cfg.Sites, j.q.progress.Edition
	o.Target, o.Target.Edition, o.Check = s.Insert, number, j.network
	o.Writing = func(mark [32]byte) error { return book.Writing(j.put.Site, number, mark) }
	defer o.Target.Wipe()
	if o.Base, err = j.lastEdition(); err != nil {
		return err
	}
	if o.Base != nil {
		defer o.Base.Wipe()
	}
	r := &summed{folderReader: &folderReader{ctx: ctx, s: src}, sum: o.Base != nil}
	defer r.close()
	uri, edition, err := content.PutFolderEdition(ctx, dst, r, o)
	if err != nil {
		return err
	}
	defer edition.Wipe()
	encoded, err := edition.MarshalBinary()
	if err != nil {
		return err
	}
	defer clear(encoded)
	// Once the book knows this edition, the same insert would have another base and other blocks: it must not be made again.
	j.update(func(p *progress) { p.Placing = true })
	if err := errors.Join(j.inserted(uri, nil), j.save()); err != nil {
		return err
	}
	return book.Published(j.put.Site, sites.Outcome{
		Number: number, Edition: encoded, Files: len(src.files), Size: src.size(), Folder: j.put.Path, Day: time.Now(),
	})
}

// ownEdition reports whether the edition that is in the way was written from here, wherever it is. If so it is noted, and the job goes on with the next one.
func (j *Job) ownEdition(ctx context.Context, s *sites.Site) (own bool, err error) {
	number := j.q.progress.Edition
	request, err := s.Request(number)
	if err != nil {
		return false, err
	}
	marks, err := content.EditionMarks(ctx, j.network, request)
	if err != nil || !j.m.cfg.Sites.Wrote(j.put.Site, number, marks...) {
		return false, ctx.Err() // what cannot be seen is not known for its own
	}
	if err := j.m.cfg.Sites.Found(j.put.Site, number); err != nil {
		return false, err
	}
	j.update(func(p *progress) { p.Edition = number + 1 })
	return true, j.save()
}

// lastEdition is what the edition that was published last from here holds. One that cannot be read costs an insert of everything, and no more.
func (j *Job) lastEdition() (*content.Edition, error) {
	raw, err := j.m.cfg.Sites.Edition(j.put.Site)
	if err == nil && raw == nil {
		return nil, nil
	}
	defer clear(raw)
	var e *content.Edition
	if err == nil {
		e, err = content.ParseEdition(raw)
	} else if !errors.Is(err, vault.ErrDamaged) {
		return nil, err
	}
	if err != nil {
		j.m.cfg.Log.Warn("jobs: what the last edition of a site holds cannot be read; all of it is inserted again")
		return nil, nil
	}
	return e, nil
}

// conflict finds the newest edition and notes it, so that the next job publishes the one after it.
func (j *Job) conflict(ctx context.Context, s *sites.Site) error {
	number := j.q.progress.Edition
	newest := number
	request, err := s.Request(number)
	if err != nil {
		return err
	}
	if found, err := content.Newest(ctx, j.network, request, number); err == nil && found.Edition > newest {
		newest = found.Edition
	}
	if err := j.m.cfg.Sites.Found(j.put.Site, newest); err != nil {
		return err
	}
	return &ConflictError{Site: j.put.Site, Newest: newest}
}

// summed gives the files of a folder with the sums of the large ones, so that what has not changed need not be inserted again. For that it reads them
// once more.
type summed struct {
	*folderReader
	sum bool
}

// Next implements content.FolderReader.
func (r *summed) Next() (content.FileInfo, io.Reader, error) {
	info, body, err := r.folderReader.Next()
	if err != nil || !r.sum || info.Size < sumFrom {
		return info, body, err
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{body}, make([]byte, 256<<10)); err != nil {
		return content.FileInfo{}, nil, err
	}
	h.Sum(info.Sum[:0])
	if r.now.Close(); r.ctx.Err() != nil {
		return content.FileInfo{}, nil, r.ctx.Err()
	}
	r.now, err = r.s.open(r.i - 1)
	return info, r.now, err
}

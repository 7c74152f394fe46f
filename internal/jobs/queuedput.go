package jobs

import (
	"bytes"
	"context"
	"path/filepath"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// fewestPuts and blocksPerPut bound what a put has in flight: all of that is inserted again if the process is killed, and must be a small part
	// of the whole.
	fewestPuts   = 256
	blocksPerPut = 256
)

// attemptPut inserts what was not inserted before. The source is read from its beginning: with the job's salt the same bytes give the same
// blocks, and those that are in the network are only computed.
func (j *Job) attemptPut(ctx context.Context) error {
	src, err := openSource(ctx, j.put.Path, j.put.Hidden)
	if err != nil {
		return err
	}
	defer src.close()
	if j.put.Times {
		src.keepTimes()
	}
	if !bytes.Equal(src.fingerprint(), j.q.progress.Source) {
		return ErrChanged
	}
	if j.put.EarlyURI && j.put.Site == "" && j.Snapshot().URI == (keys.URI{}) {
		if err := j.foresee(ctx, src); err != nil {
			return err
		}
	}
	done, err := openJournal(j.file(extJournal), j.key())
	if err != nil {
		return err
	}
	defer done.close()
	o := j.queuedOptions(src)
	o.Progress, o.Check = j.report, j.network
	sink := &skipping{Sink: j.shared().around(func(n Network) Network { return &noting{n, done, j.brought} }), done: done}
	if j.put.Site != "" {
		return j.publish(ctx, sink, src, o)
	}
	uri, err := j.insert(ctx, sink, src, o)
	return j.inserted(uri, err)
}

// foresee computes the URI without inserting anything.
func (j *Job) foresee(ctx context.Context, src *source) error {
	uri, err := j.insert(ctx, content.Nowhere{}, src, j.queuedOptions(src))
	if err != nil {
		return err
	}
	j.change(func(s *Snapshot) { s.URI = uri })
	return j.save() // before the first block: whoever is told the URI may rely on it
}

func (j *Job) insert(ctx context.Context, dst content.Sink, src *source, o content.PutOptions) (keys.URI, error) {
	if src.folder {
		r := &folderReader{ctx: ctx, s: src}
		defer r.close()
		return content.PutFolder(ctx, dst, r, o)
	}
	r, err := src.open(0)
	if err != nil {
		return keys.URI{}, err
	}
	defer r.Close()
	return content.PutFile(ctx, dst, r, o)
}

func (j *Job) queuedOptions(src *source) content.PutOptions {
	o := content.PutOptions{
		Target: j.put.Target, Name: j.put.Name, MIME: j.put.MIME, Convergent: j.put.Convergent, Redundancy: j.put.Redundancy,
		Parallel: int(min(max(src.size()/keys.DataSize/blocksPerPut, fewestPuts), parallel)), Memory: &j.m.memory, Now: time.Now,
	}
	if !src.folder && o.Name == "" && o.Target == (keys.URI{}) {
		o.Name = filepath.Base(src.path)
	}
	if !o.Convergent {
		o.Salt = &j.q.secret.Salt
	}
	return o
}

package jobs

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// A checkpoint says what is durable of what was written. What comes after it is written again from the spool, if the process is killed.
	checkpointBytes = 16 << 20
	checkpointFiles = 256
	checkpointTime  = 5 * time.Second
)

// attemptGet fetches what was not fetched before.
func (j *Job) attemptGet(ctx context.Context) error {
	t := j.target()
	if j.q.progress.Placing {
		if done, err := t.placed(); done || err != nil {
			return err
		}
	}
	if err := t.check(); err != nil {
		return err
	}
	if j.q.wasFull {
		if err := hasRoom(t.room()); err != nil {
			return err
		}
	} else {
		os.Remove(t.room())
	}
	kept, err := openSpool(j.file(extSpool), j.key())
	if err != nil {
		return err
	}
	defer kept.close()
	src := &spooling{Source: j.shared().around(func(n Network) Network { return &keeping{n, kept, j.brought} }), spool: kept}
	o, err := j.find(ctx, src, j.pinnedURI())
	if err != nil {
		return err
	}
	if err := j.found(o); err != nil {
		return err
	}
	if o.IsFolder() {
		err = j.writeFolder(ctx, t, o)
	} else {
		err = j.writeFile(ctx, t, o)
	}
	if err != nil {
		return err
	}
	j.update(func(p *progress) { p.Placing = true })
	if err := j.save(); err != nil {
		return err
	}
	return t.place(o.IsFolder())
}

// update changes the progress that is saved.
func (j *Job) update(f func(*progress)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(&j.q.progress)
}

// found notes what was found. If it is not what was found first (a record may have been replaced) the get begins anew.
func (j *Job) found(o *content.Object) error {
	j.note(o)
	tag := o.Tag()
	if j.q.progress.Tag == tag {
		return nil
	}
	j.update(func(p *progress) { *p = progress{Tag: tag, Edition: max(0, o.URI().Edition)} })
	j.target().remove()
	return j.save()
}

// pinnedURI is what is fetched: the newest edition of a site stays the one that was found first.
func (j *Job) pinnedURI() keys.URI {
	u := j.get.URI
	if u.Type == keys.USK && u.Edition < 0 && j.q.progress.Tag != "" {
		u.Edition = j.q.progress.Edition
	}
	return u
}

// writeFile writes what is missing of a file to the part.
func (j *Job) writeFile(ctx context.Context, t target, o *content.Object) error {
	f, err := t.open()
	if err != nil {
		return err
	}
	w := &checkpointed{j: j, files: []*os.File{f}, at: j.q.progress.Offset, last: time.Now()}
	if err = syncDir(filepath.Dir(t.part)); err == nil {
		err = w.resume(f)
	}
	if err == nil {
		err = o.WriteFrom(ctx, w, uint64(w.at))
	}
	if err == nil {
		err = w.checkpoint()
	}
	return errors.Join(err, f.Close())
}

// checkpointed writes a file and remembers how much of it is durable.
type checkpointed struct {
	j     *Job
	files []*os.File      // written since the last checkpoint; the last is the one that is written to
	file  int             // of a folder: which one that is
	root  *os.Root        // of a folder
	dirs  map[string]bool // of a folder: where names have come since the last checkpoint
	at    int64
	since int64 // bytes since the last checkpoint
	last  time.Time
}

// resume makes the file end where it is known to be right.
func (w *checkpointed) resume(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.at = min(w.at, info.Size())
	if err := f.Truncate(w.at); err != nil {
		return err
	}
	_, err = f.Seek(w.at, io.SeekStart)
	return err
}

func (w *checkpointed) Write(p []byte) (int, error) {
	n, err := w.files[len(w.files)-1].Write(p)
	w.at += int64(n)
	w.since += int64(n)
	if err == nil && (w.since >= checkpointBytes || time.Since(w.last) >= checkpointTime) {
		err = w.checkpoint()
	}
	return n, err
}

// checkpoint makes durable what was written, and then that it is.
func (w *checkpointed) checkpoint() error {
	current := len(w.files) - 1
	for i, f := range w.files {
		if err := f.Sync(); err != nil {
			return err
		}
		if i < current {
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	if current > 0 {
		w.files = w.files[current:]
	}
	// A file whose name is lost is lost, however durable its bytes are.
	for dir := range w.dirs {
		if err := syncIn(w.root, dir); err != nil {
			return err
		}
	}
	clear(w.dirs)
	w.since, w.last = 0, time.Now()
	w.j.update(func(p *progress) { p.File, p.Offset = w.file, w.at })
	return w.j.save()
}

// made notes that a file has come into a folder, and perhaps the folders that it is in.
func (w *checkpointed) made(file string) {
	for dir := filepath.Dir(file); !w.dirs[dir]; dir = filepath.Dir(dir) {
		w.dirs[dir] = true
	}
}

// writeFolder writes what is missing of a folder to the part, through a root that no name leads out of.
func (j *Job) writeFolder(ctx context.Context, t target, o *content.Object) error {
	root, err := t.openRoot()
	if err != nil {
		return err
	}
	files := o.Files()
	if err = checkNames(files); err == nil {
		err = j.writeFiles(ctx, root, o, files)
	}
	return errors.Join(err, root.Close())
}

// checkNames refuses a folder that some system could not tell the files of apart, or would take some of for something else.
func checkNames(files []content.FileInfo) error {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	return foldertar.CheckNames(paths)
}

// whole counts the files with which a part begins that are there with their size. Who has taken away some of a part, a program that tidies up,
// say, must not make a get end without them.
func whole(root *os.Root, files []content.FileInfo) int {
	for i, f := range files {
		name, err := filepath.Localize(f.Path)
		if err != nil {
			return i
		}
		info, err := root.Lstat(name)
		if err != nil || !info.Mode().IsRegular() || uint64(info.Size()) != f.Size {
			return i
		}
	}
	return len(files)
}

func (j *Job) writeFiles(ctx context.Context, root *os.Root, o *content.Object, files []content.FileInfo) error {
	w := &checkpointed{j: j, file: j.q.progress.File, at: j.q.progress.Offset, last: time.Now(), root: root, dirs: map[string]bool{}}
	if n := whole(root, files[:min(w.file, len(files))]); n < w.file {
		w.file, w.at = n, 0
	}
	defer func() {
		for _, f := range w.files {
			f.Close()
		}
	}()
	for ; w.file < len(files); w.file++ {
		info := files[w.file]
		file, err := o.File(info.Path)
		if err != nil {
			return err
		}
		f, err := foldertar.Create(root, info)
		if err != nil {
			return err
		}
		w.files = append(w.files, f)
		name, _ := filepath.Localize(info.Path) // Create has done so
		w.made(name)
		if err := w.resume(f); err != nil {
			return err
		}
		if err := file.WriteFrom(ctx, w, uint64(w.at)); err != nil {
			return err
		}
		if !info.ModTime.IsZero() {
			if err := root.Chtimes(name, info.ModTime, info.ModTime); err != nil {
				return err
			}
		}
		if len(w.files) >= checkpointFiles {
			if err := w.checkpoint(); err != nil {
				return err
			}
		}
		w.at = 0
	}
	if len(w.files) == 0 {
		return nil
	}
	return w.checkpoint()
}

package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"nightjar/crypto"
	"nightjar/keys"
)

// Object is a file or a folder found in the network: its manifest, not yet its bytes. It is safe for concurrent use.
type Object struct {
	t    *tree
	uri  keys.URI
	info FileInfo
	// A file of a folder has an entry, which says where it is; a file that is the root has the manifest's stream. A
	// folder has neither.
	entry  *entry
	stream *stream
	files  []entry // folder: the part of the manifest's files that are in it
	strip  int     // folder: how much of their paths is its own
}

// Info describes the object; for a folder Path is its path inside the root, MIME is "" and Size is that of all files in it.
func (o *Object) Info() FileInfo { return o.info }

// IsFolder reports whether the object is a folder.
func (o *Object) IsFolder() bool { return o.entry == nil && o.stream == nil }

// URI is the request URI that was opened, with the edition that was found and the object's own path.
func (o *Object) URI() keys.URI { return o.uri }

// Tag is a stable strong validator of the content (for an ETag): equal tags mean equal bytes. It reveals neither key nor URI.
func (o *Object) Tag() string {
	h := sha256.New()
	io.WriteString(h, string(labelTag))
	enc := encodeMode.NewEncoder(h)
	var err error
	switch {
	case o.IsFolder():
		err = enc.Encode(&manifest{MIMEs: o.t.manifest.MIMEs, Containers: o.t.manifest.Containers, Files: o.files})
	case o.stream != nil:
		err = enc.Encode(o.stream)
	default:
		e := entry{Container: o.entry.Container, Offset: o.entry.Offset, Size: o.entry.Size}
		if err = enc.Encode(&e); err == nil && e.Container != 0 {
			err = enc.Encode(&o.t.manifest.Containers[e.Container-1])
		}
	}
	if err != nil {
		panic("content: a checked manifest cannot be encoded: " + err.Error())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// labelTag begins the hash that is a Tag.
const labelTag crypto.Label = "content tag v1"

// Files lists the folder's files, sorted by path, at any depth, with paths relative to the folder.
func (o *Object) Files() []FileInfo {
	list := make([]FileInfo, len(o.files))
	for i := range o.files {
		list[i] = o.files[i].info(o.t.manifest, o.files[i].Path[o.strip:])
	}
	return list
}

// File is the file at a path inside the folder, or ErrNoEntry; ErrTooLarge if it is larger than GetOptions.MaxSize. No
// request is made.
func (o *Object) File(path string) (*Object, error) {
	i, ok := o.find(path)
	if !ok {
		return nil, ErrNoEntry
	}
	e := &o.files[i]
	if limit := o.t.opts.MaxSize; limit > 0 && e.Size > limit {
		return nil, ErrTooLarge
	}
	f := &Object{t: o.t, uri: o.uri, entry: e, stream: e.Stream, info: e.info(o.t.manifest, e.Path)}
	f.uri.Path = e.Path
	return f, nil
}

// find looks a path inside the folder up; i is where it is or would be.
func (o *Object) find(path string) (i int, ok bool) {
	return slices.BinarySearchFunc(o.files, path, func(e entry, p string) int { return strings.Compare(e.Path[o.strip:], p) })
}

// at is the file or folder at a path inside a root folder.
func (o *Object) at(path string) (*Object, error) {
	if path == "" {
		return o, nil
	}
	if f, err := o.File(path); err != ErrNoEntry {
		return f, err
	}
	prefix := path + "/"
	from, _ := o.find(prefix)
	to := from
	for to < len(o.files) && strings.HasPrefix(o.files[to].Path, prefix) {
		to++
	}
	if from == to {
		return nil, ErrNoEntry
	}
	d := &Object{t: o.t, uri: o.uri, files: o.files[from:to], strip: len(prefix), info: FileInfo{Path: path}}
	d.uri.Path = path
	d.info.Size = totalSize(d.files)
	return d, nil
}

func totalSize(files []entry) (sum uint64) {
	for i := range files {
		sum += files[i].Size
	}
	return sum
}

// WriteTo fetches the file and writes all of it to w in order. Memory is bounded by two segments.
func (o *Object) WriteTo(ctx context.Context, w io.Writer) error {
	if o.IsFolder() {
		return ErrNoEntry
	}
	o.t.meter.add(Progress{Size: o.info.Size})
	w = &counted{w, o.t.meter}
	switch {
	case o.stream != nil:
		return copyTo(ctx, o.t.reading(), o.stream, o.t.whole(), w)
	case o.entry.Container != 0:
		data, err := o.packed(ctx)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	return nil
}

// WriteFrom is WriteTo from an offset on, for a fetch that was broken off there: in the same order, the blocks of the offset's segment included. Where a compressed file
// has no seek table it is fetched from its beginning. An offset beyond the end writes nothing.
func (o *Object) WriteFrom(ctx context.Context, w io.Writer, offset uint64) error {
	switch {
	case offset == 0:
		return o.WriteTo(ctx, w)
	case o.IsFolder():
		return ErrNoEntry
	case offset >= o.info.Size:
		return nil
	}
	o.t.meter.add(Progress{Size: o.info.Size})
	w = &counted{w, o.t.meter}
	if o.stream != nil {
		return copyFrom(ctx, o.t.reading(), o.stream, o.t.whole(), w, offset)
	}
	data, err := o.packed(ctx)
	if err != nil {
		return err
	}
	_, err = w.Write(data[offset:])
	return err
}

// packed is the content of a file that is in a container.
func (o *Object) packed(ctx context.Context) ([]byte, error) {
	data, err := o.t.container(ctx, int(o.entry.Container-1))
	if err != nil {
		return nil, err
	}
	return data[o.entry.Offset:][:o.entry.Size], nil
}

// counted counts the content bytes that pass.
type counted struct {
	w io.Writer
	m *meter
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.m.add(Progress{Bytes: uint64(n)})
	return n, err
}

package fproxy

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// indexName is the file that a folder shows instead of a list.
const indexName = "index.html"

// content serves what a URI names.
func (p *Proxy) content(w http.ResponseWriter, r *http.Request) {
	uri, err := asked(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if uri.Insert {
		p.fail(w, r, errSecret)
		return
	}
	slash := strings.HasSuffix(r.URL.Path, "/")
	if !canonical(r.URL.EscapedPath(), uri) {
		redirect(w, pathOf(uri, slash, r.URL.RawQuery))
		return
	}
	by := askerOf(r)
	if uri.Type == keys.USK && p.outdated(w, r, uri, by) {
		return
	}
	select {
	case p.fetches <- struct{}{}:
		defer func() { <-p.fetches }()
	default:
		p.fail(w, r, errBusy)
		return
	}
	ctx, watch, done := p.watched(r)
	defer done()
	source := p.source(siteOf(uri))
	resolved := p.follow.resolve(uri, by)
	o, err := p.find(ctx, p.cache.source(source, resolved, by), resolved)
	watch.stop()
	if err != nil {
		p.failContent(w, r, uri, why(ctx, err))
		return
	}
	if uri.Type == keys.USK && by == page && r.Method == http.MethodGet {
		p.follow.served(o.URI(), uri.Edition < 0)
	}
	if !o.IsFolder() {
		source.Expect(o.Info().Size/keys.DataSize + 1)
	}
	switch {
	case o.IsFolder() != slash:
		redirect(w, pathOf(uri, o.IsFolder(), r.URL.RawQuery))
	case o.IsFolder():
		p.folder(ctx, w, r, watch, o)
	default:
		p.file(ctx, w, r, watch, o)
	}
}

// find finds what a URI names. Few at a time do, since a manifest made to do harm takes 100 MiB to be found out.
func (p *Proxy) find(ctx context.Context, source content.Source, uri keys.URI) (*content.Object, error) {
	select {
	case p.opens <- struct{}{}:
		defer func() { <-p.opens }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	o := content.GetOptions{MaxSize: p.maxSize, Order: content.Reading, Memory: &p.memory}
	if p.heal != nil {
		o.Heal = p.heal()
	}
	return content.Open(ctx, remembering{p.recent, string(siteOf(uri)), source}, uri, o)
}

// siteOf names what a URI belongs to: all editions and files of one author's site or document, one word, or one file or folder.
func siteOf(uri keys.URI) []byte {
	name := append([]byte{byte(uri.Type)}, uri.Routing[:]...)
	return append(name, uri.Doc...)
}

// asked is the URI in the path of a request.
func asked(r *http.Request) (keys.URI, error) {
	return keys.ParseURI(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
}

// canonical reports whether a path begins as the proxy spells it, without prefixes. It looks at the beginning alone:
// browsers do not agree on what they escape in the rest, and a redirect to what they cannot spell would never end.
func canonical(path string, uri keys.URI) bool {
	return strings.HasPrefix(path, "/"+uri.Type.String()+"@")
}

// pathOf is where the proxy serves a URI.
func pathOf(uri keys.URI, folder bool, query string) string {
	s := "/" + uri.Encode()
	if folder {
		s += "/"
	}
	if query != "" {
		s += "?" + query
	}
	return s
}

// folder serves a folder's index page, or the list of its files if there is none or the list is asked for.
func (p *Proxy) folder(ctx context.Context, w http.ResponseWriter, r *http.Request, watch *watch, o *content.Object) {
	if !r.URL.Query().Has(listQuery) {
		index, err := o.File(indexName)
		if err == nil {
			p.file(ctx, w, r, watch, index)
			return
		}
		if !errors.Is(err, content.ErrNoEntry) {
			p.fail(w, r, why(ctx, err))
			return
		}
	}
	p.listing(w, r, o)
}

// file serves a file. The status goes out with the first byte that the network gave.
func (p *Proxy) file(ctx context.Context, w http.ResponseWriter, r *http.Request, watch *watch, o *content.Object) {
	info := o.Info()
	if p.maxSize > 0 && info.Size > p.maxSize {
		p.fail(w, r, content.ErrTooLarge)
		return
	}
	contentHeaders(w.Header())
	p.warn(w.Header())
	contentType, inline := present(info.MIME)
	w.Header().Set("Content-Type", contentType)
	if !inline {
		w.Header().Set("Content-Disposition", attachment(nameOf(o)))
	}
	w.Header().Set("ETag", `"`+o.Tag()+`"`)
	reader := o.NewReader(ctx)
	defer reader.Close()
	src := &source{ReadSeeker: reader, watch: watch}
	out := &late{ResponseWriter: w}
	// No modification time: the tag is exact, and a date would only be one more thing that a page says of its author.
	http.ServeContent(out, fewRanges(r), "", time.Time{}, src)
	switch {
	case src.err == nil:
		out.send()
	case !out.sent:
		clear(w.Header())
		ownHeaders(w.Header())
		p.fail(w, r, why(ctx, src.err))
	default:
		// The browser must see that the file is not whole (F5); closing the connection is all that HTTP/1.1 offers.
		panic(http.ErrAbortHandler)
	}
}

// maxRanges bounds the parts of a file that are asked for at once. Each is a seek, which asks the network for several blocks.
const maxRanges = 8

// fewRanges is a request that asks for the whole file where r asks for too many parts of it: RFC 9110 §14.2 allows that, and whoever asks
// must be ready for it.
func fewRanges(r *http.Request) *http.Request {
	if strings.Count(r.Header.Get("Range"), ",") < maxRanges {
		return r
	}
	all := *r
	all.Header = r.Header.Clone()
	all.Header.Del("Range")
	return &all
}

// nameOf is the name under which a file is saved.
func nameOf(o *content.Object) string {
	if name := path.Base(o.Info().Path); o.Info().Path != "" {
		return name
	}
	uri := o.URI()
	if uri.Path != "" {
		return path.Base(uri.Path)
	}
	return uri.Doc
}

package main

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
)

const (
	pageTime    = 60 * time.Second // one page or file must be read within this time
	maxVisits   = 100
	largeFile   = 8 << 20 // the demo's site holds a file of at least this size
	fewestFiles = 5       // and several pages, pictures and a style sheet
)

var reference = regexp.MustCompile(`(?:href|src)="([^"]+)"`)

// types are the media types that must come with these names.
var types = map[string]string{
	".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
	".txt": "text/plain",
}

// visitor reads pages and what they link to on the same proxy.
type visitor struct {
	seen           map[string]bool
	total, largest int64
	largestTook    time.Duration
}

// visit reads a page or file, checks how it was served, and follows the links of a page.
func (v *visitor) visit(link string) error {
	u, err := url.Parse(link)
	if err != nil {
		return fmt.Errorf("link %q: %w", link, err)
	}
	u.Fragment = ""
	if v.seen[u.String()] || len(v.seen) == maxVisits {
		return nil
	}
	v.seen[u.String()] = true
	began := time.Now()
	resp, body, err := get(u)
	if err != nil {
		return fmt.Errorf("reading %s: %w", u, err)
	}
	if err := served(resp, u); err != nil {
		return fmt.Errorf("%s: %w", u, err)
	}
	v.total += int64(len(body))
	if n := int64(len(body)); n > v.largest {
		v.largest, v.largestTook = n, time.Since(began)
	}
	// A redirect changes what relative links are relative to.
	base := resp.Request.URL
	if t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); t != "text/html" {
		return nil
	}
	for _, m := range reference.FindAllSubmatch(body, -1) {
		next, err := base.Parse(strings.ReplaceAll(string(m[1]), "&amp;", "&"))
		if err != nil {
			return fmt.Errorf("%s links to %q: %w", u, m[1], err)
		}
		if next.Host != base.Host || next.Scheme != base.Scheme {
			continue
		}
		if err := v.visit(next.String()); err != nil {
			return fmt.Errorf("%w (linked from %s)", err, u)
		}
	}
	return nil
}

func get(u *url.URL) (*http.Response, []byte, error) {
	client := http.Client{Timeout: pageTime}
	resp, err := client.Get(u.String())
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// served checks the status, the type, and the headers that keep a page from the network harmless.
func served(resp *http.Response, u *url.URL) error {
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", resp.Header.Get("Content-Type"), err)
	}
	if want := types[path.Ext(u.Path)]; want != "" && got != want {
		return fmt.Errorf("content type %s, want %s", got, want)
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		return errors.New("served without nosniff")
	}
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		return errors.New("served without a strict Content-Security-Policy")
	}
	return nil
}

// enough checks that the demo showed what it promises.
func (v *visitor) enough() error {
	if len(v.seen) < fewestFiles {
		return fmt.Errorf("the demo's links lead to %d pages and files, want at least %d", len(v.seen), fewestFiles)
	}
	if v.largest < largeFile {
		return fmt.Errorf("the largest file has %d bytes, want at least %d", v.largest, largeFile)
	}
	return nil
}

package fproxy

import (
	"context"
	"io"
	"net/http"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
)

// BenchmarkFile reads a file of 16 MiB from memory: through the proxy, and without it.
func BenchmarkFile(b *testing.B) {
	const size = 16 << 20
	n := newNetwork()
	uri := n.put(b, noise(size), content.PutOptions{MIME: "video/mp4"})
	b.Run("proxy", func(b *testing.B) {
		page := serve(b, n, nil) + "/" + uri.Encode()
		b.SetBytes(size)
		for b.Loop() {
			resp, err := http.Get(page)
			if err != nil {
				b.Fatal(err)
			}
			if got, err := io.Copy(io.Discard, resp.Body); err != nil || got != size {
				b.Fatal(got, err)
			}
			resp.Body.Close()
		}
	})
	b.Run("content alone", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			o, err := content.Open(context.Background(), n, uri, content.GetOptions{Order: content.Reading})
			if err != nil {
				b.Fatal(err)
			}
			if err := o.WriteTo(context.Background(), io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPage reads a small page of a folder, which is in memory after the first time.
func BenchmarkPage(b *testing.B) {
	n := newNetwork()
	page := serve(b, n, nil) + "/" + n.putFolder(b, map[string]entry{"index.html": {string(noise(keys.DataSize / 32)), ""}}).Encode() + "/"
	for b.Loop() {
		resp, err := http.Get(page)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}

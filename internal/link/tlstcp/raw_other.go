//go:build !linux

package tlstcp

import "net"

// raw reads and writes a socket; raw_linux.go says what is won there.
type raw struct{ plain net.Conn }

func newRaw(c net.Conn) *raw { return &raw{c} }

func (r *raw) read(p []byte) (int, error) { return r.plain.Read(p) }

func (r *raw) write(p []byte) (int, error) { return r.plain.Write(p) }

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"nightjar/keys"
)

// uriHelp explains what every command that takes a URI understands.
const uriHelp = `Instead of a URI, @FILE reads it from the first line of a file and @- from standard input, so that it does not show in
the list of processes.`

// readURI reads a URI argument: the URI itself, or @FILE for the first line of a file (@- for stdin).
func (e *env) readURI(arg string) (keys.URI, error) {
	text, err := e.uriText(arg)
	if err != nil {
		return keys.URI{}, err
	}
	return keys.ParseURI(text)
}

func (e *env) uriText(arg string) (string, error) {
	name, isFile := strings.CutPrefix(arg, "@")
	if !isFile {
		return arg, nil
	}
	if name == "-" {
		return firstLineOf(e.stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read a URI from a file: %w", err)
	}
	defer f.Close()
	return firstLineOf(f)
}

func firstLineOf(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, keys.MaxURI+1)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read a URI: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// shortURI names a URI in messages without its keys.
func shortURI(u keys.URI) string {
	parts := []string{u.Type.String() + "@"}
	if u.Type != keys.KSK {
		parts[0] += "…"
	}
	if u.Doc != "" && u.Type == keys.KSK {
		parts[0] += u.Doc
	} else if u.Doc != "" {
		parts = append(parts, u.Doc)
	}
	if u.Type == keys.USK {
		parts = append(parts, fmt.Sprint(u.Edition))
	}
	if u.Path != "" {
		parts = append(parts, u.Path)
	}
	return strings.Join(parts, "/")
}

package main

// Rules of the terminal:
//
//   - stdout carries data alone: what a script wants to read. It has nothing when a command fails.
//   - Everything for people goes to stderr: errors, hints, notices, progress. Each line begins with "nightjar: ".
//   - An error says what was being done, to what, and what happened; a hint says what to do.
//   - Progress is drawn only on a terminal and never with --quiet or --json.
//   - With --json, stdout has one JSON value per result and stderr one per error.
//   - Secrets are printed only by the commands that exist to print them.
//   - What comes from the network is never written to a terminal raw: control characters are spelled out.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// printError tells the user why the command failed.
func (e *env) printError(err error) {
	if told := toldError(0); errors.As(err, &told) {
		return
	}
	o := judge(err)
	message := err.Error()
	if o.say != "" {
		message = o.say
		var f *failure
		if errors.As(err, &f) {
			message = f.doing + ": " + o.say
		}
	}
	hint := o.hint
	var u *usageError
	if errors.As(err, &u) {
		hint = "see: " + u.command + " --help"
	}
	message = printable(unprefixed(message))
	if e.json {
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "hint": hint, "exit": o.exit}}) // strings and a number always encode
		fmt.Fprintf(e.stderr, "%s\n", b)
		return
	}
	fmt.Fprintf(e.stderr, "nightjar: error: %s\n", message)
	if hint != "" && !e.quiet {
		fmt.Fprintf(e.stderr, "nightjar: hint: %s\n", hint)
	}
}

// notice tells the user something that is neither a result nor an error.
func (e *env) notice(format string, args ...any) {
	if !e.quiet {
		fmt.Fprintf(e.stderr, "nightjar: %s\n", printable(fmt.Sprintf(format, args...)))
	}
}

// printJSON prints one result as a line of JSON.
func (e *env) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return e.println(string(b))
}

// println prints one line of data. A script must learn that its pipe is full or gone.
func (e *env) println(line string) error {
	if _, err := fmt.Fprintln(e.stdout, line); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// unprefixed is an error's text without the names of our packages, which say nothing to people.
func unprefixed(s string) string {
	for _, name := range []string{"jobs: ", "content: ", "sites: ", "vault: "} {
		s = strings.ReplaceAll(strings.TrimPrefix(s, name), ": "+name, ": ")
	}
	return s
}

// printable spells out what could act on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// onTerminal reports whether a stream is a terminal.
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// drawsProgress reports whether progress is drawn.
func (e *env) drawsProgress() bool { return !e.quiet && !e.json && onTerminal(e.stderr) }

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// pseudoTerminal gives both ends of one: what a person types at and sees, and what the program has.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// A passphrase is asked for without showing it: twice where it seals something, once where it opens.
func TestPassphraseOnATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		typed []string
		twice bool
		want  string
		fails string
	}{
		"once":        {[]string{"correct horse"}, false, "correct horse", ""},
		"twice":       {[]string{"correct horse", "correct horse"}, true, "correct horse", ""},
		"not alike":   {[]string{"correct horse", "correct hose"}, true, "", errPassphrases.Error()},
		"empty":       {[]string{""}, true, "", "empty"},
		"no text":     {[]string{"caf\xe9"}, false, "", "UTF-8"},
		"empty again": {[]string{"correct horse", ""}, true, "", "empty"},
	} {
		person, program := pseudoTerminal(t)
		prompts, says := io.Pipe()
		type answer struct {
			text string
			err  error
		}
		answers := make(chan answer, 1)
		e := &env{stdin: program, stderr: says}
		// Ends with its answers, or when the terminal is closed.
		go func() {
			text, err := e.passphrase(&cobra.Command{}, "", c.twice)
			says.Close()
			answers <- answer{text, err}
		}()
		var shown bytes.Buffer
		seen := make(chan struct{})
		// Ends when the program's end is closed.
		go func() {
			io.Copy(&shown, person)
			close(seen)
		}()
		asked := make([]byte, 100)
		for _, line := range c.typed {
			for n := 0; !strings.HasSuffix(string(asked[:n]), ": "); { // echo is off after the prompt only
				m, err := prompts.Read(asked[n:])
				if n += m; err != nil {
					t.Fatalf("%s: it asked %q: %v", name, asked[:n], err)
				}
			}
			untilNoEcho(t, program)
			if _, err := io.WriteString(person, line+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		io.Copy(io.Discard, prompts)
		got := <-answers
		if c.fails == "" && (got.err != nil || got.text != c.want) || c.fails != "" && (got.err == nil || !strings.Contains(got.err.Error(), c.fails)) {
			t.Errorf("%s: %q, %v", name, got.text, got.err)
		}
		if c.fails == errPassphrases.Error() && !errors.Is(got.err, errPassphrases) {
			t.Errorf("%s: %v", name, got.err)
		}
		if !echoes(t, program) {
			t.Errorf("%s: the terminal shows nothing any more", name)
		}
		program.Close()
		<-seen
		if strings.Contains(shown.String(), "hors") {
			t.Errorf("%s: the terminal shows %q", name, shown.String())
		}
	}
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lflag&unix.ECHO != 0
}

// untilNoEcho waits until what is typed is not shown. The prompt comes before that.
func untilNoEcho(t *testing.T, terminal *os.File) {
	t.Helper()
	for late := time.Now().Add(scriptTime); echoes(t, terminal); {
		if time.Now().After(late) {
			t.Fatal("what is typed is shown")
		}
	}
}

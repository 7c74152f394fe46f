package crypto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"unsafe"
)

func TestC7KeysPrintRedacted(t *testing.T) {
	k := Key(bytes.Repeat([]byte{0xAB}, KeySize))
	signer := NewSigner(&k, &k, "doc")
	for _, v := range []any{k, &k, signer, struct{ K Key }{k}, []Key{k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b", "%o"} {
			checkRedacted(t, verb, fmt.Sprintf(verb, v))
		}
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).Info("m", "v", v)
			_, line, _ := strings.Cut(b.String(), "msg")
			checkRedacted(t, "slog", line)
		}
	}
	checkRedacted(t, "String", k.String()+k.GoString()+signer.String()+signer.GoString())
	if _, err := json.Marshal(struct{ K Key }{k}); !errors.Is(err, errMarshalKey) {
		t.Errorf("a key became JSON: %v", err)
	}
}

func checkRedacted(t *testing.T, how, got string) {
	t.Helper()
	for _, leak := range []string{"171", "ab", "AB", "253", "10101011"} {
		if strings.Contains(got, leak) {
			t.Errorf("%s shows a secret: %s", how, got)
		}
	}
}

func TestC7WipeOverwritesTheMemory(t *testing.T) {
	k := Key(bytes.Repeat([]byte{0xAB}, KeySize))
	signer := NewSigner(&k, &Key{1}, "doc")
	expanded := expandSeed(&k)
	blind := newBlinding(&[32]byte{1}, &k, "doc")
	for _, c := range []struct {
		name   string
		memory []byte
		wipe   func()
	}{
		{"Key", k[:], k.Wipe},
		{"Signer", memory(signer), signer.Wipe},
		{"secret", memory(expanded), expanded.wipe},
		{"blinding", memory(blind), blind.wipe},
	} {
		if isZero(c.memory) {
			t.Errorf("%s is empty before it is wiped", c.name)
		}
		c.wipe()
		if !isZero(c.memory) {
			t.Errorf("%s is still in memory after it was wiped", c.name)
		}
	}
}

// memory is the bytes that v occupies.
func memory[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func TestNewKeyTakes32BytesOrFails(t *testing.T) {
	k, err := NewKey(strings.NewReader("0123456789abcdef0123456789abcdef and more"))
	if err != nil || string(k[:]) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("got %x, %v", k[:], err)
	}
	broken := errors.New("broken")
	for _, r := range []struct {
		name string
		err  error
	}{{"short", nil}, {"broken", broken}} {
		k, err := NewKey(iotest.DataErrReader(strings.NewReader("short")))
		if r.err != nil {
			k, err = NewKey(iotest.ErrReader(r.err))
		}
		if err == nil || r.err != nil && !errors.Is(err, r.err) || k != (Key{}) {
			t.Errorf("%s: got a key, or %v", r.name, err)
		}
	}
}

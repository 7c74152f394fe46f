package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// start hands its flags to the node in the background: all of them.
func TestStartHandsAllFlagsOn(t *testing.T) {
	var flags, again nodeFlags
	set := pflag.NewFlagSet("start", pflag.ContinueOnError)
	flags.register(set)
	for name, value := range map[string]string{
		"seed": "nightjar-peer:x", "listen": "tcp/127.0.0.1:1", "fproxy": "127.0.0.1:2", "store-size": "3GiB", "client-cache": "4MiB",
		"hops": "0", "constant-rate": "true", "no-follow": "true", "fill": "true", "passphrase-file": "-",
	} {
		if err := set.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Changed {
			t.Errorf("--%s is not in this test", f.Name)
		}
	})
	other := pflag.NewFlagSet("node", pflag.ContinueOnError)
	again.register(other)
	if err := other.Parse(flags.args(new(env))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(flags, again, cmp.AllowUnexported(nodeFlags{})); diff != "" {
		t.Error(diff)
	}
}

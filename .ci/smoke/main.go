// Command smoke runs "nightjar demo" the way a new user does, opens every link that it prints, interrupts it as
// Ctrl-C does, and checks that nothing stays behind: no process, no listener, no temporary file.
//
// Usage: smoke BINARY. It exits with 0 only if everything held.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: smoke BINARY")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

func run(binary string) (err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "nightjar-smoke-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	d, err := start(binary, home)
	if err != nil {
		return err
	}
	defer d.kill()
	links, err := d.ready()
	if err != nil {
		return err
	}
	fmt.Printf("ready after %.1f s with %d links\n", time.Since(d.began).Seconds(), len(links))
	v := visitor{seen: map[string]bool{}}
	for _, link := range links {
		if err := v.visit(link); err != nil {
			return fmt.Errorf("%w\n--- output of demo:\n%s", err, d.output())
		}
	}
	if err := v.enough(); err != nil {
		return err
	}
	fmt.Printf("read %d pages and files, %.1f MiB, the largest %.1f MiB in %.2f s\n",
		len(v.seen), mib(v.total), mib(v.largest), v.largestTook.Seconds())
	if err := d.interrupt(); err != nil {
		return fmt.Errorf("%w\n--- output of demo:\n%s", err, d.output())
	}
	return d.nothingLeft(links)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

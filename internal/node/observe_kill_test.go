package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// A shelf is a file of blocks that a network is to keep, as if they had been inserted: top (1), id (33), length (4), bytes, each.
type shelf struct {
	mu  sync.Mutex
	out *bufio.Writer
}

// Insert implements content.Sink.
func (s *shelf) Insert(_ context.Context, b keys.Block, top bool) error {
	head := make([]byte, 1, 1+keys.IDSize+4)
	if top {
		head[0] = 1
	}
	head = b.ID().Append(head)
	head = binary.BigEndian.AppendUint32(head, uint32(len(b.Data())))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Write(head) // an error stays, and Flush returns it
	s.out.Write(b.Data())
	return nil
}

// unshelve reads the blocks, and hands out those that a node keeps: at which of their places it is one of the three nearest of all.
func unshelve(in io.Reader, self wire.NodeID, all []wire.NodeID, keep func(keys.Block, keys.Location) error) error {
	for {
		var head [1 + keys.IDSize + 4]byte
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		id, _, err := keys.ParseID(head[1:])
		if err != nil {
			return err
		}
		data := make([]byte, binary.BigEndian.Uint32(head[1+keys.IDSize:]))
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		for rotation := range 1 + uint8(keys.Rotations-1)*head[0] {
			if !slices.Contains(byDistance(all, id, rotation)[:3], self) {
				continue
			}
			b, err := keys.Verify(id, data)
			if err != nil {
				return err
			}
			if err := keep(b, id.Location(rotation)); err != nil {
				return err
			}
		}
	}
}

// store has the network keep a file without anybody having inserted it.
func (net *processes) store(file []byte) (uri keys.URI) {
	net.t.Helper()
	name := filepath.Join(net.dir, "blocks")
	f, err := os.Create(name)
	if err != nil {
		net.t.Fatal(err)
	}
	defer f.Close()
	s := &shelf{out: bufio.NewWriterSize(f, 1<<20)}
	uri, err = content.PutFile(net.t.Context(), s, bytes.NewReader(file), content.PutOptions{})
	if err = errors.Join(err, s.out.Flush()); err != nil {
		net.t.Fatal(err)
	}
	net.doAll(func(int) order { return order{Do: "hold", File: name, Peers: len(net.all)} })
	return uri
}

// TestKilledRelaysOnlySlowADownload kills, as kill -9 does, the process of the guard that most cells of a download come from,
// and later that of the middle behind a guard.
func TestKilledRelaysOnlySlowADownload(t *testing.T) {
	net := startProcesses(t, 8, false)
	reader := net.all[5]
	uri := net.store(fileOf(9, downloadSize))
	const whole = downloadSize / keys.DataSize * 16 // so many cells bring it
	lost := []wire.NodeID{reader.id}
	began := time.Now()
	last, err := net.try(reader, order{Do: "get", URI: uri.Encode(), Seed: 9, Size: downloadSize, At: []int{whole / 4, whole / 4}}, func(r reply) {
		victim := net.busiest(r.Cells, lost) // a guard
		if len(lost) > 1 {
			behind := net.do(victim, order{Do: "cells"})
			victim = net.busiest(behind.Cells, append(lost, victim.id)) // a middle
		} else {
			for _, p := range net.all {
				if p != victim && p != reader {
					net.do(p, order{Do: "cells"}) // what is counted from now on comes after the loss
				}
			}
		}
		lost = append(lost, victim.id)
		net.kill(victim)
		t.Logf("node %d is lost after %v", victim.index, time.Since(began).Round(time.Millisecond))
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lost) != 3 {
		t.Fatalf("%d relays were lost", len(lost)-1)
	}
	if last.Total < whole/8 {
		t.Errorf("only %d of %d cells came after the second loss: it was too late to slow anything", last.Total, whole)
	}
	t.Logf("%d MiB came in %v, %d of %d cells after the second loss", downloadSize>>20, time.Since(began).Round(time.Millisecond), last.Total, whole)
}

// busiest is the process that has sent the most cells, of those that are not among the lost ones.
func (net *processes) busiest(cells map[string]int, lost []wire.NodeID) (most *process) {
	net.t.Helper()
	for _, p := range net.all {
		name := nameOf(p.id)
		if !slices.Contains(lost, p.id) && cells[name] > 0 && (most == nil || cells[name] > cells[nameOf(most.id)]) {
			most = p
		}
	}
	if most == nil {
		net.t.Fatal("no cells came from anybody")
	}
	return most
}

package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"time"

	crand "crypto/rand"

	"nightjar/crypto"
	"nightjar/crypto/erasure"
	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/badgerstore"
	"nightjar/testnet/sim"
)

// benchTime is how long each tight loop runs.
const benchTime = 500 * time.Millisecond

// benchSeal compares sealing a block, key derivation included, with its two parts run back to back.
func benchSeal() []figure {
	buf := make([]byte, keys.DataSize)
	var file crypto.Key
	crand.Read(file[:])
	index := uint32(0)
	ours := rate(benchTime, len(buf), func() {
		index++
		key := crypto.BlockKey(&file, 0, index)
		crypto.SealBlock(buf, buf, &key)
	})
	raw := rate(benchTime, len(buf), func() {
		c, err := aes.NewCipher(file[:])
		if err != nil {
			panic(err)
		}
		cipher.NewCTR(c, make([]byte, aes.BlockSize)).XORKeyStream(buf, buf)
		sha256.Sum256(buf)
	})
	return []figure{{
		Name: "seal + hash 32 KiB", Value: ours, Unit: "MB/s", Baseline: raw, Against: "AES-256-CTR, then SHA-256",
		Note: "limited by SHA-256",
	}}
}

// benchErasure measures the two codes; go test -bench . ./crypto/erasure compares them with the bare library.
func benchErasure() ([]figure, error) {
	var out []figure
	for _, k := range []int{16, 128, 1024} {
		n := erasure.Total(k)
		code, err := erasure.New(k, n)
		if err != nil {
			return nil, err
		}
		shards := make([][]byte, n)
		for i := range shards {
			shards[i] = make([]byte, keys.DataSize)
			crand.Read(shards[i][:64])
		}
		encode := rate(benchTime, k*keys.DataSize, func() {
			if err == nil {
				err = code.Encode(shards)
			}
		})
		lost := make([][]byte, n)
		rebuild := rate(benchTime, k*keys.DataSize, func() {
			copy(lost, shards)
			clear(lost[:k/2])
			if err == nil {
				err = code.Rebuild(lost, func() []byte { return make([]byte, keys.DataSize) })
			}
		})
		if err != nil {
			return nil, err
		}
		out = append(out,
			figure{Name: fmt.Sprintf("erasure %d of %d, encode", k, n), Value: encode, Unit: "MB/s of data", Note: "beside the bare library: go test -bench . ./crypto/erasure"},
			figure{Name: fmt.Sprintf("erasure %d of %d, half of the data rebuilt", k, n), Value: rebuild, Unit: "MB/s of data"})
	}
	return out, nil
}

// benchStore measures the store under 64 callers; go test -bench . ./store/badgerstore compares it with Badger alone.
func benchStore() ([]figure, error) {
	dir, err := os.MkdirTemp("", "nightjar-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := badgerstore.Open(badgerstore.Config{Dir: dir, Quota: 1 << 30})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	blocks := make([]keys.Block, 4096)
	for i := range blocks {
		var key crypto.Key
		crand.Read(key[:])
		blocks[i] = keys.SealData(make([]byte, keys.DataSize), &key)
	}
	put, err := inParallel(64, blocks, func(b keys.Block) error { return s.Put(b, store.Sink, b.ID().Location(0)) })
	if err != nil {
		return nil, err
	}
	get, err := inParallel(2, blocks, func(b keys.Block) error { _, err := s.Get(b.ID()); return err })
	if err != nil {
		return nil, err
	}
	return []figure{
		{Name: "store put, durable", Value: put, Unit: "blocks/s", Note: "64 callers share each sync; beside Badger alone: go test -bench . ./store/badgerstore"},
		{Name: "store get", Value: get, Unit: "blocks/s", Note: "2 callers"},
	}, nil
}

// inParallel calls f on every block from n goroutines and returns calls per second.
func inParallel(n int, blocks []keys.Block, f func(keys.Block) error) (float64, error) {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	start := time.Now()
	for i := range n {
		// Ends with its share of the blocks.
		wg.Go(func() {
			for j := i; j < len(blocks); j += n {
				if err := f(blocks[j]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return float64(len(blocks)) / time.Since(start).Seconds(), <-errs
}

// benchSim runs the routing machines of 1 000 nodes on a virtual network.
func benchSim(seed uint64) []figure {
	start := time.Now()
	r := sim.Run(sim.Config{Seed: seed})
	f := r.Fetches
	note := fmt.Sprintf("%d nodes, %d fetches, seed %d", r.Nodes, f.Total, seed)
	return []figure{
		{Name: "simulated fetches, mean path", Value: f.Hops, Unit: "hops", Note: note},
		{Name: "simulated fetches, found", Value: 100 * f.Rate(), Unit: "%", Note: note},
		{Name: "simulation", Value: float64(r.Events) / time.Since(start).Seconds(), Unit: "events/s", Note: "one core"},
	}
}

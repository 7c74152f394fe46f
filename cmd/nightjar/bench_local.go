package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	crand "crypto/rand"

	"nightjar/crypto"
	"nightjar/crypto/erasure"
	"nightjar/keys"
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

// benchStore measures the store beside Badger alone, how it ages, and how one of many blocks starts.
func (e *env) benchStore(ctx context.Context, flags storeFlags) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "nightjar-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	all, err := badgerstore.Bench(ctx, badgerstore.BenchConfig{
		Dir: dir, Blocks: flags.blocks, Full: flags.full, Quota: int64(flags.quota), Times: flags.times, Quick: flags.quick,
		Note: func(what string) { e.notice("measuring: store: %s ...", what) },
	})
	for _, f := range all {
		figures = append(figures, figure{
			Name: "store, " + f.Name, Value: f.Value, Unit: f.Unit, Baseline: f.Baseline, Against: f.Against, Note: f.Note,
		})
	}
	return figures, err
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

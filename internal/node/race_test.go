//go:build race

package node_test

// downloadSize is less than otherwise: the race detector makes ciphers ten times slower.
const downloadSize = 16 << 20

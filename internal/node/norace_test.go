//go:build !race

package node_test

// downloadSize is how large the file is that is fetched while relays are lost.
const downloadSize = 64 << 20

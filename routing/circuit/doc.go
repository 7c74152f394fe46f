// Package circuit is the onion layer in front of key routing as a state machine: both the originator's side and the relay's.
package circuit

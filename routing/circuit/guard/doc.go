// Package guard chooses the relays of a circuit: guards, second-layer guards and launch nodes, and remembers how they behaved.
package guard

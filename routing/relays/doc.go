// Package relays is a node's view of all relays: signed descriptors, since when each is known, and how many independent
// peers show it. Views are reconciled with every peer; there is no directory.
package relays

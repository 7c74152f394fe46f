// Command nightjar runs a node of Nightjar, an anonymous and censorship-resistant content store, and talks to it.
//
// What all commands have in common is in root.go; each command is a file of its own. Data goes to stdout, everything for people
// to stderr; ui.go holds the rules, exit.go the exit codes.
package main

// Package archtest proves over the whole tree, by reading its source, that the shape of the project is the shape
// that was agreed. It holds nothing but tests; no package imports it.
//
// What it is not: a linter (that is staticcheck, run by .ci/run) and a judge of taste. A rule is here only if a
// reader relies on it ("this package cannot read the clock") or if it keeps the tree easy to find one's way in.
//
// # Rules
//
//  1. Layers: every package has a place in the table of layers_test.go and imports only lower layers, the
//     packages that hold its own folder, and what its place names. Tests may also import their own layer.
//  2. Purity: a package that decides reads no clock, opens nothing, logs nothing, draws no global randomness,
//     takes no context and starts no goroutine; and it imports only packages of ours that are pure as well.
//  3. Goroutines start only in the shells, and a comment beside each says what ends it.
//  4. Docs: every package has a doc.go, which alone holds the package comment.
//  5. Third-party modules are imported by their one owner only.
//  6. keys.Restore, which makes a block without verifying it, is called only by stores, and by tests.
//  7. No init functions, and no package whose name says nothing.
//  8. Budgets: files, functions, parameters, struct fields. An exemption names its reason; one that is no longer
//     needed fails.
//  9. Text: no paths of a developer's machine, no promises of later work in code.
//  10. Tests sleep only inside a synctest bubble, where sleeping takes no time.
//
// Each rule is a function of a tree, so that TestEveryRuleCanFail runs the same code on small sources that break it.
//
// # Reading order
//
// rules_test.go lists the rules, tree_test.go reads the source, then one file per rule.
package archtest

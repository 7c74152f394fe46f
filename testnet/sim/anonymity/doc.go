// Package anonymity measures how well originators are hidden: it plays downloads in simulated networks, gives an adversary all
// that some of the nodes saw, and lets the estimators of the literature accuse. Plain key routing as in Freenet, stems and
// circuits without guards are measured in the same run as the design.
//
// The design is played by the very machines that run in the daemon: routing.Machine and circuit.Machine on every node, guard.Selector,
// sealed cells, verified blocks, over links with latency in virtual time. The baselines are models of their routing alone.
//
// docs/anonymity.md says what each figure means.
//
// # Invariants
//
//  1. One seed gives one report.
//  2. An estimator sees what the adversary's nodes received, the topology, and nothing else; who asked is used to score it only.
//  3. Positives and negatives are scored by the same function, with the same evidence missing.
//
// # Concurrency
//
// None.
//
// # Reading order
//
// report.go (what comes out), world.go (networks), sight.go (what is seen), plain.go and design.go (who makes it seen),
// estimate.go (E1, E2, E4), paths.go (E5, E6), table.go (the check of E1 against closed forms), stats.go.
package anonymity

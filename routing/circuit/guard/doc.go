// Package guard chooses the relays of a circuit, and remembers how they behaved: guards, which see who asks and are therefore
// few and kept for months; second-layer guards, which keep others from finding the guards by making this node build circuits;
// and launch nodes, drawn anew for every circuit. SPEC.md has the rules and their reasons.
//
// It builds nothing and sends nothing; routing/circuit does.
//
// # Invariants
//
//  1. A path never has this node, or one relay twice, or two relays of one /16 (v4) or /32 (v6) outside private networks.
//  2. The first hop is always of the sample. No failure, of whatever kind and however often, brings a relay into the sample
//     sooner than the limits of SPEC §2 allow.
//  3. A relay that is younger than the age in force enters no role.
//  4. Launch nodes are uniform over all that are eligible: nothing that a relay says of itself changes its share.
//  5. What one relay says of another, by not reaching it, changes how the two are used together and nothing else.
//  6. Restore(State()) goes on exactly as before, but for who could not be reached lately.
//  7. A relay that has lapsed (relays.Relay.Lapsed) is chosen for nothing new, and takes part in nothing but as a guard that was drawn
//     before: that one stays, and is used or not, by the rules of SPEC §5 alone.
//
// # Concurrency
//
// None: a Selector belongs to the machine that drives it.
//
// # Reading order
//
// SPEC.md, rules.go (numbers, ages, networks), selector.go (the surface), sample.go (guards), middle.go, path.go (choosing),
// outage.go, bias.go, report.go. Tests in the same order; adversary_test.go has what others try.
package guard

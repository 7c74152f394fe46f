// Package anonymity measures how often colluding nodes find out who has downloaded a file: with Nightjar, and with what it is compared to.
//
// A measurement is made of topologies: networks with nodes and links of their own, linked like a Kleinberg ring with unequal
// degrees. On each, nodes of all degrees download files with every design. Each download leaves a record of all that happened.
// Coalitions then look at the part of the record that their members took part in, and score every honest node. Nightjar is
// the machines of the daemon over simulated links (testnet/sim.Net), with real cells, handshakes and blocks; the baselines are
// ways through the same graph.
//
// What it is not: a proof. It knows the estimators below and no others; a coalition watches and follows the protocol. It does not
// simulate bandwidth, churn, users' habits, or anybody who sees links between honest nodes.
//
// # Designs
//
//	Guess      B0  an attack that guesses
//	Freenet    B1  greedy routing with a look at the peers of peers, HTL 18 with a coin per link, 10 to 80 % of links in back-off
//	Stem       B3  requests take one way for all keys before routing begins, as in Dandelion
//	Unguarded  B4  circuits of three nodes that are drawn anew each time
//	Direct         Nightjar without circuits: what the same estimators make of the same machines
//	Nightjar   B5  the design
//
// # Estimators
//
//	E1  one observer counts the keys of the file that a peer sends it, and supposes even shares
//	E2  all observers together, who know the exact shares; the other explanation is the best among the node's peers
//	E4  the predecessor of the first colluder that sees a key
//	E5  who precedes colluders most often on circuits built anew, over many rounds
//	E6  colluding guard and launch node of one circuit (strict); colluding guard, and a perfect correlator that needs the launch
//	    node or eight of the circuit's keys in clear (oracle)
//
// # Invariants
//
//  1. One Config gives one Result. Measure on a topology depends on Config and its number alone; no map's order matters.
//  2. Every design meets the same originators and the same coalitions on a topology.
//  3. A score is a function of what members of the coalition received, of topology and places, and of the file's list of keys. A node of
//     which no member is a peer has the score 0: the likelihood ratio of having seen nothing. Equal scores count half.
//  4. Originators are drawn alike from all nodes, degree by degree, and an observer alone is each of the originator's peers in turn:
//     if downloading changed nothing of what is seen, an originator would score like any other candidate, and AUC be 0.5.
//  5. Launch nodes are never among the negatives: they are what the estimators find, and an originator would look better beside
//     them. They are counted apart.
//  6. Intervals are over topologies, not over pairs of one topology.
//
// # Concurrency
//
// None: Measure is a function, and calls for different topologies share nothing.
//
// # Reading order
//
// config.go (what is measured), lab.go (Measure), record.go (what is left of a download), graph.go, walk.go (baselines) and
// fetch.go (the design), shares.go (E1, E2), evidence.go (E4, E6, beliefs), cell.go (who is counted as what), rounds.go (E5),
// reference.go and binomial.go (the counting attack's own table), roc.go, then result.go, summary.go and check.go.
package anonymity

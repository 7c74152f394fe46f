// Package storetest is the contract of package store as a suite: Run it in the tests of every implementation. A bug found in
// one of them is first a case here.
//
// The cases are named for the sentences and invariants of package store that they hold. They see a store only through its
// interface: which class a block is in shows when the store must choose what goes.
//
// What it cannot show is in the tests of the implementation: that a crash loses nothing, and what files look like.
package storetest

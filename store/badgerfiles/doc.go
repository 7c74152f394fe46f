// Package badgerfiles reads the files of a Badger database (dgraph-io/badger v4) past Badger, while nobody has it open, and says which are as Badger
// wrote them. Badger ends the process over a broken footer of a table, drops what follows a broken entry of a log, and believes a list of tables that
// was cut short; so whoever keeps a database asks here before Badger opens it, and can read from a damaged one what is left.
//
// It is for databases that Badger neither compresses nor encrypts. It is no database itself: it finds nothing by key, and writes only what Tidy and AppendEntry say. It knows nothing of what keys and values mean.
//
// # Invariants
//
//  1. No bytes of a file make it panic, or allocate more than a small multiple of a block of the file.
//  2. Whatever is one flipped bit or a cut away from what Badger wrote is damaged: a table everywhere, a list of tables everywhere but in what nothing
//     depends on (or it is said to be torn), an entry of a log everywhere.
//  3. An error that says something about the system and not about the files (Passing) is never reported as damage.
//
// # Concurrency
//
// Functions may be called by anybody at any time; a LogReader by one caller at a time.
//
// # Reading order
//
// tables.go (tables and their list), log.go (memtable logs and value logs), small.go (the other files), system.go (what is no damage).
package badgerfiles

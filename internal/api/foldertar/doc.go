// Package foldertar carries a folder between a client and its node as a tar stream, in both directions, and between that
// stream and a directory on disk.
//
// Both ends take the other for hostile: a client may send any stream, and a folder from the network has the names that its
// author chose. So every name is checked where it enters and where it leaves (CheckPath), and a directory is only
// ever touched through an os.Root, which a name or a symbolic link cannot leave.
//
// It is no general tar tool: it carries regular files with a name, a size, a time and the executable bit. Links, devices and
// sparse files are refused in both directions; owners, groups and all other attributes are never written and never read.
// Empty directories are not carried: a Nightjar folder is its files.
//
// # Invariants
//
//  1. Every path that a Reader gives and a Writer takes passes CheckPath.
//  2. A file has exactly the bytes that its header announced, or the stream ends with an error.
//  3. Create makes files and directories below its root only. What CheckNames accepts is as many files as it has paths, on every
//     system, and no device on any.
//  4. Scan lists regular files only and fails on links and special files rather than leave them out in silence.
//
// # Concurrency
//
// Readers and Writers belong to one goroutine.
//
// Read path.go, names.go, fold.go, stream.go, then disk.go.
package foldertar

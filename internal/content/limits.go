package content

import "nightjar/keys"

// Every limit of the format (SPEC §8). Each is checked before anything is allocated or fetched on its account, and
// limits_test.go and bounds_test.go look just below and just above it.
const (
	// MaxStream bounds the decoded and the stored size of a stream, 16 TiB: sums of sizes cannot overflow, and table
	// depth follows.
	MaxStream = 1 << 44
	// MaxManifest bounds the encoded manifest, which readers hold in memory: 100 000 files need 10 to 15 MiB.
	MaxManifest = 32 << 20
	// MaxFiles bounds the files of a folder.
	MaxFiles = 100_000
	// MaxKeep bounds the blocks of what is kept alive, unless the keeper allows more: 512 GiB, or 256 GiB of content by the standard.
	MaxKeep = 1 << 24
	// maxMIMEs bounds the table of MIME types of a folder; there are about 2 000 registered ones.
	maxMIMEs = 4096
	// maxMIME bounds one MIME type with its parameters, in bytes. (Paths are bounded by keys.MaxPath and
	// keys.MaxComponent: any file of a folder can be named by a URI.)
	maxMIME = 255
	// maxModified bounds a time of modification, in Unix seconds: the end of the year 9999.
	maxModified = 253_402_300_799

	// maxInline bounds bytes that a manifest carries itself; more than a block could not be fetched in one go.
	maxInline = keys.DataSize
	// maxDirectTable bounds a table of names that a manifest carries itself, so that a file and its type fit in a root
	// block. A larger one, from 496 data blocks on, is a stream.
	maxDirectTable = 31 << 10
	// maxContainer bounds a container, which readers hold in memory: a page and its pictures, not a whole site.
	maxContainer = 2 << 20
	// maxTableDepth bounds how deep tables of names nest. 16 TiB need three levels below the stream.
	maxTableDepth = 4
	// maxRedirects bounds how many redirects lead to a manifest. We write at most one.
	maxRedirects = 4
	// maxNestedManifests bounds how many nested manifests lead to one: what is nested is the manifest itself.
	maxNestedManifests = 1

	// maxData is the number of data blocks of a full segment.
	maxData = 1024
	// minTail is the least number of data blocks that stand in a segment of their own behind a full one: a segment of
	// a few blocks dies much earlier than one of hundreds (reference: anonymity §6.4), and with it the file.
	minTail = 128

	// maxWindow bounds the window of zstd, and so a decoder's memory: what RFC 8878 §3.1.1.1.2 asks every decoder to have.
	maxWindow = 8 << 20
	// maxRatio bounds decoded/stored of what readers hold in memory (containers, nested manifests).
	maxRatio = 1024
	// maxGrowth bounds how much larger than its content a compressed stream may be: 1/maxGrowth and 1 KiB.
	maxGrowth = 1024

	// maxNesting bounds the depth of CBOR items: manifest, list, file, stream and its tables.
	maxNesting = 5 + maxTableDepth
)

// roomInRoot is how many bytes of manifest a root block has room for, roomInRecord a record.
const (
	rootLength   = 4
	roomInRoot   = keys.DataSize - rootLength
	roomInRecord = keys.MaxPayload
)

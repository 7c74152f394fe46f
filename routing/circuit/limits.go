package circuit

import "time"

// What one circuit, one link and all together can make this node hold. SPEC.md §9.
const (
	// window is how many cells a link may have in the shell's hands; what waits beyond waits here, where it is scheduled.
	window = 64
	// maxQueue is how many cells one direction of a circuit may have waiting. An honest circuit stays below it: its
	// maxOpen requests bring maxOpen blocks of 16 cells.
	maxQueue = 1024
	// maxHeld is how many waiting cells may have come from one link: 34 MiB.
	maxHeld = 16384
	// maxAllHeld is how many cells may wait in the whole node: 136 MiB.
	maxAllHeld = 65536
	// maxLinks is how many links are taken notice of.
	maxLinks = 1024
	// maxCarried is how many circuits may come in on one link, maxAllCarried on all.
	maxCarried    = 1024
	maxAllCarried = 8192
	// fair is what each link may have of what all together may have no more of, so that some cannot shut out the others.
	fair = 16
	// maxSetups is how many circuits of one link may wait for a dial, a key or a handshake of the next relay.
	maxSetups = 64
	// maxDials is how many connections for circuits of others may be under way, maxLinkDials for those of one link: addresses
	// that accept and say nothing must not keep all of them.
	maxDials     = 64
	maxLinkDials = 8
	// setupBurst and setupRate bound what costs a relay public-key operations, per link: CREATE, EXTEND, DESC, AskKey.
	setupBurst = 512
	setupRate  = 64 // a second
	// createRate and createBurst bound the handshakes of all links: at 0.35 ms each a quarter of a core, and 0.18 s at once.
	createRate  = 700 // a second
	createBurst = 512
	// lightCreates is how many handshakes a link, or a network, may have had in this createWindow and the last and be taken for
	// one that floods nobody.
	lightCreates = 16
	createWindow = 5 * time.Second
	// maxNetworks is how many networks are told apart.
	maxNetworks = 2 * maxLinks
	// maxCachedKeys bounds the onion keys of other relays that a relay remembers.
	maxCachedKeys = 1024
	// maxReplayTags is how many CREATEs each half of the replay filter remembers.
	maxReplayTags = 1 << 17
	// maxSpare is how many used cell bodies are kept for the next cells that this node makes, keptSpare how many of them are not
	// given to the shell.
	maxSpare  = 512
	keptSpare = 128
)

// Requests. SPEC.md §6.
const (
	// maxOpen is how many requests may be open on a circuit.
	maxOpen = 32
	// maxGuardOpen is how many requests may be open through one guard, of which maxGuardBulk may be Bulk. How many Bulk ones
	// are open is a window, from firstBulk on between minBulk and maxGuardBulk: a slow link must not be asked for more than
	// it brings in slowAnswer.
	maxGuardOpen = 256
	maxGuardBulk = 224
	firstBulk    = 64
	minBulk      = 16
	slowAnswer   = 8 * time.Second
	// maxLocal is how many local requests there may be.
	maxLocal = 8192
	// maxGroups is how many isolation groups are remembered; idle ones beyond go.
	maxGroups = 512
	// maxBlocks is how many blocks a circuit carries before its place is given to a new one.
	maxBlocks = 1024
	// tries is how many circuits a request is tried on.
	tries = 3
	// blocksPerCircuit, minCircuits and maxGroupCircuits give the number of circuits of a group: clamp(⌈T/2⌉, 4, 16). More blocks of a
	// file through one launch node would let that node's peers take it for who reads the file (docs/decisions/0009).
	blocksPerCircuit = 2
	minCircuits      = 4
	maxGroupCircuits = 16
	// batch is how many Bulk entries one GET cell waits for, batchSoon for how long while the circuit is idle, and
	// batchLate while as many as batch are already open.
	batch     = 8
	batchSoon = 4 * time.Millisecond
	batchLate = 40 * time.Millisecond
)

// The launch node. SPEC.md §7.
const (
	// maxLaunches is how many requests of one link's circuits may be open here, maxAllLaunches of all.
	maxLaunches    = 1024
	maxAllLaunches = 8192
	// maxWaits is how many requests that wait for a record may be open on a circuit, maxLinkWaits on one link's circuits, maxAllWaits on all.
	maxWaits     = 8
	maxLinkWaits = 64
	maxAllWaits  = 1024
	// maxAnswers is how many blocks may wait to be sent as answers to one link's circuits, maxAllAnswers to all: 64 MiB.
	maxAnswers    = 512
	maxAllAnswers = 2048
	// maxPuts is how many blocks of PUTs one link's circuits may have here, maxAllPuts all: 64 MiB.
	maxPuts    = 512
	maxAllPuts = 2048
	// bulkJitter and quickJitter are the means of the delay before a launch.
	bulkJitter  = 100 * time.Millisecond
	quickJitter = 5 * time.Millisecond
)

// Times of the originator. SPEC.md §8.
const (
	cleanPool  = 4
	maxBuilds  = 8 // under way at once
	hopMost    = 3 * time.Second
	hopLeast   = 1500 * time.Millisecond
	buildMost  = 10 * time.Second
	refillMin  = 5 * time.Second
	refillMax  = 30 * time.Second
	cleanMin   = 30 * time.Minute
	cleanMax   = 60 * time.Minute
	dirtyTime  = 10 * time.Minute // ± 20 %
	lingerMost = 30 * time.Second // that a circuit outlasts its use
	getTime    = 20 * time.Second
	putTime    = 60 * time.Second // an insert waits for disks
	waitTime   = 12 * time.Minute // more than a launch node waits for a record
	lively     = 5 * time.Second  // a circuit that has brought something so lately is given more time for Bulk requests,
	longest    = 60 * time.Second // but not more than this
	retryMin   = 500 * time.Millisecond
	retryMax   = 2 * time.Second
	groupIdle  = 15 * time.Minute
	lookAgain  = time.Second // when no path could be chosen
	failPause  = 250 * time.Millisecond
	failPauses = 7 // doublings: half a minute
	failBeyond = 4 // if the guard answers: what is down beyond it is found by trying, and no network has to be spared meanwhile
)

// Times of the relay. SPEC.md §8.
const (
	dialTime    = time.Minute           // after which a node is asked for again
	askedMin    = 20 * time.Millisecond // between the guard's key and CREATE
	askedMax    = 150 * time.Millisecond
	setupTime   = 10 * time.Second // a handshake that the next relay does not answer
	halfTime    = 10 * time.Second // the first cell of a CREATE without the second
	keyLife     = 24 * time.Hour   // then a new onion key is made
	keysKept    = 2                // and this many are accepted
	replayTime  = 10 * time.Minute
	padMin      = 1500 * time.Millisecond
	padMax      = 9500 * time.Millisecond
	cachedFor   = 24 * time.Hour
	longestIdle = 90 * time.Minute // a circuit that carries nothing for so long is given up
)

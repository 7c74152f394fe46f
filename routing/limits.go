package routing

import (
	"time"

	"nightjar/routing/wire"
)

// How far a request travels.
const (
	// launchHTL is the smallest HTL at launch; it is drawn from launchHTL to wire.MaxHTL, so that the first hop cannot tell.
	launchHTL = 16
	// coinHTL is where the top begins: from here on HTL falls with probability 1/2 per request.
	coinHTL = 17
	// cacheHTL is the largest HTL at which a passing block may be cached: whoever asks with more may be who launched.
	cacheHTL = 15
	// enoughHTL is more than any path needs; requests with at least as much left are alike.
	enoughHTL = 10
	// sinkCopies is how many neighbours share a block with the node closest to it.
	sinkCopies = wire.MaxCopies - 1
	// sinkSpares is how many more peers get a copy because one of these is late with its answer.
	sinkSpares = 2
	// enoughCopies is how many copies an insert settles for when the other peers are late; with fewer it waits for them.
	enoughCopies = 2
	// launchDraws is how often a peer is drawn for what is launched here for a circuit, of which one gets it: with more of them they get more
	// evenly much of each file, and who gets the next launch is easier to foresee.
	launchDraws = 16
	// maxTries is how many peers may answer one node that they cannot serve a request; what is not answered at all costs
	// time, which is bounded, and is not counted.
	maxTries = 3
	// secondLook is in how many cases out of a hundred a node asks another peer after NotFound, so that one node which
	// denies what it holds is not always believed. Every node on a path may look again: among 1 000 nodes a missing block
	// costs 9 Gets at 10 %, and 26 at 25 % (testnet/sim).
	secondLook = 10
	// cacheOneIn is the default of Config.CacheOneIn.
	cacheOneIn = 4
)

// What one peer, and all together, can make this node hold.
const (
	maxLinks   = 256  // links beyond are ignored
	maxAsked   = 1024 // live requests of one peer: two classes of maxWindow each
	maxPuts    = 256  // of which Put: each holds a block
	maxAllPuts = 2048 // blocks of all peers' Puts: 64 MiB
	minPuts    = 16   // Puts that a peer may always have, whatever the others do
	maxWaiters = 64   // askers of one request
	maxLocal   = 4096 // local requests
	maxForeign = 2048 // of which for circuits that end here; of Puts each holds a block
	maxQueue   = 512  // requests of peers that wait for room on one link, per class
	// maxUnasked is how many answers more than requests were abandoned on a link may arrive unasked: those of a
	// previous link between the same two nodes that the shell had read already.
	maxUnasked = 2 * maxWindow
)

// Leases.
const (
	// leaseTime is how long a peer's lease holds.
	leaseTime = 10 * time.Minute
	// leaseSweep is how often what is over is looked for, at the least; it takes up to twice as long.
	leaseSweep = 10 * time.Second
	// maxLeases is how many one peer may have; the oldest makes room. It may leave as many at once, and leaseRate a second.
	maxLeases = 1024
	leaseRate = 16
	// maxAllLeases is how many all peers may have; the oldest of whoever has most makes room.
	maxAllLeases = 16384
	// maxMoved is how many are passed on at once because of links that come and go, from one sweep to the next.
	maxMoved = 2048
	// maxLocalLeases is how many the local user and circuits that end here may have.
	maxLocalLeases = 4096
)

// Congestion control, per link and class.
const (
	startWindow = 64
	minWindow   = 2
	maxWindow   = 512
	// silentLimit is after how many time-outs without any answer a peer counts as dead until it has answered again.
	silentLimit = 4

	overloadBackoff    = 50 * time.Millisecond // doubles
	maxOverloadBackoff = 2 * time.Second
	silentBackoff      = time.Second // doubles
	maxSilentBackoff   = time.Minute
)

// Requests to peers that are late, and to those that say nothing.
const (
	// spareOneIn is how many requests a node must have sent before it may ask a second peer because the first is late: 2.5 %. It
	// begins with firstSpareAsks of them and saves up to maxSpareAsks.
	spareOneIn     = 40
	firstSpareAsks = 4
	maxSpareAsks   = 16
	// ownStrikes and routedStrikes are how often in a row a peer must be late in silence to count as mute, if its own store is asked, and
	// if the request goes on from there: whoever it waits for may be to blame, and it has as long again to find another.
	ownStrikes    = 1
	routedStrikes = 2
	// muteShare is what part of the peers may be mute at a time: if more say nothing, this node is what is slow.
	muteShare = 3
)

// Times.
const (
	// quickMost and slowMost are how long a node waits for an answer at the largest HTL, at most. Each hop to live less
	// takes off a fifth, down to quickLeast and slowLeast, so that a node that has waited in vain can still try another
	// before its own asker gives up.
	quickMost  = 14 * time.Second // interactive Gets
	quickLeast = 2 * time.Second
	slowMost   = 40 * time.Second // bulk, and Puts, which wait for disks
	slowLeast  = 6 * time.Second
	// hasty is what part of that time a peer has that usually answers at once, but not less than hastyLeast.
	hasty      = 6
	hastyLeast = time.Second

	// getLate and putLate are how long an answer may take at the least before it is late; a put waits for a disk.
	getLate = 100 * time.Millisecond
	putLate = 250 * time.Millisecond
	// ownUnknown, getUnknown and putUnknown are how long it may take where nothing is known yet.
	ownUnknown = 500 * time.Millisecond
	getUnknown = 1000 * time.Millisecond
	putUnknown = 1500 * time.Millisecond
	// muteFirst is how long a peer that says nothing to one kind of request gets none of it; it doubles up to muteMost.
	muteFirst = 2 * time.Second
	muteMost  = time.Minute

	// localQuick and localSlow bound a local request, time in queues included.
	localQuick = 20 * time.Second
	localSlow  = 90 * time.Second

	// foreignGet and foreignPut bound what is launched for circuits: whoever waits at the other end gives up soon after and
	// tries another circuit.
	foreignGet = 18 * time.Second
	foreignPut = 40 * time.Second

	// firstPause is how long a local request rests that met overload on every way; it doubles up to maxPause.
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// patience is how long to wait at most for the answer to a request with the given hops to live.
func patience(slow bool, htl uint8) time.Duration {
	most, least := quickMost, quickLeast
	if slow {
		most, least = slowMost, slowLeast
	}
	for ; htl < wire.MaxHTL && most > least; htl++ {
		most -= most / 5
	}
	return max(most, least)
}

// launchTime is how long a request may take that enters key routing here.
func launchTime(foreign, put bool, class wire.Class) time.Duration {
	switch {
	case foreign && put:
		return foreignPut
	case foreign:
		return foreignGet
	case put || class == wire.Bulk:
		return localSlow
	}
	return localQuick
}

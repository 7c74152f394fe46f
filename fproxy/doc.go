// Package fproxy is the local web proxy: it shows what is in the network to a browser on this machine, at
// http://127.0.0.1:8888/<URI>, and its own few pages around that.
//
// It is not a web server for others (it answers only requests addressed to this machine), not an HTTP proxy for the
// rest of the web, and not a content filter: it never changes a byte of what it serves. What keeps a page from the
// network harmless are the headers that it is served with; what they cannot do is listed in THREATS.md.
//
// # Invariants
//
// Tests cite these by number.
//
//	F1  Everything from the network is served with a policy under which a browser runs no script, loads nothing from
//	    another origin, submits no form and follows no automatic redirect, whatever the content or its type. (It may
//	    still prepare a connection to one: headers.go, noConnections.)
//	F2  Only media types of a short list are shown; everything else is plain text or a download with a safe name.
//	F3  A request is answered only if it is addressed to this machine by a name that no stranger's DNS can answer.
//	F4  Another web site can make the node fetch nothing: it can only offer a link that a person follows.
//	F5  Every failure has a page that says what happened, and what to do; one table gives its status. A failure in the
//	    middle of a file ends the connection, so that no reader takes a part for the whole.
//	F6  Nothing about a request is logged, and no answer may be kept on disk by the browser.
//	F7  Memory and fetches are bounded, and a fetch ends with the request that asked for it.
//	F8  If the node hides no originator, every page of its own says so, and a header of everything that it serves.
//	F9  What is fetched for different sites is asked for through sources of their own. What cannot be asked for is not: the
//	    page says why, after obstacleTime.
//	F10 A read that had to rebuild gives a tenth of what was missing back to the network: later, and apart from the read
//	    (internal/jobs, SPEC of internal/content §11).
//	F11 A reader of an edition that is known not to be the newest is told so, once for each newer one, before he gets it; and
//	    a page that waits for editions learns of one when the network tells of it, else by looking. The newest that is known
//	    is served without a search, and a newer one looked for behind.
//	F12 Sites are followed only for somebody who looks at one of their pages, through a source of their own, for followTime
//	    after that, maxFollowed at once; and not after Close.
//	F13 While the node is locked there is one page, which asks for the passphrase (Locked). It is guarded as the others are, and only
//	    a form of this proxy is a try.
//	F14 What was read is read again from the cache (cached.go), if there is one: each site from what was read of itself, and what a page
//	    embeds only while somebody reads the site that it is of.
//
// # Concurrency
//
// The handler is safe for concurrent use. It starts one goroutine for each site that it follows (editions.go), which ends
// when the site is forgotten, at the latest with Close, which waits. It keeps recently read blocks in memory for a short time
// (recent.go), forgotten by a timer.
//
// # Reading order
//
// fproxy.go (what is answered by whom), guard.go (who may ask), content.go and stream.go (from a URI to bytes),
// media.go and headers.go (how bytes are shown), status.go, editions.go and follow.go (what
// there is of a site by now), listing.go, failure.go and page.go (what people see), locked.go (before there is anything to see).
package fproxy

package fproxy

import (
	"context"
	"errors"
	"net/http"

	"nightjar/internal/content"
	"nightjar/internal/node"
	"nightjar/keys"
)

// What the proxy itself refuses.
var (
	errLongTarget  = errors.New("fproxy: request target too long")
	errForeignHost = errors.New("fproxy: not addressed to this proxy")
	errForeignSite = errors.New("fproxy: asked for by another site")
	errUninvited   = errors.New("fproxy: navigation that nobody asked for")
	errMethod      = errors.New("fproxy: method not allowed")
	errBusy        = errors.New("fproxy: too many fetches")
	errSecret      = errors.New("fproxy: insert URI")
	errNoPage      = errors.New("fproxy: no such page")
	errBigForm     = errors.New("fproxy: form too large")
	errNoEditions  = errors.New("fproxy: only a USK has editions")
	errNoFollow    = errors.New("fproxy: following is switched off")
	errCrowded     = errors.New("fproxy: too many sites are waited for")
)

// failure is what people see when something did not work: what happened, to what, and what they can do.
type failure struct {
	err    error
	status int
	title  string
	said   string
	advice []string
}

// failures maps kinds of errors to the page and the HTTP status (F5). The first that matches counts, so a fetch that was
// stopped comes before what it had found until then.
var failures = []failure{
	{
		node.ErrNoCircuit, http.StatusServiceUnavailable, "Waiting for other nodes to hide behind",
		"This node asks the network only through other nodes, so that nobody can tell who asks. At the moment it cannot, and so it asks nobody.",
		[]string{
			"Leave this page open: it tries again by itself.",
			"A node that has just started needs a few seconds to hear of others, and there must be at least three.",
			"If it stays, give the node an address to begin with: \"nightjar peer add\" and the reference of a running node.",
		},
	},
	{
		context.DeadlineExceeded, http.StatusGatewayTimeout, "The network did not answer in time",
		"The node asked for the blocks of this file, and for too long nothing came back.",
		[]string{
			"Try again: each try may take other ways through the network.",
			"If nothing else loads either, look at the number of peers on the start page.",
		},
	},
	{
		keys.ErrHyphanetKey, http.StatusBadRequest, "A key of another network",
		keys.ErrHyphanetKey.Error() + ". The two networks look alike, but their blocks and their encryption differ, and no node of this network holds it.",
		[]string{"Open it with Hyphanet, or ask the publisher for a Nightjar URI of the same content."},
	},
	{
		keys.ErrBadURI, http.StatusBadRequest, "Not a URI that can be read",
		"The address does not have the form of a Nightjar URI. Nothing was asked of the network.",
		[]string{
			"Check that the whole URI was copied: a CHK, SSK or USK has three parts after the @, separated by commas.",
			"A URI begins with CHK@, SSK@, USK@ or KSK@; \"nightjar:\" or \"freenet:\" may stand before it.",
		},
	},
	{
		errSecret, http.StatusBadRequest, "This URI is a secret",
		"It is an insert URI: whoever has it can publish in your name. It is not needed for reading, and was not used.",
		[]string{
			"Remove it from your browser's history.",
			"\"nightjar key public\" prints the request URI that belongs to it, which is safe to open and to give away.",
		},
	},
	{
		content.ErrVerifyOnly, http.StatusBadRequest, "This key keeps content alive, and cannot read it",
		"It is a verify capability: it names the blocks of something, so that whoever has it can look whether they are still in the network and " +
			"give back copies of them. Nobody can read with it, nor get from it to a key that reads. Nothing was asked of the network.",
		[]string{
			"To read the content, ask whoever gave you this key for the URI that reads.",
			"To help keep it alive: \"nightjar keep\" and this key.",
		},
	},
	{
		content.ErrNoEntry, http.StatusNotFound, "No such file in the folder",
		"The folder was found, but it has no file of this name. The network was not asked for it.",
		[]string{"Names are case-sensitive; look at the list of what is there."},
	},
	{
		content.ErrNotFound, http.StatusNotFound, "Not found in the network",
		"The node asked for the blocks at every position of the network where they may be, on every way it has, and too few of " +
			"them were found to rebuild the content.",
		[]string{
			"Check the URI: one wrong character names something that does not exist.",
			"If it was just published, the insert may not be finished; wait and try again.",
			"Nodes that hold it may be switched off now; try again later.",
			"If nobody stored it any more, only somebody who has the content can insert it again.",
		},
	},
	{
		content.ErrTooLarge, http.StatusRequestEntityTooLarge, "Larger than this proxy serves",
		"The content exists, but it is larger than the limit that this proxy was given. It was not fetched.",
		[]string{"Fetch it to a file with \"nightjar get\"."},
	},
	{
		content.ErrMalformed, http.StatusBadGateway, "Found, but not readable",
		"The blocks that this URI names were found and are what was inserted, but they do not hold content in a form that this " +
			"version can read, or they break one of its limits.",
		[]string{
			"It may have been made by a newer version, or to do harm; trying again does not help.",
			"Tell the publisher.",
		},
	},
	{
		node.ErrNoPeers, http.StatusServiceUnavailable, "No connection to the network",
		"The node has no peers at the moment, so that it can ask nobody.",
		[]string{
			"Wait a little if the node has just started, then reload.",
			"Check that this computer is online.",
			"Give the node an address to begin with: \"nightjar peer add\" and the reference of a running node.",
		},
	},
	{
		node.ErrNoAnswer, http.StatusGatewayTimeout, "The network did not answer",
		"Nodes that were asked had no room for the request or said nothing in time. What you want may exist.",
		[]string{"Wait a little, then reload."},
	},
	{
		errBusy, http.StatusServiceUnavailable, "Too much at once",
		"The proxy is fetching as many files as it may at the same time.",
		[]string{"Wait until some of them are finished, then reload."},
	},
	{
		errNoEditions, http.StatusBadRequest, "This has no editions",
		"Only a site, whose URI begins with USK@, can have a newer edition. What a CHK, SSK or KSK names has none. Nothing was asked of the network.",
		[]string{"Open the URI itself, or ask the publisher for the USK of the site."},
	},
	{
		errNoFollow, http.StatusNotFound, "Following is switched off",
		"This node was told not to wait for new editions of sites. Nothing was asked of the network.",
		[]string{"Open the site with -1 in place of the edition: the newest is looked for each time."},
	},
	{
		errCrowded, http.StatusServiceUnavailable, "Too many sites are waited for",
		"Pages that wait for new editions are open of as many sites as the proxy follows at the same time.",
		[]string{"Close one of them, then reload."},
	},
	{
		errMethod, http.StatusMethodNotAllowed, "This cannot be done here",
		"The proxy only shows things: it answers GET and HEAD.",
		[]string{"Publish with \"nightjar put\"."},
	},
	{
		errForeignHost, http.StatusMisdirectedRequest, "Addressed to somebody else",
		"The request came here under a name that is not this proxy's. Web sites do that to read through other people's proxies.",
		[]string{"Use http://127.0.0.1 or http://localhost with the port on which the proxy listens."},
	},
	{
		errForeignSite, http.StatusForbidden, "Asked for by another web site",
		"Another web site tried to load something through this proxy. Nothing was asked of the network.",
		[]string{"If you want to see it, copy the address and open it yourself."},
	},
	{
		errUninvited, http.StatusForbidden, "Do you want to open this?",
		"Another web site sent you here without a click. Opening it makes your node ask the network for it, which others may notice. " +
			"Nothing was asked yet.",
		[]string{"Open it only if you know what it is."},
	},
	{
		errLongTarget, http.StatusRequestURITooLong, "The address is too long",
		"No URI is that long.",
		[]string{"Check what was copied."},
	},
	{
		errBigForm, http.StatusRequestEntityTooLarge, "The form is too large",
		"No URI is that long.",
		[]string{"Check what was copied."},
	},
	{
		errNoPage, http.StatusNotFound, "No such page",
		"The proxy has no page of this name.",
		[]string{"Begin at the start page."},
	},
}

// unexpected is for errors that have no kind: a bug, or the node is stopping.
var unexpected = failure{
	nil, http.StatusInternalServerError, "The node could not do it",
	"Something went wrong in this node, not in the network.",
	[]string{"Try again. If it stays, \"nightjar status\" may say more."},
}

func failureOf(err error) failure {
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f
		}
	}
	return unexpected
}

package fproxy

import (
	"crypto/sha256"
	_ "embed" // the script
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"nightjar/keys"
)

const (
	// followPath is where a page waits for new editions of the site whose URI stands behind it.
	followPath = "/follow/"
	// eventsQuery asks there for what happens instead of a page.
	eventsQuery = "events"
	// stayQuery says that the reader wants the edition that the URI names although there is a newer one.
	stayQuery = "stay"
	// maxWaits bounds the pages that wait.
	maxWaits = 32
	// aliveTime is how often a page that waits hears that the proxy is there, so that each notices when the other is not.
	aliveTime = 30 * time.Second
	// reloadTime is the same in seconds for a browser without scripts.
	reloadTime = 20
)

// followScript keeps the page of followPath up to date. It is the only script of the proxy, and stands in its page, under a policy that names its
// hash: what comes from the network has the same origin, and so a policy that allowed scripts of this origin would allow those.
//
//go:embed pages/follow.js
var followScript string

// followPolicy is ownPolicy for that page.
var followPolicy = ownPolicy + "; connect-src 'self'; script-src '" + hashOf(followScript) + "'"

// hashOf is how a policy names an inline script (CSP 3 §2.3.1).
func hashOf(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// newerView says that there is a newer edition than the one that was asked for.
type newerView struct {
	Asked, Newest         int64
	Open, Stay, Following string // where to go
}

// followView is a page that waits.
type followView struct {
	Site   string
	URI    string // of the newest edition that is known
	Asked  int64  // the edition in the URI of the page, or unknown
	Newest int64  // or unknown
	Open   string // "" while nothing is known
	Reload int    // seconds
	Script template.JS
}

// Known reports whether an edition is known.
func (v *followView) Known() bool { return v.Newest != unknown }

// Newer reports whether there is a newer one than the one that was asked for.
func (v *followView) Newer() bool { return v.Asked >= 0 && v.Newest > v.Asked }

// outdated answers a request for a page of an edition that is known not to be the newest, in place of the page: no page from the network is ever
// changed, and nothing in it could be told from what its author wrote. Whoever wants the older edition is asked once.
func (p *Proxy) outdated(w http.ResponseWriter, r *http.Request, uri keys.URI, by asker) bool {
	newest, declined, ok := p.follow.newer(uri)
	if !ok {
		return false
	}
	slash := strings.HasSuffix(r.URL.Path, "/")
	// For programs (RFC 5829 §3.2). A URI is escaped and has no angle brackets.
	w.Header().Set("Link", "<"+pathOf(newest, slash, "")+`>; rel="latest-version"`)
	query := r.URL.Query()
	switch {
	case by != page || r.Method != http.MethodGet:
		return false
	case query.Has(stayQuery):
		p.follow.decline(uri)
		query.Del(stayQuery)
		redirect(w, pathOf(uri, slash, query.Encode()))
	case declined:
		return false
	default:
		v := newerView{Asked: uri.Edition, Newest: newest.Edition, Open: pathOf(newest, slash, r.URL.RawQuery), Following: followOf(uri)}
		query.Set(stayQuery, "")
		v.Stay = pathOf(uri, slash, query.Encode())
		p.show(w, r, http.StatusMultipleChoices, view{Title: label(uri.Doc), Newer: &v})
	}
	return true
}

// followOf is where a page waits for new editions of a site.
func followOf(uri keys.URI) string {
	uri.Path = ""
	return followPath + uri.Encode()
}

// following answers below followPath.
func (p *Proxy) following(w http.ResponseWriter, r *http.Request) {
	uri, err := keys.ParseURI(strings.TrimPrefix(r.URL.EscapedPath(), followPath))
	events := r.URL.Query().Has(eventsQuery)
	switch by := askerOf(r); {
	case err != nil:
	case uri.Insert:
		err = errSecret
	case uri.Type != keys.USK:
		err = errNoEditions
	case p.follow.off():
		err = errNoFollow
	// A page from the network must not make the proxy wait for something by showing it as a picture.
	case by == part && !(events && r.Header.Get("Sec-Fetch-Dest") == "empty"):
		err = errForeignSite
	case events:
		p.events(w, r, uri)
		return
	case !p.follow.follow(uri):
		err = errCrowded
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := followView{Site: label(uri.Doc), Asked: max(unknown, uri.Edition), Reload: reloadTime, Script: template.JS(followScript)}
	v.Newest, _ = p.follow.state(uri)
	uri.Path = ""
	if uri.Edition = v.Newest; v.Known() {
		v.Open = pathOf(uri, true, "")
	}
	v.URI = uri.Encode()
	w.Header().Set("Content-Security-Policy", followPolicy)
	p.show(w, r, http.StatusOK, view{Title: v.Site, Follow: &v})
}

// event is what a page that waits is told.
type event struct {
	Edition int64  `json:"edition"`
	URI     string `json:"uri"`
	Open    string `json:"open"`
}

// events tells a page what is the newest edition of a site, now and whenever there is another, until it is closed (HTML §9.2, server-sent events).
func (p *Proxy) events(w http.ResponseWriter, r *http.Request, uri keys.URI) {
	select {
	case p.waits <- struct{}{}:
		defer func() { <-p.waits }()
	default:
		p.fail(w, r, errCrowded)
		return
	}
	leave, ok := p.follow.wait(uri)
	if !ok {
		p.fail(w, r, errCrowded)
		return
	}
	defer leave()
	p.warn(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	uri.Path = ""
	alive := time.NewTicker(aliveTime)
	defer alive.Stop()
	for told := int64(unknown); ; {
		line := ":\n\n"
		newest, changed := p.follow.state(uri)
		if newest > told {
			told, uri.Edition = newest, newest
			b, err := json.Marshal(event{newest, uri.Encode(), pathOf(uri, true, "")})
			if err != nil {
				panic("fproxy: event: " + err.Error())
			}
			line = "data: " + string(b) + "\n\n"
		}
		extend(w)
		if _, err := io.WriteString(w, line); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-alive.C:
		case <-r.Context().Done():
			return
		case <-p.follow.done:
			return
		}
	}
}

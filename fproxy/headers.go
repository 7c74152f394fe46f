package fproxy

import "net/http"

// contentPolicy is what a browser may do with a document from the network (F1). Nothing but pictures, sound, fonts and
// styles, all from this proxy. The sandbox stops what the other directives do not govern: scripts again, forms, plug-ins,
// automatic redirects (<meta http-equiv=refresh>) and automatic playing. It keeps the proxy's origin, for without it the
// browser would treat the page's own pictures as another site's; that gives a page nothing, since no script runs in it. Links
// that open a window work, and the new window is not sandboxed, so that the proxy's own pages work there.
const contentPolicy = "default-src 'none'; script-src 'none'; object-src 'none'; frame-src 'none'; connect-src 'none'; " +
	"img-src 'self' data:; media-src 'self'; font-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"sandbox allow-same-origin allow-downloads allow-popups allow-popups-to-escape-sandbox"

// ownPolicy is what the proxy's own pages need.
const ownPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// noFeatures turns off what a page without scripts could still ask for, or hand on.
const noFeatures = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), encrypted-media=(), " +
	"fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
	"picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()"

// noConnections is for what the policy above does not govern: connections that a page asks the browser to prepare
// (<link rel=preconnect>, dns-prefetch), and links that lead out of the network. Few browsers know it yet (WICG Connection
// Allowlists; Chrome 152); THREATS.md says what is open in the others.
const noConnections = "(response-origin)"

// ownHeaders are the headers of every answer; contentHeaders changes what differs for content.
func ownHeaders(h http.Header) {
	h.Set("Content-Security-Policy", ownPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	// Browsers replace the origin of a form by "null" under no-referrer, and then it could not be checked.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", noFeatures)
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("X-Frame-Options", "DENY")
	// What a browser keeps on disk is a record of what was read, which a seized machine gives away. Reading a page
	// twice costs a fetch; that is the better price. The ETag still serves interrupted downloads.
	h.Set("Cache-Control", "no-store")
}

// contentHeaders are the headers of everything that comes from the network.
func contentHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Connection-Allowlist", noConnections)
	h.Set("Referrer-Policy", "no-referrer")
	// A browser refuses a sandboxed document that also asks for a window of its own (HTML, "obtain an opener policy").
	h.Del("Cross-Origin-Opener-Policy")
}

// warning is the header that says on everything from the network that the node does not hide who asked for it (F8).
const warning = "Nightjar-Warning"

// warn sets the warning if it is due, and reports whether it is.
func (p *Proxy) warn(h http.Header) bool {
	exposed := p.status.get().Onion.Hops == 0
	if exposed {
		h.Set(warning, "the originator is not hidden: this node asks the network directly (hops 0)")
	}
	return exposed
}

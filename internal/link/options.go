package link

import "time"

// Options bounds what strangers and peers can make a node wait for or hold. The zero value means the defaults.
type Options struct {
	// HandshakeTime bounds the whole way from the first packet to the proof, for the dialler and for each stranger. Default 5 s.
	HandshakeTime time.Duration
	// IdleTime is how long after a frame the next one must have arrived whole. Default 60 s.
	IdleTime time.Duration
	// WriteTime is how long one write to the network may take before the peer is given up. Default 20 s.
	WriteTime time.Duration
	// Handshakes is how many handshakes may be pending at a listener. Default 64.
	Handshakes int
	// HandshakesPerSource is how many of them may come from one source: an IPv4 address or an IPv6 /64. Default 8.
	// The machine's own loopback addresses are exempt: who connects from there is already on the machine.
	HandshakesPerSource int
}

const (
	defaultHandshakeTime       = 5 * time.Second
	defaultIdleTime            = 60 * time.Second
	defaultWriteTime           = 20 * time.Second
	defaultHandshakes          = 64
	defaultHandshakesPerSource = 8
)

// WithDefaults returns o with its zero fields set.
func (o Options) WithDefaults() Options {
	setDefault(&o.HandshakeTime, defaultHandshakeTime)
	setDefault(&o.IdleTime, defaultIdleTime)
	setDefault(&o.WriteTime, defaultWriteTime)
	setDefault(&o.Handshakes, defaultHandshakes)
	setDefault(&o.HandshakesPerSource, defaultHandshakesPerSource)
	return o
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

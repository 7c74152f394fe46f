package link

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// bindingLabel is the label of the TLS exporter (SPEC §3). RFC 5705 §4 sets the prefix aside for private use.
const bindingLabel = "EXPERIMENTAL nightjar link v1"

// certificateLife is how long a certificate claims to be valid. Nobody checks it.
const certificateLife = 365 * 24 * time.Hour

// ClientTLS is the dialler's configuration (SPEC §2).
func ClientTLS(alpn ...string) *tls.Config {
	c := baseTLS(alpn)
	// The certificate says nothing and is not looked at: who answers is proved inside, bound to the exporter.
	c.InsecureSkipVerify = true
	return c
}

// ServerTLS is the listener's configuration, with a certificate made for this listener alone.
func ServerTLS(alpn ...string) (*tls.Config, error) {
	cert, err := certificate()
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	c := baseTLS(alpn)
	c.Certificates = []tls.Certificate{cert}
	return c, nil
}

func baseTLS(alpn []string) *tls.Config {
	return &tls.Config{
		MinVersion:       tls.VersionTLS13,
		MaxVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768},
		NextProtos:       alpn,
		// A ticket would tie a node's connections to each other.
		SessionTicketsDisabled: true,
		// Frames are read whole: a first part that arrives sooner serves nobody.
		DynamicRecordSizingDisabled: true,
	}
}

// certificate makes a self-signed certificate as they are found on thousands of machines. It carries nothing of the node.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	age, err := rand.Int(rand.Reader, big.NewInt(int64(certificateLife/2)))
	if err != nil {
		return tls.Certificate{}, err
	}
	// A time in the past that is not the node's start.
	from := time.Now().Add(-time.Duration(age.Int64())).Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    from,
		NotAfter:     from.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// BindTLS checks that a connection has what SPEC §2 demands and returns its binding. The error is ErrAuth.
func BindTLS(state tls.ConnectionState, alpn string) (Binding, error) {
	ok := state.HandshakeComplete && !state.DidResume &&
		state.Version == tls.VersionTLS13 &&
		state.CurveID == tls.X25519MLKEM768 &&
		state.NegotiatedProtocol == alpn
	if !ok {
		return Binding{}, ErrAuth
	}
	b, err := state.ExportKeyingMaterial(bindingLabel, nil, BindingSize)
	if err != nil {
		return Binding{}, ErrAuth
	}
	return Binding(b), nil
}

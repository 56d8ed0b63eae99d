package link

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"hotline/internal/ident"
)

// protocol is the ALPN name.
const protocol = "hotline/1"

// Identity is a relay's key and the certificate that carries it. Nothing but
// the key counts: desks pin its hash and look at no name and no date.
type Identity struct {
	id  ident.Relay
	cfg *tls.Config
}

// NewIdentity makes the certificate for a relay's key.
func NewIdentity(key ed25519.PrivateKey) (*Identity, error) {
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "hotline relay"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280, Section 4.1.2.5: no date
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return &Identity{
		id: RelayOf(cert.RawSubjectPublicKeyInfo),
		cfg: &tls.Config{
			Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}},
			MinVersion:             tls.VersionTLS13,
			CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768},
			NextProtos:             []string{protocol},
			SessionTicketsDisabled: true, // saves 11 % at most, and one more secret to guard
		},
	}, nil
}

// ID returns the relay's id, which desks pin.
func (i *Identity) ID() ident.Relay { return i.id }

// clientTLS accepts the pinned key and nothing else.
func clientTLS(pin ident.Relay) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519MLKEM768},
		NextProtos:         []string{protocol},
		InsecureSkipVerify: true, // names and dates say nothing here: the pin below decides
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return ErrPin
			}
			got := RelayOf(cs.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if subtle.ConstantTimeCompare(got[:], pin[:]) != 1 {
				return ErrPin
			}
			return nil
		},
	}
}

// proofLabel separates the signature of HELLO from every other one.
const proofLabel = "hotline/1/link-hello"

// binding returns what a desk signs to show its key: this TLS session, this
// relay, this HELLO.
func binding(tc *tls.Conn, relay ident.Relay, hello []byte) ([]byte, error) {
	cs := tc.ConnectionState()
	exp, err := cs.ExportKeyingMaterial("EXPORTER-hotline-link", nil, 32)
	if err != nil {
		return nil, fmt.Errorf("export keying material: %w", err)
	}
	return bound(exp, relay, hello), nil
}

// bound is what a desk signs: this session, this relay, this HELLO.
func bound(exporter []byte, relay ident.Relay, hello []byte) []byte {
	b := append([]byte{byte(len(proofLabel))}, proofLabel...)
	b = append(b, exporter...)
	b = append(b, relay[:]...)
	return append(b, hello...)
}

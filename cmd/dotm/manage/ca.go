package manage

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// CA is dotm ca.
type CA struct{ client.Flags }

// maxCA bounds the answer, in bytes.
const maxCA = 64 << 10

// Run prints the certificate in PEM, as --server-ca and browsers take it.
func (c *CA) Run(ctx context.Context, g *console.Globals) error {
	resp, err := c.Ask(ctx, http.MethodGet, "/ca", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return fmt.Errorf("%s has no CA: it serves plain HTTP", resp.Request.URL.Host)
	default:
		return client.Decode(resp.Request.URL.Host, resp, nil)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxCA))
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return fmt.Errorf("%s answers no certificate", resp.Request.URL.Host)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]any{"certificate": string(raw), "fingerprint": auth.FingerprintOf(cert).String(), "not_after": cert.NotAfter})
	}
	_, err = g.Out.Write(raw)
	return err
}

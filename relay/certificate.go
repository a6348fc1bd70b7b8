package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/auth/pki"
)

const (
	// renewEvery is how often it is looked at whether a certificate is due.
	renewEvery = time.Hour
	// firstRetry and lastRetry are the waits for a server that is away when the
	// relay has no certificate yet.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Signer gets certificates of the server's CA.
type Signer interface {
	// Enrol returns the certificate that the relay gets with its identity; ""
	// if it has that already.
	Enrol(ctx context.Context, request []byte) (chain string, err error)
	// Renew returns another one.
	Renew(ctx context.Context, request []byte) (chain string, err error)
}

// Certificate is the relay's own, signed by the server's CA, so that agents know
// the relay by what their token says of the server.
type Certificate struct {
	Path string // of the file that keeps it
	// Anew gets one also where a good one is kept: there is a token that may
	// replace the identity.
	Anew   bool
	Signer Signer
	Now    func() time.Time
	Log    *slog.Logger

	current atomic.Pointer[tls.Certificate]
}

// Get is the newest certificate. There is one once [Certificate.Obtain] has
// returned nil.
func (c *Certificate) Get() (*tls.Certificate, error) {
	if now := c.current.Load(); now != nil {
		return now, nil
	}
	return nil, errors.New("relay has no certificate yet")
}

// Obtain reads the certificate, or gets one, as often as it takes until ctx
// ends.
func (c *Certificate) Obtain(ctx context.Context) error {
	kept, err := pki.Load(c.Path)
	switch {
	case err == nil && !c.Anew && c.Now().Before(kept.Leaf.NotAfter):
		c.current.Store(kept)
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		c.Log.Warn("certificate can't be read, getting another", "error", err)
	}
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := c.renew(ctx)
		if err == nil {
			return nil
		}
		c.Log.Error("relay has no certificate; trying again", "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run renews the certificate in time until ctx ends.
func (c *Certificate) Run(ctx context.Context) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		if now := c.current.Load(); now != nil && c.Now().After(now.Leaf.NotAfter.Add(-pki.RenewBefore)) {
			if err := c.renew(ctx); err != nil && ctx.Err() == nil {
				c.Log.Error("certificate was not renewed; trying again", "error", err, "expires", now.Leaf.NotAfter)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Certificate) renew(ctx context.Context) error {
	key, request, err := pki.NewRequest()
	if err != nil {
		return err
	}
	chain, err := c.Signer.Enrol(ctx, request)
	if err == nil && chain == "" {
		chain, err = c.Signer.Renew(ctx, request)
	}
	if err != nil {
		return err
	}
	next, err := pki.Join(chain, key)
	if err != nil {
		return fmt.Errorf("getting certificate: %w", err)
	}
	c.current.Store(next)
	if err := pki.Save(c.Path, next); err != nil {
		return fmt.Errorf("keeping certificate: %w", err)
	}
	return nil
}

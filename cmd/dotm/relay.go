package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/auth/pki"
	"github.com/devops-trouble-map/dotm/auth/uplink"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/relay"
)

type relayCmd struct {
	flags.Uplink
	Listen   string   `help:"Address to take the agents' reports on." default:":4849" placeholder:"ADDR" env:"DOTM_LISTEN"`
	Allow    []string `help:"Network of the agents that it forwards for; all if none is named." placeholder:"CIDR"`
	CertFile string   `help:"Certificate of the relay with its chain (PEM), instead of one by the server's CA." placeholder:"FILE" type:"path"`
	KeyFile  string   `help:"Its key (PEM); not needed if the certificate's file holds it." placeholder:"FILE" type:"path"`
}

// Run forwards until it is stopped.
func (c *relayCmd) Run(ctx context.Context, g *console.Globals) error {
	log := console.Log(g)
	allow, err := c.networks()
	if err != nil {
		return err
	}
	if _, err := judgeAddress(c.Listen); err != nil {
		return err
	}
	state := cmp.Or(c.State, flags.DefaultState("dotm-relay"))
	up, err := c.Open(state, true)
	if err != nil {
		return err
	}
	if !up.Fresh() && up.Identity() == "" {
		return errors.New("relay needs a token to enrol with: dotm token create --relay NAME on the server's machine, then --token-file")
	}
	listener, err := net.Listen(networkOf(c.Listen), c.Listen)
	if err != nil {
		return listenHint(c.Listen, err)
	}
	defer listener.Close() //nolint:errcheck // closed already when it served
	own := &relay.Certificate{Path: filepath.Join(state, "relay.pem"), Anew: up.Fresh(), Signer: &signer{up}, Now: time.Now, Log: log}
	if err := own.Obtain(ctx); err != nil {
		return err
	}
	get := own.Get
	if c.CertFile != "" {
		files, err := pki.OpenFiles(c.CertFile, cmp.Or(c.KeyFile, c.CertFile), log, time.Now)
		if err != nil {
			return err
		}
		get = files.Certificate
	}
	fmt.Fprintf(g.Out, "Relays agents of https://%s to %s.\n", calledBy(get, listener.Addr().String()), up.URL())
	handler := relay.New(relay.Options{Up: up, Name: "dotm-relay", Allow: allow, Log: log})
	return serveRelay(ctx, listener, handler, get, own, log)
}

// calledBy is what agents call a relay that listens on an address: a name that
// its certificate holds, for they take no other.
func calledBy(get func() (*tls.Certificate, error), address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	c, err := get()
	if err != nil || len(c.Certificate) == 0 {
		return reachable(address)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	switch {
	case err == nil && len(leaf.DNSNames) > 0:
		return net.JoinHostPort(leaf.DNSNames[0], port)
	case err == nil && len(leaf.IPAddresses) > 0:
		return net.JoinHostPort(leaf.IPAddresses[0].String(), port)
	}
	return reachable(address)
}

func (c *relayCmd) networks() (list []netip.Prefix, err error) {
	for _, text := range c.Allow {
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("--allow %w", err)
		}
		list = append(list, p)
	}
	return list, nil
}

// serveRelay runs until ctx ends.
func serveRelay(ctx context.Context, l net.Listener, h http.Handler, get func() (*tls.Certificate, error), own *relay.Certificate, log *slog.Logger) error {
	config := pki.Config(get)
	config.NextProtos = []string{"h2", "http/1.1"}
	web := boundedServer(h, log)
	web.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 32, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 128 << 10}
	bounds := limit.Defaults()
	conns := limit.NewConnections(bounds.Connections, bounds.PerAddress)
	lowerToFiles(conns)
	web.ConnState = conns.State
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return own.Run(ctx) })
	g.Go(func() error { return web.Serve(tls.NewListener(conns.Listener(l, nil), config)) })
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		return web.Shutdown(end)
	})
	if err := g.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// signer gets certificates through the uplink.
type signer struct{ up *uplink.Client }

// Enrol is part of [relay.Signer].
func (s *signer) Enrol(ctx context.Context, request []byte) (string, error) {
	return s.up.Enrol(ctx, uplink.Who{Name: thisNode(), Version: version, Request: request})
}

// Renew is part of [relay.Signer].
func (s *signer) Renew(ctx context.Context, request []byte) (string, error) {
	return s.up.Renew(ctx, request)
}

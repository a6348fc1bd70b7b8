package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/oidc"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/auth/pki"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
)

// accessFlags say who reaches a server, and how.
type accessFlags struct {
	CertFile    string   `help:"Certificate of the server with its chain (PEM), instead of one by its own CA." placeholder:"FILE" type:"path" env:"DOTM_CERT_FILE"`
	KeyFile     string   `help:"Its key (PEM); not needed if the certificate's file holds it." placeholder:"FILE" type:"path" env:"DOTM_KEY_FILE"`
	BehindProxy []string `help:"Network of the reverse proxy that does TLS: only it is answered, and believed for whom it asks. A login is needed also on loopback." placeholder:"CIDR" env:"DOTM_BEHIND_PROXY"`
}

// sweepEvery is how often sessions, tokens and agents are looked after.
const sweepEvery = 10 * time.Minute

// maxServerNames bounds what a certificate is for.
const maxServerNames = 100

// access is who may reach a site, and how they are known.
type access struct {
	loopback bool           // only this machine reaches it, and needs no login
	insecure bool           // everybody does, and needs none
	proxies  []netip.Prefix // only these reach it

	logins      *people.Logins
	provider    *oidc.Provider // nil for none
	vouched     *api.Vouched
	agents      *auth.Agents
	authority   *pki.Authority
	pin         auth.Fingerprint
	certificate func() (*tls.Certificate, error) // nil without TLS
	public      string                           // what people call the server; "" if it isn't known
}

// planAccess judges flags and configuration, before anything is opened.
func planAccess(address string, insecure bool, f accessFlags, cfg *config.Config) (*access, error) {
	a := &access{insecure: insecure}
	var err error
	if a.loopback, err = judgeAddress(address); err != nil {
		return nil, err
	}
	for _, text := range f.BehindProxy {
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("--behind-proxy %w", err)
		}
		a.proxies = append(a.proxies, p)
	}
	switch tls := cfg.TLS; {
	case len(a.proxies) > 0 && insecure:
		return nil, errors.New("--insecure and --behind-proxy contradict each other: behind a proxy a login is always needed")
	case len(a.proxies) == 0 && cfg.Auth.Proxy != nil:
		return nil, errors.New("auth.proxy needs --behind-proxy: anybody could send the header else")
	case cmp.Or(f.KeyFile, tls.KeyFile) != "" && cmp.Or(f.CertFile, tls.CertFile) == "":
		return nil, errors.New("--key-file needs --cert-file")
	}
	a.loopback = a.loopback && len(a.proxies) == 0
	a.insecure = a.insecure && !a.loopback
	return a, nil
}

// parseNetwork reads a network, or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("must be a network like 10.0.0.0/8, is %q", text)
	}
	return p.Masked(), nil
}

// openAccess reads logins, agents and certificates.
func (s *site) openAccess(f accessFlags, cfg *config.Config) (err error) {
	k := keeper{s.server}
	if s.agents, err = auth.NewAgents(k, time.Now); err != nil {
		return err
	}
	if s.insecure {
		return nil
	}
	also, err := directoryOf(cfg, s.log)
	if err != nil {
		return err
	}
	if s.logins, err = people.NewLogins(k, time.Now, also); err != nil {
		return err
	}
	s.vouched = vouchedOf(cfg)
	cert, key := cmp.Or(f.CertFile, cfg.TLS.CertFile), cmp.Or(f.KeyFile, cfg.TLS.KeyFile)
	if s.loopback && cert == "" {
		return nil
	}
	if len(cfg.TLS.Names) > 0 {
		s.public = cfg.TLS.Names[0]
	}
	names := func() []string { return serverNames(cfg.TLS.Names) }
	if s.authority, err = pki.Open(filepath.Join(s.data, "tls"), names, time.Now); err != nil {
		return err
	}
	switch {
	case cert != "":
		files, err := pki.OpenFiles(cert, cmp.Or(key, cert), s.log, time.Now)
		if err != nil {
			return err
		}
		s.certificate = files.Certificate
	case len(s.proxies) == 0:
		s.certificate, s.pin = s.authority.Certificate, s.authority.Fingerprint()
	}
	s.provider, err = s.providerOf(cfg)
	return err
}

// serverNames are what this machine is called, and the addresses that it has
// now.
func serverNames(also []string) []string {
	var names []string
	if n := thisNode(); report.HostName(n) == nil {
		names = append(names, n)
	}
	names = append(append(names, also...), "localhost")
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && !p.Addr().IsLinkLocalUnicast() && len(names) < maxServerNames {
			names = append(names, p.Addr().Unmap().String())
		}
	}
	return names
}

// listen makes a listener speak TLS, if the site does.
func (a *access) listen(l net.Listener) net.Listener {
	if a.certificate == nil {
		return l
	}
	c := pki.Config(a.certificate)
	c.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, c)
}

// Options are what the API knows of who may reach it.
func (s *site) options(opt api.Options) api.Options {
	opt.Vouched, opt.Limits = s.vouched, s.limits
	if s.provider != nil { // not a nil pointer within an interface
		opt.Provider = s.provider
	}
	opt.Loopback, opt.Logins, opt.Agents, opt.Pin, opt.Proxies, opt.URL = s.loopback, s.logins, s.agents, s.pin, s.proxies, s.publicURL()
	if s.authority != nil { // not a nil pointer within an interface
		opt.Issuer = s.authority
	}
	return opt
}

// sweep looks after sessions, tokens and agents until ctx ends, and then once
// more.
func (s *site) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.sweepOnce(ctx)
		case <-ctx.Done():
			s.sweepOnce(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (s *site) sweepOnce(ctx context.Context) {
	err := s.agents.Sweep(ctx)
	if s.logins != nil {
		err = errors.Join(err, s.logins.Sweep(ctx))
	}
	if err != nil {
		s.log.Error("looking after logins and agents failed", "error", err)
	}
}

// keeper keeps what package auth wants kept among the server's documents.
type keeper struct{ server *server.Server }

// Documents lists those of a kind.
func (k keeper) Documents(kind string) (out []auth.Document) {
	for _, d := range k.server.Documents(kind) {
		out = append(out, auth.Document(d))
	}
	return out
}

// ChangeDocuments drops some and keeps others.
func (k keeper) ChangeDocuments(ctx context.Context, keep []auth.Document, drop []auth.Key) error {
	docs := make([]store.Document, len(keep))
	for i, d := range keep {
		docs[i] = store.Document(d)
	}
	keys := make([]store.DocumentKey, len(drop))
	for i, d := range drop {
		keys[i] = store.DocumentKey{Kind: d.Kind, Key: d.Name}
	}
	return k.server.ChangeDocuments(ctx, docs, keys)
}

// firstLink is the way in for the first person; "" if there is no need, as somebody
// else vouches for people.
func (s *site) firstLink(ctx context.Context) string {
	if s.loopback || s.logins == nil || s.logins.Configured() || s.provider != nil || s.vouched != nil {
		return ""
	}
	secret, _, err := s.logins.NewLink(ctx, people.AdminUser)
	if err != nil {
		s.log.Error("making a login link failed", "error", err)
		return ""
	}
	return s.publicURL() + "/login#setup=" + secret
}

// publicURL is the site's address for people.
func (s *site) publicURL() string {
	if len(s.proxies) > 0 {
		return "https://" + cmp.Or(s.public, "NAME-OF-THE-PROXY")
	}
	return s.url()
}

// warnInsecure is for those who read only the log.
func warnInsecure(log *slog.Logger, url string) {
	log.Warn("INSECURE: no TLS, no login", "url", url)
}

// ends are when the certificates end that the site shows: its own, and that of its CA.
func (a *access) ends() map[string]time.Time {
	out := map[string]time.Time{}
	if a.certificate == nil {
		return out
	}
	if c, err := a.certificate(); err == nil && c.Leaf != nil {
		out["server"] = c.Leaf.NotAfter
	}
	if a.pin != (auth.Fingerprint{}) {
		out["ca"] = a.authority.Ends()
	}
	return out
}

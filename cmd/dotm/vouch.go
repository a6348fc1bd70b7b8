package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/auth/htpasswd"
	"github.com/devops-trouble-map/dotm/auth/oidc"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/config"
)

// directoryOf is the file of users; nil if there is none.
func directoryOf(cfg *config.Config, log *slog.Logger) (people.Directory, error) {
	h := cfg.Auth.Htpasswd
	if h == nil {
		return nil, nil //nolint:nilnil // an interface without anything behind it
	}
	f, err := htpasswd.Open(h.File, h.Grants(), log, time.Now)
	if err != nil {
		return nil, fmt.Errorf("auth.htpasswd: %w", err)
	}
	return f, nil
}

// vouchedOf is how the proxy says who somebody is; nil if it doesn't.
func vouchedOf(cfg *config.Config) *api.Vouched {
	p := cfg.Auth.Proxy
	if p == nil {
		return nil
	}
	return &api.Vouched{UserHeader: p.UserHeader, GroupsHeader: p.GroupsHeader, Grants: p.Grants()}
}

// providerOf is the OpenID provider; nil if there is none.
func (s *site) providerOf(cfg *config.Config) (*oidc.Provider, error) {
	o := cfg.Auth.OIDC
	if o == nil {
		return nil, nil //nolint:nilnil // it is optional
	}
	opt := o.Options()
	if o.ClientSecretFile != "" {
		raw, err := os.ReadFile(o.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("auth.oidc: reading client_secret_file: %w", err)
		}
		opt.ClientSecret = strings.TrimSpace(string(raw))
	}
	if o.CAFile != "" {
		raw, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("auth.oidc: reading ca_file: %w", err)
		}
		if opt.CA = x509.NewCertPool(); !opt.CA.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("auth.oidc.ca_file must hold certificates in PEM: %s has none", o.CAFile)
		}
	}
	base := strings.TrimSuffix(cfg.PublicURL, "/")
	switch {
	case base == "" && len(s.proxies) > 0:
		return nil, errors.New("auth.oidc needs public_url behind a proxy: the provider sends browsers back there")
	case base == "":
		base = s.publicURL()
	}
	opt.Redirect = base + api.Prefix + "/login/oidc/callback"
	p, err := oidc.New(opt)
	if err != nil {
		return nil, fmt.Errorf("auth.oidc.%w", err)
	}
	return p, nil
}

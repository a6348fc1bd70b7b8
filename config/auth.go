package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/oidc"
)

// Auth says who vouches for people, beside the users that dotm keeps itself.
type Auth struct {
	Htpasswd *Htpasswd  `yaml:"htpasswd,omitempty" json:"htpasswd,omitempty"`
	Proxy    *ProxyAuth `yaml:"proxy,omitempty" json:"proxy,omitempty"`
	OIDC     *OIDC      `yaml:"oidc,omitempty" json:"oidc,omitempty"`
}

// Granted says what those may do whom another one vouches for.
type Granted struct {
	// Roles are by the names of users or groups.
	Roles map[string]auth.Role `yaml:"roles,omitempty" json:"roles,omitempty"`
	// DefaultRole is for all others; empty: they may nothing.
	DefaultRole auth.Role `yaml:"default_role,omitempty" json:"default_role,omitempty"`
}

// Grants are these as package auth has them.
func (g *Granted) Grants() auth.Grants { return auth.Grants{By: g.Roles, Default: g.DefaultRole} }

// Htpasswd is a file of users, as Apache's program writes it, with bcrypt.
type Htpasswd struct {
	File    string `yaml:"file" json:"file"`
	Granted `yaml:",inline"`
}

// ProxyAuth believes the proxy of --behind-proxy who somebody is.
type ProxyAuth struct {
	// UserHeader names the user, GroupsHeader their groups, separated by commas.
	UserHeader   string `yaml:"user_header" json:"user_header"`
	GroupsHeader string `yaml:"groups_header,omitempty" json:"groups_header,omitempty"`
	Granted      `yaml:",inline"`
}

// OIDC is an OpenID provider.
type OIDC struct {
	Name         string `yaml:"name,omitempty" json:"name,omitempty"`
	Issuer       string `yaml:"issuer" json:"issuer"`
	ClientID     string `yaml:"client_id" json:"client_id"`
	ClientSecret string `yaml:"client_secret,omitempty" json:"client_secret,omitempty"`
	// ClientSecretFile holds the secret; it is read at the start.
	ClientSecretFile string   `yaml:"client_secret_file,omitempty" json:"client_secret_file,omitempty"`
	Scopes           []string `yaml:"scopes,omitempty" json:"scopes,omitempty"`
	// UserClaim says who somebody is, RoleClaim holds the names that have roles.
	UserClaim string `yaml:"user_claim,omitempty" json:"user_claim,omitempty"`
	RoleClaim string `yaml:"role_claim,omitempty" json:"role_claim,omitempty"`
	// CAFile are certificates to trust for it (PEM), instead of the system's.
	CAFile  string `yaml:"ca_file,omitempty" json:"ca_file,omitempty"`
	Granted `yaml:",inline"`
}

// Options are these as package oidc has them, without what is in files.
func (o *OIDC) Options() oidc.Options {
	return oidc.Options{
		Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: o.Scopes,
		UserClaim: o.UserClaim, RoleClaim: o.RoleClaim, Grants: o.Grants(),
	}
}

// headerName is a name of a header (RFC 9110, 5.1).
var headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]{1,100}$`)

// taken are headers that mean something else.
var taken = []string{"authorization", "cookie", "host", "origin", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "dotm-relay"}

func checkHeader(field, name string) error {
	if !headerName.MatchString(name) || slices.Contains(taken, strings.ToLower(name)) {
		return fmt.Errorf("auth.proxy.%s must be the name of a header that only the proxy sets, like Remote-User, is %q", field, name)
	}
	return nil
}

func (c *Config) checkAuth() error {
	if h := c.Auth.Htpasswd; h != nil {
		if h.File == "" {
			return fmt.Errorf("auth.htpasswd.file must name a file, is %q", h.File)
		}
		if err := h.Grants().Check(); err != nil {
			return fmt.Errorf("auth.htpasswd.%w", err)
		}
	}
	if p := c.Auth.Proxy; p != nil {
		if err := checkHeader("user_header", p.UserHeader); err != nil {
			return err
		}
		if p.GroupsHeader != "" {
			if err := checkHeader("groups_header", p.GroupsHeader); err != nil {
				return err
			}
		}
		if err := p.Grants().Check(); err != nil {
			return fmt.Errorf("auth.proxy.%w", err)
		}
	}
	if o := c.Auth.OIDC; o != nil {
		if o.ClientSecret != "" && o.ClientSecretFile != "" {
			return fmt.Errorf("auth.oidc.client_secret_file can't stand beside client_secret, is %q", o.ClientSecretFile)
		}
		opt := o.Options()
		if err := opt.Check(); err != nil {
			return fmt.Errorf("auth.oidc.%w", err)
		}
	}
	return nil
}

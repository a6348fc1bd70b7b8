// Package config reads dotm.yaml. Nobody below imports it: cmd turns what it
// says into the options of each package.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
)

// MaxBytes bounds the file.
const MaxBytes = 1 << 20

// Config is the file. Everything is optional; flags win over it.
type Config struct {
	// Listen is the address to serve on.
	Listen string `yaml:"listen,omitempty" json:"listen,omitempty"`
	// Data is the folder of the embedded store.
	Data string `yaml:"data,omitempty" json:"data,omitempty"`
	// Redis is the URL of the store that several servers may share, instead of the
	// embedded one. RedisPasswordFile holds its password, RedisCAFile the
	// certificates to trust for it.
	Redis             string `yaml:"redis,omitempty" json:"redis,omitempty"`
	RedisPasswordFile string `yaml:"redis_password_file,omitempty" json:"redis_password_file,omitempty"`
	RedisCAFile       string `yaml:"redis_ca_file,omitempty" json:"redis_ca_file,omitempty"`
	// RedisCompat is how much of the original's keys is kept there: "keys" (the
	// default), "full" (with the copies for its history) or "off".
	RedisCompat string `yaml:"redis_compat,omitempty" json:"redis_compat,omitempty"`
	// TLS is the server's certificate.
	TLS TLS `yaml:"tls,omitempty" json:"tls,omitzero"`
	// Auth says who vouches for people.
	Auth Auth `yaml:"auth,omitempty" json:"auth,omitzero"`
	// Nodes are asked, because they don't report by themselves.
	Nodes []Node `yaml:"nodes,omitempty" json:"nodes,omitempty"`
	// Sources are monitoring systems that are read.
	Sources []Source `yaml:"sources,omitempty" json:"sources,omitempty"`
	// Notify are those who are told about incidents.
	Notify []Receiver `yaml:"notify,omitempty" json:"notify,omitempty"`
	// PublicURL is where people reach the UI: links in notices lead there.
	PublicURL string `yaml:"public_url,omitempty" json:"public_url,omitempty"`
	// Aliases are names of monitored hosts with the node that each is.
	Aliases map[string]string `yaml:"aliases,omitempty" json:"aliases,omitempty"`
	// Mapping are rules that say which service a check is about.
	Mapping []mapping.Rule `yaml:"mapping,omitempty" json:"mapping,omitempty"`
	// GeoIP are files in the MaxMind DB format, for the setting internet_split and
	// the map.
	GeoIP []string `yaml:"geoip,omitempty" json:"geoip,omitempty"`
	// Places say where nodes are, for the map.
	Places []api.Site `yaml:"places,omitempty" json:"places,omitempty"`
	// Limits bound what agents, viewers and strangers take of the server.
	Limits limit.Patch `yaml:"limits,omitempty" json:"limits,omitzero"`
	// Settings are fixed: nobody can change them in the UI.
	Settings store.Patch `yaml:"settings,omitempty" json:"settings,omitzero"`
}

// TLS says which certificate the server has. Without files its own CA makes one.
type TLS struct {
	// CertFile and KeyFile are in PEM; one file may hold both.
	CertFile string `yaml:"cert_file,omitempty" json:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty" json:"key_file,omitempty"`
	// Names are what the server is called beside its host name and addresses:
	// its own CA's certificate is for these too.
	Names []string `yaml:"names,omitempty" json:"names,omitempty"`
}

// Node is a node that is asked.
type Node struct {
	// Name is what it is called; empty: as it says.
	Name string `yaml:"name,omitempty" json:"name,omitempty"`
	// Collect says how and where it is asked: text://host:port or
	// ssh://user@host:port.
	Collect string `yaml:"collect" json:"collect"`
	Zone    string `yaml:"zone,omitempty" json:"zone,omitempty"`
}

// Source is a monitoring system that is read.
type Source struct {
	monitor.Options `yaml:",inline"`
	// PasswordFile holds the password, or the token where there is no user; it is
	// read at the start.
	PasswordFile string `yaml:"password_file,omitempty" json:"password_file,omitempty"`
}

// Receiver is told about incidents.
type Receiver struct {
	notify.Options `yaml:",inline"`
	// PasswordFile holds the password, or the token where there is no user; it is
	// read at the start. TemplateFile holds the template.
	PasswordFile string `yaml:"password_file,omitempty" json:"password_file,omitempty"`
	TemplateFile string `yaml:"template_file,omitempty" json:"template_file,omitempty"`
}

// Load reads and checks a file.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	raw, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	if len(raw) > MaxBytes {
		return Config{}, fmt.Errorf("reading configuration: %s must be at most %d bytes", path, MaxBytes)
	}
	c, err := Parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse reads YAML. Keys that it doesn't know are errors: a setting with a
// typing mistake must not silently do nothing.
func Parse(raw []byte) (Config, error) {
	var c Config
	if empty(raw) {
		return c, nil
	}
	if err := yaml.Load(raw, &c, yaml.WithKnownFields()); err != nil {
		return Config{}, readable(err)
	}
	if err := c.TLS.check(); err != nil {
		return Config{}, err
	}
	if !slices.Contains([]string{"", "keys", "full", "off"}, c.RedisCompat) {
		return Config{}, fmt.Errorf("redis_compat must be keys, full or off, is %q", c.RedisCompat)
	}
	if err := c.checkAuth(); err != nil {
		return Config{}, err
	}
	if err := c.checkNodes(); err != nil {
		return Config{}, err
	}
	if err := c.checkSources(); err != nil {
		return Config{}, err
	}
	if err := c.checkNotify(); err != nil {
		return Config{}, err
	}
	if err := c.checkMapping(); err != nil {
		return Config{}, err
	}
	if err := c.checkPlaces(); err != nil {
		return Config{}, err
	}
	bounds := c.Limits.Apply(limit.Defaults())
	if err := bounds.Validate(); err != nil {
		return Config{}, fmt.Errorf("limits.%w", err)
	}
	in := c.Settings.Apply(store.Defaults())
	if err := in.Validate(); err != nil {
		return Config{}, fmt.Errorf("settings.%w", err)
	}
	return c, nil
}

// check says what is wrong with the certificate's part.
func (t *TLS) check() error {
	if t.KeyFile != "" && t.CertFile == "" {
		return fmt.Errorf("tls.key_file must come with cert_file, is %q", t.KeyFile)
	}
	for i, n := range t.Names {
		if !auth.IsServerName(n) {
			return fmt.Errorf("tls.names[%d] must be a host name or an IP address, is %q", i, n)
		}
	}
	return nil
}

// maxNodes bounds the nodes of a file.
const maxNodes = 10_000

// checkNodes gives each node's address its one form.
func (c *Config) checkNodes() error {
	if len(c.Nodes) > maxNodes {
		return fmt.Errorf("nodes must have at most %d entries, has %d", maxNodes, len(c.Nodes))
	}
	seen := map[string]int{}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		url, err := collect.ParseTarget(n.Collect)
		var wrong *collect.TargetError
		if errors.As(err, &wrong) {
			return fmt.Errorf("nodes[%d].collect %s, is %q", i, wrong.Rule, wrong.Value)
		}
		for _, f := range []struct{ field, value string }{{"name", n.Name}, {"zone", n.Zone}} {
			if f.value == "" {
				continue
			}
			if err := report.HostName(f.value); err != nil {
				return fmt.Errorf("nodes[%d].%s %w, is %q", i, f.field, err, f.value)
			}
		}
		if j, twice := seen[url]; twice {
			return fmt.Errorf("nodes[%d].collect must be listed once, is that of nodes[%d] too: %q", i, j, n.Collect)
		}
		seen[url], n.Collect = i, url
	}
	return nil
}

// checkMapping makes the rules part of the settings that are fixed.
func (c *Config) checkMapping() error {
	if _, err := mapping.Compile(mapping.Settings{Aliases: c.Aliases, Rules: c.Mapping}); err != nil {
		return err
	}
	if c.Aliases != nil {
		c.Settings.Aliases = &c.Aliases
	}
	if c.Mapping != nil {
		c.Settings.Mapping = &c.Mapping
	}
	return nil
}

// maxReceivers bounds those who are told.
const maxReceivers = 50

func (c *Config) checkNotify() error {
	if len(c.Notify) > maxReceivers {
		return fmt.Errorf("notify must have at most %d entries, has %d", maxReceivers, len(c.Notify))
	}
	seen := map[string]int{}
	for i := range c.Notify {
		r := &c.Notify[i]
		if err := r.Validate(); err != nil {
			return fmt.Errorf("notify[%d].%w", i, err)
		}
		if r.Password != "" && r.PasswordFile != "" {
			return fmt.Errorf("notify[%d].password_file can't stand beside password, is %q", i, r.PasswordFile)
		}
		if r.Template != "" && r.TemplateFile != "" {
			return fmt.Errorf("notify[%d].template_file can't stand beside template, is %q", i, r.TemplateFile)
		}
		if j, twice := seen[r.Name]; twice {
			return fmt.Errorf("notify[%d].name must be used once, is that of notify[%d] too: %q", i, j, r.Name)
		}
		seen[r.Name] = i
	}
	return c.checkPublicURL()
}

func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("public_url must begin with http:// or https:// and name a host, without a login, a query or a fragment, is %q", c.PublicURL)
	}
	return nil
}

// maxSources bounds the monitoring systems of a file.
const maxSources = 200

func (c *Config) checkSources() error {
	if len(c.Sources) > maxSources {
		return fmt.Errorf("sources must have at most %d entries, has %d", maxSources, len(c.Sources))
	}
	seen := map[string]int{}
	for i := range c.Sources {
		s := &c.Sources[i]
		if err := s.Validate(); err != nil {
			return fmt.Errorf("sources[%d].%w", i, err)
		}
		if s.Kind == "" {
			return fmt.Errorf("sources[%d].kind must be set: dotm source test %s finds it out", i, s.URL)
		}
		if s.Password != "" && s.PasswordFile != "" {
			return fmt.Errorf("sources[%d].password_file can't stand beside password, is %q", i, s.PasswordFile)
		}
		if j, twice := seen[s.Name]; twice {
			return fmt.Errorf("sources[%d].name must be used once, is that of sources[%d] too: %q", i, j, s.Name)
		}
		seen[s.Name] = i
	}
	return nil
}

// empty says whether a file holds nothing but comments, as one does in which
// every example is still commented out.
func empty(raw []byte) bool {
	for line := range bytes.Lines(raw) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

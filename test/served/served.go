// Package served is all of dotm but its command, for tests: HTTP over a server over a bolt
// store.
package served

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/test/still"
)

// Site is one that is served.
type Site struct {
	*httptest.Server
	Model   *server.Server
	Store   *bolt.Store
	Logins  *people.Logins
	Agents  *auth.Agents
	Options api.Options // of the API
	Handler http.Handler
	Log     *Log
}

// Options say how.
type Options struct {
	Fixed  store.Patch       // settings
	Before func(*bolt.Store) // fills the store
	Public bool              // not on loopback, and open to all (--insecure)
	Login  bool              // not on loopback: people log in, agents enrol
	// Proxies are those before a server of which one logs in.
	Proxies []netip.Prefix
	// Vouched and Provider say who people are.
	Vouched  *api.Vouched
	Provider door.Provider
	Clock    func() time.Time // of logins and agents
	Limits   *limit.Limits
	// Monitoring, Recent and Names stand in for the server's own.
	Monitoring api.Monitoring
	Recent     api.Recent
	ReadAlerts api.ReadAlerts
	Names      func(netip.Addr) string
	Hosts      func() map[netip.Addr]string
	UI         fs.FS
}

// New serves a site until the test ends.
func New(t testing.TB, opt Options) *Site {
	t.Helper()
	st, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if opt.Before != nil {
		opt.Before(st)
	}
	s := &Site{Store: st, Log: &Log{}}
	log := slog.New(slog.NewTextHandler(s.Log, nil))
	s.Model, err = server.New(t.Context(), server.Options{
		Store: st, Fixed: opt.Fixed, Log: log, Pollers: map[string]collect.Poller{"text": nobody{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Model.Run(ctx) }()
	s.access(t, &opt)
	s.Options = s.options(&opt, log)
	s.Handler = api.New(ctx, s.Options)
	s.Server = httptest.NewServer(s.Handler)
	t.Cleanup(func() {
		cancel()
		s.Close()
		<-ended
		_ = st.Close() // a test may have closed it
	})
	return s
}

// options are those of the API.
func (s *Site) options(opt *Options, log *slog.Logger) api.Options {
	m := s.Model
	out := api.Options{
		Roles: m, Charts: m, Incidents: m, Telling: m, Monitoring: m, Model: m, Settings: m, Sink: m, History: m, Keeping: m, Fleet: m,
		Recent: m, Declaring: m, Audit: m, ReadAlerts: opt.ReadAlerts, Names: opt.Names, Hosts: opt.Hosts, UI: opt.UI, This: "web", Log: log,
		Loopback: !opt.Public && !opt.Login, Logins: s.Logins, Agents: s.Agents, Issuer: ca{}, Pin: auth.Fingerprint{7},
		Proxies: opt.Proxies, Vouched: opt.Vouched, Provider: opt.Provider, Limits: opt.Limits, URL: "https://dotm.example:4849",
		Version: api.Version{Version: "1.2.3", Go: "go1", Revision: "abc", Started: shop.Noon, Listen: "127.0.0.1:4849", Loopback: !opt.Public},
	}
	if opt.Monitoring != nil {
		out.Monitoring = opt.Monitoring
	}
	if opt.Recent != nil {
		out.Recent = opt.Recent
	}
	return out
}

// Still serves a model that stands still, without a store.
func Still(ctx context.Context, m *still.Model) http.Handler {
	return api.New(ctx, api.Options{Model: m, Settings: m, Roles: m, Charts: m, Sink: m, This: "web", Log: slog.New(slog.DiscardHandler)})
}

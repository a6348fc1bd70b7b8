package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/resolve"
	"github.com/devops-trouble-map/dotm/scan"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/web"
)

// shutdownTime is how long open requests may take when the server stops.
const shutdownTime = 3 * time.Second

// siteFlags are what up and serve have in common.
type siteFlags struct {
	Listen string `help:"Address to serve on." placeholder:"ADDR" default:"" env:"DOTM_LISTEN"`
	Data   string `help:"Folder of the embedded store." placeholder:"DIR" type:"path" env:"DOTM_DATA"`
	Config string `help:"Configuration file." placeholder:"FILE" type:"path" env:"DOTM_CONFIG"`

	DebugListen string `help:"Loopback address to serve profiles of this process on (go tool pprof). Without it there are none." placeholder:"ADDR"`

	SSH flags.SSH `embed:"" prefix:"ssh-"`
	accessFlags
}

type upCmd struct {
	siteFlags
	Interval   time.Duration `help:"Time between two looks at this machine." default:"10s"`
	Namespaces string        `help:"Network namespaces to look at: own, all, or the name of one. Without it: all from the host's own, else the own one." placeholder:"own|all|NAME"`
}

type serveCmd struct {
	siteFlags
	storeFlags
	Record   string `help:"File to write all that is taken in to, for dotm replay. It must not exist." placeholder:"FILE" type:"path"`
	Insecure bool   `help:"Serve others without TLS and without a login: whoever reaches the address can read the chart and send reports."`
}

// Run starts the server and this machine's agent.
func (c *upCmd) Run(ctx context.Context, g *console.Globals) error {
	if err := agent.CheckInterval(c.Interval); err != nil {
		return fmt.Errorf("--%w", err)
	}
	o, err := configure(opening{siteFlags: c.siteFlags})
	if err != nil {
		return err
	}
	s, err := openSite(ctx, g, o)
	if err != nil {
		return err
	}
	defer s.close()
	scanner, err := scan.New(scan.Options{OwnPIDs: scan.SameProgram(), Networks: c.Namespaces, HealthEvery: agent.HealthEvery})
	if err != nil {
		return fmt.Errorf("preparing to look at this machine: %w", err)
	}
	defer scanner.Close() //nolint:errcheck // the process ends
	a, err := agent.New(agent.Options{
		Looker: scanner, Sender: senderFunc(s.announce), Interval: c.Interval, Version: version, Log: s.log,
	})
	if err != nil {
		return err
	}
	return s.run(ctx, a.Run)
}

// Run starts the server alone.
func (c *serveCmd) Run(ctx context.Context, g *console.Globals) error {
	o, err := configure(opening{siteFlags: c.siteFlags, storeFlags: c.storeFlags, insecure: c.Insecure})
	if err != nil {
		return err
	}
	rec := &recorder{}
	if c.Record != "" {
		o.recorder = rec
	}
	s, err := openSite(ctx, g, o)
	if err != nil {
		return err
	}
	defer s.close()
	if c.Record == "" {
		s.greet(ctx)
		return s.run(ctx)
	}
	if err := rec.begin(c.Record, s); err != nil {
		return err
	}
	s.greet(ctx)
	return errors.Join(s.run(ctx, rec.watch), rec.end())
}

// senderFunc hands reports to a function in this process.
type senderFunc func(ctx context.Context, r *report.Report) error

// Send calls f.
func (f senderFunc) Send(ctx context.Context, r *report.Report) error { return f(ctx, r) }

// site is a server with its store and its listener.
type site struct {
	*console.Globals
	*access
	log      *slog.Logger
	store    keepsWhat
	server   *server.Server
	meter    *api.Meter
	listener net.Listener
	local    net.Listener // for commands on this machine; nil if it can't be
	profiles net.Listener // nil if nobody asked for them
	data     string
	shows    api.Data // empty: what its agents report
	geo      *resolve.Geo
	places   []api.Site
	greeted  bool
	limits   *limit.Limits
	handler  atomic.Pointer[http.Handler] // once it serves
}

// paint draws what is around a node or service.
func (s *site) paint(ctx context.Context, of string) ([]byte, error) {
	h := s.handler.Load()
	if h == nil {
		return nil, nil
	}
	return api.Picture(ctx, *h, of)
}

// opening is what a site is opened with.
type opening struct {
	siteFlags
	storeFlags
	insecure bool
	cfg      config.Config
	shows    api.Data
	relives  time.Time       // see [server.Options]
	recorder server.Recorder // nil for none
}

// configure adds what the configuration file says.
func configure(o opening) (opening, error) {
	if o.Config == "" {
		return o, nil
	}
	var err error
	o.cfg, err = config.Load(o.Config)
	return o, err
}

// openSite opens everything that may fail before anything runs.
func openSite(ctx context.Context, g *console.Globals, o opening) (_ *site, err error) {
	s := &site{Globals: g, log: console.Log(g), meter: api.NewMeter(), shows: o.shows}
	f, cfg := o.siteFlags, o.cfg
	address := cmp.Or(f.Listen, cfg.Listen, flags.DefaultListen)
	if s.access, err = planAccess(address, o.insecure, f.accessFlags, &cfg); err != nil {
		return nil, err
	}
	s.limits = limitsOf(&cfg)
	s.data = cmp.Or(f.Data, cfg.Data, flags.DefaultData())
	if s.store, err = openStore(ctx, o.storeFlags, &cfg, s.data, s.log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.listener, err = net.Listen(networkOf(address), address); err != nil {
		return nil, listenHint(address, err)
	}
	if f.DebugListen != "" {
		if s.profiles, err = listenDebug(f.DebugListen); err != nil {
			return nil, err
		}
	}
	ask, err := pollers(f, s.data, s.log)
	if err != nil {
		return nil, err
	}
	geo, err := resolve.OpenGeo(cfg.GeoIP)
	if err != nil {
		return nil, fmt.Errorf("geoip: %w", err)
	}
	s.geo, s.places = geo, cfg.Places
	sources, err := sourcesOf(&cfg)
	if err != nil {
		return nil, err
	}
	receivers, err := receiversOf(&cfg)
	if err != nil {
		return nil, err
	}
	s.server, err = server.New(ctx, s.store.sharing(server.Options{
		Sources: sources, Monitors: newMonitor, Detect: detectMonitor,
		Country: geo.Country, Owner: geo.Owner,
		Version: version, Fixed: cfg.Settings, Targets: targetsOf(&cfg), Pollers: ask, Log: s.log,
		Receivers: receivers, PublicURL: cfg.PublicURL, Paint: s.paint,
		Relives: o.relives, Recorder: o.recorder, Meter: s.meter,
	}))
	if err != nil {
		return nil, err
	}
	if err = s.openAccess(f.accessFlags, &cfg); err != nil {
		return nil, err
	}
	if s.local, err = client.Listen(s.data); err != nil {
		s.log.Warn("commands on this machine can't reach the server by its data folder", "error", err)
		s.local = nil
	}
	return s, nil
}

func (s *site) close() {
	for _, l := range []net.Listener{s.listener, s.local, s.profiles} {
		if l != nil {
			_ = l.Close() // closed already when the server ran
		}
	}
	if s.store.Store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("closing the store failed", "error", err)
		}
	}
}

// judgeAddress tells whether only this machine can reach an address.
func judgeAddress(address string) (loopback bool, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return false, fmt.Errorf("--listen must be an address with a port, like %s, is %q", flags.DefaultListen, address)
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback()), nil
}

// networkOf keeps an IPv4 address IPv4: 0.0.0.0 would open IPv6 as well.
func networkOf(address string) string {
	if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Is4() {
		return "tcp4"
	}
	return "tcp"
}

func listenHint(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port of %s is busy: another dotm, or something else, serves there: choose another with --listen", address)
	}
	return fmt.Errorf("listening on %s: %w (choose another with --listen)", address, err)
}

// announce takes in this machine's reports, and greets after the first one:
// then there is something to see.
func (s *site) announce(ctx context.Context, r *report.Report) error {
	if err := s.server.Put(ctx, r); err != nil {
		return err
	}
	if !s.greeted {
		s.greet(ctx)
		console.PrintNotes(s.Out, r.Notes)
	}
	return nil
}

// greet says where to look, and who else can.
func (s *site) greet(ctx context.Context) {
	s.greeted = true
	switch url := s.url(); {
	case s.insecure:
		fmt.Fprintf(s.Out, "%sINSECURE: no TLS, no login. Whoever reaches %s can read the chart and send reports.%s\n", console.Red(s.Globals), url, console.Reset(s.Globals))
		warnInsecure(s.log, url)
	case s.loopback:
		fmt.Fprintf(s.Out, "Open %s (this machine only). Nothing leaves it.\n", url)
	case len(s.proxies) > 0:
		fmt.Fprintf(s.Out, "Serving the proxies of %s on %s. A login is needed.\n", s.proxies, s.listener.Addr())
	default:
		fmt.Fprintf(s.Out, "Open %s. A login is needed; agents need a token (dotm token create).\n", url)
	}
	if link := s.firstLink(ctx); link != "" {
		fmt.Fprintf(s.Out, "Set the password of user admin first, once, within 24 hours (dotm login-link makes another link):\n%s\n", link)
	}
}

// url is the site's own address.
func (s *site) url() string {
	scheme := "http://"
	if s.certificate != nil {
		scheme = "https://"
	}
	return scheme + reachable(s.listener.Addr().String())
}

// reachable turns an address to listen on into one to call: all addresses of
// this machine are called by its name.
func reachable(address string) string {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !a.Addr().IsUnspecified() || thisNode() == "" {
		return address
	}
	return net.JoinHostPort(thisNode(), strconv.Itoa(int(a.Port())))
}

// Run serves until ctx ends, then unwinds: first what brings reports in, then
// HTTP, then the server with its last write.
func (s *site) run(ctx context.Context, also ...func(context.Context) error) error {
	serverCtx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	g, ctx := errgroup.WithContext(ctx)
	names := newDirectory(s.server)
	also = append(also, names.Run)
	also = append(also, s.sweep, s.reload, s.debug)
	handler := api.New(ctx, s.options(api.Options{
		Model: s.server, Settings: s.server, Sink: s.server, History: s.server, Keeping: s.server,
		Fleet: s.server, Roles: s.server, Charts: s.server, Incidents: s.server, Telling: s.server, Recent: s.server,
		Declaring: s.server, Audit: s.server, Monitoring: s.server, ReadAlerts: readAlerts,
		Locator: s.geo, Places: s.places, UI: web.Files(), This: thisNode(),
		Member: s.member, Meter: s.meter, Vitals: s.vitals, Certificates: s.ends, Now: s.server.Now,
		Names: namesOf(s.server, names), Hosts: names.Hosts,
		Version: versionInfo(s), Log: s.log,
	}))
	s.handler.Store(&handler)
	web := boundedServer(handler, s.log)
	web.ConnState = s.limits.Conns.State
	servers := []*http.Server{web}
	listeners := []net.Listener{s.listen(s.limits.Conns.Listener(s.listener, s.proxies))}
	if s.local != nil {
		servers, listeners = append(servers, boundedServer(api.Local(handler), s.log)), append(listeners, s.local)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.server.Run(serverCtx) }()
	for _, f := range also {
		g.Go(func() error { return f(ctx) })
	}
	for i, web := range servers {
		g.Go(func() error { return web.Serve(listeners[i]) })
		g.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			return web.Shutdown(end)
		})
	}
	err := g.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	stopServer()
	return errors.Join(err, <-ended)
}

func thisNode() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

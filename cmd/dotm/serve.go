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
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/web"
)

// defaultListen is where dotm serves unless told otherwise.
const defaultListen = "127.0.0.1:4849"

// shutdownTime is how long open requests may take when the server stops.
const shutdownTime = 3 * time.Second

// siteFlags are what up and serve have in common.
type siteFlags struct {
	Listen string `help:"Address to serve on." placeholder:"ADDR" default:"" env:"DOTM_LISTEN"`
	Data   string `help:"Folder of the embedded store." placeholder:"DIR" type:"path" env:"DOTM_DATA"`
	Config string `help:"Configuration file." placeholder:"FILE" type:"path" env:"DOTM_CONFIG"`
}

type upCmd struct {
	siteFlags
	Interval   time.Duration `help:"Time between two looks at this machine." default:"10s"`
	Namespaces string        `help:"Network namespaces to look at: own, all, or the name of one. Without it: all from the host's own, else the own one." placeholder:"own|all|NAME"`
}

type serveCmd struct {
	siteFlags
	Insecure bool `help:"Serve others without TLS and without a login: whoever reaches the address can read the chart and send reports."`
}

// Run starts the server and this machine's agent.
func (c *upCmd) Run(ctx context.Context, g *globals) error {
	if err := agent.CheckInterval(c.Interval); err != nil {
		return fmt.Errorf("--%w", err)
	}
	s, err := openSite(ctx, g, c.siteFlags, false)
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
func (c *serveCmd) Run(ctx context.Context, g *globals) error {
	s, err := openSite(ctx, g, c.siteFlags, c.Insecure)
	if err != nil {
		return err
	}
	defer s.close()
	s.greet()
	return s.run(ctx)
}

// senderFunc hands reports to a function in this process.
type senderFunc func(ctx context.Context, r *report.Report) error

// Send calls f.
func (f senderFunc) Send(ctx context.Context, r *report.Report) error { return f(ctx, r) }

// site is a server with its store and its listener.
type site struct {
	*globals
	log      *slog.Logger
	store    *bolt.Store
	server   *server.Server
	listener net.Listener
	loopback bool
	insecure bool
	data     string
	greeted  bool
}

// openSite opens everything that may fail before anything runs.
func openSite(ctx context.Context, g *globals, f siteFlags, insecure bool) (_ *site, err error) {
	s := &site{globals: g, log: newLog(g), insecure: insecure}
	var cfg config.Config
	if f.Config != "" {
		if cfg, err = config.Load(f.Config); err != nil {
			return nil, err
		}
	}
	address := cmp.Or(f.Listen, cfg.Listen, defaultListen)
	if s.loopback, err = judgeAddress(address, insecure); err != nil {
		return nil, err
	}
	s.data = cmp.Or(f.Data, cfg.Data, defaultData())
	if s.store, err = bolt.Open(s.data); err != nil {
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
	s.server, err = server.New(ctx, server.Options{Store: s.store, Fixed: cfg.Settings, Log: s.log})
	return s, err
}

func (s *site) close() {
	if s.listener != nil {
		_ = s.listener.Close() // closed already when the server ran
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("closing the store failed", "error", err)
		}
	}
}

// judgeAddress tells whether only this machine can reach an address, and
// refuses any other unless the user insists: logins don't exist yet.
func judgeAddress(address string, insecure bool) (loopback bool, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return false, fmt.Errorf("--listen must be an address with a port, like %s, is %q", defaultListen, address)
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || (err == nil && ip.IsLoopback()) {
		return true, nil
	}
	if !insecure {
		return false, fmt.Errorf("--listen %s would let others read the chart and send reports without a login: "+
			"listen on 127.0.0.1, or run dotm serve with --insecure on a network that you trust", address)
	}
	return false, nil
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

// defaultData follows the XDG base directories for people and the file
// hierarchy standard for root.
func defaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/dotm"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "dotm")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "dotm-data"
	}
	return filepath.Join(home, ".local", "state", "dotm")
}

func newLog(g *globals) *slog.Logger {
	if g.JSON {
		return slog.New(slog.NewJSONHandler(g.err, nil))
	}
	return slog.New(slog.NewTextHandler(g.err, nil))
}

// announce takes in this machine's reports, and greets after the first one:
// then there is something to see.
func (s *site) announce(ctx context.Context, r *report.Report) error {
	if err := s.server.Put(ctx, r); err != nil {
		return err
	}
	if !s.greeted {
		s.greet()
		printNotes(s.out, r.Notes)
	}
	return nil
}

// greet says where to look, and who else can.
func (s *site) greet() {
	s.greeted = true
	url := "http://" + reachable(s.listener.Addr().String())
	switch {
	case s.loopback:
		fmt.Fprintf(s.out, "Open %s (this machine only). Nothing leaves it.\n", url)
	default:
		fmt.Fprintf(s.out, "%sINSECURE: no TLS, no login. Whoever reaches %s can read the chart and send reports.%s\n", red(s.globals), url, reset(s.globals))
	}
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

// run serves until ctx ends, then unwinds: first what brings reports in, then
// HTTP, then the server with its last write.
func (s *site) run(ctx context.Context, also ...func(context.Context) error) error {
	serverCtx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	g, ctx := errgroup.WithContext(ctx)
	handler := api.New(ctx, api.Options{
		Model: s.server, Settings: s.server, Sink: s.server, UI: web.Files(), This: thisNode(),
		Version: versionInfo(s), Loopback: s.loopback, Log: s.log,
	})
	web := &http.Server{
		Handler: handler, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- s.server.Run(serverCtx) }()
	for _, f := range also {
		g.Go(func() error { return f(ctx) })
	}
	g.Go(func() error { return web.Serve(s.listener) })
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		return web.Shutdown(end)
	})
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

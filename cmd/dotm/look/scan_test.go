package look

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/resolve"
	"github.com/devops-trouble-map/dotm/test/golden"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// noon is when the reports of these tests were taken.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shop is a report of a host with something of everything.
func shop() *report.Report {
	r := &report.Report{
		Version: report.Version, Node: report.Node{Name: "web1"}, Agent: report.Agent{Method: "sock_diag"}, Time: noon,
		Interfaces: []report.Interface{
			{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("2001:db8::10/64")}},
			{Name: "lo", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
		},
		Namespaces: []report.Namespace{
			{Container: "shop_cache-1", Addresses: []netip.Addr{addr("172.17.0.2"), addr("127.0.0.1")}},
			{Container: "api-7d9f", Addresses: []netip.Addr{addr("10.244.0.7")}},
			{Container: "lab", Addresses: []netip.Addr{addr("10.9.0.1")}},
		},
		Containers: []report.Container{
			{Name: "shop_cache-1", ID: "3f1e2d4c5b6a79881726354453627180", Runtime: "docker", Image: "redis:7"},
			{Name: "api", ID: "aa11bb22cc33dd44", Runtime: "containerd", Image: "registry.example/shop/api:1.4", Pod: "api-7d9f", PodNamespace: "shop"},
			{Name: "batch-1", ID: "0123456789abcdef", Runtime: "docker", Image: "python:3.13"},
			{Name: "batch-2", ID: "fedcba9876543210", Runtime: "docker", Image: "python:3.13"},
		},
		Listeners:   shopServices(),
		Connections: shopConnections(),
		Notes: []report.Note{
			{Code: "unprivileged", Text: "2 process names hidden: you are not root.", Hint: "All names: sudo dotm up"},
			{Code: "translations", Text: "So many connections are translated that some were left out."},
		},
		Coverage: report.Coverage{Sockets: 512}, Cost: report.Cost{WallMicros: 12_340},
	}
	return r
}

func shopServices() []report.Listener {
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	return []report.Listener{
		{Protocol: report.TCP, Address: any4, Port: 443, Process: "nginx", PID: 812, User: "root", Unit: "nginx.service"},
		{Protocol: report.TCP, Address: any4, Port: 22, Process: "sshd", PID: 640, User: "root", Unit: "ssh.service"},
		{Protocol: report.TCP, Address: any6, Dual: true, Port: 9100, Process: "node_exporter", PID: 77, User: "prometheus", Unit: "prometheus-node-exporter.service"},
		{Protocol: report.TCP, Address: any6, Port: 80, Process: "nginx", PID: 812, User: "root", Unit: "nginx.service", Queue: 3, QueueMax: 511},
		{Protocol: report.UDP, Address: addr("127.0.0.53"), Port: 53, Process: "systemd-resolve", PID: 300, User: "systemd-resolve", Drops: 2},
		{Protocol: report.TCP, Address: addr("192.0.2.10"), Port: 5432, Process: "postgres", PID: 901, User: "postgres", Unit: "postgresql@17-main.service", Queue: 129, QueueMax: 128, Drops: 17},
		{Protocol: report.TCP, Address: addr("2001:db8::10"), Port: 8443, User: "1004"},
		{Namespace: 1, Protocol: report.TCP, Address: any4, Port: 6379, Process: "redis-server", PID: 4100, User: "999", Container: 1},
		{Namespace: 3, Protocol: report.TCP, Address: addr("10.9.0.1"), Port: 7, Process: "echo", PID: 5, User: "root"},
	}
}

func shopConnections() []report.Connection {
	in := func(process string, port uint16, local, peer string, count int) report.Connection {
		return report.Connection{
			Direction: report.In, Protocol: report.TCP, Process: process, User: "root", PID: 812,
			Local: addr(local), Port: port, Peer: addr(peer), Count: count,
		}
	}
	out := func(process, peer string, port uint16, count int) report.Connection {
		return report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: process, User: "app", PID: 2001,
			Peer: addr(peer), Port: port, Count: count, Unit: "shop.service",
		}
	}
	with := func(c report.Connection, change func(*report.Connection)) report.Connection {
		change(&c)
		return c
	}
	list := make([]report.Connection, 0, 64)
	for i := range 30 { // a service with many clients, one of them in trouble
		c := in("nginx", 443, "0.0.0.0", fmt.Sprintf("198.51.100.%d", 40-i), 1+i%3)
		c.Opened = uint64(i % 2)
		c.Health = &report.Health{Measured: 1 + i%3, RTT: 20_000, RTTVar: 900, Segments: 1000, Retransmits: 4, Sent: 1 << 20, Received: 5000}
		if i == 29 {
			c.Health.Retransmits = 40
		}
		list = append(list, c)
	}
	list = append(
		list,
		in("nginx", 80, "::", "192.0.2.77", 2),
		in("postgres", 5432, "192.0.2.10", "10.244.0.7", 12),
		in("postgres", 5432, "192.0.2.10", "192.0.2.10", 1),
		with(out("shop", "172.17.0.2", 6379, 4), func(c *report.Connection) {
			c.Via = netip.MustParseAddrPort("10.96.0.10:6379")
			c.Health = &report.Health{Measured: 4, RTT: 310, RTTVar: 40, Segments: 90, Sent: 12_345, Received: 1_500_000}
		}),
		with(out("shop", "203.0.113.5", 443, 0), func(c *report.Connection) { c.Refused, c.TimedOut, c.Failed = 17, 2, 1 }),
		with(out("shop", "203.0.113.6", 443, 0), func(c *report.Connection) {
			c.Health = &report.Health{Connecting: 3, ConnectingMS: 12_400}
		}),
		with(out("shop", "203.0.113.7", 8080, 5), func(c *report.Connection) {
			c.Health = &report.Health{CloseWait: 5, CloseWaitMS: 130_000, Measured: 5, RTT: 1_234_000}
		}),
		with(out("shop", "2001:db8:1::5", 5432, 1), func(c *report.Connection) { c.Health = &report.Health{Measured: 1, RTT: 37} }),
		with(out("shop", "203.0.113.9", 443, 1), func(c *report.Connection) { c.User = "root" }),
		with(out("shop", "203.0.113.9", 443, 2), func(c *report.Connection) { c.Opened = 5 }),
		out("a-process-with-a-very-long-name-of-its-own", "198.51.100.200", 50000, 1),
		out("", "127.0.0.1", 3306, 1),
		with(out("", "203.0.113.40", 443, 0), func(c *report.Connection) { c.Opened, c.User, c.Unit, c.PID = 3, "", "", 0 }),
		with(out("python3", "203.0.113.30", 5672, 1), func(c *report.Connection) { c.Unit, c.Container = "", 3 }),
		with(out("python3", "203.0.113.30", 5672, 1), func(c *report.Connection) { c.Unit, c.Container = "", 4 }),
		with(out("peerd", "203.0.113.31", 50123, 1), func(c *report.Connection) { c.Direction, c.LocalPort = report.Unknown, 40001 }),
		with(in("redis-server", 6379, "0.0.0.0", "192.0.2.10", 4), func(c *report.Connection) { c.Namespace, c.Container, c.User = 1, 1, "999" }),
		with(out("api", "192.0.2.10", 5432, 12), func(c *report.Connection) { c.Namespace, c.Container = 2, 2 }),
	)
	for i := range 12 {
		list = append(
			list,
			with(out("crawler", fmt.Sprintf("198.51.100.%d", 100+i), 443, i), func(c *report.Connection) { c.Opened = 1 }),
			with(out("torrent", fmt.Sprintf("198.51.100.%d", 100+i/2), uint16(50_000+i), 1), func(c *report.Connection) {
				c.Direction, c.LocalPort, c.Protocol = report.Unknown, uint16(40_000+i), report.UDP
			}),
		)
	}
	return list
}

// hostsOfShop names two peers, one of them at length.
const hostsOfShop = "198.51.100.200 a-very-long-name-of-a-host.in-a-deep.department.example.org\n203.0.113.9 pay.example.com\n"

// pageOf gives a page that doesn't know this machine.
func pageOf(t *testing.T, c Scan, s table.Screen) *page {
	t.Helper()
	p := c.newPage(s)
	p.hosts = writeFile(t, hostsOfShop)
	return p
}

// writeFile gives the path of a file with some text.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		cmd    Scan
		screen table.Screen
	}{
		"narrow.txt":  {Scan{}, table.Screen{Width: 60}},
		"usual.txt":   {Scan{}, table.Screen{Width: 100}},
		"colours.txt": {Scan{}, table.Screen{Width: 80, Clears: true, Colours: true}},
		"wide.txt":    {Scan{Wide: true}, table.Screen{Width: 80}},
	} {
		t.Run(name, func(t *testing.T) {
			got := pageOf(t, c.cmd, c.screen).look(t.Context(), shop())
			golden.Check(t, "scan/"+name, got)
			again := pageOf(t, c.cmd, c.screen).look(t.Context(), shop())
			if !bytes.Equal(got, again) {
				t.Error("the same report looks otherwise the second time")
			}
		})
	}
}

// TestPageFits: nothing is wider than the screen, as long as names can be cut.
func TestPageFits(t *testing.T) {
	calm := shop() // nothing but names and numbers
	calm.Listeners = calm.Listeners[:4]
	calm.Connections = calm.Connections[30:34]
	for _, c := range []struct {
		width int
		*report.Report
	}{{76, calm}, {80, calm}, {100, calm}, {105, shop()}, {110, shop()}, {200, shop()}} {
		width := c.width
		text := pageOf(t, Scan{}, table.Screen{Width: width}).look(t.Context(), c.Report)
		tables := bytes.Split(text, []byte(" services, "))[0]
		for line := range strings.Lines(string(tables)) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
				t.Errorf("%d columns, want at most %d: %s", n, width, line)
			}
			if strings.HasSuffix(line, " \n") {
				t.Errorf("blanks at the end of %q", line)
			}
		}
	}
}

// TestEmptyPage: a host without any sockets has no tables, and says so.
func TestEmptyPage(t *testing.T) {
	r := &report.Report{Node: report.Node{Name: "web1"}, Agent: report.Agent{Method: "proc"}}
	got := string(pageOf(t, Scan{}, table.Screen{Width: 80}).look(t.Context(), r))
	if want := "0 services, 0 connections from 0 sockets in 0.0 ms (proc).\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOnlyAnotherNamespace: what --namespaces NAME shows begins with its title.
func TestOnlyAnotherNamespace(t *testing.T) {
	r := shop()
	r.Listeners, r.Connections = r.Listeners[7:8], nil
	got := string(pageOf(t, Scan{}, table.Screen{Width: 80}).look(t.Context(), r))
	if !strings.HasPrefix(got, "in container shop_cache-1 (docker, redis:7):\nSERVICE ") {
		t.Errorf("got %s", got)
	}
}

// TestOutsideText: what processes, containers and hosts call themselves can't
// steer a terminal.
func TestOutsideText(t *testing.T) {
	nasty := "x\x1b[2J\u202ey\u0085\n"
	r := shop()
	for i := range r.Listeners {
		r.Listeners[i].Process, r.Listeners[i].User, r.Listeners[i].Unit = nasty, nasty, nasty
	}
	for i := range r.Connections {
		r.Connections[i].Process, r.Connections[i].User, r.Connections[i].Unit = nasty, nasty, nasty
	}
	for i := range r.Containers {
		c := &r.Containers[i]
		c.Name, c.Image, c.Pod, c.ID, c.PodNamespace, c.Runtime = nasty, nasty, nasty, nasty, nasty, nasty
	}
	for i := range r.Namespaces {
		r.Namespaces[i].Container = nasty
	}
	r.Notes = []report.Note{{Text: nasty, Hint: nasty}}
	r.Node.Name = nasty
	for _, c := range []Scan{{}, {Wide: true}} {
		got := pageOf(t, c, table.Screen{Width: 90}).look(t.Context(), r)
		for _, banned := range []string{"\x1b", "\u202e", "\u0085"} {
			if i := bytes.Index(got, []byte(banned)); i >= 0 {
				t.Errorf("%q comes through: %q", banned, got[max(0, i-40):i+5])
			}
		}
	}
}

// TestNamesOnPages: what the report knows of addresses names peers, DNS only
// where it is asked for; loopback is shown as it is.
func TestNamesOnPages(t *testing.T) {
	var asked atomic.Int32
	dns := resolve.NewDNS(func(_ context.Context, a string) ([]string, error) {
		asked.Add(1)
		if a == "203.0.113.6" {
			return []string{"slow.example.net."}, nil
		}
		return nil, errors.New("no answer")
	})
	r := shop()
	r.Connections = r.Connections[30:42]
	for _, resolves := range []bool{false, true} {
		p := pageOf(t, Scan{}, table.Screen{Width: 0})
		if resolves {
			p.names.DNS = dns
		}
		text := string(p.look(t.Context(), r))
		for want, there := range map[string]bool{
			"postgres:5432 ← api-7d9f ": true, "postgres:5432 ← web1 ": true, "shop → shop_cache-1:6379 ": true,
			"shop → pay.example.com:443 ": true, "(hidden) → 127.0.0.1:3306 ": true, "shop → [2001:db8:1::5]:5432 ": true,
			"shop → slow.example.net:443 ": resolves, "shop → 203.0.113.6:443 ": !resolves,
		} {
			if strings.Contains(text, want) != there {
				t.Errorf("resolve %t: %q is there: %t, want %t\n%s", resolves, want, !there, there, text)
			}
		}
		if (asked.Load() > 0) != resolves {
			t.Errorf("resolve %t: %d questions to DNS", resolves, asked.Load())
		}
	}
	if (&Scan{}).newPage(table.Screen{}).names.DNS != nil || (&Scan{Resolve: true}).newPage(table.Screen{}).names.DNS == nil {
		t.Error("DNS must be asked with --resolve, and only then")
	}
}

func TestWithoutCollector(t *testing.T) {
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(80)
	defer debug.SetGCPercent(percent)
	if limit != math.MaxInt64 {
		t.Skip("GOMEMLIMIT is set")
	}
	restore := withoutCollector()
	if got := debug.SetGCPercent(-1); got != -1 {
		t.Errorf("collects at %d %%", got)
	}
	if got := debug.SetMemoryLimit(-1); got != maxMemory {
		t.Errorf("the limit is %d", got)
	}
	restore()
	if got := debug.SetGCPercent(80); got != 80 {
		t.Errorf("afterwards it collects at %d %%, want 80", got)
	}
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("afterwards the limit is %d", got)
	}
	debug.SetMemoryLimit(1 << 30)
	defer debug.SetMemoryLimit(limit)
	defer withoutCollector()()
	if got := debug.SetMemoryLimit(-1); got != 1<<30 {
		t.Errorf("a limit of the user's own became %d", got)
	}
}

// looks is a looker with reports of its own.
type looks []*report.Report

func (l *looks) Scan(ctx context.Context) (*report.Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(*l) == 0 {
		return nil, errors.New("nothing to see")
	}
	r := (*l)[0]
	*l = (*l)[1:]
	return r, nil
}

// TestReportInJSON: the report is what the format says, completed.
func TestReportInJSON(t *testing.T) {
	r, err := look(t.Context(), &looks{shop()})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := console.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var got report.Report
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != report.Version || got.Agent.Version != console.Version || len(got.Connections) != len(r.Connections) {
		t.Errorf("got %+v", got)
	}
	if _, err := look(t.Context(), &looks{}); err == nil || err.Error() != "nothing to see" {
		t.Errorf("got %v", err)
	}
}

// BenchmarkPage is what a table costs, without looking: few rows, many, and
// all of them shown.
func BenchmarkPage(b *testing.B) {
	for _, c := range []struct {
		name string
		rows int
		cmd  Scan
	}{{"few", 0, Scan{}}, {"many", 20_000, Scan{}}, {"wide", 20_000, Scan{Wide: true}}} {
		b.Run(c.name, func(b *testing.B) {
			r := shop()
			for i := range c.rows {
				r.Connections = append(r.Connections, report.Connection{
					Direction: report.In, Protocol: report.TCP, Process: "nginx", User: "root", PID: 812, Local: addr("0.0.0.0"), Port: 443,
					Peer: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Count: 1,
					Health: &report.Health{Measured: 1, RTT: 200, Segments: 10},
				})
			}
			p := c.cmd.newPage(table.Screen{Width: 100})
			b.ReportAllocs()
			for b.Loop() {
				p.look(b.Context(), r)
			}
		})
	}
}

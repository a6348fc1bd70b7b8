package look

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// watched gives what --watch prints of some looks, and ends it then.
func watched(t *testing.T, c Scan, asJSON bool, list ...*report.Report) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tick := make(chan time.Time, len(list))
	for range len(list) - 1 {
		tick <- noon
	}
	var b bytes.Buffer
	c.Watch, c.Interval = true, 2*time.Second
	l := &lastLook{looks: list, then: cancel}
	if err := c.watch(ctx, &console.Globals{JSON: asJSON, Out: &b}, l, tick); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lastLook ends the watch with its last look.
type lastLook struct {
	looks
	then func()
}

func (l *lastLook) Scan(ctx context.Context) (*report.Report, error) {
	r, err := l.looks.Scan(ctx)
	if len(l.looks) == 0 {
		l.then()
	}
	return r, err
}

// scene is a report with some services and connections of web1.
func scene(at time.Time, services []report.Listener, connections ...report.Connection) *report.Report {
	return &report.Report{
		Node: report.Node{Name: "web1"}, Time: at, Agent: report.Agent{Method: "sock_diag"},
		Listeners: services, Connections: connections, Coverage: report.Coverage{Sockets: 9},
	}
}

func serves(process string, port uint16) report.Listener {
	return report.Listener{Protocol: report.TCP, Address: addr("0.0.0.0"), Port: port, Process: process, User: "root"}
}

func opened(c report.Connection, n uint64) report.Connection {
	c.Opened = n
	return c
}

// tablesIn gives what is printed without headings, summaries and empty lines.
func tablesIn(text string) (list [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "--- "):
			list = append(list, nil)
		case line == "" || strings.HasPrefix(line, "  SERVICE") || strings.HasPrefix(line, "  CONNECTION"):
		default:
			list[len(list)-1] = append(list[len(list)-1], strings.Join(strings.Fields(line), " "))
		}
	}
	return list
}

// TestWatch: what is new is marked for one look, and so is what closed.
func TestWatch(t *testing.T) {
	web, db := serves("nginx", 80), serves("postgres", 5432)
	first, second := out("app", "10.0.0.1", 80, 1), out("app", "10.0.0.2", 80, 2)
	text := watched(
		t, Scan{}, false,
		scene(noon, []report.Listener{web}, first),
		scene(noon.Add(2*time.Second), []report.Listener{web, db}, first, second),
		scene(noon.Add(4*time.Second), []report.Listener{db}, second, opened(out("app", "10.0.0.3", 80, 0), 4)),
		scene(noon.Add(6*time.Second), []report.Listener{db}, opened(out("app", "10.0.0.2", 80, 0), 1)),
		scene(noon.Add(8*time.Second), []report.Listener{db}),
	)
	got := tablesIn(text)
	for i, want := range [][]string{
		{"nginx tcp *:80 root", "app → 10.0.0.1:80 tcp 1"},
		{"nginx tcp *:80 root", "+ postgres tcp *:5432 root", "app → 10.0.0.1:80 tcp 1", "+ app → 10.0.0.2:80 tcp 2"},
		{
			"- nginx tcp *:80 root", "postgres tcp *:5432 root",
			"- app → 10.0.0.1:80 tcp 0", "app → 10.0.0.2:80 tcp 2", "+ app → 10.0.0.3:80 tcp 0 4",
		},
		{"postgres tcp *:5432 root", "- app → 10.0.0.2:80 tcp 0 1"},
		{"postgres tcp *:5432 root"},
	} {
		if i >= len(got) {
			t.Fatalf("%d looks are shown, want 5:\n%s", len(got), text)
		}
		checkRows(t, got[i], want...)
	}
	head := "--- web1 at " + noon.Add(2*time.Second).Local().Format(time.RFC3339) + ", every 2s: 2 services, 2 connections from 9 sockets in 0.0 ms (sock_diag).\n"
	if !strings.Contains(text, head) {
		t.Errorf("%q is not in\n%s", head, text)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("there are control sequences where there is no terminal")
	}
}

// TestWatchFolds: news are shown among many peers, be they ever so quiet.
func TestWatchFolds(t *testing.T) {
	var many []report.Connection
	for i := range 40 {
		many = append(many, in("nginx", 443, fmt.Sprintf("10.0.0.%d", i+1), 5))
	}
	got := tablesIn(watched(
		t, Scan{}, false,
		scene(noon, nil, many[:38]...), scene(noon, nil, append(many[1:39], in("nginx", 443, "10.0.0.40", 1))...),
	))
	text := strings.Join(got[1], "\n")
	for _, want := range []string{
		"- nginx:443 ← 10.0.0.1 tcp 0", "+ nginx:443 ← 10.0.0.39 tcp 5", "+ nginx:443 ← 10.0.0.40 tcp 1", "nginx:443 ← … and 32 more peers tcp 160",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// TestWatchNamespaces: indices of namespaces and containers change from look
// to look, and rows are known all the same; a namespace that ended shows once
// more.
func TestWatchNamespaces(t *testing.T) {
	at := func(r *report.Report, names ...string) *report.Report {
		for i, name := range names {
			r.Namespaces = append(r.Namespaces, report.Namespace{Container: name})
			r.Containers = append(r.Containers, report.Container{Name: name})
			l := serves("redis", 6379)
			l.Namespace, l.Container = i+1, i+1
			c := in("redis", 6379, "10.0.0.1", 1)
			c.Namespace, c.Container = i+1, i+1
			r.Listeners = append(r.Listeners, l)
			r.Connections = append(r.Connections, c)
		}
		return r
	}
	got := tablesIn(watched(
		t, Scan{}, false,
		at(scene(noon, nil), "a", "b"), at(scene(noon, nil), "c", "b"), at(scene(noon, nil), "c", "b"),
	))
	checkRows(
		t, got[1],
		"in container a:", "- redis tcp *:6379 root a", "- redis:6379 ← 10.0.0.1 tcp 0",
		"in container b:", "redis tcp *:6379 root b 1", "redis:6379 ← 10.0.0.1 tcp 1",
		"in container c:", "+ redis tcp *:6379 root c 1", "+ redis:6379 ← 10.0.0.1 tcp 1",
	)
	checkRows(
		t, got[2],
		"in container b:", "redis tcp *:6379 root b 1", "redis:6379 ← 10.0.0.1 tcp 1",
		"in container c:", "redis tcp *:6379 root c 1", "redis:6379 ← 10.0.0.1 tcp 1",
	)
}

// TestWatchWide: a wide table keeps apart what the usual one merges.
func TestWatchWide(t *testing.T) {
	alice, bob := out("ssh", "10.0.0.1", 22, 1), out("ssh", "10.0.0.1", 22, 1)
	alice.User, bob.User = "alice", "bob"
	for wide, want := range map[bool][]string{
		true:  {"- ssh → 10.0.0.1:22 tcp 0 alice -", "+ ssh → 10.0.0.1:22 tcp 1 bob -"},
		false: {"ssh → 10.0.0.1:22 tcp 1"},
	} {
		got := tablesIn(watched(t, Scan{Wide: wide}, false, scene(noon, nil, alice), scene(noon, nil, bob)))
		checkRows(t, got[1], want...)
	}
}

// TestWatchInJSON: one look, one line.
func TestWatchInJSON(t *testing.T) {
	text := watched(t, Scan{}, true, scene(noon, nil), scene(noon.Add(time.Second), nil, out("app", "10.0.0.1", 80, 1)))
	got := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(got) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(got), text)
	}
	for i, line := range got {
		var r report.Report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Sequence != uint64(i+1) || r.IntervalMS != 2000 || r.Version != report.Version || len(r.Connections) != i {
			t.Errorf("line %d is %+v", i, r)
		}
	}
}

// TestWatchEnds: a look that fails ends it with the reason; so does output that
// nobody takes.
func TestWatchEnds(t *testing.T) {
	tick := make(chan time.Time, 1)
	tick <- noon
	c := Scan{}
	err := c.watch(t.Context(), &console.Globals{Out: &bytes.Buffer{}}, &looks{scene(noon, nil)}, tick)
	if err == nil || err.Error() != "nothing to see" {
		t.Errorf("got %v", err)
	}
	if err := c.watch(t.Context(), &console.Globals{Out: broken{}}, &looks{scene(noon, nil)}, tick); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.watch(ctx, &console.Globals{Out: &bytes.Buffer{}}, &looks{scene(noon, nil)}, tick); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// TestRedraw: a look takes the place of the one before, and what has no room is
// counted, long lines by the rows that they take.
func TestRedraw(t *testing.T) {
	text := []byte("one\ntwo\n" + strings.Repeat("x", 25) + "\nfour\nfive\n")
	for _, c := range []struct {
		width, height int
		want          string
	}{
		{0, 0, "one two xxxxxxxxxxxxxxxxxxxxxxxxx four five"},
		{80, 24, "one two xxxxxxxxxxxxxxxxxxxxxxxxx four five"},
		{80, 6, "one two xxxxxxxxxxxxxxxxxxxxxxxxx four five"},
		{80, 5, "one two xxxxxxxxxxxxxxxxxxxxxxxxx … and 2 more lines"},
		{10, 8, "one two xxxxxxxxxxxxxxxxxxxxxxxxx four five"},
		{10, 7, "one two xxxxxxxxxxxxxxxxxxxxxxxxx … and 2 more lines"},
		{10, 6, "one two … and 3 more lines"},
		{80, 2, "… and 5 more lines"},
	} {
		got := string(redraw(text, table.Screen{Width: c.width, Height: c.height}))
		body, found := strings.CutPrefix(got, cursorHome)
		body, ended := strings.CutSuffix(body, eraseBelow)
		rows := strings.ReplaceAll(strings.TrimSuffix(body, eraseLine+"\n"), eraseLine+"\n", " ")
		if !found || !ended || rows != c.want {
			t.Errorf("%d by %d: %q, want %q", c.width, c.height, got, c.want)
		}
	}
}

func TestRowsOf(t *testing.T) {
	for _, c := range []struct {
		line  string
		width int
		want  int
	}{
		{"", 10, 1},
		{"0123456789", 10, 1},
		{"0123456789a", 10, 2},
		{"äöüäöüäöüä", 10, 1},
		{"\x1b[1mabc\x1b[0m", 3, 1},
		{"\x1b[31mabcd\x1b[0m", 3, 2},
		{"anything", 0, 1},
	} {
		if got := rowsOf([]byte(c.line), c.width); got != c.want {
			t.Errorf("%q takes %d rows of %d columns, want %d", c.line, got, c.width, c.want)
		}
	}
}

// TestWatchReadsHostsAnew: a name that is written meanwhile shows.
func TestWatchReadsHostsAnew(t *testing.T) {
	p := (&Scan{}).newPage(table.Screen{})
	p.hosts = filepath.Join(t.TempDir(), "none")
	r := scene(noon, nil, out("app", "10.0.0.1", 80, 1))
	p.know(t.Context(), r)
	if name, isName := p.peerName(addr("10.0.0.1")); isName || name != "10.0.0.1" {
		t.Errorf("got %q", name)
	}
	p.hosts = writeFile(t, "10.0.0.1 db\n")
	p.know(t.Context(), r)
	if name, isName := p.peerName(addr("10.0.0.1")); !isName || name != "db" {
		t.Errorf("got %q", name)
	}
}

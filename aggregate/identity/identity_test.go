package identity

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// known is a topology in the making with one host, web, that reported at noon.
func known(t *testing.T, kind, value string) *topology.Edit {
	t.Helper()
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e"}, noon, []*topology.Block{{Node: topology.Node{
		Name: "web", Kind: topology.Host, State: topology.Reporting, Identity: kind + ":" + value, Weak: kind == report.IdentityHostname,
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, FirstSeen: noon, LastReport: noon, Interval: topology.Duration(10 * time.Second),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.Edit()
}

func says(name, kind, value, addr string) *report.Report {
	return &report.Report{
		Node:       report.Node{Name: name, Identity: report.Identity{Kind: kind, Value: value}},
		Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix(addr + "/24")}}},
	}
}

func TestIdentify(t *testing.T) {
	const machine, weak = report.IdentityMachine, report.IdentityHostname
	for _, tt := range []struct {
		name   string
		before string // the identity's kind that web is known by
		after  time.Duration
		report *report.Report
		want   string // empty: left out
		gone   bool   // web is there no more
	}{
		{"the same", machine, time.Second, says("web", machine, "1111aaaa", "10.0.0.1"), "web", false},
		{"another name", machine, time.Second, says("shop", machine, "1111aaaa", "10.0.0.1"), "shop", true},
		{"another host", machine, time.Second, says("db", machine, "2222bbbb", "10.0.0.2"), "db", false},
		{"another host of the name", machine, time.Second, says("web", machine, "2222bbbb", "10.0.0.2"), "web@2222", false},
		{"another host of the name, later", machine, time.Hour, says("web", machine, "2222bbbb", "10.0.0.2"), "web", false},
		{"a clone", machine, time.Second, says("copy", machine, "1111aaaa", "10.0.0.2"), "copy", false},
		{"read from outside, while it reports", machine, time.Second, says("web", weak, "web", "10.0.0.1"), "", false},
		{"read from outside, when it is silent", machine, time.Hour, says("web", weak, "web", "10.0.0.1"), "web", false},
		{"known from outside", weak, time.Second, says("web", machine, "1111aaaa", "10.0.0.1"), "web", false},
	} {
		value := "1111aaaa"
		if tt.before == weak {
			value = "web"
		}
		edit := known(t, tt.before, value)
		name, ok := NewRegister(edit, time.Minute, time.Time{}).Identify(tt.report, noon.Add(tt.after))
		if name != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: it is %q, %t, want %q", tt.name, name, ok, tt.want)
		}
		if gone := edit.Block("web") == nil; gone != tt.gone || edit.Touched() != tt.gone {
			t.Errorf("%s: web is gone: %t, touched: %t, want %t", tt.name, gone, edit.Touched(), tt.gone)
		}
	}
}

// TestFresh: a node reports still within three of its intervals, counted from when
// the server began to listen, if that is later.
func TestFresh(t *testing.T) {
	n := topology.Node{State: topology.Reporting, LastReport: noon, Interval: topology.Duration(10 * time.Second)}
	g := NewRegister(nil, time.Minute, noon.Add(time.Hour))
	for after, want := range map[time.Duration]bool{time.Hour + 30*time.Second: true, time.Hour + 31*time.Second: false} {
		if got := g.Fresh(&n, noon.Add(after)); got != want {
			t.Errorf("after %v: %t", after, got)
		}
	}
	n.Interval = 0
	if !g.Fresh(&n, noon.Add(time.Hour+time.Minute)) || g.Fresh(&n, noon.Add(time.Hour+time.Minute+1)) {
		t.Error("without an interval the settings' counts")
	}
	if n.State = topology.Stale; g.Fresh(&n, noon) {
		t.Error("what is stale is fresh")
	}
}

// TestSkewHasHysteresis: a clock that is wrong is told of until it is clearly right
// again.
func TestSkewHasHysteresis(t *testing.T) {
	edit := known(t, report.IdentityMachine, "1")
	g, prev := NewRegister(edit, time.Minute, time.Time{}), &topology.Node{}
	for i, tt := range []struct {
		skew time.Duration
		want bool
	}{{4 * time.Second, false}, {-6 * time.Second, true}, {4 * time.Second, true}, {3 * time.Second, false}, {5 * time.Second, false}} {
		n := &topology.Node{Name: "web", Identity: "machine:1", Skew: topology.Duration(tt.skew)}
		n.Findings = g.Findings(n, prev, noon)
		if got := slices.ContainsFunc(n.Findings, func(f topology.Note) bool { return f.Code == "clock-skew" }); got != tt.want {
			t.Errorf("%d: told of %v: %t", i, tt.skew, got)
		}
		prev = n
	}
}

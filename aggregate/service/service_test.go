package service

import (
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestAccepting(t *testing.T) {
	all := []topology.Service{
		{ID: "one", Protocol: "tcp", Port: 80, Addresses: addrs("10.0.0.1"), State: topology.Listening},
		{ID: "four", Protocol: "tcp", Port: 80, Addresses: addrs("0.0.0.0"), State: topology.Listening},
		{ID: "gone", Protocol: "tcp", Port: 81, Addresses: addrs("10.0.0.1"), State: topology.Gone},
		{ID: "any", Protocol: "tcp", Port: 81, Addresses: addrs("0.0.0.0"), State: topology.Listening},
		{ID: "past", Protocol: "tcp", Port: 82, Addresses: addrs("10.0.0.1"), State: topology.Gone},
		{ID: "udp", Protocol: "udp", Port: 83, Addresses: addrs("::"), State: topology.Listening},
	}
	for _, tt := range []struct {
		proto topology.Protocol
		port  uint16
		addr  string
		want  string
	}{
		{"tcp", 80, "10.0.0.1", "one"},
		{"tcp", 80, "10.0.0.2", "four"},
		{"tcp", 80, "fd00::1", "four"}, // not every look tells dual-stack sockets
		{"tcp", 81, "10.0.0.1", "any"}, // what listens goes before what is gone
		{"tcp", 82, "10.0.0.1", "past"},
		{"tcp", 82, "10.0.0.2", ""},
		{"udp", 83, "10.0.0.1", "udp"},
		{"tcp", 83, "10.0.0.1", ""},
	} {
		got := ""
		if s := ByPort(all).Accepting(At(tt.proto, tt.port), netip.MustParseAddr(tt.addr)); s != nil {
			got = s.ID
		}
		if got != tt.want {
			t.Errorf("%s:%d/%s is accepted by %q, want %q", tt.addr, tt.port, tt.proto, got, tt.want)
		}
	}
}

// TestOf: a service keeps its id and its first sight as long as its process or
// its port says that it is the same, and is gone when nothing listens.
func TestOf(t *testing.T) {
	node, says := &topology.Node{Name: "a", Kind: topology.Host}, &report.Report{}
	listen := func(process string, port uint16) report.Listener {
		return report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: port, Process: process}
	}
	first := Of(node, &topology.Block{}, []report.Listener{listen("nginx", 80), listen("sshd", 22)}, says, noon)
	if len(first) != 2 || first[0].ID != "a~tcp~22" || first[1].ID != "a~tcp~80" || first[1].State != topology.Listening {
		t.Fatalf("got %+v", first)
	}
	prev := &topology.Block{Node: topology.Node{Name: "a", LastReport: noon}, Services: first}
	then := Of(node, prev, []report.Listener{listen("", 80), listen("other", 22), listen("sshd", 22)}, says, noon.Add(time.Minute))
	if len(then) != 3 {
		t.Fatalf("got %+v", then)
	}
	for _, s := range then {
		switch {
		case s.Port == 80 && (s.Process != "nginx" || !s.FirstSeen.Equal(noon)):
			t.Errorf("a process that is hidden now: %+v", s)
		case s.Process == "sshd" && s.ID != "a~tcp~22":
			t.Errorf("the process that was there: %+v", s)
		case s.Process == "other" && (s.ID == "a~tcp~22" || s.FirstSeen.Equal(noon)):
			t.Errorf("a second owner of the port: %+v", s)
		}
	}
	for _, s := range Of(node, prev, nil, says, noon.Add(time.Minute)) {
		if s.State != topology.Gone || !s.LastSeen.Equal(noon) {
			t.Errorf("nothing listens, but %+v", s)
		}
	}
}

func TestOnly(t *testing.T) {
	only := Only([]topology.Service{
		{ID: "1", Process: "nginx", State: topology.Listening},
		{ID: "2", Process: "nginx", State: topology.Listening},
		{ID: "3", Process: "sshd", State: topology.Listening},
		{ID: "4", Process: "old", State: topology.Gone},
		{ID: "5", State: topology.Listening},
	})
	if len(only) != 2 || only["nginx"] != "" || only["sshd"] != "3" {
		t.Errorf("got %v", only)
	}
}

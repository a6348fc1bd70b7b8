package drift

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func host(name, pool, group string, addresses ...string) view.Node {
	n := view.Node{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, Zone: "default"}, Pool: pool, Group: group}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	return n
}

func inferred(name, group string) view.Node {
	n := host(name, "", group, name)
	n.Kind, n.State = topology.Inferred, topology.Unheard
	return n
}

func calls(from, process, to, server string, port uint16) view.Connection {
	c := view.Connection{Connection: topology.Connection{
		Client: topology.Client{Node: from, Process: process}, Protocol: "tcp", Count: 2, Directed: true,
		Server:    topology.Server{Node: to, Port: port, Process: server, Service: topology.ServiceID(to, "tcp", port, netip.Addr{})},
		FirstSeen: noon.Add(-48 * time.Hour), LastSeen: noon, Status: topology.Fresh,
		Evidence: topology.Evidence{BothEnds: true, SeenBy: []topology.Sighting{{Node: from, End: "client"}, {Node: to, End: "server"}}},
	}}
	c.ID = topology.ConnectionID(&c.Connection)
	return c
}

// shop is a chart with all that testdata/site.yaml speaks of, and more.
func shop() Observed {
	internet := view.Node{Node: topology.Node{Name: "Internet", Kind: topology.Internet}}
	udp := calls("web1", "rsyslogd", "log1", "rsyslogd", 6010)
	udp.Protocol = "udp"
	unsure := calls("db1", "", "web2", "", 0)
	unsure.Directed, unsure.Server.Service, unsure.Evidence.BothEnds = false, "", false
	old := calls("jump1", "ssh", "web1", "sshd", 22)
	old.LastSeen, old.Count, old.Status = noon.Add(-24*time.Hour), 0, topology.Old
	nodes := []view.Node{
		internet, host("db1", "", "group~s", "10.0.0.9"), host("jump1", "", "", "10.9.0.1"), host("log1", "", ""),
		inferred("10.0.0.77", "group~s"), host("web1", "pool~1", "group~s", "10.0.0.1"), host("web2", "pool~1", "group~s", "10.0.0.2"),
	}
	t := &view.Topology{
		At: noon, Level: view.LevelService, Coverage: view.Coverage{Nodes: 6, Reporting: 5}, Nodes: nodes,
		Lanes: []view.Lane{{ID: "group~s", Title: "shop"}},
		Services: []view.Service{{Service: topology.Service{
			ID: topology.ServiceID("db1", "tcp", 5432, netip.Addr{}), Node: "db1", Port: 5432, Protocol: "tcp", Process: "postgres", Unit: "postgresql@16.service",
		}}},
		Connections: []view.Connection{
			calls("Internet", "", "web1", "nginx", 443), calls("web1", "nginx", "db1", "postgres", 5432), calls("web2", "nginx", "db1", "postgres", 5432),
			calls("web2", "curl", "db1", "postgres", 5433), calls("Internet", "", "db1", "postgres", 5432), udp, unsure, old,
			calls("log1", "cron", "jump1", "sshd", 22), calls("web1", "php\x1b[31m|<b>", "10.0.0.77", "", 9000),
		},
	}
	return Observed{Topology: t, Titles: map[string]string{"pool~1": "web"}, From: "http://map.example"}
}

func parsed(t testing.TB, name string) *Declaration {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(name, "folder", raw)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func inline(t testing.TB, text string) *Declaration {
	t.Helper()
	d, err := Parse("inline.yaml", "folder", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func written(t testing.TB, a *Answer, f Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// seeds are the files of testdata.
func seeds(f *testing.F) {
	f.Helper()
	for _, name := range []string{"site.yaml", "compose.yaml", "catalog.yaml", "initial.yaml"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

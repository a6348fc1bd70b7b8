package past

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// node is one that was first seen at a time, with a service on port 80.
func node(name string, first time.Time) *topology.Block {
	return &topology.Block{
		Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, FirstSeen: first},
		Services: []topology.Service{{
			ID: topology.ServiceID(name, "tcp", 80, netip.Addr{}), Node: name, Protocol: "tcp", Port: 80, State: topology.Listening, FirstSeen: first,
		}},
	}
}

// calls adds an edge to a node's port 80.
func calls(b *topology.Block, server string, first time.Time) {
	c := topology.Connection{
		Client: topology.Client{Node: b.Node.Name}, Server: topology.Server{Node: server, Port: 80, Service: topology.ServiceID(server, "tcp", 80, netip.Addr{})},
		Protocol: "tcp", Directed: true, Status: topology.Fresh, Count: 1, FirstSeen: first,
	}
	c.ID = topology.ConnectionID(&c)
	b.Connections = append(b.Connections, &c)
}

func moment(t *testing.T, at time.Time, blocks ...*topology.Block) *topology.Snapshot {
	t.Helper()
	s, err := history.Snapshot(at, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCompareByLedger: what the topology takes for new was there before, if the
// ledger says so: the edge, the service that it leads to, and both of its nodes.
func TestCompareByLedger(t *testing.T) {
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	late := noon.Add(time.Minute)
	use := func(client, server string, first time.Time) store.Use {
		b := node(client, first)
		calls(b, server, first)
		return store.Use{Service: b.Connections[0].Server.Service, Connection: b.Connections[0].ID, Client: b.Connections[0].Client, First: first, Last: first}
	}
	err = db.Write(t.Context(), store.Change{Uses: []store.Use{
		use("web", "host/db", noon.Add(-30*24*time.Hour)),
		use("web", "cache", late),
	}})
	if err != nil {
		t.Fatal(err)
	}
	web := node("web", late)
	calls(web, "cache", late)
	calls(web, "host/db", late)
	if web.Connections[0].ID > web.Connections[1].ID {
		web.Connections[0], web.Connections[1] = web.Connections[1], web.Connections[0]
	}
	got, err := New(db).Compare(t.Context(), moment(t, noon), moment(t, noon.Add(time.Hour), web, node("host/db", late), node("cache", late)))
	if err != nil {
		t.Fatal(err)
	}
	returned := map[string]bool{}
	for _, n := range got.Nodes {
		returned[n.Node.Name] = n.Returned
	}
	for _, s := range got.Services {
		returned[s.Service.ID] = s.Returned
	}
	for _, c := range got.Connections {
		returned["to "+c.Connection.Server.Node] = c.Returned
	}
	for what, want := range map[string]bool{
		"web": true, "host/db": true, "cache": false, "web~tcp~80": false, "host!db~tcp~80": true, "cache~tcp~80": false,
		"to host/db": true, "to cache": false,
	} {
		if is, ok := returned[what]; !ok || is != want {
			t.Errorf("%s: returned is %v (told: %v), want %v", what, is, ok, want)
		}
	}
}

// TestCompareFails: a ledger that can't be read is an error, not a list of what
// is new.
func TestCompareFails(t *testing.T) {
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var blocks []*topology.Block
	for i := range 3 * asking {
		blocks = append(blocks, node(fmt.Sprintf("n%d", i), noon.Add(time.Minute)))
	}
	_, err = New(db).Compare(t.Context(), moment(t, noon), moment(t, noon.Add(time.Hour), blocks...))
	if !errors.Is(err, store.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(db).Compare(ctx, moment(t, noon), moment(t, noon.Add(time.Hour), blocks...)); !errors.Is(err, context.Canceled) {
		t.Errorf("given up, the error is %v", err)
	}
}

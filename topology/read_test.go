package topology

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCompleteService(t *testing.T) {
	early, late := noon.Add(-time.Hour), noon
	for _, tt := range []struct {
		name                 string
		state                ServiceState
		clients              int
		seen, lastConnection time.Time
	}{
		{"listening, idle", Listening, 0, late, early},
		{"listening, busy", Listening, 2, late, late},
		{"gone", Gone, 0, early, early},
		{"gone, still connected", Gone, 1, early, late},
		{"seen by others", Seen, 0, early, early},
	} {
		b := host("web1")
		b.Services = []Service{{ID: "web1~tcp~80", State: tt.state, Clients: tt.clients, LastSeen: early, LastConnection: early}}
		before := written(t, from(t, b))
		got := from(t, b).CompleteService(b, 0)
		if !got.LastSeen.Equal(tt.seen) || !got.LastConnection.Equal(tt.lastConnection) {
			t.Errorf("%s: last seen %v, last connection %v; want %v, %v", tt.name, got.LastSeen, got.LastConnection, tt.seen, tt.lastConnection)
		}
		if after := written(t, from(t, b)); after != before {
			t.Errorf("%s: reading wrote to the block: %s", tt.name, after)
		}
	}
}

func TestCompleteConnection(t *testing.T) {
	early := noon.Add(-time.Hour)
	web, db := host("web1"), host("db1")
	db.Node.LastReport = noon.Add(time.Minute)
	db.Services = []Service{{ID: "db1~tcp~5432", Node: "db1", Process: "postgres"}}
	edge := Connection{
		ID: "c1", Client: Client{Node: "web1"}, Server: Server{Node: "db1", Port: 5432, Service: "db1~tcp~5432"},
		Count: 2, LastSeen: early,
		Evidence: Evidence{SeenBy: []Sighting{{"web1", "client", early}, {"db1", "server", early}, {"away", "server", early}}},
	}
	closed, elsewhere := edge, edge
	closed.ID, closed.Count = "c2", 0
	elsewhere.ID, elsewhere.Server = "c3", Server{Node: "away", Service: "away~tcp~1", Process: "kept"}
	web.Connections = []*Connection{&edge, &closed, &elsewhere}
	s := from(t, web, db)
	before := written(t, s)

	open := s.CompleteConnection(web, 0)
	if open.Server.Process != "postgres" {
		t.Errorf("the server's process is %q", open.Server.Process)
	}
	if want := noon.Add(time.Minute); !open.LastSeen.Equal(want) {
		t.Errorf("open: last seen %v, want the last report of either end, %v", open.LastSeen, want)
	}
	want := []Sighting{{"web1", "client", noon}, {"db1", "server", noon.Add(time.Minute)}, {"away", "server", early}}
	if diff := cmp.Diff(want, open.Evidence.SeenBy); diff != "" {
		t.Errorf("open: seen by (-want +got):\n%s", diff)
	}
	shut := s.CompleteConnection(web, 1)
	if !shut.LastSeen.Equal(early) || shut.Server.Process != "postgres" || !shut.Evidence.SeenBy[0].At.Equal(early) {
		t.Errorf("closed: %+v, want the times of its end", shut)
	}
	if got := s.CompleteConnection(web, 2).Server.Process; got != "kept" {
		t.Errorf("a server that is not there has the process %q", got)
	}
	if after := written(t, s); after != before {
		t.Errorf("reading wrote to the snapshot:\n%s", cmp.Diff(before, after))
	}
}

// TestCompleteConnectionSilentHolder gives an edge that a silent node holds the
// time at which its other end last told of it.
func TestCompleteConnectionSilentHolder(t *testing.T) {
	web, db := host("web1"), host("db1")
	web.Node.State, web.Node.LastReport = Stale, noon.Add(-time.Hour)
	web.Connections = []*Connection{{ID: "c1", Client: Client{Node: "web1"}, Server: Server{Node: "db1"}, Count: 1, LastSeen: noon}}
	if got := from(t, web, db).CompleteConnection(web, 0); !got.LastSeen.Equal(noon) {
		t.Errorf("last seen %v, want %v", got.LastSeen, noon)
	}
}

func TestReadInOrder(t *testing.T) {
	s := from(t, shop()...)
	var services, edges []string
	for v := range s.Services() {
		services = append(services, v.ID)
	}
	for c := range s.Connections() {
		edges = append(edges, c.ID)
	}
	if want := []string{"db1~tcp~5432", "web1~tcp~22", "web1~tcp~80"}; !slices.Equal(services, want) {
		t.Errorf("services %v, want %v", services, want)
	}
	if want := []string{"c1"}; !slices.Equal(edges, want) {
		t.Errorf("connections %v, want %v", edges, want)
	}
	for range s.Services() {
		break // stopping early must not panic
	}
	for range s.Connections() {
		break
	}
}

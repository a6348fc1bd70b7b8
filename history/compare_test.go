package history

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

func compare(a, b *topology.Snapshot, known Known) *Comparison {
	return Compare(a, b, topology.Diff(a, b), known)
}

func TestCompare(t *testing.T) {
	earlier, from, to := noon.Add(-time.Hour), noon, noon.Add(time.Hour)
	web := typical("web", 4)
	before := web.Clone()
	before.Connections = before.Connections[2:]
	after := web.Clone()
	after.Connections = after.Connections[:3]
	after.Write(0)
	after.Write(1)
	after.Connections[0].FirstSeen, after.Connections[1].FirstSeen = from.Add(time.Minute), from.Add(time.Minute)
	after.Services[0].State = topology.Gone
	after.Node.Agent = "1.1"
	db, cache := typical("db", 0), typical("cache", 0)
	db.Services, cache.Services = db.Services[:1], nil
	db.Node.FirstSeen, db.Services[0].FirstSeen = earlier, earlier
	cache.Node.FirstSeen = to
	ledger := func(sub topology.Subject, id string) time.Time {
		if sub == topology.SubjectConnection && id == after.Connections[0].ID {
			return earlier
		}
		return time.Time{}
	}
	got := compare(snapshot(t, from, before, typical("old", 0)), snapshot(t, to, after, db, cache), ledger)
	var lines []string
	say := func(what, id string, c Change) {
		line := fmt.Sprintf("%s %s %s %v", what, id, c.Change, c.What)
		if c.Returned {
			line += " again"
		}
		lines = append(lines, line)
	}
	for _, n := range got.Nodes {
		say("node", n.Node.Name, n.Change)
	}
	for _, s := range got.Services {
		say("service", s.Service.ID, s.Change)
	}
	for _, c := range got.Connections {
		say("connection", c.Connection.ID, c.Change)
	}
	want := []string{
		"node cache appeared []",
		"node db appeared [] again",
		"node old vanished []",
		"node web changed [agent]",
		"service db~tcp~22 appeared [] again",
		"service old~tcp~22 vanished []",
		"service old~tcp~443 vanished []",
		"service old~tcp~80 vanished []",
		"service old~tcp~9100 vanished []",
		"service web~tcp~22 vanished []",
		"connection " + web.Connections[0].ID + " appeared [] again",
		"connection " + web.Connections[1].ID + " appeared []",
		"connection " + web.Connections[3].ID + " vanished []",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.From.Equal(from) || !got.To.Equal(to) {
		t.Errorf("from %s to %s", got.From, got.To)
	}
}

// TestCompareRenamed: a node under another name has changed; what vanished on it,
// and from it, is told under its name of now.
func TestCompareRenamed(t *testing.T) {
	was := typical("old", 3)
	is := typical("new", 3)
	is.Node.Formerly = []topology.Former{{Name: "old"}}
	is.Services, is.Connections = is.Services[1:], is.Connections[1:]
	caller := typical("caller", 0)
	to := topology.Connection{
		Client: topology.Client{Node: "caller", Process: "curl"}, Server: topology.Server{Node: "old", Port: 80, Service: "old~tcp~80"},
		Protocol: "tcp", Directed: true, Status: topology.Fresh, Count: 1, FirstSeen: noon,
	}
	to.ID = topology.ConnectionID(&to)
	calling := caller.Clone()
	calling.Connections = []*topology.Connection{&to}
	got := compare(snapshot(t, noon, was, calling), snapshot(t, noon.Add(time.Hour), is, caller), func(topology.Subject, string) time.Time { return time.Time{} })
	if len(got.Nodes) != 1 || got.Nodes[0].Node.Name != "new" || !slices.Equal(got.Nodes[0].What, []string{"name"}) {
		t.Errorf("nodes: %+v", got.Nodes)
	}
	if len(got.Services) != 1 || got.Services[0].Service.ID != "new~tcp~22" || got.Services[0].Change.Change != topology.Vanished {
		t.Errorf("services: %+v", got.Services)
	}
	if len(got.Connections) != 2 || got.Connections[0].Connection.Server.Service != "new~tcp~80" || got.Connections[1].Connection.Client.Node != "new" {
		t.Errorf("connections: %+v", got.Connections)
	}
	if first := got.Connections[0].Connection; !first.LastSeen.Equal(noon) {
		t.Errorf("what was open at noon, and is no more, was seen last at %s", first.LastSeen)
	}
}

// TestCompareKnown: the ledger tells that a node or a service is back.
func TestCompareKnown(t *testing.T) {
	db := typical("db", 0)
	db.Node.FirstSeen = noon.Add(time.Minute)
	for i := range db.Services {
		db.Services[i].FirstSeen = noon.Add(time.Minute)
	}
	known := map[string]bool{"node db": true, "service db~tcp~80": true}
	got := compare(snapshot(t, noon), snapshot(t, noon.Add(time.Hour), db), func(sub topology.Subject, id string) time.Time {
		if known[string(sub)+" "+id] {
			return noon.Add(-time.Hour)
		}
		return time.Time{}
	})
	if !got.Nodes[0].Returned {
		t.Error("the node is new")
	}
	for _, s := range got.Services {
		if want := s.Service.ID == "db~tcp~80"; s.Returned != want || !s.Service.LastSeen.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s: returned is %v, last seen %s", s.Service.ID, s.Returned, s.Service.LastSeen)
		}
	}
}

// TestCompareChecks: a check is told with what it was and is. Its own times say that
// it is not new.
func TestCompareChecks(t *testing.T) {
	from, to := noon, noon.Add(time.Hour)
	check := func(name string, status topology.Status, since, ok time.Time) topology.Check {
		return topology.Check{ID: name, Source: "nagios", Host: "web", Name: name, Node: "web", Status: status, Hard: true, Since: since, LastOK: ok}
	}
	a, b := typical("web", 0), typical("web", 0)
	a.SetChecks([]topology.Check{
		check("broken", topology.OK, noon.Add(-time.Hour), noon), check("dropped", topology.Critical, noon, noon), check("fine", topology.OK, noon, noon),
	})
	b.SetChecks([]topology.Check{
		check("broken", topology.Critical, noon.Add(time.Minute), noon), check("back", topology.Critical, noon.Add(time.Minute), noon.Add(-time.Hour)),
		check("first", topology.Warning, noon.Add(time.Minute), time.Time{}), check("long", topology.Warning, noon.Add(-time.Minute), time.Time{}),
	})
	got := compare(snapshot(t, from, a), snapshot(t, to, b), func(topology.Subject, string) time.Time { return time.Time{} })
	var lines []string
	for _, c := range got.Checks {
		lines = append(lines, fmt.Sprintf("%s %s %s>%s %v %t", c.Check.Name, c.Change.Change, c.Was, c.Is, c.What, c.Returned))
	}
	want := []string{
		"back appeared >CRITICAL [] true",
		"broken changed OK>CRITICAL [status] false",
		"dropped vanished CRITICAL> [] false",
		"first appeared >WARNING [] false",
		"long appeared >WARNING [] true",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCompareMany: however many changes there are, each is told, in its order.
func TestCompareMany(t *testing.T) {
	web := typical("web", 3*alone+7)
	none := web.Clone()
	none.Connections = nil
	got := compare(snapshot(t, noon, none), snapshot(t, noon.Add(time.Hour), web), func(sub topology.Subject, id string) time.Time { return time.Time{} })
	if len(got.Connections) != len(web.Connections) {
		t.Fatalf("%d connections are told of, want %d", len(got.Connections), len(web.Connections))
	}
	for i := range got.Connections {
		if got.Connections[i].Connection.ID != web.Connections[i].ID {
			t.Fatalf("connection %d is %s, want %s", i, got.Connections[i].Connection.ID, web.Connections[i].ID)
		}
	}
}

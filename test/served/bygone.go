package served

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

// HoursAgo is a moment of the story that [Bygone] tells.
func HoursAgo(n float64) time.Time {
	return time.Now().Add(-time.Duration(n * float64(time.Hour))).Truncate(time.Second)
}

// PastHost is a node with one service and edges to the same of others.
func PastHost(name string, at time.Time, servers ...string) *topology.Block {
	b := &topology.Block{Node: topology.Node{
		Name: name, Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict, Collect: "agent",
		Identity: "machine:" + name, FirstSeen: at, LastReport: at, Addresses: []netip.Addr{},
	}}
	id := name + "~tcp~8000"
	b.Services = []topology.Service{{
		ID: id, Node: name, Protocol: "tcp", Port: 8000, Process: "app", Addresses: []netip.Addr{}, State: topology.Listening, Verdict: topology.NoVerdict, FirstSeen: at,
	}}
	for _, s := range servers {
		c := topology.Connection{
			Client: topology.Client{Node: name, Process: "app", Service: id}, Server: topology.Server{Node: s, Port: 8000, Service: s + "~tcp~8000"},
			Protocol: "tcp", Count: 1, Directed: true, Status: topology.Fresh, FirstSeen: at, LastSeen: at,
			Evidence: topology.Evidence{SeenBy: []topology.Sighting{{Node: name, End: "client", At: at}}},
		}
		c.ID = topology.ConnectionID(&c)
		b.Connections = append(b.Connections, &c)
	}
	slices.SortFunc(b.Connections, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
	return b
}

// Bygone fills a store: web called db until three hours ago, and calls cache
// since; old was there until then; nothing was seen from two hours ago to one.
func Bygone(t testing.TB) func(*bolt.Store) {
	return func(st *bolt.Store) {
		r := history.NewRecorder()
		begin, turn := HoursAgo(10), HoursAgo(3)
		web, db, cache := PastHost("web", begin, "db"), PastHost("db", begin), PastHost("cache", turn)
		later := PastHost("web", begin, "cache")
		later.Write(0).FirstSeen = turn
		for b, status := range map[*topology.Block]topology.Status{web: topology.OK, later: topology.Critical} {
			b.SetChecks([]topology.Check{{
				ID: topology.CheckID("nagios", "web", "disk"), Source: "nagios", Kind: topology.ServiceCheck, Host: "web", Name: "disk", Status: status, Hard: true, Node: "web",
			}})
		}
		use := store.Use{Service: "db~tcp~8000", Connection: web.Connections[0].ID, Client: web.Connections[0].Client, First: begin, Last: turn}
		c := store.Change{
			Revision: topology.Revision{Epoch: "e", Number: 7}, Put: []*topology.Block{later, db, cache}, Alive: time.Now(),
			Records: []store.Record{r.Record(web, begin), r.Record(db, begin), r.Record(PastHost("old", begin), begin), r.Record(later, turn), r.Record(cache, turn), r.Gone("old", turn)},
			Uses:    []store.Use{use},
			Gaps:    []store.Gap{{From: HoursAgo(2), To: HoursAgo(1), Why: "the server did not run"}, {Node: "db", From: HoursAgo(5), To: HoursAgo(4), Why: "the agent did not report"}},
		}
		for i := range 5 {
			c.Append = append(c.Append, topology.Event{
				At: begin.Add(time.Duration(i) * time.Hour), Revision: "e-1", Kind: topology.Appeared, Subject: topology.SubjectNode, ID: fmt.Sprint("n", i), Node: fmt.Sprint("n", i),
			})
		}
		c.Append = append(c.Append, topology.Event{At: turn, Revision: "e-2", Kind: topology.Vanished, Subject: topology.SubjectConnection, ID: web.Connections[0].ID, Node: "web", Process: "app", Peer: "db", Port: 8000})
		if err := st.Write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// Stamp is a moment as a parameter.
func Stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

package keep

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func empty(at time.Time) *topology.Snapshot {
	return topology.Empty(topology.Revision{Epoch: "e"}, at)
}

func keeper(alive time.Time) *Keeper {
	return New(nil, slog.New(slog.NewTextHandler(io.Discard, nil)), unmetered{}, empty(noon), alive)
}

// TestEventsAreBounded: while the store fails the oldest events go, counted.
func TestEventsAreBounded(t *testing.T) {
	k := keeper(time.Time{})
	many := make([]topology.Event, maxPending-1)
	for i := range many {
		many[i].ID = fmt.Sprint(i)
	}
	k.Keep(k.snap, many)
	waiting := k.take()
	k.Keep(k.snap, []topology.Event{{ID: "a"}, {ID: "b"}, {ID: "c"}})
	k.outcome(errors.New("disk full"), &waiting, 0)
	if len(k.events) != maxPending || k.Losses().Events != 2 || k.events[0].ID != "2" || k.events[maxPending-1].ID != "c" {
		t.Errorf("%d wait, %d lost, from %s to %s", len(k.events), k.Losses().Events, k.events[0].ID, k.events[len(k.events)-1].ID)
	}
}

func TestServerGap(t *testing.T) {
	for _, tt := range []struct {
		name  string
		alive time.Time
		want  []store.Gap
	}{
		{"a new store", time.Time{}, nil},
		{"a restart", noon.Add(-30 * time.Second), nil},
		{"killed within the minute after it said so", noon.Add(-70 * time.Second), nil},
		{"away for an hour", noon.Add(-time.Hour), []store.Gap{{From: noon.Add(-time.Hour), To: noon, Why: "the server did not run"}}},
	} {
		if diff := cmp.Diff(tt.want, keeper(tt.alive).gaps); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// moment is a snapshot of one node.
func moment(t *testing.T, at time.Time, n topology.Node) *topology.Snapshot {
	t.Helper()
	blocks := []*topology.Block{}
	if n.Name != "" {
		blocks = append(blocks, &topology.Block{Node: n})
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: uint64(at.Unix())}, at, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNodeGaps(t *testing.T) {
	heard := noon.Add(-2 * time.Minute)
	node := func(name string, state topology.NodeState, collect string) topology.Node {
		return topology.Node{Name: name, Kind: topology.Host, State: state, LastReport: heard, Collect: collect}
	}
	renamed := node("web2", topology.Reporting, "agent")
	renamed.Formerly = []topology.Former{{Name: "web"}}
	gap := func(to time.Time, why string) []store.Gap {
		return []store.Gap{{Node: "web", From: heard, To: to, Why: why}}
	}
	for _, tt := range []struct {
		name     string
		was, now topology.Node
		want     []store.Gap
	}{
		{"an agent falls silent", node("web", topology.Reporting, "agent"), node("web", topology.Stale, "agent"), gap(time.Time{}, "the agent did not report")},
		{"a host does not answer", node("web", topology.Reporting, "ssh"), node("web", topology.Stale, "ssh"), gap(time.Time{}, "the node did not answer")},
		{"a file is old", node("web", topology.Reporting, "import"), node("web", topology.Stale, "import"), gap(time.Time{}, "no newer file was imported")},
		{"a host is shut down", node("web", topology.Reporting, "agent"), node("web", topology.Left, "agent"), gap(time.Time{}, "the host was shut down")},
		{"a host reboots", node("web", topology.Reporting, "agent"), node("web", topology.Rebooting, "agent"), gap(time.Time{}, "the host was rebooting")},
		{"an agent is stopped", node("web", topology.Reporting, "agent"), node("web", topology.Stopped, "agent"), gap(time.Time{}, "the agent was stopped")},
		{"it is there again after a reboot", node("web", topology.Rebooting, "agent"), node("web", topology.Reporting, "agent"), gap(noon, "the host was rebooting")},
		{"it does not come back from one", node("web", topology.Rebooting, "agent"), node("web", topology.Stale, "agent"), nil},
		{"it comes back", node("web", topology.Stale, "agent"), node("web", topology.Reporting, "agent"), gap(noon, "the agent did not report")},
		{"it is removed while silent", node("web", topology.Stale, "agent"), topology.Node{}, gap(noon, "the agent did not report")},
		{"it comes back under another name", node("web", topology.Stale, "agent"), renamed, gap(noon, "the agent did not report")},
		{"a new node", topology.Node{}, node("web", topology.Reporting, "agent"), nil},
		{"a reporting node is removed", node("web", topology.Reporting, "agent"), topology.Node{}, nil},
		{"a network is not called for long, and never reported", topology.Node{Name: "net", Kind: topology.Network, State: topology.Unheard}, topology.Node{Name: "net", Kind: topology.Network, State: topology.Stale}, nil},
		{"still silent", node("web", topology.Stale, "agent"), node("web", topology.Stale, "ssh"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prev, next := moment(t, noon.Add(-time.Second), tt.was), moment(t, noon, tt.now)
			if diff := cmp.Diff(tt.want, gaps(prev, next, topology.Diff(prev, next))); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

func check(status topology.Status, output string) topology.Check {
	return topology.Check{ID: "disk", Source: "nagios", Host: "web", Name: "disk", Node: "web", Status: status, Hard: true, Output: output}
}

// TestWhatIsRecorded: what a chart of the past shows, and no number alone.
func TestWhatIsRecorded(t *testing.T) {
	base := topology.Node{Name: "web", Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict}
	for _, tt := range []struct {
		name   string
		change func(b *topology.Block)
		want   int
	}{
		{"a status", func(b *topology.Block) { b.SetChecks([]topology.Check{check("CRITICAL", "no room")}) }, 1},
		{"what a check says", func(b *topology.Block) { b.SetChecks([]topology.Check{check("OK", "9 GB left")}) }, 0},
		{"a note", func(b *topology.Block) { b.Node.Notes = []topology.Note{{Code: "c", Text: "t"}} }, 1},
		{"a report's time", func(b *topology.Block) { b.Node.LastReport = noon.Add(time.Second) }, 0},
		{"what a look cost", func(b *topology.Block) { b.Node.Cost.CPUMillis = 3 }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := &topology.Block{Node: base}, &topology.Block{Node: base}
			before.SetChecks([]topology.Check{check("OK", "fine")})
			after.SetChecks([]topology.Check{check("OK", "fine")})
			tt.change(after)
			now, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 2}, noon.Add(time.Second), []*topology.Block{after})
			was, err2 := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, []*topology.Block{before})
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			k := New(nil, slog.New(slog.DiscardHandler), unmetered{}, was, noon)
			c, _ := k.changeOf(&taken{snap: now, settings: store.Defaults()}, noon.Add(time.Second), byAndBy)
			if len(c.Records) != tt.want {
				t.Errorf("%d records, want %d", len(c.Records), tt.want)
			}
		})
	}
}

// TestShortEdgeIsInTheLedger: what came and went between two rounds of the sweep.
func TestShortEdgeIsInTheLedger(t *testing.T) {
	block := func(c ...*topology.Connection) []*topology.Block {
		return []*topology.Block{{Node: topology.Node{Name: "web", Kind: topology.Host}, Connections: c}}
	}
	snap := func(at time.Time, blocks []*topology.Block) *topology.Snapshot {
		s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: uint64(at.Unix())}, at, blocks)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	edge := topology.Connection{
		ID: "c1", Client: topology.Client{Node: "web", Process: "cron"}, Server: topology.Server{Node: "db", Port: 5432, Service: "db~tcp~5432"},
		Protocol: "tcp", Directed: true, Status: topology.Fresh, FirstSeen: noon, LastSeen: noon, LastConnection: noon,
	}
	before := snap(noon.Add(-time.Second), block())
	k := New(nil, slog.New(slog.DiscardHandler), unmetered{}, before, noon)
	k.changeOf(&taken{snap: before, settings: store.Defaults()}, noon.Add(-time.Second), byAndBy) // the sweep was here already
	after := snap(noon, block(&edge))
	c, _ := k.changeOf(&taken{snap: after, events: topology.Diff(before, after), settings: store.Defaults()}, noon, byAndBy)
	if len(c.Uses) == 0 || c.Uses[0].Connection != "c1" || c.Uses[0].Service != "db~tcp~5432" {
		t.Errorf("uses are %+v", c.Uses)
	}
}

// TestNumbersWait: of many nodes of which only numbers changed those are written first
// that wait longest, and none waits for long; any other change is written at once.
func TestNumbersWait(t *testing.T) {
	const n = 3 * atOnce
	site := func(at time.Time, number int, other string) *topology.Snapshot {
		blocks := make([]*topology.Block, n)
		for i := range blocks {
			name := fmt.Sprintf("n%04d", i)
			c := topology.Connection{Client: topology.Client{Node: name, Process: "app"}, Server: topology.Server{Node: "db", Port: 5432}, Protocol: "tcp", Directed: true, Count: number, Status: topology.Fresh}
			if name == other {
				c.Client.Process = "cron"
			}
			c.ID = topology.ConnectionID(&c)
			blocks[i] = &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, LastReport: at}, Connections: []*topology.Connection{&c}}
		}
		s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: uint64(number)}, at, blocks)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	k := New(nil, slog.New(slog.DiscardHandler), unmetered{}, site(noon, 1, ""), noon)
	k.started = noon
	flush := func(s *topology.Snapshot, last bool) map[string]bool {
		all := byAndBy
		if last {
			all = everything
		}
		c, _ := k.changeOf(&taken{snap: s, settings: store.Defaults()}, s.At(), all)
		put := map[string]bool{}
		for _, b := range c.Put {
			put[b.Node.Name] = true
			k.written[b.Node.Name] = written{block: b, at: s.At()}
		}
		return put
	}
	one := flush(site(noon.Add(time.Second), 2, "n0599"), false)
	if len(one) != atOnce+1 || !one["n0599"] {
		t.Errorf("%d nodes are written at once, and the one that changed: %v", len(one), one["n0599"])
	}
	two := flush(site(noon.Add(2*time.Second), 3, "n0599"), false)
	for name := range two {
		if one[name] {
			t.Errorf("%s is written again before all others were once", name)
		}
	}
	after := site(noon.Add(2*time.Second+numbersWait), 4, "n0599")
	if late := flush(after, false); len(late) != n {
		t.Errorf("%d of %d are written after they waited for %s", len(late), n, numbersWait)
	}
	if again := flush(after, false); len(again) != 0 {
		t.Errorf("%d are written though the store has them", len(again))
	}
	if last := flush(site(noon.Add(3*time.Second+numbersWait), 5, "n0599"), true); len(last) != n {
		t.Errorf("the last flush writes %d of %d", len(last), n)
	}
}

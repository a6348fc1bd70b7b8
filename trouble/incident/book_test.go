package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// says holds what an update tells.
func (s *scene) says(want ...string) *scene {
	s.Helper()
	if got := s.look(); !slices.Equal(got, want) {
		s.Errorf("%s: news %v, want %v", s.now.Format("15:04:05"), got, want)
	}
	return s
}

// TestLife: an incident begins, grows, changes its mind, is acknowledged, recovers, is
// resolved, and comes back, all under one id.
func TestLife(t *testing.T) {
	s := newScene(t, "web > app\nweb2 > app\napp > db")
	s.says().goes(bad, "web").says("opened web")
	id := s.of("web").ID
	s.after(5*time.Second).says().goes(bad, "app").says("cause-changed app web")
	s.after(5*time.Second).goes(bad, "db", "web2").says("cause-changed app db web web2")
	if in := s.of("db"); in.Title != "db critical on db" || in.ID != id || in.Causes[0].Strength != trouble.Moderate || in.Unclear {
		t.Errorf("%s: %q, %+v", in.ID, in.Title, in.Causes)
	}
	if in := s.of("db"); len(in.Causes[0].Path) != 2 || in.Causes[0].Path[0].Client.Name != "web" || in.Causes[0].Path[1].Server.Name != "db" {
		t.Errorf("path %+v", in.Causes[0].Path)
	}
	in := s.book.Acknowledge(id, "ops", "on it", s.now)
	if in == nil || in.Ack.By != "ops" || s.book.Acknowledge("nobody", "", "", s.now) != nil {
		t.Errorf("%+v", in)
	}
	s.after(time.Minute).fine("db").says("changed app web web2")
	if in := s.of("web"); in.Title != "db critical on db" || !strings.HasPrefix(in.Sentence, "db is fine again since 12:01. 3 checks are still in trouble.") {
		t.Errorf("it recovers: %q, %q", in.Title, in.Sentence)
	}
	s.after(time.Second).fine("app", "web", "web2").says("resolved ")
	s.after(5*time.Minute).goes(bad, "db").look()
	if in := s.of("db"); in.ID != id || in.State != Open || in.Reopened != 1 || in.Ack == nil {
		t.Errorf("%+v", in)
	}
	s.after(time.Second).fine("db").says("resolved ")
	s.after(Reopen+time.Minute).goes(bad, "db").says("opened db")
	if in := s.of("db"); in.ID == id {
		t.Error("an old incident was opened again")
	}
	var kinds []string
	for _, e := range s.book.list[id].Timeline {
		kinds = append(kinds, string(e.Kind))
	}
	want := "opened alert cause alert cause alert alert cause acknowledged recovered recovered recovered recovered resolved reopened alert recovered resolved"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("timeline\n%s, want\n%s", got, want)
	}
}

// TestMergeAndSplit: what turns out to have to do with each other is one, and what has
// nothing to do with each other for a while is two.
func TestMergeAndSplit(t *testing.T) {
	s := newScene(t, "web > app\napp > db\nshop > db")
	s.watch["db"] = trouble.Watch{Fine: noon, Clock: "m"}
	s.goes(bad, "app").look()
	first := s.of("app").ID
	s.after(time.Minute)
	s.watch["db"] = trouble.Watch{Fine: s.now, Clock: "m"}
	s.goes(bad, "shop").look()
	second := s.of("shop").ID
	s.after(time.Minute).goes(bad, "db").look()
	if s.open() != "[app db shop]" || s.book.list[second].Into != first && s.book.list[first].Into != second {
		t.Fatalf("%s; %+v", s.open(), s.book.list[second])
	}
	one := s.of("db").ID
	s.after(time.Minute).fine("db")
	s.watch["db"] = trouble.Watch{Fine: s.now.Add(time.Hour), Clock: "m"}
	s.look()
	if s.open() != "[app shop]" || s.of("app").Apart.IsZero() {
		t.Errorf("at once: %s", s.open())
	}
	s.after(splitAfter-time.Second).want("later", "[app shop]")
	s.after(2*time.Second).want("at last", "[app] [shop]")
	if a, b := s.of("app"), s.of("shop"); a.ID != one && b.ID != one || a.ID == b.ID || a.From != b.ID && b.From != a.ID {
		t.Errorf("%s from %q, %s from %q; it was %s", a.ID, a.From, b.ID, b.From, one)
	}
}

// TestFlaps: what goes to and fro every second is one incident, and ends when it ends.
func TestFlaps(t *testing.T) {
	s := newScene(t, "web > db")
	opened, told := 0, 0
	for range 1000 {
		s.after(time.Second).goes(bad, "db")
		for _, n := range s.look() {
			told++
			if strings.HasPrefix(n, "opened") {
				opened++
			}
		}
		s.after(time.Second).fine("db")
		s.look()
	}
	if opened != 1 || len(s.book.All()) != 1 {
		t.Errorf("%d opened, %d are there", opened, len(s.book.All()))
	}
	in := s.book.All()[0]
	if in.State != Open || in.Reopened > restless || len(in.Timeline) > mostEntries || in.Dropped == 0 {
		t.Errorf("%s, came back %d times, %d entries", in.State, in.Reopened, len(in.Timeline))
	}
	if s.after(quiet).look(); s.open() != "" {
		t.Errorf("still open: %s", s.open())
	}
}

// TestRestart: a book that was written and read goes on, and tells nothing anew.
func TestRestart(t *testing.T) {
	s := newScene(t, "web > app\napp > db")
	s.goes(bad, "web", "db").look()
	id := s.of("db").ID
	raw, err := json.Marshal(s.book.All())
	if err != nil {
		t.Fatal(err)
	}
	var known []*Incident
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	s.book = NewBook(known)
	s.after(3 * time.Minute).says()
	s.goes(bad, "app").look()
	if in := s.of("app"); in.ID != id || len(s.book.All()) != 1 {
		t.Errorf("%+v", in)
	}
}

// TestForget: what is old goes, and the oldest of too many; what is open stays.
func TestForget(t *testing.T) {
	s := newScene(t, "x > y")
	for _, id := range each("c%d", 5) {
		s.goes(bad, id).look()
		s.after(time.Minute).fine(id).look()
		s.after(time.Hour)
	}
	s.goes(bad, "stays").look()
	if gone := s.book.Forget(noon.Add(90*time.Minute), 100); len(gone) != 2 {
		t.Errorf("%d of old age", len(gone))
	}
	if gone := s.book.Forget(noon, 3); len(gone) != 1 || s.open() != "[stays]" || len(s.book.All()) != 3 {
		t.Errorf("%d of too many; %s", len(gone), s.open())
	}
}

// TestTitles: a title names the fault and the place.
func TestTitles(t *testing.T) {
	for _, tt := range []struct {
		kind         topology.CheckKind
		name, output string
		status       topology.Status
		want         string
	}{
		{topology.ServiceCheck, "disk /", "DISK CRITICAL - free space: / 12 MB (0% inode=94%)", topology.Critical, "Disk full on db01"},
		{topology.ServiceCheck, "disk /", "DISK CRITICAL - free space: / 900 MB (3% inode=94%)", topology.Critical, "Disk space critical on db01"},
		{topology.ServiceCheck, "Disk_Space /var", "", topology.Warning, "Disk space low on db01"},
		{topology.ServiceCheck, "load", "", topology.Warning, "Load high on db01"},
		{topology.ServiceCheck, "mysql", "Can't connect: Connection refused", topology.Critical, "mysql refuses connections on db01"},
		{topology.ServiceCheck, "mysql", "Socket timeout after 10 seconds", topology.Critical, "mysql does not answer on db01"},
		{topology.ServiceCheck, "mysql", "slow queries", topology.Warning, "mysql warning on db01"},
		{topology.ServiceCheck, "SSL cert", "expires in 3 days", topology.Warning, "Certificate warning on db01"},
		{topology.HostCheck, "", "", topology.Down, "db01 is down"},
		{topology.HostCheck, "", "", topology.Unreachable, "db01 is unreachable"},
	} {
		m := Member{Kind: tt.kind, Name: tt.name, Output: tt.output, Status: tt.status, Host: "x", About: Ref{Node: "db01", Name: "db01 mysql:3306"}}
		if got := m.fault(); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.name, tt.output, got, tt.want)
		}
	}
}

// TestSignalTitles: what the sockets show has a title, too: what its signal says, without the
// one client that it names; of a former version what signals of its kind say.
func TestSignalTitles(t *testing.T) {
	for _, tt := range []struct{ name, title, want string }{
		{"refused: app01 java → mysql:3306", "db01 mysql:3306 refuses connections of app01 java", "db01 mysql:3306 refuses connections"},
		{"refused: app01 java → mysql:3306", "", "db01 mysql:3306 refuses connections"},
		{"unreachable: app01 java → mysql:3306", "db01 mysql:3306 does not answer app01 java", "db01 mysql:3306 does not answer"},
		{"gone: java → db01 mysql:3306", "app01 java has no connection to db01 mysql:3306 any more", "app01 java has no connection to db01 mysql:3306 any more"},
		{"silent: db01 and others", "db01 and others report no more", "db01 and others report no more"},
		{"something: new", "", "something: new critical on db01"},
	} {
		m := Member{Source: topology.SignalSource, Kind: topology.ServiceCheck, Name: tt.name, Title: tt.title, Status: topology.Critical, About: Ref{Node: "db01", Name: "db01 mysql:3306"}}
		if got := m.fault(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if m.Source = "icinga"; m.observed() != "" {
			t.Errorf("%s of a monitoring system is taken for a signal", tt.name)
		}
	}
}

// TestUnclear: where the cause can't be told, the title says so, and what is in trouble.
func TestUnclear(t *testing.T) {
	s := newScene(t, "pool p: a b")
	s.goes(bad, "a", "b").look()
	in := s.of("a")
	if !in.Unclear || in.Title != "Cause unclear: 2 checks on a and b" || !strings.HasPrefix(in.Sentence, "Can't tell: ") {
		t.Errorf("%q, %q", in.Title, in.Sentence)
	}
	if len(in.Impact.Predicted) != 0 {
		t.Errorf("predicted: %+v", in.Impact.Predicted)
	}
}

// TestCard: impact, changes and what isn't visible.
func TestCard(t *testing.T) {
	s := newScene(t, "web > app\napp > db1\nrep > db1\nlb > app\nfar > away")
	s.watch["web"] = trouble.Watch{Fine: noon.Add(-time.Hour), Clock: "m"}
	s.change = []trouble.Change{
		{Component: "db1", At: noon.Add(-time.Minute), What: "restarted under a new pid"},
		{Component: "db1", At: noon.Add(-time.Hour), What: "long ago"},
		{Component: "away", At: noon.Add(-time.Minute), What: "elsewhere"},
		{Component: "db1", At: noon.Add(time.Minute), What: "later"},
	}
	s.goes(bad, "db1", "app").look()
	in := s.of("db1")
	if len(in.Changes) != 1 || in.Changes[0].What != "restarted under a new pid" {
		t.Errorf("changes %+v", in.Changes)
	}
	var next []string
	for _, e := range in.Impact.Predicted {
		next = append(next, e.Name)
	}
	if slices.Sort(next); fmt.Sprint(next) != "[lb rep web]" {
		t.Errorf("predicted %v", next)
	}
	if !strings.Contains(in.Sentence, "it restarted under a new pid at 11:59") || !strings.HasSuffix(in.Sentence, "2 of 2 checks are consistent with it.") {
		t.Errorf("%s", in.Sentence)
	}
	if rows := in.Order(); len(rows) != 2 || len(rows[0].Marks) != 1 {
		t.Errorf("order %+v", rows)
	}
}

// TestAlways draws sites and what happens on them: nothing is lost or told twice, ids
// stay, and the same gives the same.
func TestAlways(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 16).Draw(rt, "components")
		var site strings.Builder
		for range rapid.IntRange(1, 3*n).Draw(rt, "edges") {
			how := rapid.SampledFrom([]string{">", ">", "@"}).Draw(rt, "how")
			fmt.Fprintf(&site, "c%d %s c%d\n", rapid.IntRange(0, n-1).Draw(rt, "client"), how, rapid.IntRange(0, n-1).Draw(rt, "server"))
		}
		if n > 4 {
			fmt.Fprintf(&site, "pool p: c0 c1 c2\npool q: c3 c4\n")
		}
		s, twin := newScene(t, site.String()), newScene(t, site.String())
		s.TB, twin.TB = fatal{t, rt}, fatal{t, rt}
		ids := map[string]State{}
		for range rapid.IntRange(1, 25).Draw(rt, "moments") {
			step := time.Duration(rapid.SampledFrom([]int{1, 1, 30, 700, 2000, 8000}).Draw(rt, "seconds")) * time.Second
			s.after(step)
			twin.now = s.now
			for range rapid.IntRange(0, 4).Draw(rt, "changes") {
				id := fmt.Sprintf("c%d/%d", rapid.IntRange(0, n+2).Draw(rt, "of"), rapid.IntRange(0, 1).Draw(rt, "check"))
				if rapid.IntRange(0, 2).Draw(rt, "fine") == 0 {
					s.fine(id)
					twin.fine(id)
					continue
				}
				status := rapid.SampledFrom([]topology.Status{topology.Warning, bad, topology.Unknown}).Draw(rt, "status")
				handled, soft, flapping := rapid.IntRange(0, 5).Draw(rt, "handled") == 0, rapid.IntRange(0, 5).Draw(rt, "soft") == 0, rapid.IntRange(0, 5).Draw(rt, "flapping") == 0
				skew := time.Duration(rapid.SampledFrom([]int{0, 0, -1, 1}).Draw(rt, "skew")) * time.Hour
				for _, x := range []*scene{s, twin} {
					x.goes(status, id)
					a := x.alerts[id]
					a.Handled, a.Soft, a.Flapping, a.Onset.By = handled, soft, flapping, a.Onset.By.Add(skew)
				}
			}
			news := s.look()
			if again := twin.look(); !slices.Equal(news, again) {
				rt.Fatalf("the same gives %v and %v", news, again)
			}
			for n := 0; ; n++ { // it settles
				more := s.look()
				if again := twin.look(); !slices.Equal(more, again) || n == 3 {
					rt.Fatalf("told again: %v and %v after %v", more, again, news)
				}
				if len(more) == 0 {
					break
				}
			}
			for _, in := range s.book.All() {
				if in.State == Open && ids[in.ID] == Resolved && in.Into != "" {
					rt.Fatalf("%s was merged, and is open", in.ID)
				}
				ids[in.ID] = in.State
			}
		}
		for id := range s.alerts {
			s.fine(id)
		}
		s.after(2 * time.Minute).look()
		if s.open() != "" {
			rt.Fatalf("nothing is bad, and there is %s", s.open())
		}
	})
}

// fatal ends a drawn case.
type fatal struct {
	testing.TB
	rt *rapid.T
}

func (f fatal) Fatalf(format string, args ...any) { f.rt.Fatalf(format, args...) }

// BenchmarkUpdate: 5,000 alerts on a site of 3,000 nodes with 100 connections each.
func BenchmarkUpdate(b *testing.B) {
	g, alerts := large(b)
	for b.Loop() {
		book := NewBook(nil)
		for i := range 10 {
			book.Update(&Moment{At: noon.Add(time.Duration(i) * time.Second), Graph: g, Alerts: alerts[:(i+1)*len(alerts)/10]})
		}
	}
}

// large is a site of 100 products of 30 nodes, each node with 100 connections.
func large(b *testing.B) (*trouble.Graph, []Alert) {
	b.Helper()
	var components []trouble.Component
	var edges []trouble.Edge
	var alerts []Alert
	for p := range 100 {
		for n := range 30 {
			host := fmt.Sprintf("host%d-%d", p, n)
			components = append(components, trouble.Component{ID: host, Kind: trouble.Node})
			for s := range 3 {
				id := fmt.Sprintf("s%d-%d-%d", p, n, s)
				components = append(components, trouble.Component{ID: id, Pool: fmt.Sprintf("pool%d-%d-%d", p, n/10, s)})
				edges = append(edges, trouble.Edge{Client: id, Server: host, Kind: trouble.On})
				for c := range 33 {
					to := fmt.Sprintf("s%d-%d-%d", p, (n/10+1)*10+c%10, c%3)
					if n >= 20 {
						to = fmt.Sprintf("s%d-%d-%d", c%3, 29-c%3, c%3)
					}
					edges = append(edges, trouble.Edge{Client: id, Server: to})
				}
			}
			if len(alerts) < 5000 {
				for s := range 2 {
					a := Alert{Alert: trouble.Alert{ID: fmt.Sprint("a", p, n, s), Component: fmt.Sprintf("s%d-%d-%d", p, n, s), Status: bad, Onset: trouble.Onset{By: noon, Clock: "m"}}}
					alerts = append(alerts, a)
				}
			}
		}
	}
	g, err := trouble.NewGraph(components, edges)
	if err != nil {
		b.Fatal(err)
	}
	return g, alerts
}

package past_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/nodes"
	"github.com/devops-trouble-map/dotm/test/served"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

func TestTopologyOfThePast(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	for _, level := range []string{"service", "node"} {
		now := served.Read[api.Topology](t, s, "/api/v1/topology?level="+level)
		then := served.Read[api.Topology](t, s, "/api/v1/topology?level="+level+"&at="+served.Stamp(served.HoursAgo(6)))
		if !then.Past || now.Past || !strings.HasPrefix(then.Revision, "at-") {
			t.Errorf("past is %t and %t, revision %s", then.Past, now.Past, then.Revision)
		}
		if diff := cmp.Diff([]string{"db", "old", "web"}, slices.Sorted(slices.Values(served.NodeNames(&then)))); diff != "" {
			t.Errorf("nodes (-want +got):\n%s", diff)
		}
		if len(then.Connections) != 1 || then.Connections[0].Server.Node != "db" {
			t.Errorf("connections %+v", then.Connections)
		}
		places := map[string]view.Rect{}
		for _, n := range now.Nodes {
			places[n.Name] = *n.Layout
		}
		for _, n := range then.Nodes {
			today, ok := places[n.Name]
			switch {
			case ok && (n.Layout.X != today.X || n.Layout.Y != today.Y):
				t.Errorf("%s stands at %v, today at %v", n.Name, *n.Layout, today)
			case !ok && n.Layout.Y < now.Height:
				t.Errorf("%s, which is gone, stands at %v among what is there", n.Name, *n.Layout)
			}
		}
	}
}

func TestPastIsReadEverywhere(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	at := "?at=" + served.Stamp(served.HoursAgo(6))
	if got := served.Read[api.NodeList](t, s, "/api/v1/nodes"+at); len(got.Nodes) != 3 {
		t.Errorf("%d nodes", len(got.Nodes))
	}
	if got := served.Read[nodes.NodeDetail](t, s, "/api/v1/nodes/old"+at); got.Node.Name != "old" || len(got.Services) != 1 {
		t.Errorf("node is %+v", got)
	}
	if got := served.Read[nodes.ServiceList](t, s, "/api/v1/services"+at); len(got.Services) != 3 {
		t.Errorf("%d services", len(got.Services))
	}
	if got := served.Read[nodes.ServiceDetail](t, s, "/api/v1/services/db~tcp~8000"+at); len(got.Connections) != 1 {
		t.Errorf("service is %+v", got)
	}
	if got := served.Read[nodes.ConnectionList](t, s, "/api/v1/connections"+at); len(got.Connections) != 1 {
		t.Errorf("%d connections", len(got.Connections))
	}
	if got := served.Read[api.Explanation](t, s, "/api/v1/explain"+at+"&client=web&server=db"); len(got.Connections) != 1 {
		t.Errorf("explanation is %+v", got)
	}
	served.Read[api.FindingList](t, s, "/api/v1/report"+at)
	a := s.Get(t, "/api/v1/topology"+at)
	if b := s.Get(t, "/api/v1/topology"+at, "If-None-Match", a.Header.Get("ETag")); b.StatusCode != http.StatusNotModified || len(b.Text) != 0 {
		t.Errorf("asked again: %s", b.Status)
	}
}

func TestGapsAreShown(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	in := served.Read[api.Topology](t, s, "/api/v1/topology?at=-90m")
	if len(in.Gaps) != 1 || in.Gaps[0].Why != "the server did not run" || in.Gaps[0].Node != "" {
		t.Errorf("within the gap: %+v", in.Gaps)
	}
	if out := served.Read[api.Topology](t, s, "/api/v1/topology?at=-30m"); len(out.Gaps) != 0 {
		t.Errorf("after the gap: %+v", out.Gaps)
	}
	type extent struct {
		From            *time.Time
		Records, Events int64
		Gaps            []store.Gap
	}
	got := served.Read[extent](t, s, "/api/v1/history")
	if got.From == nil || got.From.After(served.HoursAgo(9)) || got.Records != 6 || got.Events != 6 || len(got.Gaps) != 2 {
		t.Errorf("the history is %+v", got)
	}
	if got := served.Read[extent](t, s, "/api/v1/history?from=-6h&to=-3h"); len(got.Gaps) != 1 || got.Gaps[0].Node != "db" {
		t.Errorf("gaps of a range: %+v", got.Gaps)
	}
}

func TestEvents(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	type list struct {
		Events []topology.Event
		More   bool
	}
	for _, tt := range []struct {
		query string
		want  int
		more  bool
	}{
		{"", 6, false},
		{"?limit=2", 2, true},
		{"?node=db", 1, false},
		{"?subject=node", 5, false},
		{"?kind=vanished", 1, false},
		{"?kind=changed", 0, false},
		{"?from=-9h30m&to=-7h30m", 2, false},
	} {
		got := served.Read[list](t, s, "/api/v1/events"+tt.query)
		if len(got.Events) != tt.want || got.More != tt.more {
			t.Errorf("%q: %d events, more %t", tt.query, len(got.Events), got.More)
		}
		if !slices.IsSortedFunc(got.Events, func(a, b topology.Event) int { return b.At.Compare(a.At) }) {
			t.Errorf("%q: not the newest first", tt.query)
		}
	}
}

func TestEventCounts(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	type counts struct{ Up, Down []int }
	for _, tt := range []struct {
		query    string
		steps    int
		up, down int
	}{
		{"", 120, 5, 1},
		{"?from=-9h30m&to=-7h30m&step=1h", 2, 2, 0},
		{"?from=-3h30m&step=1h", 4, 0, 1},
	} {
		got := served.Read[counts](t, s, "/api/v1/events/counts"+tt.query)
		sum := func(list []int) (n int) {
			for _, x := range list {
				n += x
			}
			return n
		}
		if len(got.Up) != tt.steps || len(got.Down) != tt.steps || sum(got.Up) != tt.up || sum(got.Down) != tt.down {
			t.Errorf("%q: %d steps with %d and %d: %+v", tt.query, len(got.Up), sum(got.Up), sum(got.Down), got)
		}
	}
	// Each is in the step in which it happened, the oldest first.
	got := served.Read[counts](t, s, "/api/v1/events/counts?from=-10h30m&step=1h")
	if want := (counts{Up: []int{1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, Down: []int{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}}); !cmp.Equal(want, got) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestDiff(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	got := served.Read[history.Comparison](t, s, "/api/v1/diff?from=-6h&to=-30m")
	var lines []string
	for _, n := range got.Nodes {
		lines = append(lines, fmt.Sprintf("%s %s %t", n.Node.Name, n.Change.Change, n.Returned))
	}
	for _, c := range got.Connections {
		lines = append(lines, fmt.Sprintf("%s>%s %s %t", c.Connection.Client.Node, c.Connection.Server.Node, c.Change.Change, c.Returned))
	}
	for _, c := range got.Checks {
		lines = append(lines, fmt.Sprintf("%s of %s %s %s>%s", c.Check.Name, c.Check.Node, c.Change.Change, c.Was, c.Is))
	}
	slices.Sort(lines)
	want := []string{"cache appeared false", "disk of web changed OK>CRITICAL", "old vanished false", "web>cache appeared false", "web>db vanished false"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUses(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	got := served.Read[history.Usage](t, s, "/api/v1/services/db~tcp~8000/uses?since=-20h")
	if len(got.Uses) != 1 || got.Uses[0].Client.Node != "web" {
		t.Fatalf("used by %+v", got.Uses)
	}
	// Of 20 hours 10 were before the first record, one each the server and db
	// were not heard.
	if got.Covered < 0.39 || got.Covered > 0.41 {
		t.Errorf("covered is %.3f", got.Covered)
	}
	if got := served.Read[history.Usage](t, s, "/api/v1/services/db~tcp~8000/uses?since=-2h"); len(got.Uses) != 0 {
		t.Errorf("used lately by %+v", got.Uses)
	}
}

func TestWrongMoments(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/topology?at=yesterday", 422, "at must be a time like 2026-01-31T12:00:00Z or a duration ago like -24h, is"},
		{"/topology?at=24h", 422, "at must be a time like"},
		{"/topology?at=2999-01-01T00:00:00Z", 422, "at must not lie in the future"},
		{"/topology?at=2001-01-01T00:00:00Z", 404, "nothing is known of that moment: GET /api/v1/history says since when"},
		{"/nodes?at=x", 422, "at must be a time like"},
		{"/diff", 422, "from must be given"},
		{"/diff?from=-1h&to=-2h", 422, "from must be before to"},
		{"/diff?from=-1h&hide=x", 422, "hide must be none or a list"},
		{"/diff?from=-400h", 404, "nothing is known of that moment"},
		{"/events?from=now", 422, "from must be a time like"},
		{"/events/counts?from=-1h&to=-2h", 422, "from must be before to"},
		{"/events/counts?step=0s", 422, "step must be a duration like 12m"},
		{"/events/counts?from=-400h&step=1s", 422, "step must be longer"},
		{"/history?to=x", 422, "to must be a time like"},
		{"/services/db/uses", 404, "it is node~protocol~port"},
		{"/services/db~tcp~1/uses?since=x", 422, "since must be a time like"},
	} {
		if a := s.Get(t, "/api/v1"+tt.path); a.StatusCode != tt.status || !strings.Contains(string(a.Text), tt.want) {
			t.Errorf("%s: %s %s", tt.path, a.Status, a.Text)
		}
	}
}

package history

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

func TestHourOfWeek(t *testing.T) {
	for _, tt := range []struct {
		at   string
		want int
	}{
		{"2026-03-02T00:00:00Z", 0}, // a Monday
		{"2026-03-02T23:59:59Z", 23},
		{"2026-03-04T12:00:00Z", 60},
		{"2026-03-08T23:00:00Z", 167}, // Sunday
		{"2026-03-09T01:00:00+02:00", 167},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := HourOfWeek(at); got != tt.want {
			t.Errorf("%s is hour %d, want %d", tt.at, got, tt.want)
		}
		var h Hours
		if h.Add(at); !h.Has(at) || h.Has(at.Add(time.Hour)) || h.Has(at.Add(-time.Hour)) || !h.Has(at.AddDate(0, 0, 7)) {
			t.Errorf("%s: the hours are %v", tt.at, h)
		}
	}
}

func TestHoursInJSON(t *testing.T) {
	var u, v Use
	u.Hours.Add(noon)
	raw, err := json.Marshal(u)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil || v.Hours != u.Hours {
		t.Errorf("%v became %v, %v", u.Hours, v.Hours, err)
	}
	for _, wrong := range []string{`"AAAA"`, `"%"`, `7`} {
		if err := json.Unmarshal([]byte(wrong), new(Hours)); err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}

func TestMerge(t *testing.T) {
	old := Use{First: noon, Last: noon.Add(time.Hour), Client: topology.Client{Unit: "old"}}
	late := Use{First: noon.Add(time.Minute), Last: noon.Add(2 * time.Hour), Client: topology.Client{Unit: "new"}, Observer: true}
	old.Hours.Add(noon)
	late.Hours.Add(noon.Add(2 * time.Hour))
	a, b := old, late
	a.Merge(&late)
	b.Merge(&old)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the order matters:\n%s", diff)
	}
	if !a.First.Equal(old.First) || !a.Last.Equal(late.Last) || a.Client.Unit != "new" || !a.Observer || !a.Hours.Has(noon) || !a.Hours.Has(noon.Add(2*time.Hour)) {
		t.Errorf("merged to %+v", a)
	}
	var empty Use
	if empty.Merge(&old); empty != old {
		t.Errorf("merged into nothing: %+v", empty)
	}
}

func snapshot(t testing.TB, at time.Time, blocks ...*topology.Block) *topology.Snapshot {
	t.Helper()
	s, err := Snapshot(at, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSweep: each edge once an hour, however often it is looked.
func TestSweep(t *testing.T) {
	blocks := func() (out []*topology.Block) {
		for i := range 10 {
			b := typical(fmt.Sprintf("web%d", i), 5)
			for j := range b.Connections {
				b.Write(j).LastConnection = noon
			}
			b.Write(0)
			b.Connections[0].Count, b.Connections[0].LastSeen, b.Connections[0].LastConnection = 0, noon.Add(-24*time.Hour), noon.Add(-25*time.Hour) // long ago
			b.Write(1).Directed = false
			b.Write(2).Own = true
			b.Write(3)
			b.Connections[3].Count, b.Connections[3].LastSeen = 0, noon.Add(time.Minute) // closed within the hour
			out = append(out, b)
		}
		return out
	}
	var s Sweep
	at := noon.Add(5 * time.Minute)
	snap := snapshot(t, at, blocks()...)
	seen := map[string]int{}
	for range 8 { // two rounds of four parts, the last of which is empty or short
		for _, u := range s.Next(snap, at, 3) {
			seen[u.Connection]++
			if !u.Hours.Has(at) || u.Hours.Has(at.Add(time.Hour)) || u.Service == "" || u.Last.Before(noon) {
				t.Errorf("told of %+v", u)
			}
		}
	}
	if len(seen) != 20 {
		t.Errorf("told of %d edges, want 20", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("told of %s %d times", id, n)
		}
	}
	later := noon.Add(time.Hour)
	told := 0
	for range 4 {
		told += len(s.Next(snapshot(t, later, blocks()...), later, 3))
	}
	if told != 10 { // what is still open; the rest closed in the hour before
		t.Errorf("an hour later told of %d edges, want 10", told)
	}
}

// TestSweepHours: what closed just before the hour, after the last look, counts
// for the hour in which it was open, and once.
func TestSweepHours(t *testing.T) {
	var s Sweep
	before := typical("web", 2)
	before.Write(0)
	before.Connections[0].Count, before.Connections[0].LastSeen, before.Connections[0].LastConnection = 0, noon.Add(-24*time.Hour), noon.Add(-24*time.Hour)
	look := func(at time.Time, b *topology.Block) []Use { return s.Next(snapshot(t, at, b.Clone()), at, 10) }
	if got := look(noon.Add(-40*time.Second), before); len(got) != 1 {
		t.Fatalf("told of %d edges before", len(got))
	}
	after := before.Clone()
	for i := range after.Connections {
		after.Write(i)
		after.Connections[i].Count, after.Connections[i].LastSeen, after.Connections[i].LastConnection = 0, noon.Add(-10*time.Second), noon.Add(-30*time.Second)
	}
	got := look(noon.Add(20*time.Second), after)
	if len(got) != 1 || got[0].Connection != after.Connections[0].ID || !got[0].Hours.Has(noon.Add(-time.Second)) || got[0].Hours.Has(noon) {
		t.Errorf("after the hour told of %+v", got)
	}
	if got := look(noon.Add(80*time.Second), after); len(got) != 0 {
		t.Errorf("a minute later told of %+v", got)
	}
	if got := look(noon.Add(26*time.Hour), after); len(got) != 0 {
		t.Errorf("a day later told of %+v", got)
	}
}

// TestSweepChanged: what appears or vanishes is told at once, though it was told
// of within the hour.
func TestSweepChanged(t *testing.T) {
	was := typical("web", 5)
	is := was.Clone()
	was.Connections = was.Connections[1:]
	end := noon.Add(-2 * time.Hour)
	is.Write(1)
	is.Connections[1].Status, is.Connections[1].Count, is.Connections[1].LastSeen, is.Connections[1].LastConnection = topology.Old, 0, end, end
	is.Write(2)
	is.Connections[2].Own, is.Connections[2].Status = true, topology.Old
	is.Write(3).Observer = true
	was.Write(2).Status = topology.Old
	at := noon.Add(time.Minute)
	a, b := snapshot(t, noon, was), snapshot(t, at, is)
	var s Sweep
	s.Next(a, noon, 10)
	events := append(topology.Diff(a, b), topology.Event{Subject: topology.SubjectConnection, Kind: topology.Vanished, ID: "x", Holder: "web"},
		topology.Event{Subject: topology.SubjectConnection, Kind: topology.Vanished, ID: "x", Holder: "gone"})
	got := s.Changed(b, events, at)
	if len(got) != 3 {
		t.Fatalf("told of %d edges: %+v", len(got), got)
	}
	for i, want := range []struct {
		last     time.Time
		observer bool
	}{{at, false}, {end, false}, {at, true}} {
		u, c := got[i], is.Connections[[]int{0, 1, 3}[i]]
		if u.Connection != c.ID || !u.Last.Equal(want.last) || u.Observer != want.observer || !u.Hours.Has(want.last) || u.Service == "" {
			t.Errorf("told of %+v", u)
		}
	}
	if again := s.Next(b, at, 10); len(again) != 0 {
		t.Errorf("the sweep tells of it again: %+v", again)
	}
}

func TestServiceOf(t *testing.T) {
	c := topology.Connection{Protocol: "tcp", Server: topology.Server{Node: "Internet", Port: 443}}
	if got := ServiceOf(&c); got != "Internet~tcp~443" {
		t.Errorf("it is %q", got)
	}
	c.Server.Service = "db~tcp~5432~10.0.0.1"
	if got := ServiceOf(&c); got != "db~tcp~5432~10.0.0.1" {
		t.Errorf("it is %q", got)
	}
}

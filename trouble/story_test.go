package trouble_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	. "github.com/devops-trouble-map/dotm/trouble"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is said into the stories")

// TestStories tells small incidents in full, and holds every word of what is said of
// them. A story is a site, an incident, and what is wanted:
//
//	web > app1 app2          web calls both
//	app1 @ host1             app1 sits on host1
//	pool app: app1 app2      they stand in for each other
//	batch > db load=9 since=11:58 | idle | undirected | past=3/4
//
//	at 12:10
//	db CRITICAL 11:59 12:01 [name=x] [times=4] [slow] [full] [witness=x] [handled] [symptom] [flapping] [stale] [soft] [disputed]
//	fine cache 12:04         silent mq             watched nothing
//	paged web                changed db 11:58 restarted under a new pid
//	fails db                 asks for the impact, too
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil || len(a.Files) != 3 || a.Files[2].Name != "said" {
				t.Fatalf("no story: %v", err)
			}
			g := readSite(t, string(a.Files[0].Data))
			in, fails := readIncident(t, string(a.Files[1].Data))
			var out bytes.Buffer
			say(&out, NewRanker().Rank(g, in))
			if len(fails) > 0 {
				im, err := Predict(g, fails, in)
				if err != nil {
					t.Fatal(err)
				}
				sayImpact(&out, im)
			}
			if got := out.String(); got != string(a.Files[2].Data) {
				if *update {
					a.Files[2].Data = out.Bytes()
					if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("said\n%s\nwant\n%s", got, a.Files[2].Data)
			}
		})
	}
}

func say(out *bytes.Buffer, r Ranking) {
	if r.Unsure != "" {
		fmt.Fprintln(out, r.Unsure)
	}
	for i, c := range r.Causes[:min(3, len(r.Causes))] {
		fmt.Fprintf(out, "%d. %s: %s\n", i+1, c.Strength, c.Sentence)
		if len(c.Chips) > 0 {
			fmt.Fprintf(out, "   [%s]\n", strings.Join(c.Chips, "] ["))
		}
	}
	list := func(what string, ids []string) {
		if len(ids) > 0 {
			fmt.Fprintf(out, "%s: %s\n", what, strings.Join(ids, " "))
		}
	}
	list("not explained", r.Unexplained)
	list("not visible", r.NotVisible)
}

func sayImpact(out *bytes.Buffer, im Impact) {
	for _, l := range []struct {
		what string
		list []Effect
	}{{"confirmed", im.Confirmed}, {"predicted", im.Predicted}, {"possible", im.Possible}, {"spared", im.Spared}} {
		for _, e := range l.list {
			fmt.Fprintf(out, "%s: %s %s\n", l.what, e.Component, e.Why)
		}
	}
}

func readSite(t *testing.T, text string) *Graph {
	t.Helper()
	var edges []Edge
	pools := map[string]string{}
	var ids []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case f[0] == "pool":
			for _, id := range f[2:] {
				pools[id] = strings.TrimSuffix(f[1], ":")
				ids = append(ids, id)
			}
		case len(f) > 2 && (f[1] == ">" || f[1] == "@"):
			edges = append(edges, readEdges(t, f)...)
		default:
			t.Fatalf("no line of a site: %q", line)
		}
	}
	var components []Component
	for _, id := range ids {
		components = append(components, Component{ID: id, Pool: pools[id]})
	}
	return graph(t, components, edges...)
}

func readEdges(t *testing.T, f []string) (out []Edge) {
	t.Helper()
	like := Edge{Client: f[0]}
	if f[1] == "@" {
		like.Kind = On
	}
	for _, word := range f[2:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "load":
			like.Load = number(t, value)
		case "since":
			like.LoadSince = clock(t, value)
		case "idle":
			like.Idle = true
		case "undirected":
			like.Undirected = true
		case "past":
			followed, failed, _ := strings.Cut(value, "/")
			like.Followed, like.Failed = int(number(t, followed)), int(number(t, failed))
		default:
			out = append(out, Edge{Server: word})
		}
	}
	for i := range out {
		server := out[i].Server
		out[i] = like
		out[i].Server = server
	}
	return out
}

func readIncident(t *testing.T, text string) (in *Incident, fails []string) {
	t.Helper()
	in = &Incident{}
	watch := func(id string, w Watch) {
		if in.Watched == nil {
			in.Watched = map[string]Watch{}
		}
		if id != "nothing" {
			in.Watched[id] = w
		}
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "at":
			in.At = clock(t, f[1])
		case "fine":
			watch(f[1], Watch{Fine: clock(t, f[2])})
		case "silent":
			watch(f[1], Watch{Blind: true})
		case "watched":
			watch(f[1], Watch{})
		case "paged":
			in.Paged = append(in.Paged, f[1])
		case "changed":
			in.Changes = append(in.Changes, Change{Component: f[1], At: clock(t, f[2]), What: strings.Join(f[3:], " ")})
		case "fails":
			fails = append(fails, f[1:]...)
		default:
			in.Alerts = append(in.Alerts, readAlert(t, f))
		}
	}
	return in, fails
}

func readAlert(t *testing.T, f []string) Alert {
	t.Helper()
	a := Alert{Component: f[0], Status: topology.Status(f[1]), Trouble: Failing}
	if a.Status.Severity() < 0 {
		t.Fatalf("no status in %q", f)
	}
	var times []time.Time
	for _, word := range f[2:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "name":
			a.Name = value
		case "times":
			a.Times = number(t, value)
		case "slow":
			a.Trouble = Slow
		case "full":
			a.Trouble = Full
		case "witness":
			a.Witnesses = append(a.Witnesses, value)
		case "clock":
			a.Onset.Clock = value
		case "handled":
			a.Handled = true
		case "symptom":
			a.Symptom = true
		case "flapping":
			a.Flapping = true
		case "stale":
			a.Stale = true
		case "soft":
			a.Soft = true
		case "disputed":
			a.Disputed = "its agent reports"
		default:
			times = append(times, clock(t, word))
		}
	}
	if len(times) == 2 {
		a.Onset.After, a.Onset.By = times[0], times[1]
	}
	return a
}

func clock(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(2026, 3, 1, at.Hour(), at.Minute(), 0, 0, time.UTC)
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestStoriesAgain: the order in which alerts come changes nothing of what is first.
func TestStoriesAgain(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		g := readSite(t, string(a.Files[0].Data))
		in, _ := readIncident(t, string(a.Files[1].Data))
		r := NewRanker().Rank(g, in)
		slices.Reverse(in.Alerts)
		again := NewRanker().Rank(g, in)
		if len(r.Causes) == 0 || r.Unsure != "" {
			continue
		}
		if x, y := r.Causes[0], again.Causes[0]; x.Component != y.Component || x.Score != y.Score || x.Strength != y.Strength {
			t.Errorf("%s: %s %v, the other way round %s %v", name, x.Component, x.Score, y.Component, y.Score)
		}
	}
}

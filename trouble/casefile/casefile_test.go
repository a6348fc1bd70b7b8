package casefile

import (
	"math"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

func TestGraph(t *testing.T) {
	g, err := Graph(strings.NewReader("# a comment\nweb\tapp\n\napp\tdb \t17\r\nweb\tapp\nü x\t::1\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for client, server := range map[string]string{"web": "app", "app": "db ", "ü x": "::1"} {
		if got := g.Servers(client); len(got) != 1 || got[0] != server {
			t.Errorf("%q calls %q", client, got)
		}
	}
	if g.Len() != 5 {
		t.Errorf("%d components", g.Len())
	}
}

func TestGraphErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no tab":    {"a\tb\na b\n", `line 2: "a b" is no edge`},
		"no server": {"a\t\n", "line 1"},
		"no client": {"\tb\n", "line 1"},
		"endless":   {strings.Repeat("x", mostLine+1), "token too long"},
		"long":      {strings.Repeat("é", 100), "…"},
	} {
		if _, err := Graph(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIncidents(t *testing.T) {
	cases, err := Incidents(strings.NewReader(`[
		{"scenario": "s", "target": "web", "metric": "latency", "root_cause": "db", "issue": 7,
		 "alerts": {"web": 6, "db": 50.5, "app": 7, "web": 8}},
		{"alerts": null}, {}]`))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 3 || len(cases[1].Alerts)+len(cases[2].Alerts) != 0 {
		t.Fatalf("%+v", cases)
	}
	c := cases[0]
	want := []Figure{{"web", 8}, {"db", 50.5}, {"app", 7}}
	if c.Scenario != "s" || c.Target != "web" || c.Metric != "latency" || c.Truth != "db" || len(c.Alerts) != 3 {
		t.Fatalf("%+v", c)
	}
	for i, f := range want {
		if c.Alerts[i] != f {
			t.Errorf("%d: %+v", i, c.Alerts[i])
		}
	}
}

func TestIncidentsErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":         {"", "a list of objects is expected"},
		"no list":       {`{"alerts": {}}`, "a list of objects is expected"},
		"alerts a list": {`[{"alerts": ["db"]}]`, "no object of component and figure"},
		"a word":        {`[{"alerts": {"db": "much"}}]`, `the figure of "db"`},
		"cut":           {`[{"alerts": {"db": 1`, "unexpected EOF"},
	} {
		if _, err := Incidents(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIncident: figures are times the limit; who calls nothing is known from its
// clients; the truth stays behind.
func TestIncident(t *testing.T) {
	g, err := Graph(strings.NewReader("web\tapp\napp\tdb\nweb\tdb\napp\tcache\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := Case{
		Target: "web", Metric: "latency", Truth: "cache",
		Alerts: []Figure{{"app", 10}, {"db", 100}, {"cache", 25}, {"below", -3}, {"new", 5}},
	}
	in := c.Incident(g)
	if len(in.Paged) != 1 || in.Paged[0] != "web" || in.Watched != nil || len(in.Alerts) != 4 {
		t.Fatalf("%+v", in)
	}
	for i, want := range []struct {
		component, witnesses string
		times                float64
	}{{"app", "", 2}, {"db", "app web", 20}, {"cache", "app", 5}, {"new", "", 1}} {
		a := in.Alerts[i]
		if a.Component != want.component || a.Times != want.times || strings.Join(a.Witnesses, " ") != want.witnesses || a.Trouble != trouble.Slow || a.Status != "" {
			t.Errorf("%+v, want %+v", a, want)
		}
	}
	c.Metric = "availability"
	if k := c.Incident(g).Alerts[0].Trouble; k != trouble.Failing {
		t.Errorf("trouble %q", k)
	}
}

// TestScales: what counts is how far a figure is above the smallest, and where there
// are none but marks, each is as bad as the other.
func TestScales(t *testing.T) {
	g, err := trouble.NewGraph(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := Case{Alerts: []Figure{{"a", 3}, {"b", 6}}}
	if in := c.Incident(g); in.Alerts[0].Times != 1 || in.Alerts[1].Times != 2 {
		t.Errorf("%+v", in.Alerts)
	}
	c = Case{Alerts: []Figure{{"a", 1}, {"b", 1}}}
	for _, a := range c.Incident(g).Alerts {
		if a.Times != 0 || a.Status != topology.Critical {
			t.Errorf("%+v", a)
		}
	}
}

func FuzzGraph(f *testing.F) {
	f.Add("a\tb\n#\nb\tc\r\n")
	f.Add("\t")
	f.Add("a\ta\n\xff\t\x00")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := Graph(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, e := range g.Edges() {
			if e.Client == "" || e.Server == "" || strings.ContainsAny(e.Client+e.Server, "\t\n") {
				t.Errorf("%+v", e)
			}
		}
	})
}

// FuzzIncidents: whatever can be read can be ranked, and without a figure that is
// none.
func FuzzIncidents(f *testing.F) {
	f.Add(`[{"alerts": {"a": 6, "b": 50}, "target": "c"}]`)
	f.Add(`[{"alerts": {"a": 1e308, "a": -1, "": 0}}, {}]`)
	f.Add(`[{"alerts": null}]`)
	g, err := Graph(strings.NewReader("a\tb\nb\tc\nc\ta\nb\t\xff"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := Incidents(strings.NewReader(text))
		if err != nil {
			return
		}
		for i := range cases[:min(len(cases), 20)] {
			for _, c := range trouble.NewRanker().Rank(g, cases[i].Incident(g)).Causes {
				if math.IsNaN(c.Score) || math.IsInf(c.Score, 0) {
					t.Errorf("%+v", c)
				}
			}
		}
	})
}

package trouble_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
	. "github.com/devops-trouble-map/dotm/trouble"
)

// TestSentences: what is said of a cause, word for word: observations, and what
// speaks against it.
func TestSentences(t *testing.T) {
	db := func(how ...func(*Alert)) Alert {
		a := Alert{Component: "db", Name: "postgres:5432", Status: topology.Critical, Onset: between(12, 13)}
		for _, h := range how {
			h(&a)
		}
		return a
	}
	symptoms := func(from float64) []Alert {
		list := criticals("web api")
		for i := range list {
			list[i].Onset = between(from, from+2)
		}
		return list
	}
	edges := calls("web>db api>db")
	pool := []Component{{ID: "db", Pool: "p"}, {ID: "db2", Pool: "p"}}
	for _, tt := range []struct {
		name       string
		components []Component
		edges      []Edge
		in         Incident
		of         string
		want       string
		chips      string
	}{
		{
			"first of three", nil, edges,
			Incident{At: at(20), Alerts: append(symptoms(14), db())},
			"db",
			"db postgres:5432 is CRITICAL since 12:13; both others in trouble need it; it was bad before any of them",
			"first of 3, 2 of 2 paths, no redundancy",
		},
		{
			"order not known", nil, edges,
			Incident{At: at(20), Alerts: append(symptoms(12.5), db())},
			"db",
			"db postgres:5432 is CRITICAL since 12:13; both others in trouble need it",
			"order not known, 2 of 2 paths, no redundancy",
		},
		{
			"later", nil, edges,
			Incident{At: at(20), Alerts: append(symptoms(0), db())},
			"db",
			"db postgres:5432 is CRITICAL since 12:13; both others in trouble need it; it was last OK after 2 of them went bad",
			"later than 2, 2 of 2 paths, no redundancy",
		},
		{
			"days ago", nil, edges,
			Incident{At: at(60 * 24 * 2), Alerts: []Alert{db()}},
			"db",
			"db postgres:5432 is CRITICAL since 2026-03-01 12:13; nothing else is in trouble", "0 of 2 paths, no redundancy",
		},
		{
			"a figure", nil, edges,
			Incident{Alerts: append(criticals("web"), Alert{Component: "db", Times: 3.24})},
			"db",
			"db is at 3.2 times its limit; the one other in trouble needs it", "order not known, 1 of 2 paths, no redundancy",
		},
		{
			"a large figure, flapping", nil, edges,
			Incident{Alerts: append(criticals("web"), Alert{Component: "db", Times: 32.4, Flapping: true})},
			"db",
			"db is at 32 times its limit and flapping; the one other in trouble needs it", "order not known, 1 of 2 paths, no redundancy",
		},
		{
			"a mark", nil, edges, Incident{Alerts: []Alert{{Component: "db"}}}, "db", "db is in trouble; nothing else is in trouble", "0 of 2 paths, no redundancy",
		},
		{
			"one witness", nil, calls("web>db web>app"),
			Incident{Alerts: append(criticals("app"), db(func(a *Alert) { a.Witnesses = []string{"web"} }))},
			"db",
			"db postgres:5432 is CRITICAL by the word of web alone since 12:13; the other in trouble doesn't need it", "0 of 1 paths, no redundancy, one witness",
		},
		{
			"two witnesses", nil, edges, Incident{At: at(20), Alerts: []Alert{
				db(func(a *Alert) { a.Witnesses = []string{"web"} }), db(func(a *Alert) { a.Witnesses = []string{"api"} }),
			}}, "db", "db postgres:5432 is CRITICAL since 12:13; nothing else is in trouble", "0 of 2 paths, no redundancy",
		},
		{
			"nobody watches", nil, edges,
			Incident{At: at(20), Alerts: symptoms(1), Watched: map[string]Watch{}},
			"db",
			"nobody watches db; both others in trouble need it", "order not known, 2 of 2 paths, no redundancy, not watched",
		},
		{
			"silent", nil, edges,
			Incident{At: at(20), Alerts: symptoms(1), Watched: map[string]Watch{"db": {Blind: true}}},
			"db",
			"nothing comes from db any more; both others in trouble need it", "order not known, 2 of 2 paths, no redundancy, silent",
		},
		{
			"fine", nil, edges,
			Incident{At: at(20), Alerts: symptoms(1), Watched: map[string]Watch{"db": {Fine: at(18), Clock: "m"}}},
			"db",
			"db was found to be fine at 12:18; both others in trouble need it", "order not known, 2 of 2 paths, no redundancy, seen fine",
		},
		{
			"looked at before", nil, edges,
			Incident{At: at(20), Alerts: symptoms(1), Watched: map[string]Watch{"db": {Fine: at(1), Clock: "m"}}},
			"db",
			"no alert is on db; both others in trouble need it", "order not known, 2 of 2 paths, no redundancy",
		},
		{
			"paged", nil, edges,
			Incident{Alerts: criticals("web"), Paged: []string{"db"}},
			"db",
			"people were called for db; the one other in trouble needs it", "order not known, 1 of 2 paths, no redundancy",
		},
		{
			"changed", nil, edges,
			Incident{
				At: at(20), Alerts: append(symptoms(14), db()),
				Changes: []Change{{"db", at(11), "restarted under a new pid"}, {"db", at(-60), "was new"}, {"nobody", at(11), "was new"}},
			},
			"db",
			"db postgres:5432 is CRITICAL since 12:13; both others in trouble need it; it was bad before any of them; it restarted under a new pid at 12:11",
			"first of 3, 2 of 2 paths, no redundancy, changed before",
		},
		{
			"a pool", pool, calls("web>db web>db2 api>db api>db2"),
			Incident{At: at(20), Alerts: append(symptoms(14), db())},
			"db",
			"db postgres:5432 is CRITICAL since 12:13; both others in trouble need it; it was bad before any of them; but 1 of its pool has no alert",
			"first of 3, 2 of 2 paths, 1 of 2 members",
		},
		{
			"a load", nil, append(calls("api>db"), Edge{Client: "web", Server: "db", Load: 7.77}),
			Incident{Alerts: append(criticals("web api"), db())},
			"web",
			"web is CRITICAL; both others in trouble need it; it sends 7.8 times its usual traffic to db", "order not known",
		},
		{
			"a hub", nil, calls("a>db b>db c>db d>db e>db web>db"),
			Incident{At: at(20), Alerts: append(criticals("web"), db())},
			"db",
			"db postgres:5432 is CRITICAL since 12:13; the one other in trouble needs it; but 5 of its 6 clients have no alert",
			"order not known, 1 of 6 paths, no redundancy",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRanker().Rank(graph(t, tt.components, tt.edges...), &tt.in)
			i := place(r, tt.of)
			if i < 0 {
				t.Fatalf("%s is no cause of %+v", tt.of, r.Causes)
			}
			if got := r.Causes[i].Sentence; got != tt.want {
				t.Errorf("sentence\n%s, want\n%s", got, tt.want)
			}
			if got := strings.Join(r.Causes[i].Chips, ", "); got != tt.chips {
				t.Errorf("chips\n%s, want\n%s", got, tt.chips)
			}
		})
	}
}

// TestLaterIsWeak: whatever it explains, what went bad after its symptoms is no more
// than first in a list.
func TestLaterIsWeak(t *testing.T) {
	db := critical("db")
	db.Onset = between(12, 13)
	in := &Incident{At: at(20), Alerts: []Alert{db}}
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		a := Alert{Component: id, Status: topology.Warning, Onset: between(1, 2)}
		in.Alerts = append(in.Alerts, a)
	}
	g := graph(t, nil, calls("a>db b>db c>db d>db e>db f>db")...)
	if c := first(t, NewRanker().Rank(g, in)); c.Component != "db" || c.Strength != Weak {
		t.Errorf("%+v", c)
	}
	for i := range in.Alerts {
		in.Alerts[i].Onset = Onset{}
	}
	if c := first(t, NewRanker().Rank(g, in)); c.Component != "db" || c.Strength != Strong {
		t.Errorf("without times: %+v", c)
	}
}

// TestNotVisible: what nobody watches near the trouble is told, and only that.
func TestNotVisible(t *testing.T) {
	g := graph(t, nil, calls("web>app app>db app>cache app>mail x>y")...)
	in := Incident{
		At: at(20), Alerts: criticals("web app"),
		Watched: map[string]Watch{"web": {}, "app": {}, "cache": {Fine: at(19)}, "mail": {Blind: true}},
	}
	if r := NewRanker().Rank(g, &in); !slices.Equal(r.NotVisible, []string{"db", "mail"}) {
		t.Errorf("not visible: %v", r.NotVisible)
	}
	in.Watched = nil
	if r := NewRanker().Rank(g, &in); r.NotVisible != nil {
		t.Errorf("not visible without knowing what is watched: %v", r.NotVisible)
	}
}

// TestName: sentences call components by their names, ids stay in the fields.
func TestName(t *testing.T) {
	g := graph(t, []Component{{ID: "1", Name: "db1"}, {ID: "2", Name: "web"}}, Edge{Client: "2", Server: "1"})
	c := first(t, NewRanker().Rank(g, &Incident{Alerts: criticals("1 2")}))
	if c.Component != "1" || !strings.HasPrefix(c.Sentence, "db1 is CRITICAL;") {
		t.Errorf("%+v", c)
	}
}

package phrase

import (
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestItself: what was seen of the component, the first clause.
func TestItself(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    Facts
		want string
	}{
		{"a status", Facts{Alert: &Alert{Status: topology.Down}}, "db is DOWN"},
		{"of a check", Facts{Alert: &Alert{Check: "disk /var", Status: topology.Critical}}, "db disk /var is CRITICAL"},
		{"the check is called like it", Facts{Alert: &Alert{Check: "db", Status: topology.Critical}}, "db is CRITICAL"},
		{"since", Facts{At: noon, Alert: &Alert{Status: topology.Warning, Since: noon.Add(-time.Hour)}}, "db is WARNING since 11:00"},
		{
			"in another zone of time",
			Facts{At: noon, Alert: &Alert{Status: topology.Warning, Since: noon.In(time.FixedZone("", 7200))}},
			"db is WARNING since 12:00",
		},
		{"since the day before", Facts{At: noon, Alert: &Alert{Status: topology.Warning, Since: noon.Add(-21 * time.Hour)}}, "db is WARNING since 2026-02-28 15:00"},
		{"at no moment", Facts{Alert: &Alert{Status: topology.Warning, Since: noon.Add(-100 * time.Hour)}}, "db is WARNING since 08:00"},
		{"a small figure", Facts{Alert: &Alert{Times: 1.04}}, "db is at 1.0 times its limit"},
		{"a figure", Facts{Alert: &Alert{Times: 9.94}}, "db is at 9.9 times its limit"},
		{"a large figure", Facts{Alert: &Alert{Times: 9.96}}, "db is at 10 times its limit"},
		{"both", Facts{Alert: &Alert{Times: 3, Status: topology.Critical}}, "db is CRITICAL at 3.0 times its limit"},
		{"neither", Facts{Alert: &Alert{Status: topology.NoStatus}}, "db is in trouble"},
		{"flapping", Facts{Alert: &Alert{Status: topology.Critical, Flapping: true}}, "db is CRITICAL and flapping"},
		{"one witness", Facts{At: noon, Alert: &Alert{Status: topology.Critical, Witness: "web", Since: noon}}, "db is CRITICAL by the word of web alone since 12:00"},
		{"a signal", Facts{At: noon, Alert: &Alert{Check: "silent: db", Says: "db reports no more", Status: topology.Unknown, Since: noon}}, "db reports no more since 12:00"},
		{"a signal with a figure", Facts{Alert: &Alert{Says: "db refuses connections of web", Times: 2, Flapping: true, Witness: "web"}}, "db refuses connections of web, at 2.0 times its limit, and flapping by the word of web alone"},
		{"an alert goes before a state", Facts{Alert: &Alert{Status: topology.Critical}, State: Paged}, "db is CRITICAL"},
		{"paged", Facts{State: Paged}, "people were called for db"},
		{"fine", Facts{At: noon, State: Fine, FineAt: noon}, "db was found to be fine at 12:00"},
		{"silent", Facts{State: Silent}, "nothing comes from db any more"},
		{"not watched", Facts{State: Unwatched}, "nobody watches db"},
		{"nothing", Facts{}, "no alert is on db"},
	} {
		tt.f.Name = "db"
		if got := Sentence(&tt.f); got != tt.want+"; nothing else is in trouble" {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// TestOthers: who needs it, and when they went bad.
func TestOthers(t *testing.T) {
	for _, tt := range []struct {
		f    Facts
		want string
	}{
		{Facts{Others: 1}, "the other in trouble doesn't need it"},
		{Facts{Others: 7}, "none of the 7 others in trouble needs it"},
		{Facts{Reach: 1, Others: 1}, "the one other in trouble needs it"},
		{Facts{Reach: 1, Others: 7}, "one of the 7 others in trouble needs it"},
		{Facts{Reach: 2, Others: 2}, "both others in trouble need it"},
		{Facts{Reach: 3, Others: 7}, "3 of the 7 others in trouble need it"},
		{Facts{Reach: 7, Others: 7}, "all 7 others in trouble need it"},
		{Facts{Reach: 1, Others: 1, Explains: 1, First: 1}, "the one other in trouble needs it; it was bad before the other was last OK"},
		{Facts{Reach: 7, Others: 7, Explains: 7, First: 7}, "all 7 others in trouble need it; it was bad before any of them"},
		{
			Facts{Reach: 7, Others: 7, Explains: 7, First: 2},
			"all 7 others in trouble need it; it was bad before 2 of them, the order of the rest is not known",
		},
		{Facts{Reach: 7, Others: 7, Explains: 7, Later: 2}, "all 7 others in trouble need it; it was last OK after 2 of them went bad"},
		{Facts{Reach: 7, Others: 7, Explains: 7, Later: 2, First: 3}, "all 7 others in trouble need it; it was bad before 3 and after 2 of them"},
		{Facts{Reach: 7, Others: 7, Explains: 7}, "all 7 others in trouble need it"},
	} {
		tt.f.Name = "db"
		if got := Sentence(&tt.f); got != "no alert is on db; "+tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// TestRest: what else was seen, and what speaks against it, in this order.
func TestRest(t *testing.T) {
	for _, tt := range []struct {
		f    Facts
		want string
	}{
		{Facts{At: noon, Change: "restarted under a new pid", Changed: noon.Add(-time.Minute)}, "it restarted under a new pid at 11:59"},
		{Facts{Load: 11.7, Loaded: "db1"}, "it sends 12 times its usual traffic to db1"},
		{Facts{Few: true, Bad: 2, Quiet: 40}, "but 40 of its 42 clients have no alert"},
		{Facts{Few: true, Bad: 0, Quiet: 1}, "but 1 of its 1 clients has no alert"},
		{Facts{Bad: 2, Quiet: 40}, ""},
		{Facts{Pool: 4, PoolBad: 1, PoolQuiet: 3}, "but 3 of its pool have no alert"},
		{Facts{Pool: 2, PoolBad: 1, PoolQuiet: 1}, "but 1 of its pool has no alert"},
		{Facts{Pool: 2, PoolBad: 2}, ""},
		{Facts{Alert: &Alert{Disputed: "its agent reports"}}, "but its agent reports"},
		{Facts{Alert: &Alert{Disputed: "its agent reports"}, Pool: 2, PoolQuiet: 2}, "but its agent reports and 2 of its pool have no alert"},
		{
			Facts{At: noon, Change: "came", Changed: noon, Load: 4, Loaded: "x", Few: true, Bad: 1, Quiet: 9, Pool: 3, PoolQuiet: 2},
			"it came at 12:00; it sends 4.0 times its usual traffic to x; but 9 of its 10 clients have no alert and 2 of its pool have no alert",
		},
	} {
		tt.f.Name = "db"
		want := "no alert is on db; nothing else is in trouble"
		if tt.f.Alert != nil {
			want = "db is in trouble; nothing else is in trouble"
		}
		if tt.want != "" {
			want += "; " + tt.want
		}
		if got := Sentence(&tt.f); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestChips(t *testing.T) {
	for _, tt := range []struct {
		f    Facts
		want string
	}{
		{Facts{}, ""},
		{Facts{Explains: 22, First: 22}, "first of 23"},
		{Facts{Explains: 22, First: 21}, ""},
		{Facts{Explains: 22}, "order not known"},
		{Facts{Explains: 22, Later: 1, First: 3}, "later than 1"},
		{Facts{Bad: 3, Needed: true}, "3 of 3 paths, no redundancy"},
		{Facts{Bad: 1, Quiet: 2}, "1 of 3 paths"},
		{Facts{Pool: 4, PoolBad: 1, Needed: true}, "1 of 4 members"},
		{Facts{Alert: &Alert{Witness: "web"}}, "one witness"},
		{Facts{Alert: &Alert{}, State: Unwatched}, ""},
		{Facts{State: Unwatched}, "not watched"},
		{Facts{State: Silent}, "silent"},
		{Facts{State: Fine}, "seen fine"},
		{Facts{Change: "restarted"}, "changed before"},
	} {
		if got := strings.Join(Chips(&tt.f), ", "); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.f, got, tt.want)
		}
	}
}

func TestWhy(t *testing.T) {
	for _, tt := range []struct {
		n    Need
		want string
	}{
		{Need{}, "calls db"},
		{Need{Called: 1}, "calls db"},
		{Need{On: true, Idle: true}, "sits on db"},
		{Need{Idle: true}, "calls db, but not lately"},
		{Need{Failed: 4, Followed: 3}, "calls db; went bad with it 3 of 4 times before"},
		{Need{Idle: true, Failed: 1}, "calls db, but not lately; went bad with it 0 of 1 times before"},
		{Need{Pooled: true, Called: 1}, "calls db and no other member of its pool"},
		{Need{Pooled: true, Called: 3}, "calls 3 members of the pool of db, all of them affected"},
		{Need{Pooled: true, Called: 3, Living: 2}, "calls 3 members of the pool of db, 2 of them not affected"},
	} {
		tt.n.Server = "db"
		if got := Why(tt.n); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.n, got, tt.want)
		}
	}
}

// TestWords: nothing is ever claimed to be the cause for sure.
func TestWords(t *testing.T) {
	all := Facts{
		Name: "db", At: noon, Alert: &Alert{Check: "c", Status: topology.Critical, Times: 4, Flapping: true, Witness: "w", Since: noon},
		Reach: 3, Others: 4, Explains: 3, First: 1, Later: 1, Change: "came", Changed: noon, Load: 4, Loaded: "x",
		Few: true, Bad: 1, Quiet: 9, Pool: 3, PoolBad: 1, PoolQuiet: 2, Needed: true,
	}
	text := Sentence(&all) + strings.Join(Chips(&all), " ")
	for _, word := range []string{"root", "cause", "because", "deployed", "certain", "%"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is in %s", word, text)
		}
	}
}

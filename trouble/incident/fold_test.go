package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

const bad = topology.Critical

// TestFold: what has to do with what.
func TestFold(t *testing.T) {
	for _, tt := range []struct {
		name, site string
		do         func(s *scene)
		want       string
	}{
		{"who calls whom", "web > app\napp > db", func(s *scene) { s.goes(bad, "web", "app", "db") }, "[app db web]"},
		{"what is between isn't watched", "web > app\napp > db", func(s *scene) { s.goes(bad, "web", "db") }, "[db web]"},
		{"what is between is fine", "web > app\napp > db", func(s *scene) {
			s.goes(bad, "web", "db").watch["app"] = trouble.Watch{Fine: s.now, Clock: "m"}
		}, "[db] [web]"},
		{"nothing in common", "web > app\nshop > db", func(s *scene) { s.goes(bad, "web", "app", "db", "shop") }, "[app web] [db shop]"},
		{"one server without a check", "a > db\nb > db", func(s *scene) { s.goes(bad, "a", "b") }, "[a b]"},
		{"one server that is fine", "a > db\nb > db", func(s *scene) {
			s.goes(bad, "a", "b").watch["db"] = trouble.Watch{Fine: s.now, Clock: "m"}
		}, "[a] [b]"},
		{"few of those who use it", "a > db\nb > db\nc > db\nd > db\ne > db", func(s *scene) {
			s.goes(bad, "a", "b")
			for _, id := range []string{"c", "d", "e"} {
				s.watch[id] = trouble.Watch{Fine: s.now, Clock: "m"}
			}
		}, "[a] [b]"},
		{"a dead host is one event", "a @ host\nb @ host\nc @ host", func(s *scene) { s.goes(topology.Down, "host").goes(bad, "a", "b", "c") }, "[a b c host]"},
		{"a dead host that nobody checks", "a @ host\nb @ host\nc @ host", func(s *scene) { s.goes(bad, "a", "b", "c").watch["host"] = trouble.Watch{Blind: true} }, "[a b c]"},
		{"two on one host that reports", "a @ host\nb @ host", func(s *scene) {
			s.goes(bad, "a", "b").watch["host"] = trouble.Watch{Fine: s.now.Add(-9 * time.Second), Clock: "server"}
		}, "[a] [b]"},
		{"a zone is cut off", "host1 @ zone\nhost2 @ zone\nhost3 @ zone", func(s *scene) { s.goes(topology.Down, "host1", "host2", "host3") }, "[host1 host2 host3]"},
		{"members of a pool", "pool p: a b c", func(s *scene) { s.goes(bad, "a", "b") }, "[a b]"},
		{"members of a pool, an hour apart", "pool p: a b c", func(s *scene) { s.goes(bad, "a").look(); s.after(time.Hour).goes(bad, "b") }, "[a] [b]"},
		{"checks of one thing", "a > b", func(s *scene) { s.goes(bad, "b/disk").look(); s.after(5*time.Hour).goes(bad, "b/ping") }, "[b/disk b/ping]"},
		{"a late effect of what still fails", "web > db", func(s *scene) { s.goes(bad, "db").look(); s.after(5*time.Hour).goes(bad, "web") }, "[db web]"},
		{"what only warns since long", "web > db", func(s *scene) { s.goes(topology.Warning, "db").look(); s.after(5*time.Hour).goes(bad, "web") }, "[db] [web]"},
		{"long before its server", "web > db", func(s *scene) { s.goes(bad, "web").look(); s.after(5*time.Hour).goes(bad, "db") }, "[db] [web]"},
		{"a cycle", "a > b\nb > c\nc > a", func(s *scene) { s.goes(bad, "a", "b", "c") }, "[a b c]"},
		{"what is on no chart", "a > b", func(s *scene) { s.goes(bad, "a", "stranger", "other", "stranger/disk") }, "[a] [other] [stranger stranger/disk]"},
		{"a clock that is an hour off", "web > db", func(s *scene) {
			s.goes(bad, "db").look()
			s.after(time.Minute).goes(bad, "web")
			s.alerts["web"].Onset = trouble.Onset{By: s.now.Add(time.Hour), Clock: "other"}
		}, "[db web]"},
		{"an hour slow", "web > db", func(s *scene) {
			s.goes(bad, "db").look()
			s.after(time.Minute).goes(bad, "web")
			s.alerts["web"].Onset = trouble.Onset{By: s.now.Add(-time.Hour), Clock: "other"}
		}, "[db web]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, tt.site)
			tt.do(s)
			s.want(tt.name, tt.want)
		})
	}
}

// hubbed is a site of products that share a resolver.
func hubbed() string {
	var b strings.Builder
	for _, p := range each("%d", 20) {
		b.WriteString("web" + p + " > app" + p + " dns\napp" + p + " > db" + p + " dns\ndb" + p + " > dns\n")
	}
	return b.String()
}

// TestHub: what everything uses doesn't fold the whole site into one, unless it fails.
func TestHub(t *testing.T) {
	s := newScene(t, hubbed())
	s.goes(topology.Warning, "dns").goes(bad, "web1", "app1", "db1").want("a hub that warns", "[app1 db1 dns web1]")
	s.after(time.Minute).goes(bad, "web7", "db7", "app7").want("and another product", "[app1 db1 dns web1] [app7 db7 web7]")
	s = newScene(t, hubbed())
	s.goes(bad, "dns").goes(bad, "web1", "app3", "db7").want("a hub that fails", "[app3 db7 dns web1]")
	s.after(5*time.Hour).goes(bad, "db9").want("much later", "[app3 db7 dns web1] [db9]")
	s = newScene(t, hubbed())
	s.goes(bad, "web1", "app3").want("a hub without a check, of which few complain", "[app3] [web1]")
}

// TestProxy: who calls many things that have nothing else in common is no way from one to
// the other.
func TestProxy(t *testing.T) {
	s := newScene(t, "lb > "+strings.Join(each("app%d", 15), " "))
	s.goes(bad, "lb", "app1", "app2").look()
	if got := s.open(); got != "[app1 lb] [app2]" && got != "[app2 lb] [app1]" && got != "[app1] [app2 lb]" {
		t.Errorf("%s", got)
	}
}

// TestHandled: what somebody takes care of, or what can't be believed, opens nothing, and
// is evidence in what is open.
func TestHandled(t *testing.T) {
	for name, set := range map[string]func(*Alert){
		"acknowledged": func(a *Alert) { a.Handled = true },
		"soft":         func(a *Alert) { a.Soft = true },
		"flapping":     func(a *Alert) { a.Flapping = true },
		"stale":        func(a *Alert) { a.Stale = true },
		"suppressed":   func(a *Alert) { a.Symptom = true },
	} {
		s := newScene(t, "web > app\napp > db\nshop > app2\napp2 > db2")
		s.goes(bad, "app")
		set(s.alerts["app"])
		s.want(name+" alone", "")
		s.goes(bad, "web").want(name+" with another", "[app web]")
		if name == "acknowledged" || name == "suppressed" {
			continue
		}
		s.goes(bad, "db").want(name+" stays, and joins no two", "[app web] [db]")
	}
}

// TestStaysOpen: an incident whose alerts are taken care of is open until they are over.
func TestStaysOpen(t *testing.T) {
	s := newScene(t, "web > db")
	s.goes(bad, "db").look()
	s.alerts["db"].Handled, s.alerts["db"].How = true, []string{"acknowledged"}
	if got := s.after(time.Minute).look(); len(got) != 1 || got[0] != "changed db" {
		t.Errorf("%v", got)
	}
	last := s.of("db").Timeline
	if e := last[len(last)-1]; e.Kind != EntryHandled || e.Text != "db is acknowledged" {
		t.Errorf("%+v", e)
	}
}

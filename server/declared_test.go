package server

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// architect is a monitoring system in which people declared something.
type architect struct {
	scripted
	hosts []mapping.Host
	deps  []monitor.Dependency
}

func (a *architect) Read(ctx context.Context) (*monitor.Reading, error) {
	r, err := a.scripted.Read(ctx)
	if err == nil {
		r.Hosts, r.Dependencies = a.hosts, a.deps
	}
	return r, err
}

// declaredLines spell what is declared, and what is observed of it.
func declaredLines(t *testing.T, s *running, node string) (out []string) {
	t.Helper()
	list, err := s.Declared(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		line := fmt.Sprintf("%s %s %s/%s@%s", r.Source, r.Kind, r.Of.Host, r.Of.Name, r.Of.Node)
		if r.To != nil {
			line += fmt.Sprintf(" %s/%s@%s", r.To.Host, r.To.Name, r.To.Node)
		}
		out = append(out, line+" "+r.Group+string(r.Observed))
	}
	return out
}

// TestDeclaredBesideObserved: what people declared is listed with the nodes that it
// means and what the sockets tell of it, while the source can't be read and after a
// start, too.
func TestDeclaredBesideObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := &architect{
			hosts: []mapping.Host{{Name: "web", Groups: []string{"shop"}}, {Name: "db", Parents: []string{"gw", "web"}}, {Name: "gw"}},
			deps: []monitor.Dependency{
				{Host: "web", Name: "nginx", ParentHost: "db", ParentName: "nginx"}, // to its node, another port
				{Host: "db", Name: "nginx", ParentHost: "web", ParentName: "nginx"}, // no connection
				{Host: "web", ParentHost: "db"},
				{Host: "web", ParentHost: "gw"},
			},
		}
		sys.set("web/nginx", topology.OK)
		sys.set("db/nginx", topology.OK)
		st := &memory{}
		s := monitored(t, st, sys)
		web, db := &reporter{name: "web", number: 1}, &reporter{name: "db", number: 2}
		s.put(t, web.report("10.0.0.2"))
		s.put(t, db.report())
		wait(2 * time.Second)
		all := []string{
			"n dependency db/nginx@db web/nginx@web none",
			"n dependency web/@web db/@db connection",
			"n dependency web/@web gw/@ unknown",
			"n dependency web/nginx@web db/nginx@db node",
			"n group web/@web shop",
			"n parent db/@db gw/@ ",
			"n parent db/@db web/@web ",
		}
		if diff := cmp.Diff(all, declaredLines(t, s, "")); diff != "" {
			t.Errorf("declared (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append([]string{all[0], all[1], all[3]}, all[5:]...), declaredLines(t, s, "db")); diff != "" {
			t.Errorf("declared of db (-want +got):\n%s", diff)
		}

		afterStart := slices.Clone(all) // which check is about what is known when it is read
		afterStart[3] = "n dependency web/nginx@web db/nginx@db connection"
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		sys.fail(&monitor.Error{Reason: monitor.NoConnection, Text: "nobody answers"})
		s = monitored(t, st, sys)
		s.put(t, web.report("10.0.0.2"))
		s.put(t, db.report())
		wait(2 * time.Second)
		if diff := cmp.Diff(afterStart, declaredLines(t, s, "")); diff != "" {
			t.Errorf("declared after a start (-want +got):\n%s", diff)
		}

		sys.deps, sys.hosts = nil, []mapping.Host{{Name: "web"}, {Name: "db"}}
		sys.fail(nil)
		wait(11 * time.Second)
		if got := declaredLines(t, s, ""); got != nil {
			t.Errorf("nothing is declared any more, and it says %v", got)
		}
		if docs := s.Documents(declaredKind); len(docs) != 1 || string(docs[0].Value) != "{}" {
			t.Errorf("kept is %+v", docs)
		}
	})
}

// TestDeclaredIsKeptOnce: a reading that says the same writes nothing.
func TestDeclaredIsKeptOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys, st := &architect{hosts: []mapping.Host{{Name: "web", Groups: []string{"shop"}}}}, &memory{}
		sys.set("web/nginx", topology.OK)
		s := monitored(t, st, sys)
		wait(time.Minute)
		written := 0
		for _, c := range st.writes {
			for _, d := range c.Keep {
				if d.Kind == declaredKind {
					written++
				}
			}
		}
		if sys.reads < 5 || written != 1 {
			t.Errorf("after %d readings it was written %d times", sys.reads, written)
		}
		if got := declaredLines(t, s, "nobody"); got != nil {
			t.Errorf("of a node that there is not, it says %v", got)
		}
	})
}

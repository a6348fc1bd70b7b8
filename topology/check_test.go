package topology

import (
	"strings"
	"testing"
	"time"
)

func TestSeverity(t *testing.T) {
	order := []Status{NoStatus, Pending, OK, Up, Warning, Unknown, Unreachable, Critical, Down}
	for i, s := range order {
		if s.Severity() != i {
			t.Errorf("%s has severity %d, want %d", s, s.Severity(), i)
		}
		if want := i >= 4; s.Bad() != want {
			t.Errorf("%s is bad: %v", s, s.Bad())
		}
	}
	if Status("FINE").Severity() != -1 || Worse(Warning, "FINE") != Warning || Worse(OK, Critical) != Critical {
		t.Error("what is no status counts")
	}
}

func TestCheckID(t *testing.T) {
	a, b := CheckID("s", "h", "n"), CheckID("s", "hn", "")
	if a == b || a != CheckID("s", "h", "n") {
		t.Errorf("%s and %s", a, b)
	}
	if id := CheckID("s", "a/b", "C:\\ <ü>\xff"); strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("%s is not safe in a URL", id)
	}
}

// TestJudge: the worst of all, the worst that nobody takes care of, and whether
// anything is still known.
func TestJudge(t *testing.T) {
	check := func(id, service string, s Status, how ...func(*Check)) Check {
		c := Check{ID: id, Service: service, Status: s, Hard: true}
		for _, h := range how {
			h(&c)
		}
		return c
	}
	acked := func(c *Check) { c.Acknowledged = true }
	soft := func(c *Check) { c.Hard = false }
	stale := func(c *Check) { c.Stale = true }
	for _, tt := range []struct {
		name          string
		checks        []Check
		node, service Verdict
	}{
		{"nothing", nil, NoVerdict, NoVerdict},
		{"fine", []Check{check("a", "", Up), check("b", "s", OK)}, verdict(Up, Up, false), verdict(OK, OK, false)},
		{"trouble of the service is the node's", []Check{check("a", "", Up), check("b", "s", Critical)}, verdict(Critical, Critical, false), verdict(Critical, Critical, false)},
		{"trouble of the node is not the service's", []Check{check("a", "", Down), check("b", "s", OK)}, verdict(Down, Down, false), verdict(OK, OK, false)},
		{"acknowledged", []Check{check("a", "", Up), check("b", "s", Warning, acked)}, verdict(Warning, Up, false), verdict(Warning, NoStatus, false)},
		{"soft beside hard", []Check{check("a", "s", Critical, soft), check("b", "s", Warning)}, verdict(Critical, Warning, false), verdict(Critical, Warning, false)},
		{"one of two is stale", []Check{check("a", "s", Critical, stale), check("b", "s", OK)}, verdict(Critical, OK, false), verdict(Critical, OK, false)},
		{"all are stale", []Check{check("a", "s", Critical, stale), check("b", "s", OK, stale)}, verdict(Critical, NoStatus, true), verdict(Critical, NoStatus, true)},
		{"fine, then stale", []Check{check("a", "s", OK), check("b", "s", OK, stale)}, verdict(OK, OK, false), verdict(OK, OK, false)},
		{"of a service that is no more", []Check{check("a", "gone", Critical)}, verdict(Critical, Critical, false), NoVerdict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &Block{Services: []Service{{ID: "s"}}}
			b.SetChecks(tt.checks)
			if is := verdict(b.Node.Status, b.Node.OpenStatus, b.Node.StatusStale); is != tt.node {
				t.Errorf("node %+v", is)
			}
			if is := verdict(b.Services[0].Status, b.Services[0].OpenStatus, b.Services[0].StatusStale); is != tt.service {
				t.Errorf("service %+v", is)
			}
		})
	}
}

func verdict(s, open Status, stale bool) Verdict {
	return Verdict{Status: s, OpenStatus: open, StatusStale: stale}
}

// TestVerdictCounts, so that any change of a check is one of what it is on.
func TestVerdictCounts(t *testing.T) {
	later := noon.Add(time.Minute)
	b := &Block{Services: []Service{{ID: "s"}}}
	b.SetChecks([]Check{
		{ID: "a", Status: Up, Hard: true, Since: noon},
		{ID: "b", Service: "s", Status: Critical, Hard: true, Since: later},
		{ID: "c", Service: "s", Status: Warning, Hard: true, Acknowledged: true},
		{ID: "d", Status: Critical, Hard: true, Stale: true},
	})
	want := Verdict{Status: Critical, OpenStatus: Critical, Checks: 4, Open: 1, Handled: 1, StatusChanged: later}
	if b.Node.Verdict != want {
		t.Errorf("node %+v", b.Node.Verdict)
	}
	if want.Checks = 2; b.Services[0].Verdict != want {
		t.Errorf("service %+v", b.Services[0].Verdict)
	}
}

// TestCheckEvents: what of a check is told as a change.
func TestCheckEvents(t *testing.T) {
	at := func(checks ...Check) *Snapshot {
		b := &Block{Node: Node{Name: "web"}}
		b.SetChecks(checks)
		return from(t, b)
	}
	ok := Check{ID: "a", Source: "n", Host: "web", Name: "http", Node: "web", Service: "s", Status: OK, Hard: true}
	with := func(how func(*Check)) Check {
		c := ok
		how(&c)
		return c
	}
	bad := with(func(c *Check) { c.Status = Critical })
	for _, tt := range []struct {
		name    string
		a, b    *Snapshot
		kind    EventKind
		what    string
		was, is Status
	}{
		{"it turns bad", at(ok), at(bad), Changed, "status", OK, Critical},
		{"it is handled", at(bad), at(with(func(c *Check) { c.Status, c.Acknowledged = Critical, true })), Changed, "acknowledged", Critical, Critical},
		{"an alert appears", at(), at(bad), Appeared, "", "", Critical},
		{"an alert is gone", at(bad), at(), Vanished, "", Critical, ""},
		{"a new check that is fine", at(), at(ok), "", "", "", ""},
		{"it says something else", at(ok), at(with(func(c *Check) { c.Output = "x" })), "", "", "", ""},
		{"its source is blind", at(bad), at(with(func(c *Check) { c.Status, c.Stale = Critical, true })), "", "", "", ""},
		{"softly fine", at(ok), at(with(func(c *Check) { c.Hard = false })), "", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := Diff(tt.a, tt.b)
			var checks []Event
			for _, e := range events {
				if e.Subject == SubjectCheck {
					checks = append(checks, e)
				}
			}
			if tt.kind == "" {
				if len(checks) > 0 {
					t.Fatalf("events %+v", checks)
				}
				return
			}
			if len(checks) != 1 {
				t.Fatalf("events %+v", checks)
			}
			e := checks[0]
			if e.Kind != tt.kind || strings.Join(e.What, ",") != tt.what || e.Check.Was != tt.was || e.Check.Status != tt.is || e.Check.Service != "s" || e.Node != "web" {
				t.Errorf("%+v %+v", e, e.Check)
			}
		})
	}
}

package site

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// begins and ended are those of the tests' fault.
var (
	begins = morning.Add(time.Minute)
	ended  = morning.Add(6 * time.Minute)
)

// with is a site with one fault from begins to ended.
func with(t *testing.T, f Fault) *Site {
	t.Helper()
	s := made(t, Options{Hosts: 100, Seed: 1, Quiet: true})
	f.From, f.To = begins, ended
	if err := s.Inject(f); err != nil {
		t.Fatal(err)
	}
	round(s, morning)
	round(s, begins.Add(-time.Second))
	return s
}

// rowTo is the row of a node's client to a port; a zero one if there is none.
func rowTo(r *report.Report, peer string, port uint16) report.Connection {
	for _, c := range r.Connections {
		if c.Direction == report.Out && c.Peer.String() == peer && c.Port == port {
			return c
		}
	}
	return report.Connection{}
}

func (s *Site) addressOf(node string) string { return s.byName[node].address.String() }

func listens(r *report.Report, port uint16) bool {
	return slices.ContainsFunc(r.Listeners, func(l report.Listener) bool { return l.Port == port })
}

// TestServiceDies: the listener is gone, its clients are refused and keep for a
// while what they did not close; when it is over, all is as it was.
func TestServiceDies(t *testing.T) {
	s := with(t, Fault{Kind: ServiceDies, Target: "shop-db01"})
	db := s.addressOf("shop-db01")
	port := s.byName["shop-db01"].processes[0].port
	pid := s.byName["shop-db01"].processes[0].pid()
	at := begins.Add(20 * time.Second)
	r := s.Report("shop-db01", at)
	if r == nil || listens(r, port) || !listens(r, 22) {
		t.Fatalf("the node tells %+v", r)
	}
	for _, c := range r.Connections {
		if c.Direction == report.In && c.Port == port {
			t.Errorf("a dead service has %+v", c)
		}
	}
	c := rowTo(s.Report("shop-app01", at), db, port)
	if c.Refused == 0 || c.Opened != 0 || c.TimedOut != 0 || c.Health == nil || c.Health.CloseWait == 0 || c.Health.CloseWaitMS != 20_000 || c.Count != c.Health.CloseWait {
		t.Errorf("its client tells %+v with %+v", c, c.Health)
	}
	c = rowTo(s.Report("shop-app01", begins.Add(3*time.Minute)), db, port)
	if c.Refused == 0 || c.Count != 0 {
		t.Errorf("minutes later its client tells %+v", c)
	}
	after := ended.Add(10 * time.Second)
	r = s.Report("shop-db01", after)
	if c = rowTo(s.Report("shop-app01", after), db, port); !listens(r, port) || c.Refused != 0 || c.Count == 0 || c.Opened < uint64(c.Count) {
		t.Errorf("when it is over the client tells %+v", c)
	}
	if got := s.byName["shop-db01"].processes[0].pid(); got == pid {
		t.Error("the process has the number that it had before")
	}
}

// TestHostDies: the node is silent; what called it waits in vain.
func TestHostDies(t *testing.T) {
	s := with(t, Fault{Kind: HostDies, Target: "shop-db01"})
	port := s.byName["shop-db01"].processes[0].port
	at := begins.Add(20 * time.Second)
	if s.Report("shop-db01", at) != nil {
		t.Error("a dead node reports")
	}
	c := rowTo(s.Report("shop-app01", at), s.addressOf("shop-db01"), port)
	if c.TimedOut == 0 || c.Refused != 0 || c.Count == 0 || c.Health.Connecting == 0 || c.Health.ConnectingMS != 20_000 || c.Health.Retransmits == 0 {
		t.Errorf("its client tells %+v with %+v", c, c.Health)
	}
	c = rowTo(s.Report("shop-app01", begins.Add(4*time.Minute)), s.addressOf("shop-db01"), port)
	if c.TimedOut == 0 || c.Count != 0 || c.Health.Connecting == 0 {
		t.Errorf("minutes later its client tells %+v with %+v", c, c.Health)
	}
	r := s.Report("shop-db01", ended.Add(10*time.Second))
	if r == nil || r.Sequence != 1 || !listens(r, port) {
		t.Errorf("when it is over the node tells %+v", r)
	}
}

// TestDeadClient: a server keeps the connections of a host that died, as it hears
// nothing; but not for ever.
func TestDeadClient(t *testing.T) {
	s := with(t, Fault{Kind: HostDies, Target: "shop-app01"})
	own, port := s.byName["shop-app01"].address, s.byName["shop-db01"].processes[0].port
	open := func(at time.Time) int {
		for _, c := range s.Report("shop-db01", at).Connections {
			if c.Direction == report.In && c.Peer == own && c.Port == port {
				return c.Count
			}
		}
		return 0
	}
	if open(begins.Add(time.Minute)) == 0 {
		t.Error("a minute later nothing is open")
	}
	s.byName["shop-app01"].dead -= 10 * minute
	if n := open(begins.Add(4 * time.Minute)); n != 0 {
		t.Errorf("ten minutes later %d are open", n)
	}
}

// TestMemberDies: one of the pool dies, the others serve.
func TestMemberDies(t *testing.T) {
	s := with(t, Fault{Kind: MemberDies, Target: "shop/web"})
	s.Advance(begins.Add(time.Second))
	down := 0
	for _, h := range s.poolOf("shop/web").hosts {
		if !h.processes[0].up() && h.up() {
			down++
		}
	}
	if down != 1 {
		t.Errorf("%d are down", down)
	}
	s.judge()
	for _, h := range s.poolOf("shop/lb").hosts {
		if p := h.processes[0]; p.fails || !p.weak {
			t.Errorf("%s fails %t, is weak %t", h.name, p.fails, p.weak)
		}
	}
}

// TestSlow: round trips take longer, and connections pile up.
func TestSlow(t *testing.T) {
	s := with(t, Fault{Kind: Slow, Target: "shop-db01"})
	port := s.byName["shop-db01"].processes[0].port
	before := rowTo(s.Report("shop-app01", begins.Add(-time.Millisecond)), s.addressOf("shop-db01"), port)
	after := rowTo(s.Report("shop-app01", begins.Add(10*time.Second)), s.addressOf("shop-db01"), port)
	if after.Health.RTT < 10*before.Health.RTT || after.Count < 2*before.Count {
		t.Errorf("before %+v %+v, after %+v %+v", before, before.Health, after, after.Health)
	}
}

// TestCut: both pools report, and get nothing through to each other.
func TestCut(t *testing.T) {
	s := with(t, Fault{Kind: Cut, Target: "shop/app", With: "shop/db"})
	at := begins.Add(20 * time.Second)
	app, db := s.Report("shop-app01", at), s.Report("shop-db01", at)
	port := s.byName["shop-db01"].processes[0].port
	if app == nil || db == nil || !listens(db, port) {
		t.Fatal("a node does not report")
	}
	if c := rowTo(app, s.addressOf("shop-db01"), port); c.TimedOut == 0 || c.Health.Connecting == 0 {
		t.Errorf("the client tells %+v", c)
	}
	app = s.Report("shop-app01", ended.Add(10*time.Second))
	if c := rowTo(app, s.addressOf("shop-db01"), port); c.TimedOut != 0 || c.Count == 0 || c.Opened < uint64(c.Count) {
		t.Errorf("when it is over the client tells %+v", c)
	}
}

// TestDiskFull: the service accepts and does no work.
func TestDiskFull(t *testing.T) {
	s := with(t, Fault{Kind: DiskFull, Target: "shop-db01"})
	port := s.byName["shop-db01"].processes[0].port
	s.Report("shop-db01", begins)
	r := s.Report("shop-db01", begins.Add(30*time.Second))
	for _, l := range r.Listeners {
		if l.Port == port && (l.Queue <= l.QueueMax || l.Drops == 0) {
			t.Errorf("the listener is %+v", l)
		}
	}
	if !listens(r, port) {
		t.Error("it does not listen")
	}
	s.judge()
	for _, want := range []string{"shop-app01", "shop-web01", "shop-lb01"} {
		if !s.byName[want].processes[0].fails {
			t.Errorf("%s does not fail", want)
		}
	}
	if s.byName["shop-db02"].processes[0].fails {
		t.Error("a replica fails: it goes on without its primary")
	}
}

// TestOverload: a product has many times its traffic, along all of its tiers, and
// others have not.
func TestOverload(t *testing.T) {
	s := with(t, Fault{Kind: Overload, Target: "shop"})
	count := func(node string, at time.Time) (n int) {
		for _, c := range s.Report(node, at).Connections {
			if c.Direction == report.In && c.Port == s.byName[node].processes[0].port {
				n += c.Count
			}
		}
		return n
	}
	before, other := count("shop-web01", begins.Add(-time.Millisecond)), count("billing-web01", begins.Add(-time.Millisecond))
	at := begins.Add(70 * time.Second)
	if after := count("shop-web01", at); after < 3*before {
		t.Errorf("before %d, after %d", before, after)
	}
	if after := count("billing-web01", at); after > 2*other {
		t.Errorf("another product: before %d, after %d", other, after)
	}
	for _, l := range s.Report("shop-app01", at).Listeners {
		if l.Port == s.byName["shop-app01"].processes[0].port && l.Queue == 0 {
			t.Errorf("nothing waits before the application: %+v", l)
		}
	}
}

// TestRedundancy: what others can do without is no cause of failing.
func TestRedundancy(t *testing.T) {
	for _, tt := range []struct {
		fault       Fault
		node        string
		fails, weak bool
	}{
		{Fault{Kind: ServiceDies, Target: "shop-search01"}, "shop-app01", false, true},
		{Fault{Kind: ServiceDies, Target: "shop-db02"}, "shop-app01", false, true},
		{Fault{Kind: ServiceDies, Target: "shop-db01"}, "shop-app01", true, true},
		{Fault{Kind: ServiceDies, Target: "shop-db01"}, "shop-db02", false, true},
		{Fault{Kind: HostDies, Target: "shop-lb01"}, "shop-web01", false, false},
		{Fault{Kind: Cut, Target: "shop/app", With: "shop/cache"}, "shop-app01", true, true},
		{Fault{Kind: Cut, Target: "shop/app", With: "shop/cache"}, "shop-cache01", false, false},
	} {
		t.Run(tt.fault.String()+", "+tt.node, func(t *testing.T) {
			s := with(t, tt.fault)
			s.Advance(begins.Add(time.Second))
			s.judge()
			if p := s.byName[tt.node].processes[0]; p.fails != tt.fails || p.weak != tt.weak {
				t.Errorf("fails %t, weak %t; want %t, %t", p.fails, p.weak, tt.fails, tt.weak)
			}
		})
	}
}

func TestInjectRefuses(t *testing.T) {
	s := made(t, Options{Hosts: 60, Seed: 1})
	s.Advance(begins)
	good := func(k Kind, target, with string) Fault {
		return Fault{Kind: k, Target: target, With: with, From: begins, To: ended}
	}
	for _, tt := range []struct {
		f    Fault
		says string
	}{
		{Fault{Kind: HostDies, Target: "shop-db01", From: morning, To: ended}, "must not begin before 2026-01-05T09:01:00Z"},
		{Fault{Kind: HostDies, Target: "shop-db01", From: ended, To: begins}, "must end after it begins"},
		{good(HostDies, "nobody", ""), `must be a node, is "nobody"`},
		{good(ServiceDies, "shop/db", ""), "must be a node"},
		{good(DiskFull, "", ""), "must be a node"},
		{good(MemberDies, "shop-db01", ""), "must be a pool of several nodes"},
		{good(MemberDies, "map", ""), "must be a pool of several nodes"},
		{good(Slow, "x", ""), "must be a node or a pool"},
		{good(Cut, "shop/lb", "shop/db"), "two pools that are connected"},
		{good(Cut, "shop/app", ""), "two pools that are connected"},
		{good(Overload, "shop/app", ""), "must be a product"},
		{good("fire", "shop-db01", ""), `no kind "fire"`},
	} {
		if err := s.Inject(tt.f); !errors.Is(err, ErrFault) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.f, err, tt.says)
		}
	}
	if err := s.Inject(good(HostDies, "shop-db01", "")); err != nil {
		t.Fatal(err)
	}
	if err := s.Inject(good(HostDies, "shop-db01", "")); !errors.Is(err, ErrFault) || !strings.Contains(err.Error(), "overlaps") {
		t.Errorf("twice: %v", err)
	}
	if err := s.Inject(good(HostDies, "shop-db02", "")); err != nil {
		t.Errorf("another target: %v", err)
	}
}

// TestTruthOfFaults: the truth tells of a fault while it is on.
func TestTruthOfFaults(t *testing.T) {
	s := with(t, Fault{Kind: Slow, Target: "shop/db"})
	for _, tt := range []struct {
		at   time.Time
		want int
	}{{begins.Add(-time.Millisecond), 0}, {begins, 1}, {ended.Add(-time.Millisecond), 1}, {ended, 0}, {ended.Add(time.Hour), 0}} {
		s.Advance(tt.at)
		if got := s.Truth().Faults; len(got) != tt.want {
			t.Errorf("at %s: %v", tt.at, got)
		}
	}
}

// TestStory: it has all kinds of fault, one after the other, and when it is over
// the site is as if it had never been.
func TestStory(t *testing.T) {
	s, calm := made(t, Options{Hosts: 150, Seed: 13, Quiet: true}), made(t, Options{Hosts: 150, Seed: 13, Quiet: true})
	story := s.Story(begins, 10*time.Minute, 5*time.Minute, 24)
	kinds := map[Kind]bool{}
	for i, f := range story {
		kinds[f.Kind] = true
		if want := begins.Add(time.Duration(i) * 10 * time.Minute); !f.From.Equal(want) || f.To.Sub(f.From) != 5*time.Minute {
			t.Errorf("fault %d lasts from %s to %s", i, f.From, f.To)
		}
		if err := s.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	if len(kinds) != 7 {
		t.Errorf("it has the kinds %v", kinds)
	}
	end := begins.Add(5 * time.Hour)
	round(s, begins.Add(12*time.Minute)) // in the middle of it
	round(s, end.Add(-10*time.Second))
	round(calm, end.Add(-10*time.Second))
	got, want := round(s, end), round(calm, end)
	for name, r := range want {
		if len(got[name].Connections) != len(r.Connections) || len(got[name].Listeners) != len(r.Listeners) {
			t.Errorf("%s has %d rows, without the story %d", name, len(got[name].Connections), len(r.Connections))
			continue
		}
		for i := range r.Connections {
			if a, b := got[name].Connections[i], r.Connections[i]; a.Count != b.Count || a.Refused+a.TimedOut != 0 {
				t.Errorf("%s: row %+v, without the story %+v", name, a, b)
			}
		}
	}
	for _, n := range []int{3, 4, 7, 20} {
		if small := made(t, Options{Hosts: n}); len(small.Story(begins, time.Minute, time.Second, 2)) != 2 {
			t.Errorf("a site of %d hosts has no story", n)
		}
	}
}

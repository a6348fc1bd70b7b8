package server

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	madeup "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

var drills = flag.Int("drills", 0, "made-up sites of 60 hosts for TestDrills, with all faults; 0 is a small one with one fault of each kind")

// drill is a fault on a made-up site, and what the server makes of it.
type drill struct {
	*running
	made  *madeup.Site
	nodes []string
	step  int
	// refused are nodes where a connection was refused.
	refused map[string]bool
}

func newDrill(t *testing.T, seed uint64, m madeup.Monitoring) *drill {
	t.Helper()
	return newDrillWith(t, seed, m, Options{Store: &memory{}, Sources: []monitor.Options{{Name: "site", Kind: monitor.Passive}}})
}

// newDrillWith is newDrill with other options of the server; its source is "site".
func newDrillWith(t *testing.T, seed uint64, m madeup.Monitoring, of Options) *drill {
	t.Helper()
	opt := siteOf(seed)
	opt.Begin, opt.Monitoring = time.Now(), m
	made, err := madeup.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	s := startWith(t, of)
	return &drill{running: s, made: made, nodes: made.Nodes(), refused: map[string]bool{}}
}

// pass lets a second pass on the site: a tenth of the nodes reports, and checks are told.
func (d *drill) pass(t *testing.T) {
	t.Helper()
	time.Sleep(time.Second) //nolint:forbidigo // in a bubble
	now := time.Now()
	d.made.Advance(now)
	for i, name := range d.nodes {
		if d.step > 0 && i%10 != d.step%10 {
			continue
		}
		if r := d.made.Report(name, now); r != nil {
			d.put(t, r)
		}
	}
	d.step++
	results, gone := d.made.Results()
	var checks, over []mapping.Check
	for _, c := range results {
		if strings.Contains(c.Output, "refused") {
			d.refused[c.Host] = true
		}
		checks = append(checks, mapping.Check{Check: c.Check, Command: c.Command})
	}
	for _, c := range gone {
		over = append(over, mapping.Check{Check: c.Check, Command: c.Command})
	}
	if err := d.PassChecks(t.Context(), "site", checks, over); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// truth are the nodes that a fault is on.
func (d *drill) truth(f *madeup.Fault) (nodes []string) {
	for _, p := range d.made.Truth().Pools {
		if p.Name == f.Target || p.Name == f.With {
			nodes = append(nodes, p.Nodes...)
		}
		if f.Kind == madeup.Overload && strings.HasPrefix(p.Name, f.Target+"/") {
			nodes = append(nodes, p.Nodes...)
		}
	}
	if f.Kind == madeup.MemberDies {
		nodes = slices.DeleteFunc(nodes, func(n string) bool { return !d.refused[n] })
	}
	return append(nodes, f.Target)
}

// names says whether an incident says a fault is likely behind it, among its first n
// causes.
func (d *drill) names(in *incident.Incident, f *madeup.Fault, n int) bool {
	truth := d.truth(f)
	return slices.ContainsFunc(in.Causes[:min(n, len(in.Causes))], func(c incident.Cause) bool { return slices.Contains(truth, c.Node) })
}

// outcome is what came of a drill.
type outcome struct {
	fault  madeup.Fault
	after  time.Duration // until the first cause of an incident was right; -1: never
	third  bool          // among the first three at the end
	first  bool          // the first at the end
	open   int           // incidents at the end
	title  string
	closed time.Duration // after the last alert was over; -1: never
}

// lasts is how many seconds a fault is on.
const lasts = 45

// run injects faults at once, and looks for what becomes of the first.
func (d *drill) run(t *testing.T, faults ...madeup.Fault) outcome {
	t.Helper()
	for range 40 {
		d.pass(t)
	}
	now := time.Now()
	for i := range faults {
		faults[i].From, faults[i].To = now.Add(time.Second), now.Add(lasts*time.Second+time.Second)
		if err := d.made.Inject(faults[i]); err != nil {
			t.Fatal(err)
		}
	}
	out := outcome{fault: faults[0], after: -1, closed: -1}
	for s := range int(lasts) {
		d.pass(t)
		right := false
		out.open = 0
		for _, in := range d.Incidents() {
			if in.State != incident.Open {
				continue
			}
			out.open++
			if d.names(in, &faults[0], 1) {
				right, out.title = true, in.Title
			}
			out.third = out.third || s == lasts-1 && d.names(in, &faults[0], 3)
		}
		if out.first = right; right && out.after < 0 {
			out.after = time.Duration(s) * time.Second
		}
	}
	var over time.Time
	for range 60 {
		d.pass(t)
		bad := 0
		for b := range d.Snapshot().Blocks() {
			for i := range b.Checks {
				if b.Checks[i].Status.Bad() {
					bad++
				}
			}
		}
		open := slices.ContainsFunc(d.Incidents(), func(in *incident.Incident) bool { return in.State == incident.Open })
		if bad == 0 && over.IsZero() {
			over = time.Now()
		}
		if bad == 0 && !open {
			out.closed = time.Since(over)
			break
		}
	}
	return out
}

func siteOf(seed uint64) madeup.Options {
	if *drills == 0 {
		return madeup.Options{Hosts: 24, Products: 3, Seed: seed, Quiet: true}
	}
	return madeup.Options{Hosts: 60, Products: 3, Seed: seed, Quiet: true}
}

// aims are faults on a site: of all kinds, or one of each.
func aims(made *madeup.Site) (out []madeup.Fault) {
	for _, f := range made.Story(made.Now().Add(time.Second), time.Minute, time.Second, 12) {
		if *drills > 0 || !slices.ContainsFunc(out, func(o madeup.Fault) bool { return o.Kind == f.Kind }) {
			out = append(out, f)
		}
	}
	return out
}

// TestDrills: faults on made-up sites, through the server: the incident names the fault,
// and is over when that is.
func TestDrills(t *testing.T) {
	clean := madeup.Monitoring{Interval: 6 * time.Second}
	poor := madeup.Monitoring{Interval: 6 * time.Second, Missing: .2, Late: 5 * time.Second, Noise: .002}
	for _, c := range []struct {
		name string
		m    madeup.Monitoring
	}{{"clean", clean}, {"poor", poor}} {
		var all, named, within, three, closed int
		for seed := uint64(1); seed <= uint64(max(1, *drills)); seed++ {
			made, err := madeup.New(siteOf(seed))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range aims(made) {
				synctest.Test(t, func(t *testing.T) {
					d := newDrill(t, seed, c.m)
					o := d.run(t, f)
					all++
					if o.after >= 0 {
						named++
					}
					if o.after >= 0 && o.after <= 15*time.Second {
						within++
					}
					if o.third {
						three++
					}
					if o.closed >= 0 && o.closed <= 2*time.Second {
						closed++
					}
					t.Logf("%s %d %-40s named after %4s, at the end first %t three %t, %d open, closed after %s: %s", c.name, seed, fmt.Sprint(f.Kind, " ", f.Target, " ", f.With), o.after, o.first, o.third, o.open, o.closed, o.title)
					if !o.first {
						for _, in := range d.Incidents() {
							t.Logf("     %s %s: %s", in.State, in.Title, in.Sentence)
						}
					}
				})
			}
		}
		if 10*within < 7*all && c.m.Missing == 0 || 2*three < all || closed < all*9/10 {
			t.Errorf("%s: of %d faults %d were named within 15 s, %d are among the first three at the end, %d were closed at once", c.name, all, within, three, closed)
		}
		t.Logf("%s: of %d faults %d named within 15 s, %d at all, %d among the first three at the end; %d closed at once", c.name, all, within, named, three, closed)
	}
}

// TestTwoAtOnce: of two faults at the same time, in products behind one load balancer,
// both are among the first three causes.
func TestTwoAtOnce(t *testing.T) {
	a := madeup.Fault{Kind: madeup.DiskFull, Target: "shop-db01"}
	b := madeup.Fault{Kind: madeup.ServiceDies, Target: "billing-cache01"}
	for _, pair := range [][]madeup.Fault{{a, b}, {b, a}} {
		synctest.Test(t, func(t *testing.T) {
			o := newDrill(t, 1, madeup.Monitoring{Interval: 6 * time.Second}).run(t, pair...)
			if !o.third || o.closed < 0 {
				t.Errorf("%+v", o)
			}
		})
	}
}

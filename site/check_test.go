package site

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// heard is what monitoring told so far, the newest of each check.
type heard map[string]Check

// listen takes in what a site tells up to a moment, second by second, and returns
// how many results that were.
func (h heard) listen(s *Site, to time.Time) (n int) {
	for at := s.Now(); !at.After(to); at = at.Add(time.Second) {
		s.Advance(at)
		results, gone := s.Results()
		for _, c := range results {
			h[c.Host+"/"+c.Name] = c
			n++
		}
		for _, c := range gone {
			delete(h, c.Host+"/"+c.Name)
		}
	}
	return n
}

// bad are the checks that are not fine, sorted.
func (h heard) bad() (out []string) {
	for name, c := range h {
		if c.Status.Bad() {
			out = append(out, name+" "+string(c.Status))
		}
	}
	slices.Sort(out)
	return out
}

// TestResults: every check runs once in an interval, and all is well where nothing
// is wrong.
func TestResults(t *testing.T) {
	s := made(t, Options{Hosts: 60, Seed: 1, Quiet: true})
	h := heard{}
	first := h.listen(s, morning)
	if len(h) < 4*60 || first != len(h) {
		t.Fatalf("at first %d results of %d checks", first, len(h))
	}
	if n := h.listen(s, morning.Add(10*time.Minute)); n != 10*len(h) {
		t.Errorf("%d checks told %d results in ten minutes", len(h), n)
	}
	if bad := h.bad(); len(bad) > 0 {
		t.Errorf("bad are %v", bad)
	}
	for name, c := range h {
		if c.LastCheck.IsZero() || s.Now().Sub(c.LastCheck) > time.Minute || !c.LastOK.Equal(c.LastCheck) || !c.Hard || time.Duration(c.Interval) != time.Minute || len(c.Groups) == 0 {
			t.Errorf("%s is %+v", name, c)
		}
		if want := topology.ServiceCheck; c.Name != "" && c.Kind != want || c.Name == "" && c.Kind != topology.HostCheck {
			t.Errorf("%s is of kind %s", name, c.Kind)
		}
	}
	if c := h["shop-db01/postgres"]; c.Command != "check_postgres" || !strings.Contains(c.Output, "port 5432") {
		t.Errorf("the database's check is %+v", c)
	}
}

// TestFaultsShow: each fault shows in the checks of its target, and of those who
// need it.
func TestFaultsShow(t *testing.T) {
	for _, tt := range []struct {
		fault       Fault
		want, never []string
		says        string // by the first of them
	}{
		{
			Fault{Kind: ServiceDies, Target: "shop-db01"},
			[]string{"shop-db01/postgres CRITICAL", "shop-app01/app http CRITICAL", "shop-lb01/https CRITICAL"},
			[]string{"shop-db01/ DOWN", "shop-db01/ssh CRITICAL", "shop-cache01/redis CRITICAL"},
			"and port 5432: Connection refused",
		},
		{
			Fault{Kind: HostDies, Target: "shop-cache01"},
			[]string{"shop-cache01/ DOWN", "shop-cache01/ssh CRITICAL", "shop-cache01/redis CRITICAL"},
			[]string{"shop-db01/postgres CRITICAL"},
			"Packet loss = 100%",
		},
		{
			Fault{Kind: DiskFull, Target: "shop-db01"},
			[]string{"shop-db01/disk / CRITICAL", "shop-db01/postgres CRITICAL", "shop-web01/http CRITICAL"},
			[]string{"shop-db01/ DOWN", "shop-db02/disk / CRITICAL"},
			"free space: / 12 MB",
		},
		{
			Fault{Kind: MemberDies, Target: "shop/web"},
			nil,
			[]string{"shop-lb01/https CRITICAL", "shop-app01/app http CRITICAL"},
			"",
		},
		{
			Fault{Kind: Slow, Target: "shop-db01"},
			[]string{"shop-db01/postgres CRITICAL", "shop-app01/app http CRITICAL"},
			[]string{"shop-db01/ DOWN", "billing-app01/app http CRITICAL"},
			"too long",
		},
		{
			Fault{Kind: Cut, Target: "shop/app", With: "shop/db"},
			[]string{"shop-app01/app http CRITICAL"},
			[]string{"shop-db01/postgres CRITICAL", "shop-app01/ DOWN"},
			"503",
		},
		{
			Fault{Kind: Overload, Target: "shop"},
			[]string{"shop-app01/load CRITICAL", "shop-web01/load WARNING", "shop-app01/app http WARNING"},
			[]string{"billing-app01/load WARNING", "shop-queue01/load WARNING"},
			"load average",
		},
	} {
		t.Run(tt.fault.String(), func(t *testing.T) {
			s := with(t, tt.fault)
			h := heard{}
			h.listen(s, begins.Add(3*time.Minute))
			bad := h.bad()
			if len(bad) == 0 {
				t.Fatal("nothing shows")
			}
			for _, want := range tt.want {
				if !slices.Contains(bad, want) {
					t.Errorf("%s is missing in %v", want, bad)
				}
			}
			for _, never := range tt.never {
				if slices.Contains(bad, never) {
					t.Errorf("%s is in %v", never, bad)
				}
			}
			if tt.says != "" {
				name := tt.want[0][:strings.LastIndex(tt.want[0], " ")]
				if c := h[name]; !strings.Contains(c.Output, tt.says) || !c.Hard || c.Since.Before(begins) || c.LastOK.After(begins) {
					t.Errorf("%s says %+v, want %q", name, c, tt.says)
				}
			}
			h.listen(s, ended.Add(2*time.Minute))
			if bad := h.bad(); len(bad) > 0 {
				t.Errorf("when it is over, bad are %v", bad)
			}
		})
	}
}

// TestSoft: the first bad result is not believed yet.
func TestSoft(t *testing.T) {
	s := with(t, Fault{Kind: ServiceDies, Target: "shop-db01"})
	h := heard{}
	h.listen(s, begins.Add(61*time.Second))
	c := h["shop-db01/postgres"]
	if c.Status != topology.Critical || c.Hard {
		t.Errorf("after the first run it is %s, hard %t", c.Status, c.Hard)
	}
	h.listen(s, begins.Add(2*time.Minute))
	if c := h["shop-db01/postgres"]; !c.Hard {
		t.Error("after the second it is not believed")
	}
}

// TestNoise: monitoring can be as bad as asked for.
func TestNoise(t *testing.T) {
	count := func(m Monitoring) (checks, bad, late, results int) {
		s := made(t, Options{Hosts: 100, Seed: 3, Quiet: true, Monitoring: m})
		h := heard{}
		for at := morning; at.Before(morning.Add(20 * time.Minute)); at = at.Add(time.Second) {
			s.Advance(at)
			list, _ := s.Results()
			for _, c := range list {
				h[c.Host+"/"+c.Name] = c
				results++
				if c.Status.Bad() {
					bad++
				}
				if at.After(morning) && at.Sub(c.LastCheck) > time.Second { // the first ran before the site began
					late++
				}
			}
		}
		return len(h), bad, late, results
	}
	all, bad, late, _ := count(Monitoring{})
	if bad+late != 0 {
		t.Errorf("without noise %d are bad, %d late", bad, late)
	}
	fewer, _, _, _ := count(Monitoring{Missing: 0.3})
	if share := float64(fewer) / float64(all); share < 0.55 || share > 0.85 {
		t.Errorf("of %d checks %d are left where 30 %% are missing", all, fewer)
	}
	_, bad, _, results := count(Monitoring{Noise: 0.05})
	if share := float64(bad) / float64(results); share < 0.03 || share > 0.07 {
		t.Errorf("%d of %d results are false, want 5 %%", bad, results)
	}
	_, _, late, results = count(Monitoring{Late: time.Minute})
	if share := float64(late) / float64(results); share < 0.85 {
		t.Errorf("%d of %d results are late", late, results)
	}
	if none, _, _, _ := count(Monitoring{Off: true}); none != 0 {
		t.Errorf("%d checks where monitoring is off", none)
	}
	_, _, _, slow := count(Monitoring{Interval: 5 * time.Minute})
	if slow < 5*all-10 || slow > 5*all { // the first, and one in each interval
		t.Errorf("%d results of %d checks in 20 minutes, every 5", slow, all)
	}
}

// TestAutoscaledChecks: what was switched off is not checked any more, and its
// checks are told to be gone, once.
func TestAutoscaledChecks(t *testing.T) {
	s := made(t, Options{Hosts: 150, Seed: 14, Begin: morning.Truncate(24 * time.Hour).Add(14 * time.Hour)})
	h, gone := heard{}, map[string]int{}
	for at := s.Now(); at.Before(s.opt.Begin.Add(8 * time.Hour)); at = at.Add(time.Minute) {
		s.Advance(at)
		results, list := s.Results()
		for _, c := range list {
			gone[c.Host+"/"+c.Name]++
			delete(h, c.Host+"/"+c.Name)
		}
		for _, c := range results {
			h[c.Host+"/"+c.Name] = c
		}
	}
	if len(gone) == 0 {
		t.Fatal("nothing was switched off from noon to night")
	}
	for name, n := range gone {
		if _, still := h[name]; still || n != 1 {
			t.Errorf("%s is gone %d times, still there: %t", name, n, still)
		}
	}
	for _, host := range s.hosts {
		if _, checked := h[host.name+"/"]; checked == (host.off && host.pool.least > 0) {
			t.Errorf("%s is off: %t, checked: %t", host.name, host.off, checked)
		}
	}
}

func ExampleSite() {
	s, err := New(Options{Hosts: 12, Seed: 1, Begin: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range s.Truth().Pools {
		fmt.Println(p.Name, p.Nodes)
	}
	r := s.Report("shop-db01", s.Now().Add(10*time.Second))
	fmt.Println(r.Listeners[1].Process, r.Listeners[1].Port)
	// Output:
	// dns [dns1 dns2]
	// monitor [monitor1]
	// map [map1]
	// log [log1]
	// shop/app [shop-app01 shop-app02]
	// shop/db [shop-db01]
	// shop/web [shop-web01 shop-web02]
	// shop/lb [shop-lb01]
	// shop/cache [shop-cache01]
	// postgres 5432
}

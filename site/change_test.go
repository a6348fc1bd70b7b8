package site

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// rowsWith counts the rows of a process in one direction.
func rowsWith(r *report.Report, process string, direction report.Direction) (n int) {
	for i := range r.Connections {
		if c := &r.Connections[i]; c.Process == process && c.Direction == direction {
			n++
		}
	}
	return n
}

// TestCall: a call shows at both ends, with the same tuples, until it is hung up; both
// hosts are stirred by it, and nobody else.
func TestCall(t *testing.T) {
	s := made(t, Options{Hosts: 40, Seed: 1, Quiet: true})
	from, to := "shop-app01", "shop-db01"
	s.Stirred()
	if err := s.Call(from, "probe", to); err != nil {
		t.Fatal(err)
	}
	if got := s.Stirred(); !slices.Equal(got, []string{from, to}) {
		t.Errorf("stirred are %v", got)
	}
	if got := s.Stirred(); got != nil {
		t.Errorf("stirred again are %v", got)
	}
	at := morning.Add(time.Second)
	out, in := s.Report(from, at), s.Report(to, at)
	i := slices.IndexFunc(out.Connections, func(c report.Connection) bool { return c.Process == "probe" })
	if i < 0 {
		t.Fatal("the client's end does not show")
	}
	told := out.Connections[i].Tuples
	if !slices.ContainsFunc(in.Connections, func(c report.Connection) bool {
		return c.Direction == report.In && slices.ContainsFunc(c.Tuples, func(x uint64) bool { return slices.Contains(told, x) })
	}) {
		t.Error("the server's end does not show")
	}
	for _, r := range []*report.Report{out, in} {
		if err := r.Validate(at); err != nil {
			t.Error(err)
		}
	}
	if err := s.Call(from, "probe", to); !errors.Is(err, ErrCall) {
		t.Errorf("the same call again: %v", err)
	}
	s.HangUp(from, "probe", to)
	if n := rowsWith(s.Report(from, at.Add(time.Second)), "probe", report.Out); n != 0 {
		t.Errorf("%d rows after it was hung up", n)
	}
	for _, pair := range [][2]string{{from, from}, {from, "nobody"}, {"nobody", to}} {
		if err := s.Call(pair[0], "", pair[1]); !errors.Is(err, ErrCall) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

// TestConnections: reports have on average as many rows as are asked for.
func TestConnections(t *testing.T) {
	for _, n := range []int{30, 300} {
		s := made(t, Options{Hosts: n, Connections: 50, Seed: 3, Quiet: true})
		rows := 0
		for name, r := range round(s, morning) {
			if err := r.Validate(morning); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			rows += len(r.Connections)
		}
		if mean := rows / n; n > 100 && (mean < 45 || mean > 55) || n <= 100 && mean < n/2 {
			t.Errorf("%d hosts: %d rows on average", n, mean)
		}
	}
}

// TestStirred: hosts are stirred when they are started anew, and run or don't.
func TestStirred(t *testing.T) {
	s := made(t, Options{Hosts: 300, Seed: 5})
	running := s.Running()
	s.Stirred()
	s.Advance(morning.Add(6 * time.Hour))
	stirred := s.Stirred()
	for _, name := range running {
		if !slices.Contains(s.Running(), name) && !slices.Contains(stirred, name) {
			t.Errorf("%s does not run any more, and is not stirred", name)
		}
	}
	if len(stirred) == 0 || len(stirred) == 300 {
		t.Errorf("%d hosts are stirred within six hours", len(stirred))
	}
}

// TestReportOver: the counters of a report count over the time that was asked for.
func TestReportOver(t *testing.T) {
	s := made(t, Options{Hosts: 40, Seed: 1, Quiet: true})
	s.Report("shop-app01", morning)
	opened := func(r *report.Report) (n uint64) {
		for i := range r.Connections {
			n += r.Connections[i].Opened
		}
		return n
	}
	at := morning.Add(time.Hour)
	r := s.ReportOver("shop-app01", at, 10*time.Second)
	if r.SpanMS != 10_000 {
		t.Errorf("the span is %d ms", r.SpanMS)
	}
	if long := s.ReportOver("shop-app01", at, 1000*time.Second); opened(long) < 50*opened(r) || opened(r) == 0 {
		t.Errorf("%d were opened in 10 s, %d in 1000 s", opened(r), opened(long))
	}
}

// TestStranger: a stranger is not called yet, and stands beside somebody who is.
func TestStranger(t *testing.T) {
	s := made(t, Options{Hosts: 200, Fan: 2, Seed: 1, Quiet: true})
	called := map[string]bool{}
	for pick := uint64(0); ; pick++ {
		name := s.Stranger("shop-web01", pick)
		if name == "" {
			break // all are called
		}
		if v := s.byName[name]; called[name] || v == nil || v.pool.tier != App {
			t.Fatalf("the stranger is %q, after %d", name, len(called))
		}
		called[name] = true
		if err := s.Call("shop-web01", "", name); err != nil {
			t.Fatal(err)
		}
	}
	if len(called) < 3 {
		t.Errorf("%d strangers were found", len(called))
	}
	if got := s.Stranger("nobody", 1); got != "" {
		t.Errorf("nobody's stranger is %q", got)
	}
}

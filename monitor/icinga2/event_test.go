package icinga2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// before is a source that read the captured scene before the captured events came.
func before(t *testing.T) *Source {
	t.Helper()
	s := captured(t).source(t)
	read(t, s)
	s.last.asOf = 0
	for _, site := range s.last.sites {
		site.host.end = 0
		for _, h := range site.services {
			h.end = 0
		}
	}
	return s
}

// The captured events, one after the other: what each changes.
func TestEvents(t *testing.T) {
	s := before(t)
	want := []string{
		"web1!http CRITICAL soft", "web1!http CRITICAL open",
		"", "web1!http CRITICAL acknowledged", // a comment, and what it is of
		"", "", "db1!postgres CRITICAL downtime", "", // added, started, triggered, and made
		"again", "", // removed: one of how many?
		// gw1 is up, and its services' problems are their own; edge1 can be reached again, silently.
		"gw1! UP, gw1!ssh CRITICAL open, again",
		"web1!http CRITICAL open", "", "web1!http OK",
		"gw1! DOWN soft, gw1!ssh CRITICAL suppressed, again", "gw1! DOWN open",
		"again", "again", // a service that was made and deleted
	}
	for i, line := range eventLines(t) {
		n := newNews()
		if err := s.hear(line, n); err != nil {
			t.Fatal(err)
		}
		var got []string
		for j := range n.checks {
			got = append(got, fmt.Sprintf("%s!%s %s", n.checks[j].Host, n.checks[j].Name, brief(&n.checks[j])))
		}
		if n.again {
			got = append(got, "again")
		}
		if strings.Join(got, ", ") != want[i] {
			t.Errorf("%.60s: %s, want %s", line, strings.Join(got, ", "), want[i])
		}
	}
	// What it was before is not lost: checks are whole.
	gw := s.last.find("gw1", "").check
	if gw.Since.UnixMilli() != 1795368614244 || gw.LastOK.UnixMilli() != 1795368608244 || gw.Link == "" || gw.Interval == 0 || gw.Output != "CRITICAL: no route to gateway" || len(gw.Groups) != 1 {
		t.Errorf("%+v", gw)
	}
	if http := s.last.find("web1", "http").check; http.Since.UnixMilli() != 1795368608445 {
		t.Errorf("since %s", http.Since)
	}
}

// change is an event of a state.
func change(service string, state, hard int, end float64, more string) []byte {
	return fmt.Appendf(nil, `{"type":"StateChange","host":"web1","service":%q,"state":%d,"state_type":%d,"timestamp":%f,%s"check_result":{"output":"o","execution_end":%f}}`,
		service, state, hard, end, more, end)
}

const now = 1795368900 // later than all that was captured

func told(t *testing.T, s *Source, line []byte) string {
	t.Helper()
	n := newNews()
	if err := s.hear(line, n); err != nil {
		t.Fatal(err)
	}
	var list []string
	for i := range n.checks {
		list = append(list, brief(&n.checks[i]))
	}
	if n.again {
		list = append(list, "again")
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Events may be seconds late: what was read since counts, not they.
func TestLateEvents(t *testing.T) {
	s := captured(t).source(t)
	read(t, s)
	for _, line := range eventLines(t) {
		if got := told(t, s, line); got != "" && got != "again" {
			t.Errorf("%.60s: %s", line, got)
		}
	}
	if got := told(t, s, change("http", 2, 1, now, "")); got != "CRITICAL open" {
		t.Error(got)
	}
	if got := told(t, s, change("http", 0, 1, now-1, "")); got != "" {
		t.Errorf("the order does not count: %s", got)
	}
}

func TestEventDetails(t *testing.T) {
	s := captured(t).source(t)
	read(t, s)
	for _, tt := range []struct {
		name, line, want string
	}{
		{"with what is done about it", string(change("http", 1, 1, now, `"acknowledgement":true,"downtime_depth":2,`)), "WARNING acknowledged downtime"},
		{"an older Icinga doesn't say that", string(change("http", 2, 1, now+1, "")), "CRITICAL acknowledged downtime"},
		{"no more of it", string(change("http", 2, 1, now+2, `"acknowledgement":false,"downtime_depth":0,`)), "CRITICAL open"},
		{"flapping", `{"type":"Flapping","host":"web1","service":"http","is_flapping":true,"timestamp":1795369000}`, "CRITICAL flapping"},
		{"not flapping", `{"type":"Flapping","host":"web1","service":"http","is_flapping":false,"timestamp":1795369000}`, "CRITICAL open"},
		{"flapping, or not", `{"type":"Flapping","host":"web1","service":"http","timestamp":1795369000}`, "again"},
		{"an unknown service", string(change("new", 2, 1, now, "")), "again"},
		{"an unknown host", `{"type":"AcknowledgementSet","host":"new","timestamp":1795369000}`, "again"},
		{"the first result", string(change("ntp", 0, 1, now, "")), "OK"},
		{"an unknown type", `{"type":"Weather","host":"web1"}`, ""},
		{"a comment", `{"type":"ObjectDeleted","object_type":"Comment"}`, ""},
		{"an attribute", `{"type":"ObjectModified","object_type":"Host","object_name":"web1"}`, "again"},
		// web1 goes down: its problems are symptoms now, and what is fine stays so.
		{
			"a host", `{"type":"StateChange","host":"web1","state":1,"state_type":1,"check_result":{"execution_end":1795369001,"vars_after":{"reachable":true}}}`,
			"CRITICAL suppressed, DOWN open, WARNING acknowledged suppressed",
		},
		{"a host behind it", `{"type":"StateChange","host":"web1","state":1,"state_type":1,"check_result":{"execution_end":1795369002,"vars_after":{"reachable":false}}}`, "UNREACHABLE open"},
		{"a host, an older Icinga", `{"type":"StateChange","host":"web1","state":1,"state_type":1,"check_result":{"execution_end":1795369003}}`, "UNREACHABLE open"},
		{"a symptom that ends", string(change("http", 0, 1, now+200, "")), "OK"},
		{"what others need", `{"type":"StateChange","host":"db1","service":"postgres","state":0,"state_type":1,"check_result":{"execution_end":1795369003}}`, "OK, again"},
		{"without a result", `{"type":"StateChange","host":"web1","service":"http","state":2}`, "again"},
	} {
		if got := told(t, s, []byte(tt.line)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if err := s.hear([]byte("{"), newNews()); monitor.ReasonOf(err) != monitor.NotIt {
		t.Error(err)
	}
}

// Without the right to read dependencies, any host may be what others are behind.
func TestUnknownDependencies(t *testing.T) {
	f := captured(t)
	f.may("objects/query/Host", "objects/query/Service", "status/query", "events/*")
	s := f.source(t)
	read(t, s)
	if got := told(t, s, []byte(`{"type":"StateChange","host":"cache1","state":1,"state_type":1,"check_result":{"execution_end":1795369001,"vars_after":{"reachable":true}}}`)); !strings.HasSuffix(got, "again") {
		t.Error(got)
	}
}

// What comes while everything is read is newer than what is found.
func TestEventWhileReading(t *testing.T) {
	f := captured(t)
	s := f.source(t)
	first := read(t, s)
	services := f.answers["/v1/objects/services"]
	f.do("/v1/objects/services", func(w http.ResponseWriter, r *http.Request) {
		if got := told(t, s, change("http", 2, 1, now, "")); got != "CRITICAL open" {
			t.Error(got)
		}
		services(w, r) // which still says OK
	})
	if c := find(t, read(t, s).Checks, "web1", "http"); brief(c) != "CRITICAL open" {
		t.Errorf("what was read is %s", brief(c))
	}
	if c := find(t, first.Checks, "web1", "http"); brief(c) != "OK" {
		t.Errorf("what was given away changed to %s", brief(c))
	}
	f.do("/v1/objects/services", services)
	s.last.find("web1", "http").check.Acknowledged = true
	if c := find(t, read(t, s).Checks, "web1", "http"); brief(c) != "OK" {
		t.Errorf("the next one is %s", brief(c))
	}
}

// stream has events be what it is given, line by line; done ends it.
func (f *fake) stream(lines <-chan string) {
	f.do("/v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					return
				}
				_, _ = fmt.Fprint(w, line)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
}

// watching is a source that is watched.
type watching struct {
	lines chan string
	told  chan string
	err   chan error
}

func watch(ctx context.Context, s *Source, f *fake) *watching {
	w := &watching{lines: make(chan string), told: make(chan string, 100), err: make(chan error, 1)}
	f.stream(w.lines)
	go func() {
		w.err <- s.Watch(ctx, func() { w.told <- "ready" }, func(checks []mapping.Check) {
			if len(checks) == 0 {
				w.told <- "again"
				return
			}
			var list []string
			for i := range checks {
				list = append(list, checks[i].Host+"!"+checks[i].Name+" "+brief(&checks[i]))
			}
			w.told <- strings.Join(list, ", ")
		})
	}()
	return w
}

func (w *watching) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-w.told:
		if got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	case err := <-w.err:
		t.Fatalf("%v, and not %q", err, want)
	case <-time.After(patience):
		t.Fatalf("nothing is told, and not %q", want)
	}
}

func (w *watching) ends(t *testing.T) error {
	t.Helper()
	select {
	case err := <-w.err:
		return err
	case <-time.After(patience):
		t.Fatal("it goes on")
		return nil
	}
}

// The stream is told as it comes: several at once together, each check once.
func TestWatch(t *testing.T) {
	f := captured(t)
	s := f.source(t)
	read(t, s)
	w := watch(t.Context(), s, f)
	w.next(t, "ready")
	w.lines <- string(change("http", 1, 0, now, "")) + "\n"
	w.next(t, "web1!http WARNING soft")
	w.lines <- string(change("http", 2, 0, now+1, "")) + "\n" + string(change("ntp", 0, 1, now+1, "")) + "\r\n\n" + string(change("http", 2, 1, now+2, "")) + "\n" + `{"type":"DowntimeRemoved"}` + "\n"
	w.next(t, "web1!http CRITICAL open, web1!ntp OK")
	w.next(t, "again")
	w.lines <- strings.Repeat(" ", maxLine) // longer than any event
	w.lines <- "{}\n" + string(change("http", 0, 1, now+3, "")) + "\n"
	if got := <-w.told; got == "again" { // it came in two pieces
		w.next(t, "web1!http OK")
	} else if got != "web1!http OK" {
		t.Error(got)
	} else {
		w.next(t, "again")
	}
	half := string(change("http", 2, 1, now+4, ""))
	w.lines <- half[:20]
	w.lines <- half[20:] + "\n"
	w.next(t, "web1!http CRITICAL open")
	close(w.lines)
	if err := w.ends(t); monitor.ReasonOf(err) != monitor.NoConnection || !strings.Contains(err.Error(), "ended the event stream") {
		t.Error(err)
	}
}

// It ends with its context, and with a stream that is none.
func TestWatchEnds(t *testing.T) {
	f := captured(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := watch(ctx, f.source(t), f)
	w.next(t, "ready")
	cancel()
	if err := w.ends(t); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w = watch(t.Context(), f.source(t), f)
	w.next(t, "ready")
	w.lines <- "<html>\n"
	if err := w.ends(t); monitor.ReasonOf(err) != monitor.NotIt {
		t.Error(err)
	}
	f.say("/v1", 401, "")
	if err := f.source(t).Watch(within(t), func() { t.Error("ready") }, nil); monitor.ReasonOf(err) != monitor.NoLogin {
		t.Error(err)
	}
}

// One type of event without its right makes Icinga 2 refuse the stream, one that it
// doesn't know makes it end at once: neither is asked for.
func TestEventsThatOneMayHave(t *testing.T) {
	for name, tt := range map[string]struct {
		version string
		rights  []string
		types   int
	}{
		"all":        {"r2.13.6-1", []string{"*"}, 11},
		"a future":   {"v3.0.0", []string{"*"}, 11},
		"unreadable": {"snapshot", []string{"*"}, 11},
		"old":        {"r2.12.3-1", []string{"events/*"}, 8},
		"few":        {"r2.13.6-1", []string{"events/StateChange", "events/Flapping"}, 2},
		"none":       {"r2.13.6-1", []string{"events/Flapping"}, 0},
	} {
		f := captured(t)
		rights, _ := json.Marshal(tt.rights)
		f.say("/v1", 200, fmt.Sprintf(`{"results":[{"user":"dotm","version":%q,"permissions":%s}]}`, tt.version, rights))
		f.say("/v1/events", 200, "")
		s := f.source(t)
		err := s.Watch(within(t), func() {}, func([]mapping.Check) {})
		if tt.types == 0 {
			if monitor.ReasonOf(err) != monitor.NoRight || len(f.asked) != 1 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		_ = s.Watch(within(t), func() {}, func([]mapping.Check) {})
		var queues []string
		for _, asked := range f.asked {
			path, body, _ := strings.Cut(asked, " ")
			var q struct {
				Queue string
				Types []string
			}
			if path == "/v1/events" && json.Unmarshal([]byte(body), &q) == nil {
				queues = append(queues, q.Queue)
				if len(q.Types) != tt.types {
					t.Errorf("%s: asked for %v", name, q.Types)
				}
			}
		}
		if len(queues) != 2 || queues[0] == queues[1] || !strings.HasPrefix(queues[0], "dotm-") {
			t.Errorf("%s: queues %v", name, queues)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    bool
	}{
		{"events/StateChange", true},
		{"events/*", true},
		{"*", true},
		{"*/statechange", true},
		{"events/StateChang?", true},
		{"events/", false},
		{"events/State", false},
		{"vents/StateChange", false},
		{"events/.*", false},
		{"", false},
		{strings.Repeat("*", 300), false},
	} {
		if got := match(tt.pattern, "events/StateChange"); got != tt.want {
			t.Errorf("%.50q: %t", tt.pattern, got)
		}
	}
}

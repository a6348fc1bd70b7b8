package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
)

// asked is a poller that notes when it was asked for what, and answers as the
// test says. What it stands for needs real nodes: the rhythm does not.
type asked struct {
	mu     sync.Mutex
	at     map[string][]time.Time
	now    int // being asked now
	most   int
	answer func(ctx context.Context, url string) (*report.Report, error)
}

func (a *asked) Poll(ctx context.Context, url string) (*report.Report, error) {
	a.mu.Lock()
	if a.at == nil {
		a.at = map[string][]time.Time{}
	}
	a.at[url] = append(a.at[url], time.Now())
	a.now++
	a.most = max(a.most, a.now)
	a.mu.Unlock()
	defer func() { a.mu.Lock(); a.now--; a.mu.Unlock() }()
	return a.answer(ctx, url)
}

func (a *asked) times(url string) []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.at[url])
}

// says answers with the report of the host in the address.
func says(_ context.Context, url string) (*report.Report, error) {
	r := (&reporter{name: strings.TrimPrefix(url, "text://"), number: 1}).report()
	r.Sequence, r.Agent.Method = 0, "text"
	return r, nil
}

func startAsking(t *testing.T, m *memory, answer func(context.Context, string) (*report.Report, error), fixed ...string) (*running, *asked) {
	t.Helper()
	a := &asked{answer: answer}
	opt := Options{Store: m, Pollers: map[string]collect.Poller{"text": a}}
	for _, url := range fixed {
		opt.Targets = append(opt.Targets, collect.Target{URL: url})
	}
	return startWith(t, opt), a
}

func (r *running) add(t *testing.T, url string) {
	t.Helper()
	if _, err := r.AddTarget(t.Context(), collect.Target{URL: url, Zone: "dmz"}); err != nil {
		t.Fatal(err)
	}
}

func (r *running) target(t *testing.T, url string) collect.State {
	t.Helper()
	for _, s := range r.Targets() {
		if s.URL == url {
			return s
		}
	}
	t.Fatalf("%s is no target", url)
	return collect.State{}
}

func TestTargetIsAskedAtOnceAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := startAsking(t, &memory{}, says)
		began := time.Now()
		s.add(t, "text://web1")
		synctest.Wait()
		if got := a.times("text://web1"); len(got) != 1 || !got[0].Equal(began) {
			t.Fatalf("asked at %v, added at %s", got, began)
		}
		b := s.Snapshot().Block("web1")
		if b == nil || b.Node.Zone != "dmz" || time.Duration(b.Node.Interval) != time.Minute {
			t.Fatalf("the node is %+v", b)
		}
		time.Sleep(10*time.Minute + 30*time.Second) //nolint:forbidigo // the bubble's clock
		times := a.times("text://web1")
		if len(times) < 10 || len(times) > 12 {
			t.Errorf("asked %d times in ten minutes", len(times))
		}
		for i := range times[1:] {
			if d := times[i+1].Sub(times[i]); d < 54*time.Second || d > 66*time.Second {
				t.Errorf("asked again after %s", d)
			}
		}
		if st := s.target(t, "text://web1"); st.Node != "web1" || st.Problem != "" || !st.Succeeded.Equal(times[len(times)-1]) || !st.Tried.Equal(st.Succeeded) {
			t.Errorf("state is %+v", st)
		}
	})
}

// TestFailuresStayAlone: a node that hangs, and one that fails, delay nobody.
func TestFailuresStayAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := startAsking(t, &memory{}, func(ctx context.Context, url string) (*report.Report, error) {
			switch url {
			case "text://hangs":
				<-ctx.Done()
				return nil, ctx.Err()
			case "text://fails":
				return nil, fmt.Errorf("asking fails: %w: no route", collect.ErrUnreachable)
			}
			return says(ctx, url)
		}, "text://hangs", "text://fails", "text://web1")
		time.Sleep(5 * time.Minute) //nolint:forbidigo // the bubble's clock
		if n := len(a.times("text://web1")); n < 4 {
			t.Errorf("web1 was asked %d times", n)
		}
		if n := len(a.times("text://fails")); n < 4 {
			t.Errorf("the failing node was asked %d times", n)
		}
		if st := s.target(t, "text://fails"); st.Kind != "unreachable" || st.Problem != "asking fails: node can't be reached: no route" || !st.Succeeded.IsZero() {
			t.Errorf("state is %+v", st)
		}
		if n := strings.Count(s.log.text(), "asking node failed"); n != 1 {
			t.Errorf("the problem was logged %d times:\n%s", n, s.log.text())
		}
	})
}

func TestPollsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fixed []string
		for i := range 3 * maxPolls {
			fixed = append(fixed, fmt.Sprintf("text://web%d", i))
		}
		_, a := startAsking(t, &memory{}, func(ctx context.Context, url string) (*report.Report, error) {
			select {
			case <-time.After(20 * time.Second):
			case <-ctx.Done():
			}
			return nil, collect.ErrSilent
		}, fixed...)
		time.Sleep(2 * time.Minute) //nolint:forbidigo // the bubble's clock
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.most != maxPolls || len(a.at) != len(fixed) {
			t.Errorf("%d at once, %d of %d asked", a.most, len(a.at), len(fixed))
		}
	})
}

func TestTargetsSurviveARestart(t *testing.T) {
	m := &memory{}
	synctest.Test(t, func(t *testing.T) {
		s, _ := startAsking(t, m, says, "text://fixed")
		s.add(t, "text://web1:4848")
		s.add(t, "text://web2")
		if ok, err := s.RemoveTarget(t.Context(), "text://web2"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := s.RemoveTarget(t.Context(), "text://web2"); ok || err != nil {
			t.Error("a target was removed twice")
		}
		var locked *LockedError
		if _, err := s.RemoveTarget(t.Context(), "text://fixed"); !errors.As(err, &locked) {
			t.Errorf("removing a fixed target: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, a := startAsking(t, m, says)
		time.Sleep(firstPolls + time.Second) //nolint:forbidigo // the bubble's clock
		if got := s.Targets(); len(got) != 1 || got[0].URL != "text://web1" || got[0].Added.IsZero() || got[0].Node != "web1" || len(a.times("text://web1")) != 1 {
			t.Errorf("targets are %+v", got)
		}
	})
}

func TestRemovedTargetIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		s, a := startAsking(t, &memory{}, func(ctx context.Context, _ string) (*report.Report, error) {
			<-ctx.Done()
			ended.Store(true)
			return nil, ctx.Err()
		})
		s.add(t, "text://web1")
		synctest.Wait()
		if _, err := s.RemoveTarget(t.Context(), "text://web1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) //nolint:forbidigo // the bubble's clock
		if !ended.Load() || len(a.times("text://web1")) != 1 || len(s.Targets()) != 0 {
			t.Errorf("the poll ended: %t, asked %v", ended.Load(), a.times("text://web1"))
		}
	})
}

func TestAddTargetRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s, _ := startAsking(t, m, says)
		s.add(t, "text://web1")
		for _, tt := range []struct {
			target collect.Target
			want   string
		}{
			{collect.Target{URL: "text://WEB1:4848"}, "node is asked already"},
			{collect.Target{URL: "http://web1"}, "must be like text://host:4848"},
			{collect.Target{URL: "ssh://web1"}, "of a kind that this server asks"},
			{collect.Target{URL: "text://web2", Zone: "a/b"}, "zone must be letters"},
			{collect.Target{URL: "text://web2", Name: `<b>"`}, "name must be letters"},
			{collect.Target{URL: "text://web2", Name: "Internet"}, "name must not be the reserved name"},
		} {
			if _, err := s.AddTarget(t.Context(), tt.target); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v: %v, want %s", tt.target, err, tt.want)
			}
		}
		m.fail(errors.New("disk full"))
		if _, err := s.AddTarget(t.Context(), collect.Target{URL: "text://web2"}); err == nil || len(s.Targets()) != 1 {
			t.Errorf("a target that can't be kept: %v, %d targets", err, len(s.Targets()))
		}
		m.fail(nil)
	})
}

// TestIntervalTakesEffect: a shorter one doesn't wait for the end of the longer.
func TestIntervalTakesEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := startAsking(t, &memory{}, says)
		s.add(t, "text://web1")
		synctest.Wait()
		if err := s.ChangeSettings(t.Context(), store.Patch{PollInterval: duration(5 * time.Second)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second) //nolint:forbidigo // the bubble's clock
		if n := len(a.times("text://web1")); n < 5 || n > 8 {
			t.Errorf("asked %d times in half a minute", n)
		}
	})
}

// TestNodeThatReportsItself: what its agent says is better than what it answers.
func TestNodeThatReportsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := startAsking(t, &memory{}, func(ctx context.Context, url string) (*report.Report, error) {
			r, err := says(ctx, url)
			r.Listeners = nil
			return r, err
		})
		s.put(t, (&reporter{name: "web1", number: 1}).report())
		synctest.Wait()
		if b := s.Snapshot().Block("web1"); b.Node.Collect != "agent" {
			t.Fatalf("a node that an agent reports is said to be collected by %q", b.Node.Collect)
		}
		if _, err := s.AddTarget(t.Context(), collect.Target{URL: "text://web1"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := s.target(t, "text://web1"); st.Kind != "redundant" {
			t.Errorf("state is %+v", st)
		}
		if b := s.Snapshot().Block("web1"); len(b.Services) != 1 {
			t.Errorf("the agent's report was overwritten: %+v", b.Services)
		}
	})
}

package nodes

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

func TestTargetsMark(t *testing.T) {
	asked := func(change func(*TargetState)) string {
		t.Helper()
		s := TargetState{State: collect.State{Target: collect.Target{URL: "text://db1"}}, Interval: topology.Duration(time.Minute)}
		change(&s)
		mark, err := targetsMark([]TargetState{s})
		if err != nil {
			t.Fatal(err)
		}
		return mark
	}
	first := asked(func(*TargetState) {})
	if again := asked(func(*TargetState) {}); again != first {
		t.Errorf("the same state is %s, then %s", first, again)
	}
	for name, change := range map[string]func(*TargetState){
		"tried":    func(s *TargetState) { s.Tried = shop.Noon },
		"problem":  func(s *TargetState) { s.Problem = "refused" },
		"node":     func(s *TargetState) { s.Node = "db1" },
		"interval": func(s *TargetState) { s.Interval++ },
	} {
		if asked(change) == first {
			t.Errorf("another %s has the same mark", name)
		}
	}
	if none, _ := targetsMark(nil); none != "" {
		t.Errorf("no targets are marked %q", none)
	}
}

func TestHostOf(t *testing.T) {
	for url, want := range map[string]string{
		"text://db1": "db1", "text://db1:1": "db1", "ssh://u@db1:22?jump=a@b:1": "db1", "text://[fd00::1]": "fd00::1", "ssh://u@[fd00::1]:22": "fd00::1",
	} {
		if got := hostOf(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

package alertmanager

import (
	"testing"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// TestServer tries what the tests of others rest on.
func TestServer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Scene(t)
	if !s.Silenced(t, "DiskFull") || s.Silenced(t, "PostgresDown") {
		t.Error("the silence is not there")
	}
	s.Hang()
	if err := s.try("/api/v2/status", nil, nil); err == nil {
		t.Error("it hangs, and answers")
	}
	s.Resume()
	daemon.WaitFor(t, "an answer", func() bool { return s.try("/api/v2/status", nil, nil) == nil })
	s.Restart(t)
	var list []any
	if err := s.try("/api/v2/alerts", nil, &list); err != nil || len(list) != 0 {
		t.Errorf("started again it knows %d alerts, %v", len(list), err)
	}
	if got := s.Silences(t); len(got) != 1 || got[0].CreatedBy != Silencer {
		t.Errorf("it knows the silences %+v", got)
	}
	s.Stop()
	if err := s.try("/api/v2/status", nil, nil); err == nil {
		t.Error("it is stopped, and answers")
	}
}

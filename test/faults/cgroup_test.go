//go:build linux

package faults

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/need"
)

// memory is a memory cgroup with one server in it (cgroups(7), version 1 or 2).
type memory struct {
	dir    string
	events string // the file that counts who was killed
}

// allow makes a cgroup whose processes get so many bytes, swap included.
func allow(t *testing.T, limit int) *memory {
	t.Helper()
	for _, c := range []struct{ root, limit, events string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"},
		{"/sys/fs/cgroup", "memory.max", "memory.events"},
	} {
		m := &memory{dir: filepath.Join(c.root, fmt.Sprintf("dotm-faults-%d-%d", os.Getpid(), limit)), events: c.events}
		if _, err := os.Stat(filepath.Join(c.root, "cgroup.procs")); err != nil {
			continue
		}
		if err := os.Mkdir(m.dir, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(m.dir) })
		if err := os.WriteFile(filepath.Join(m.dir, c.limit), []byte(strconv.Itoa(limit)), 0o644); err != nil {
			_ = os.Remove(m.dir) // the controller is not there
			continue
		}
		for _, swap := range []string{"memory.memsw.limit_in_bytes", "memory.swap.max"} {
			_ = os.WriteFile(filepath.Join(m.dir, swap), []byte(strconv.Itoa(limit)), 0o644) // where there is swap
		}
		return m
	}
	need.Kernel(t, "there is no memory cgroup that this user may write")
	return nil
}

// within runs a command in it.
func (m *memory) within(variables ...string) []string {
	return append([]string{"sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, m.dir, "env"}, variables...)
}

// killed is how many processes of it the kernel killed.
func (m *memory) killed(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(m.dir, m.events))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^oom_kill (\d+)`).FindSubmatch(raw)
	if found == nil {
		t.Fatalf("%s says %s", m.events, raw)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// large is a report of so many rows; another round has other numbers in them.
func large(name string, round, rows int) *report.Report {
	r := host(name, round+1, 80)
	for row := range rows {
		r.Connections = append(r.Connections, report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: fmt.Sprintf("process-%s-%d", name, row), Port: uint16(row + 1), Count: round + 1, Opened: 1,
			Peer: netip.AddrFrom4([4]byte{10, 1, byte(row >> 8), byte(row)}),
		})
	}
	return r
}

// ended says whether the server's process is there no longer.
func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// TestMemoryCgroup: with GOMEMLIMIT below the limit of its cgroup, as the unit and the
// container have it, a server collects its garbage in time; what can't be collected has
// the kernel kill it, and it comes back with what was kept a second before.
func TestMemoryCgroup(t *testing.T) {
	const limit = 256 << 20
	m := allow(t, limit)
	data := t.TempDir()
	s := start(t, data, "", m.within("GOMEMLIMIT=200MiB")...)
	s.mustPut(t, host("web1", 1, 80))
	for round := range 6 { // five nodes, whose numbers are others each time
		for node := range 5 {
			if status, answer, err := s.put(t.Context(), large(fmt.Sprintf("busy%d", node), round, 3_000)); err != nil || status != http.StatusOK {
				t.Fatalf("round %d: %d %v %.300s; %d killed", round, status, err, answer, m.killed(t))
			}
		}
		s.get(t, "/api/v1/topology?hide=none", &site{})
	}
	if s.ended() || m.killed(t) != 0 {
		t.Fatalf("%d were killed in 30 reports that fit", m.killed(t))
	}
	s.shows(t, "web1", 80)
	t.Logf("after 30 reports of 3,000 rows: %d MiB in memory of %d", s.memory(t, "VmHWM")>>20, limit>>20)

	<-time.After(durable) // until it is on disk
	for i := 0; !s.ended(); i++ {
		if i > 200 {
			t.Fatal("it never runs out of memory")
		}
		if status, answer, err := s.put(t.Context(), large("new"+strconv.Itoa(i), 0, 20_000)); err == nil && status != http.StatusOK && !strings.Contains(string(answer), "problems") {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if status, is := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGKILL || m.killed(t) == 0 {
		t.Errorf("it ended as %v, and %d were killed", s.cmd.ProcessState, m.killed(t))
	}
	again := start(t, data, "")
	eventually(t, "what was kept", func() error {
		if !again.chart(t).holds("web1", 80) {
			return errors.New("web1:80 is not there")
		}
		return nil
	})
}

package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// cgroupRoot is where control groups of version 2 are mounted.
func cgroupRoot(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir
		}
	}
	netns.Cannot(t, "no control groups of version 2 are mounted")
	return ""
}

// putInto moves a peer into a control group of its own.
func (p *peer) putInto(root, group string) {
	p.t.Helper()
	dir := filepath.Join(root, group)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		netns.Cannot(p.t, "making a control group: "+err.Error())
	}
	must(p.t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), fmt.Append(nil, p.pid()), 0o644))
	p.t.Cleanup(func() {
		p.stop()
		for ; dir != root; dir = filepath.Dir(dir) {
			_ = os.Remove(dir) // one that others use stays
		}
	})
}

// TestWorkplaces: rows name the unit and the container that their process is
// in; two processes of one name in different ones are two rows.
func TestWorkplaces(t *testing.T) {
	needRoot(t)
	root := cgroupRoot(t)
	id := strings.Repeat("0123456789abcdef", 4)
	unit, box, plain := startPeer(t, "worker", 0), startPeer(t, "worker", 0), startPeer(t, "plain", 0)
	unit.putInto(root, "system.slice/dotm-test.service")
	box.putInto(root, "dotm-test.slice/docker-"+id+".scope")
	plain.do("listen", "tcp4", "127.0.0.1:8080")
	unit.do("listen", "tcp4", "127.0.0.1:8081")
	box.do("listen", "tcp4", "127.0.0.1:8082")
	unit.do("dial", "tcp4", "127.0.0.1:8080", 1)
	box.do("dial", "tcp4", "127.0.0.1:8080", 2)
	s := newScanner(t, Options{Networks: "own"})
	for range 2 {
		r := look(t, s)
		where := func(unit string, container int) string {
			if container == 0 {
				return unit
			}
			c := r.Containers[container-1]
			return unit + " " + c.Runtime + " " + c.Name + " " + c.ID
		}
		got := map[string]string{}
		for _, l := range r.Listeners {
			got[fmt.Sprint(l.Port)] = where(l.Unit, l.Container)
		}
		for _, c := range r.Connections {
			if c.Direction == report.Out {
				got[fmt.Sprintf("%s %d", c.Process, c.Count)] = where(c.Unit, c.Container)
			}
		}
		for name, want := range map[string]string{
			"8081": "dotm-test.service", "worker 1": "dotm-test.service",
			"8082": " docker 0123456789ab " + id, "worker 2": " docker 0123456789ab " + id,
		} {
			if got[name] != want {
				t.Errorf("%s is in %q, want %q", name, got[name], want)
			}
		}
		if len(r.Containers) != 1 {
			t.Errorf("containers are %+v", r.Containers)
		}
	}
}

// TestTidy: containers without processes are forgotten in the end, and those
// with some keep their rows.
func TestTidy(t *testing.T) {
	w := newWorkplaces("/proc", nil)
	inside := map[int]int{}
	for i := range 3 * slack {
		n := w.numberOf(report.Container{Name: fmt.Sprint("box", i)})
		if i%1000 == 999 {
			inside[i] = n
		}
	}
	w.tidy(func(visit func(container *int)) {
		for i, n := range inside {
			visit(&n)
			inside[i] = n
		}
	})
	if len(w.list) != 3 {
		t.Errorf("%d containers left, want 3", len(w.list))
	}
	for i, n := range inside {
		if got := w.list[n-1].Name; got != fmt.Sprint("box", i) {
			t.Errorf("process %d is in %s", i, got)
		}
	}
}

package networks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/scan/procfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// host is a made-up /proc, in which this thread is in the namespace 100.
type host struct {
	t    *testing.T
	proc string
	fs   *procfs.FS
}

func newHost(t *testing.T) *host {
	h := &host{t: t, proc: t.TempDir()}
	h.put("thread-self", 100)
	h.put("1", 100)
	var err error
	h.fs, err = procfs.Open(h.proc)
	must(t, err)
	t.Cleanup(func() { must(t, h.fs.Close()) })
	return h
}

// put is a process in a namespace.
func (h *host) put(process string, inode uint32) {
	h.t.Helper()
	dir := filepath.Join(h.proc, process, "ns")
	must(h.t, os.MkdirAll(dir, 0o755))
	must(h.t, os.Symlink(fmt.Sprintf("net:[%d]", inode), filepath.Join(dir, "net")))
}

func (h *host) end(process string) {
	h.t.Helper()
	must(h.t, os.RemoveAll(filepath.Join(h.proc, process)))
}

func (h *host) networks(want string) *Networks {
	h.t.Helper()
	ns, err := New(h.fs, want, procfs.Rights{PIDNS: true}, strings.ToLower)
	must(h.t, err)
	return ns
}

// call is what processes are called here.
func call(pid int) string { return map[int]string{7: "Web", 8: "db", 9: "db", 10: "all"}[pid] }

// listed are the namespaces of this host's processes, whatever this machine keeps
// under names.
func listed(ns *Networks) (list []string) {
	for i, n := range ns.Others {
		if n.Index != i+1 {
			list = append(list, fmt.Sprintf("%s has the index %d", n.Name, n.Index))
		}
		if n.pid != 0 {
			list = append(list, fmt.Sprint(n.Name, " ", n.Inode, " ", n.pid))
		}
	}
	return list
}

// TestRefresh: namespaces are called after their first process, differently from
// each other and from the wishes, and go with their last process.
func TestRefresh(t *testing.T) {
	h := newHost(t)
	for process, inode := range map[string]uint32{"7": 201, "17": 201, "8": 202, "9": 203, "10": 204} {
		h.put(process, inode)
	}
	ns := h.networks("")
	must(t, ns.Refresh(call))
	if got, want := listed(ns), []string{"web 201 7", "db 202 8", "db-203 203 9", "all-204 204 10"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	first := ns.Of(201)
	if ns.Of(100) != ns.Own || first == nil || ns.Of(999) != nil || ns.Only() != 0 || !ns.LooksAtOwn() {
		t.Errorf("own %+v, first %+v, only %d", ns.Of(100), first, ns.Only())
	}
	h.end("7")
	h.end("8")
	must(t, ns.Refresh(call))
	if got, want := listed(ns), []string{"network 201 17", "db 203 9", "all-204 204 10"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if ns.Of(201) != first || ns.Of(202) != nil {
		t.Error("what is known of a namespace went, or stayed")
	}
}

// TestWishes: the own one only, or one by its name.
func TestWishes(t *testing.T) {
	h := newHost(t)
	h.put("7", 201)
	h.put("8", 202)
	own := h.networks(WishOwn)
	must(t, own.Refresh(call))
	if len(own.Others) != 0 || own.Only() != 100 || !own.LooksAtOwn() || own.Of(201) != nil || len(own.Notes()) != 1 {
		t.Errorf("of its own: %+v", own)
	}
	db := h.networks("db")
	must(t, db.Refresh(call))
	if got := listed(db); !slices.Equal(got, []string{"db 202 8"}) || db.LooksAtOwn() || db.Of(100) != nil {
		t.Errorf("of db: %q", got)
	}
	if err := h.networks("none").Refresh(call); err == nil || !strings.Contains(err.Error(), `no network namespace is named "none"; there are: `) {
		t.Errorf("of none: %v", err)
	}
	inside, err := New(h.fs, "", procfs.Rights{}, strings.ToLower)
	must(t, err)
	if inside.Only() != 100 || !strings.Contains(inside.Notes()[0].Hint, "--namespaces all") {
		t.Errorf("in a container: %+v", inside.Notes())
	}
}

// TestVisit: a namespace that ended is left out without a word, one that may not
// be entered with one.
func TestVisit(t *testing.T) {
	h := newHost(t)
	h.put("7", 201)
	must(t, os.WriteFile(filepath.Join(h.proc, "thread-self/ns/net:[100]"), nil, 0o600)) // to come back to
	ns := h.networks(WishAll)
	must(t, ns.Refresh(call))
	must(t, ns.Visit(func(n *Network) error {
		if n.pid != 0 {
			t.Errorf("%s was entered", n.Name)
		}
		return nil
	}))
	if got := ns.Notes(); got != nil {
		t.Errorf("got %+v", got)
	}
	ns.refuse(unix.EPERM)
	ns.refuse(unix.ENOENT)
	if got := ns.Notes(); len(got) != 1 || !strings.HasPrefix(got[0].Text, "1 other network namespaces could not be entered: ") {
		t.Errorf("got %+v", got)
	}
}

func TestNewErrors(t *testing.T) {
	h := newHost(t)
	h.end("thread-self")
	if _, err := New(h.fs, "", procfs.Rights{}, strings.ToLower); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	must(t, os.MkdirAll(filepath.Join(h.proc, "thread-self/ns"), 0o755))
	must(t, os.Symlink("nonsense", filepath.Join(h.proc, "thread-self/ns/net")))
	if _, err := New(h.fs, "", procfs.Rights{}, strings.ToLower); err == nil || !strings.Contains(err.Error(), `is "nonsense"`) {
		t.Errorf("got %v", err)
	}
}

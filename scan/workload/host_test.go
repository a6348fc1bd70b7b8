package workload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ids and a pod of made-up containers.
const (
	id1 = "fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3"
	id2 = "b5d05c791086dd5041f270b159780860fe19f7dfe49ef296f341b2d12c19438b"
	uid = "3f1d6a52-9a0b-4c1e-8f5e-0d2b7c6a9e10"
)

// host is the file system of a host with a clock.
type host struct {
	t    testing.TB
	root string
	time time.Time
	*Finder
}

func newHost(t testing.TB) *host {
	h := &host{t: t, root: t.TempDir(), time: time.Unix(1_800_000_000, 0)}
	h.Finder = New(Options{Root: h.root, Now: func() time.Time { return h.time }})
	return h
}

func (h *host) path(p string) string { return filepath.Join(h.root, p) }

// write puts a file in place as runtimes do: a new one over the old.
func (h *host) write(p, text string) {
	h.t.Helper()
	p = h.path(p)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(p+".new", []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(p+".new", p); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) remove(p string) {
	h.t.Helper()
	if err := os.RemoveAll(h.path(p)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) pass(d time.Duration) { h.time = h.time.Add(d) }

// in gives the container of a process in a cgroup, the zero one for none.
func (h *host) in(path string) Container {
	h.t.Helper()
	w := h.FromCgroup([]byte("0::" + path + "\n"))
	if w.Container == nil {
		return Container{}
	}
	return *w.Container
}

// name checks what the container of a cgroup is called.
func (h *host) name(path, want string) {
	h.t.Helper()
	if got := h.in(path).Name; got != want {
		h.t.Errorf("container of %s is called %q, want %q", path, got, want)
	}
}

// notes checks that the notes are as many as wanted, and hold what is wanted.
func (h *host) notes(want ...string) {
	h.t.Helper()
	var got []string
	for _, n := range h.Notes() {
		got = append(got, n.Code+": "+n.Text+" "+n.Hint)
	}
	if len(got) != len(want) {
		h.t.Errorf("notes %q, want %d", got, len(want))
		return
	}
	for i := range want {
		for part := range strings.SplitSeq(want[i], "|") {
			if !strings.Contains(got[i], part) {
				h.t.Errorf("note %q, want one with %q", got[i], part)
			}
		}
	}
}

// Where the runtimes keep a container.
func dockerFile(id string) string { return "/var/lib/docker/containers/" + id + "/config.v2.json" }

func bundleFile(namespace, id string) string {
	return "/run/containerd" + tasks + "/" + namespace + "/" + id + "/config.json"
}

const (
	podmanList   = "/var/lib/containers/storage/overlay-containers/containers.json"
	podmanGone   = "/var/lib/containers/storage/overlay-containers/volatile-containers.json"
	rootlessList = "/home/builder/.local/share/containers/storage/overlay-containers/containers.json"
	passwd       = "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1000::/home/builder:/bin/sh\n"
)

// What they keep of it.
func dockerState(name string) string {
	return `{"ID":"` + id1 + `","Name":"/` + name + `","Config":{"Image":"example.org/shop/cart:1.2"}}`
}

func listState(id, name string) string {
	return `[{"id":"` + id + `","names":["` + name + `"],"metadata":"{\"image-name\":\"example.org/shop/cart:1.2\"}"}]`
}

// Cgroups of the containers.
const (
	inDocker   = "/system.slice/docker-" + id1 + ".scope"
	inPodman   = "/machine.slice/libpod-" + id1 + ".scope"
	inRootless = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id1 + ".scope"
	inCRI      = "/kubepods.slice/kubepods-pod3f1d6a52_9a0b_4c1e_8f5e_0d2b7c6a9e10.slice/cri-containerd-" + id1 + ".scope"
	inPod      = "/kubepods/pod" + uid + "/" + id1
)

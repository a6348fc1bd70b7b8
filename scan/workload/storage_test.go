package workload

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

func TestPodmanLists(t *testing.T) {
	for _, list := range []string{
		podmanList, podmanGone,
		"/var/lib/containers/storage/vfs-containers/containers.json",
		"/var/lib/containers/storage/btrfs-containers/containers.json",
		"/run/containers/storage/overlay-containers/volatile-containers.json",
	} {
		h := newHost(t)
		h.write(list, listState(id1, "cart"))
		h.name(inPodman, "cart")
		h.name("/../"+id1, "cart")
		h.notes()
	}
}

// A new container is found at once, though the list was read before.
func TestPodmanListGrows(t *testing.T) {
	h := newHost(t)
	h.write(podmanList, listState(id1, "cart"))
	h.name(inPodman, "cart")
	h.write(podmanList, listState(id1, "cart")[:len(listState(id1, "cart"))-1]+","+listState(id2, "web")[1:])
	h.name("/machine.slice/libpod-"+id2+".scope", "web")
	h.write(podmanList, listState(id1, "tray"))
	h.pass(30 * time.Second)
	h.name(inPodman, "tray")
	h.name("/machine.slice/libpod-"+id2+".scope", "web") // gone, and still known
}

func TestPodmanConfigured(t *testing.T) {
	h := newHost(t)
	h.write(storageConfig, "# graphroot = \"/no\"\n[storage]\ndriver = \"overlay\"\n graphroot = \"/data/graph\"\nrunroot='/data/run'\ngraphroot_x = \"/no\"\nrootless_storage_path = \"$HOME/x\"\n")
	h.write("/data/graph/overlay-containers/containers.json", listState(id1, "cart"))
	h.write("/data/run/overlay-containers/volatile-containers.json", listState(id2, "web"))
	h.name(inPodman, "cart")
	h.name("/machine.slice/libpod-"+id2+".scope", "web")
	h.notes()
}

func TestPodmanMissing(t *testing.T) {
	h := newHost(t)
	h.name(inPodman, id1[:12])
	h.notes("container-state|Podman|/var/lib/containers/storage: does not exist.")
	h.write(podmanList, "[]")
	h.pass(30 * time.Second)
	h.name(inPodman, id1[:12])
	h.write(podmanGone, listState(id1, "cart"))
	h.pass(30 * time.Second)
	h.name(inPodman, "cart")
	h.notes()
}

// A damaged list costs what is in it, not what is in others.
func TestPodmanDamaged(t *testing.T) {
	h := newHost(t)
	h.write(podmanList, "[{]")
	h.write(podmanGone, listState(id2, "web"))
	h.name("/machine.slice/libpod-"+id2+".scope", "web")
	h.name(inPodman, id1[:12])
	h.notes("container-damaged|1 container is called by its id: " + podmanList + ": invalid character")
	h.write(podmanList, strings.Repeat(" ", hostfs.MaxFile+1))
	h.pass(30 * time.Second)
	h.notes("container-damaged|" + podmanList + ": must have at most 4194304 bytes")
	h.remove(podmanList)
	h.write(podmanList+"/x", "")
	h.pass(30 * time.Second)
	h.notes("container-damaged|" + podmanList + ": must be a regular file")
	h.remove(podmanList)
	h.write(podmanList, listState(id1, "cart"))
	h.pass(30 * time.Second)
	h.name(inPodman, "cart")
	h.notes()
}

func TestPodmanLenient(t *testing.T) {
	for text, want := range map[string]Container{
		`[{"id":"ID"}]`:                                             {Name: id1[:12]},
		`[{"id":7},{"id":"ID","names":"x"}]`:                        {Name: id1[:12]},
		`[{"id":"ID","metadata":"nonsense","names":["a","b"]}]`:     {Name: "a"},
		`[{"id":"ID","metadata":"{\"name\":\"a\"}"}]`:               {Name: "a"},
		`[{"id":"ID","metadata":"{\"image-name\":7}"}]`:             {Name: id1[:12]},
		`[{"id":"ID","names":["a"],"metadata":"{\"name\":\"b\"}"}]`: {Name: "a"},
	} {
		h := newHost(t)
		h.write(podmanList, strings.ReplaceAll(text, "ID", id1))
		want.ID, want.Runtime = id1, "podman"
		if got := h.in(inPodman); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestPodmanRootless(t *testing.T) {
	for _, list := range []string{rootlessList, "/run/user/1000/containers/overlay-containers/volatile-containers.json"} {
		h := newHost(t)
		h.write("/etc/passwd", passwd)
		h.write(list, listState(id1, "cart"))
		h.name(inRootless, "cart")
		h.name(inPodman, id1[:12]) // root's storage knows nothing of it
	}
}

// Root's containers may run below a user's session, too.
func TestPodmanOfRootInASession(t *testing.T) {
	h := newHost(t)
	h.write("/etc/passwd", passwd)
	h.write(podmanList, listState(id1, "cart"))
	h.name("/user.slice/user-1000.slice/session-3.scope/libpod-payload-"+id1, "cart")
}

func TestHomeOf(t *testing.T) {
	h := newHost(t)
	for text, want := range map[string]string{
		passwd:                                  "/home/builder",
		"":                                      "",
		"builder:x:1000:1000::relative:/bin/sh": "",
		"builder:x:1000:1000":                   "",
		"a:x:10000:1::/a:/bin/sh\nb:x:1000:1::/b:/bin/sh\nc:x:1000:1::/c:/bin/sh": "/b",
	} {
		h.write("/etc/passwd", text)
		if got := (hostfs.Tree{Root: h.root}).HomeOf("1000"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := (hostfs.Tree{Root: h.root}).HomeOf(""); got != "" {
		t.Errorf("nobody: got %q", got)
	}
}

// Many users, many lists: memory stays bounded.
func TestListsAreBounded(t *testing.T) {
	h := newHost(t)
	var users strings.Builder
	for i := range maxLists + 50 {
		fmt.Fprintf(&users, "u%d:x:%d:%d::/home/u%d:/bin/sh\n", i, 2000+i, 2000+i, i)
	}
	h.write("/etc/passwd", users.String())
	for i := range maxLists + 50 {
		h.write(fmt.Sprintf("/home/u%d/.local/share/containers/storage/overlay-containers/containers.json", i), listState(id1, fmt.Sprintf("cart%d", i)))
		h.name(fmt.Sprintf("/user.slice/user-%d.slice/libpod-%s.scope", 2000+i, id1), fmt.Sprintf("cart%d", i))
	}
	if n := len(h.state.storage.lists); n > maxLists {
		t.Errorf("%d lists remembered", n)
	}
}

// CRI-O's list serves where the configuration of the container is not there.
func TestCRIO(t *testing.T) {
	const cgroup = "/kubepods.slice/kubepods-pod3f1d6a52_9a0b_4c1e_8f5e_0d2b7c6a9e10.slice/crio-" + id1 + ".scope"
	h := newHost(t)
	h.write(podmanGone, `[{"id":"`+id1+`","names":["k8s_cart_cart-0_shop_x_0"],"metadata":"{\"pod-id\":\"x\",\"metadata-name\":\"cart\",\"image-name\":\"i\",\"name\":\"k8s_cart_cart-0_shop_x_0\"}"}]`)
	h.write("/var/log/pods/shop_cart-0_"+uid+"/cart/0.log", "")
	want := Container{ID: id1, Name: "cart", Runtime: "cri-o", Image: "i", Pod: "cart-0", PodNamespace: "shop"}
	if got := h.in(cgroup); got != want {
		t.Errorf(" got %+v\nwant %+v", got, want)
	}
	empty := newHost(t)
	empty.name(cgroup, id1[:12])
	empty.notes("container-state|CRI-O|/run/containers/storage: does not exist.")
}

func TestCRIOImages(t *testing.T) {
	for annotations, want := range map[string]string{
		`"io.kubernetes.cri-o.ImageName":"a","io.kubernetes.cri-o.Image":"b"`: "a",
		`"io.kubernetes.cri-o.ImageName":"","io.kubernetes.cri-o.Image":"b"`:  "b",
		`"io.kubernetes.cri-o.Image":7`:                                       "",
	} {
		h := newHost(t)
		h.write("/run/containers/storage/vfs-containers/"+id1+"/userdata/config.json", `{"annotations":{`+annotations+`}}`)
		if got := h.in("/crio/crio-" + id1); got.Image != want || got.Runtime != "cri-o" {
			t.Errorf("%s: got %+v, want the image %q", annotations, got, want)
		}
	}
}

func FuzzContainers(f *testing.F) {
	f.Add(recorded(f, "podman/root/var/lib/containers/storage/vfs-containers/containers.json"))
	f.Add(recorded(f, "cri-o/root"+podmanGone))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := decodeContainers(text)
		if err != nil && list != nil {
			t.Error("an error with a list")
		}
		for id, c := range list {
			c.ID = id
			fit(t, c)
		}
	})
}

func FuzzStorageConfig(f *testing.F) {
	f.Add("[storage]\ngraphroot = \"/data\"\nrunroot='/x'\n")
	root := f.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/containers"), 0o755); err != nil {
		f.Fatal(err)
	}
	s := newStorage(hostfs.Tree{Root: root})
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(root, storageConfig), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if graph, run := s.roots(); !strings.HasPrefix(graph, "/") || !strings.HasPrefix(run, "/") {
			t.Errorf("%q gives %q and %q", text, graph, run)
		}
	})
}

// fit checks that a container of any state is fit for a report.
func fit(t *testing.T, c Container) {
	t.Helper()
	e := &entry{}
	if c.ID == "" {
		c.ID = id1
	}
	e.set(c)
	for _, s := range []string{e.container.ID, e.container.Name, e.container.Image, e.container.Pod, e.container.PodNamespace} {
		if s != report.CleanName(s) {
			t.Errorf("%q is not fit for a report", s)
		}
	}
	if e.container.Name == "" {
		t.Errorf("no name: %+v", e.container)
	}
}

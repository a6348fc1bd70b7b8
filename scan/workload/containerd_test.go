package workload

import (
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

const criState = `{"annotations":{"io.kubernetes.cri.container-name":"cart","io.kubernetes.cri.sandbox-name":"cart-0","io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.image-name":"i"}}`

func TestContainerdPlaces(t *testing.T) {
	for _, file := range []string{
		bundleFile("k8s.io", id1),
		bundleFile("some-namespace", id1),
		"/run/k3s/containerd" + tasks + "/k8s.io/" + id1 + "/config.json",
		"/var/snap/microk8s/common/run/containerd" + tasks + "/k8s.io/" + id1 + "/config.json",
	} {
		for _, cgroup := range []string{inCRI, inPod} {
			h := newHost(t)
			h.write(file, criState)
			want := Container{ID: id1, Name: "cart", Runtime: "containerd", Image: "i", Pod: "cart-0", PodNamespace: "shop"}
			if got := h.in(cgroup); got != want {
				t.Errorf("%s in %s\n got %+v\nwant %+v", file, cgroup, got, want)
			}
			h.notes()
		}
	}
}

// Docker's bundles have no names; they tell whose container it is.
func TestContainerdOfDocker(t *testing.T) {
	for _, state := range []string{"/run/containerd", "/run/docker/containerd/daemon"} {
		h := newHost(t)
		h.write(state+tasks+"/moby/"+id1+"/config.json", `{"linux":{"cgroupsPath":"/jobs/`+id1+`"}}`)
		if got, want := h.in("/jobs/"+id1), (Container{ID: id1, Name: id1[:12], Runtime: "docker"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		h.write(dockerFile(id1), dockerState("cart"))
		h.pass(30 * time.Second)
		h.name("/jobs/"+id1, "cart")
	}
}

func TestContainerdMissing(t *testing.T) {
	h := newHost(t)
	h.name(inCRI, id1[:12])
	h.notes("container-state|containerd|/run/containerd" + tasks + ": does not exist.")
	h.write(bundleFile("k8s.io", id2), criState)
	h.pass(30 * time.Second)
	h.name(inCRI, id1[:12])
	h.write(bundleFile("k8s.io", id1), criState)
	h.pass(30 * time.Second)
	h.name(inCRI, "cart")
	h.notes()
}

func TestContainerdDamaged(t *testing.T) {
	h := newHost(t)
	h.write(bundleFile("k8s.io", id1), "[")
	h.name(inCRI, id1[:12])
	h.notes("container-damaged|" + bundleFile("k8s.io", id1))
}

// A container that nobody knows is no runtime's failure.
func TestUnknownContainer(t *testing.T) {
	h := newHost(t)
	if got, want := h.in("/../"+id1), (Container{ID: id1, Name: id1[:12]}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := h.in("/garden/" + uid); got != (Container{ID: uid, Name: uid[:12], Runtime: "garden"}) {
		t.Errorf("got %+v", got)
	}
	h.notes()
}

// Containers with any name for an id are told by their bundles only.
func TestContainerdNamed(t *testing.T) {
	bundle := func(path string) string { return `{"linux":{"cgroupsPath":"` + path + `"}}` }
	tests := []struct {
		name, file, text, cgroup, want string
	}{
		{"ctr", bundleFile("default", "web"), bundle("/default/web"), "/default/web", "web"},
		{"below", bundleFile("default", "web"), bundle("/default/web"), "/default/web/sub", "web"},
		{"above the reader", bundleFile("default", "web"), bundle("/default/web"), "/../default/web", "web"},
		{"a name of nerdctl's", bundleFile("x", "web"), `{"annotations":{"nerdctl/name":"shop"},"linux":{"cgroupsPath":"/x/web"}}`, "/x/web", "shop"},
		{"k3s", "/run/k3s/containerd" + tasks + "/default/web/config.json", bundle("/default/web"), "/default/web", "web"},
		{"another cgroup", bundleFile("default", "web"), bundle("/other/web"), "/default/web", ""},
		{"no cgroup", bundleFile("default", "web"), `{}`, "/default/web", ""},
		{"no bundle", bundleFile("default", "other"), bundle("/default/web"), "/default/web", ""},
		{"damaged", bundleFile("default", "web"), "{", "/default/web", "web"},
		{"a unit", bundleFile("default", "web.service"), bundle("/default/web.service"), "/default/web.service", ""},
		{"a slice", bundleFile("x.slice", "web"), bundle("/x.slice/web"), "/x.slice/web", ""},
		{"one part", bundleFile("default", "web"), bundle("/default"), "/default", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.write(tt.file, tt.text)
			h.name(tt.cgroup, tt.want)
		})
	}
}

// A cgroup that was none yet may become a container's.
func TestContainerdNamedLater(t *testing.T) {
	h := newHost(t)
	h.name("/default/web", "")
	h.write(bundleFile("default", "web"), `{"linux":{"cgroupsPath":"/default/web"}}`)
	h.pass(29 * time.Second)
	h.name("/default/web", "")
	h.pass(time.Second)
	h.name("/default/web", "web")
	h.notes()
}

// No path of a cgroup leads out of the directory of bundles.
func TestNamedParts(t *testing.T) {
	for path, want := range map[string]string{
		"/a/b": "a b", "/a/b/c": "a b", "/../../a/b": "a b", "/a.b/c_d-e": "a.b c_d-e",
		"/": "", "/a": "", "/..": "", "/../..": "", "/a/..": "", "/a/.": "", "//a": "", "/a//b": "", "/-a/b": "", "/a/b-": "",
		"/a/b--c": "", "/a b/c": "", "/a/b\x00": "", "/a/" + strings.Repeat("x", 77): "", "/a/é": "", "/..a/b/c": "",
	} {
		namespace, id, ok := namedParts(proctext.Cgroup{Path: path})
		if got := strings.TrimSpace(namespace + " " + id); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t, want %q", path, got, ok, want)
		}
	}
}

func FuzzOCISpec(f *testing.F) {
	f.Add(recorded(f, "kubernetes/root"+bundleFile("k8s.io", id2)))
	f.Add(recorded(f, "containerd/root"+bundleFile("default", "web")))
	f.Add([]byte(`{"annotations":{"nerdctl/name":"a","io.kubernetes.container.name":"b","io.kubernetes.cri.container-type":"sandbox"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var spec ociSpec
		if err := hostfs.Decode(text, &spec); err == nil {
			fit(t, spec.containerd())
			fit(t, spec.crio())
		}
	})
}

// Whatever a cgroup's text says, the answer is fit for a report.
func FuzzFromCgroup(f *testing.F) {
	h := newHost(f)
	h.write(bundleFile("default", "web"), `{"linux":{"cgroupsPath":"/default/web"}}`)
	for _, path := range []string{"/default/web", inDocker, inRootless, inCRI, inPod, "/lxc.payload.web/init.scope", "/garden/" + uid} {
		f.Add([]byte("0::" + path + "\n"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w := h.FromCgroup(text)
		if w.Container != nil {
			fit(t, *w.Container)
		}
		if again := h.FromCgroup(text); again != w {
			t.Errorf("%q: %+v, then %+v", text, w, again)
		}
	})
}

package workload

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
	"golang.org/x/sys/unix"
)

// nobody runs f with the rights of a user who may do nothing: without those of
// root on files, if this is root (setfsuid(2)).
func (h *host) nobody(f func()) {
	h.t.Helper()
	if err := os.Chmod(filepath.Dir(h.root), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(nobody); err != nil {
		h.t.Fatal(err)
	}
	defer unix.Setfsuid(0)
	f()
}

// shut takes all rights from a directory that write made, until the test ends.
func (h *host) shut(p string, mode os.FileMode) {
	h.t.Helper()
	if err := os.Chmod(h.path(p), mode); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { os.Chmod(h.path(p), 0o755) })
}

func TestDockerDenied(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), dockerState("cart"))
	h.shut("/var/lib/docker", 0)
	h.nobody(func() {
		if got, want := h.in(inDocker), (Container{ID: id1, Name: id1[:12], Runtime: "docker"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	h.notes("container-names|Containers of Docker are called by their ids: " + dockerFile(id1) + ": permission denied.|group docker")
	h.shut("/var/lib/docker", 0o755)
	h.pass(30 * time.Second)
	h.name(inDocker, "cart")
	h.notes()
}

// Who may not read Docker's files may yet ask its daemon.
func TestDockerDeniedButAsked(t *testing.T) {
	e := newEngine(t)
	e.write(dockerFile(id1), dockerState("from a file"))
	e.shut("/var/lib/docker", 0)
	e.says(`[{"Id":"` + id1 + `","Names":["/cart"]}]`)
	e.nobody(func() { e.name(inDocker, "cart") })
	e.notes()
}

func TestPodmanDenied(t *testing.T) {
	h := newHost(t)
	h.write("/etc/passwd", passwd)
	h.write(podmanList, listState(id2, "web"))
	h.write(rootlessList, listState(id1, "cart"))
	h.shut("/home/builder", 0)
	h.nobody(func() { h.name(inRootless, id1[:12]) })
	h.notes("container-names|Podman|permission denied.|run dotm as root")
}

// Without rights the bundle's directory still tells the runtime, and the logs
// of the kubelet the pod.
func TestContainerdDenied(t *testing.T) {
	h := newHost(t)
	h.write(bundleFile("k8s.io", id1), criState)
	h.write("/var/log/pods/shop_cart-0_"+uid+"/cart/0.log", "")
	h.write(dockerFile(id2), dockerState("web"))
	h.shut("/run/containerd"+tasks, 0o711)
	h.shut("/run/containerd"+tasks+"/k8s.io/"+id1, 0)
	h.shut("/var/lib/docker", 0)
	h.nobody(func() {
		want := Container{ID: id1, Name: "cart", Runtime: "containerd", Pod: "cart-0", PodNamespace: "shop"}
		if got := h.in(inPod); got != want {
			t.Errorf(" got %+v\nwant %+v", got, want)
		}
	})
	h.notes("container-names|Containers of containerd|permission denied.")
}

func TestContainerdNamedDenied(t *testing.T) {
	h := newHost(t)
	h.write(bundleFile("default", "web"), `{"linux":{"cgroupsPath":"/default/web"}}`)
	h.write("/run/docker/containerd/daemon/x", "")
	h.shut("/run/containerd"+tasks+"/default/web", 0)
	h.shut("/run/docker", 0)
	h.nobody(func() {
		h.name("/default/web", "web")
		h.name("/default/other", "") // that /run/docker is shut makes it no container
	})
	h.notes()
}

func TestProcDenied(t *testing.T) {
	h := newHost(t)
	h.write("/proc/7/cgroup", "0::/init.scope\n")
	h.shut("/proc/7", 0)
	h.nobody(func() {
		if w, err := h.Of(7); !os.IsPermission(errorOf(err)) || w != (Workload{}) {
			t.Errorf("got %+v, %v", w, err)
		}
	})
}

func errorOf(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = inner.Unwrap()
	}
}

// What a user puts into their home leads root nowhere else.
func TestHomesLeadNowhere(t *testing.T) {
	tests := []struct {
		name  string
		place func(h *host) error
	}{
		{"a link to a file", func(h *host) error {
			h.write("/secret.json", listState(id1, "secret"))
			h.write(rootlessList, "")
			os.Remove(h.path(rootlessList))
			return os.Symlink("/secret.json", h.path(rootlessList))
		}},
		{"a link to a directory", func(h *host) error {
			h.write("/secret/overlay-containers/containers.json", listState(id1, "secret"))
			h.write("/home/builder/.local/share/containers/x", "")
			return os.Symlink("/secret", h.path("/home/builder/.local/share/containers/storage"))
		}},
		{"a link within the home", func(h *host) error {
			h.write("/home/builder/storage/overlay-containers/containers.json", listState(id1, "secret"))
			h.write("/home/builder/.local/share/containers/x", "")
			return os.Symlink("../../../storage", h.path("/home/builder/.local/share/containers/storage"))
		}},
		{"a pipe", func(h *host) error {
			h.write(rootlessList, "")
			os.Remove(h.path(rootlessList))
			return unix.Mkfifo(h.path(rootlessList), 0o600)
		}},
		{"a directory", func(h *host) error {
			h.write(rootlessList+"/x", "")
			return nil
		}},
		{"more than is read", func(h *host) error {
			h.write(rootlessList, "")
			return os.Truncate(h.path(rootlessList), 1<<40)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.write("/etc/passwd", passwd)
			if err := tt.place(h); err != nil {
				t.Fatal(err)
			}
			h.name(inRootless, id1[:12])
			h.notes("container-damaged|" + rootlessList + ": ")
		})
	}
}

// Not even to another file system, which the user may have mounted and which
// may never answer.
func TestHomesLeadToNoMount(t *testing.T) {
	if os.Geteuid() != 0 {
		cannot(t, "needs root to mount")
	}
	h := newHost(t)
	h.write("/etc/passwd", passwd)
	h.write("/other/overlay-containers/containers.json", listState(id1, "secret"))
	h.write(rootlessList, listState(id1, "cart"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with its mounts
		storage := filepath.Dir(filepath.Dir(h.path(rootlessList)))
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			t.Errorf("no mounts of our own: %v", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount(h.path("/other"), storage, "", unix.MS_BIND, ""); err != nil {
			t.Error(err)
			return
		}
		h.name(inRootless, id1[:12])
	}()
	<-done
	h.notes("container-damaged|" + rootlessList + ": invalid cross-device link")
	h.pass(30 * time.Second)
	h.name(inRootless, "cart") // without the mount
}

// The way to the home is root's, and may have links.
func TestHomeBehindALink(t *testing.T) {
	h := newHost(t)
	h.write("/etc/passwd", passwd)
	h.write("/srv"+rootlessList, listState(id1, "cart"))
	if err := os.Symlink("/srv/home", h.path("/home")); err != nil {
		t.Fatal(err)
	}
	h.name(inRootless, "cart")
}

// A link that names its way from the root stays under the root given.
func TestRootIsNotLeft(t *testing.T) {
	h := newHost(t)
	outside := filepath.Join(t.TempDir(), "config.v2.json")
	if err := os.WriteFile(outside, []byte(dockerState("outside")), 0o644); err != nil {
		t.Fatal(err)
	}
	h.write(dockerFile(id1), "")
	os.Remove(h.path(dockerFile(id1)))
	if err := os.Symlink(outside, h.path(dockerFile(id1))); err != nil {
		t.Fatal(err)
	}
	h.name(inDocker, id1[:12])
}

// The host's own root is read without detours.
func TestRootOfTheHost(t *testing.T) {
	h := newHost(t)
	h.write("/x", "text")
	text, from, err := hostfs.Tree{Root: "/"}.Read(h.path("/x"))
	if err != nil || string(text) != "text" || from.Inode == 0 || !from.Current() {
		t.Errorf("got %q, %+v, %v", text, from, err)
	}
	h.write("/x", "text")
	if from.Current() {
		t.Error("another file of the same size and time is taken for the old one")
	}
	if (hostfs.Tree{Root: "/"}).Exists(h.path("/y")) || !(hostfs.Tree{Root: "/"}).Exists(h.path("/x")) {
		t.Error("existence is wrong")
	}
}

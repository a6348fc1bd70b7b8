package workload

import (
	"errors"
	"io/fs"
	"strconv"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// A host with several runtimes, as it is read in turn.
func TestManyRuntimes(t *testing.T) {
	h := newHost(t)
	h.write("/etc/passwd", passwd)
	h.write(dockerFile(id1), dockerState("in-docker"))
	h.write(podmanList, listState(id2, "in-podman"))
	h.write(rootlessList, listState(id1, "at-home"))
	h.write(bundleFile("k8s.io", id2), criState)
	for path, want := range map[string]string{
		inDocker: "in-docker",
		"/machine.slice/libpod-" + id2 + ".scope": "in-podman",
		inRootless:                        "at-home",
		"/kubepods/pod" + uid + "/" + id2: "cart",
		"/lxc.payload.web":                "web",
		"/system.slice/nginx.service":     "",
	} {
		h.name(path, want)
	}
	h.notes()
}

// One id in several stores: the runtime that the cgroup names is asked.
func TestRuntimeDecides(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), dockerState("in-docker"))
	h.write(podmanList, listState(id1, "in-podman"))
	h.name(inDocker, "in-docker")
	other := newHost(t)
	other.write(dockerFile(id1), dockerState("in-docker"))
	other.write(podmanList, listState(id1, "in-podman"))
	other.name(inPodman, "in-podman")
}

// Notes are in order, one for each runtime and kind, the damaged last.
func TestNotesInOrder(t *testing.T) {
	h := newHost(t)
	h.write(podmanList, "{")
	h.name(inCRI, id1[:12])
	h.name(inDocker, id1[:12])
	h.name("/docker/"+id2, id2[:12])
	h.name("/user.slice/user-7.slice/libpod-"+id1+".scope", id1[:12])
	h.name(inPodman, id1[:12])
	h.notes("container-state|containerd", "container-state|Docker", "container-damaged|2 containers are called by their ids: "+podmanList)
}

// More damage than is remembered is still told.
func TestNotesAreBounded(t *testing.T) {
	h := newHost(t)
	h.write(podmanList, "{")
	for i := range 2 * maxDamaged {
		n := strconv.Itoa(1000 + i)
		h.name("/machine.slice/libpod-"+id1[:60]+n+".scope", id1[:12])
	}
	h.notes("container-damaged|" + strconv.Itoa(maxDamaged) + " containers")
	h.write(podmanList, "[]")
	h.pass(recheck)
	h.notes()
}

// What is noted is fit for a report.
func TestNotesAreFitForReports(t *testing.T) {
	h := newHost(t)
	h.write("/etc/docker/daemon.json", `{"data-root":"/a\u0007b"}`)
	h.name(inDocker, id1[:12])
	h.notes(`container-state|/a\x07b/containers: does not exist`)
	for _, n := range h.Notes() {
		if n.Text != report.CleanName(n.Text) {
			t.Errorf("%q", n.Text)
		}
	}
}

// The container of a removed file is neither damaged nor missed.
func TestNoteGoesWithTheContainer(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), "{")
	h.write(dockerFile(id2), dockerState("web"))
	h.name(inDocker, id1[:12])
	h.notes("container-damaged")
	h.remove("/var/lib/docker/containers/" + id1)
	h.pass(29 * time.Second)
	h.notes("container-damaged")
	h.pass(time.Second)
	h.notes()
}

func TestLackOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want lackKind
	}{
		{errUnknown, unknown},
		{fs.ErrNotExist, unknown},
		{errElsewhere, elsewhere},
		{fs.ErrPermission, denied},
		{hostfs.ErrTooLarge, damaged},
		{errors.New("anything"), damaged},
	} {
		l := lackOf("docker", tt.err)
		if l.kind != tt.want || l.runtime != "docker" || l.Error() != tt.err.Error() || !errors.Is(l, tt.err) {
			t.Errorf("%v: got %+v, want %d", tt.err, l, tt.want)
		}
	}
	if text := (lack{}).Error(); text != "unknown container" {
		t.Errorf("got %q", text)
	}
}

func TestWorse(t *testing.T) {
	for _, tt := range []struct{ a, b, want error }{
		{nil, nil, nil},
		{nil, errUnknown, errUnknown},
		{errUnknown, nil, errUnknown},
		{errUnknown, fs.ErrPermission, fs.ErrPermission},
		{fs.ErrPermission, hostfs.ErrTooLarge, fs.ErrPermission},
		{hostfs.ErrTooLarge, hostfs.ErrNotRegular, hostfs.ErrTooLarge},
	} {
		if got := worse(tt.a, tt.b); !errors.Is(got, tt.want) {
			t.Errorf("of %v and %v the worse is %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

package workload

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// State of real runtimes, and of others after their source: see
// testdata/README.txt.
func TestRecorded(t *testing.T) {
	const image = "example.org/shop/cart:1.2"
	shop := func(c Container) Container {
		c.Pod, c.PodNamespace = "cart-0", "shop"
		return c
	}
	podman := func(id, name, image string) Container {
		return Container{ID: id, Name: name, Runtime: "podman", Image: image}
	}
	tests := []struct {
		dir, cgroup string
		unit        string
		want        Container // without a name: none
	}{
		{"docker", "cgroup", "", Container{ID: id1, Name: "basket", Runtime: "docker", Image: image}},
		{"podman", "cgroup", "", podman("f51d0f9d65b3d2844c70cb1d966bc2a871eec343f507cfb9e334aa161db509b5", "basket", image)},
		{"podman", "cgroup-pod", "", podman("bcba21069f6512da8070065c39317d88b1ad1dd27bbe076187ba0e19064a2b7e", "inpod", image)},
		{"podman", "0::/machine.slice/libpod-2ecddbb2393deaea37a47df43b5c5b546afef459478e3d80300eddbd36b2d517.scope/container\n", "", podman("2ecddbb2393deaea37a47df43b5c5b546afef459478e3d80300eddbd36b2d517", "gone", image)},
		{"podman", "0::/system.slice/web.service/libpod-payload-3824847bb20c6f23da58f97e7e1a3648187e5dcf720ca3f8151ecc0e0a29f905\n", "web.service", podman("3824847bb20c6f23da58f97e7e1a3648187e5dcf720ca3f8151ecc0e0a29f905", "bare", "")},
		{"podman", "cgroup-conmon", "", Container{}},
		{"podman-rootless", "cgroup", "user@1000.service", podman("7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f0e9d8c7b6a", "cart", image)},
		{"containerd", "cgroup", "", Container{ID: "web", Name: "web", Runtime: "containerd"}},
		{"nerdctl", "cgroup", "", Container{ID: "2d1c0b9a8f7e6d5c4b3a2f1e0d9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f", Name: "cart", Runtime: "containerd"}},
		{"kubernetes", "cgroup", "", shop(Container{ID: id2, Name: "cart", Runtime: "containerd", Image: image})},
		{"kubernetes", "cgroup-sandbox", "", shop(Container{ID: "5ff1e1243836ec68e0b9f56b2a0dc1e4627c388d4f64bce8235ae0bb71e55a3f", Name: "POD", Runtime: "containerd"})},
		{"cri-o", "cgroup", "", shop(Container{ID: "4c0e9d8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d", Name: "cart", Runtime: "cri-o", Image: image})},
		{"cri-o", "cgroup-sandbox", "", shop(Container{ID: "9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f0e9d8c7b6a5f4e3d2c1b0a9f8e", Name: "POD", Runtime: "cri-o", Image: "registry.k8s.io/pause:3.9"})},
		{"cri-dockerd", "cgroup", "", shop(Container{ID: "1c0b9a8f7e6d5c4b3a2f1e0d9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f0e", Name: "cart", Runtime: "docker", Image: "sha256:5d7431b83170a6cc7efa50f27e8c0565ab5fa2c15ecef862b68dd5e7325497cd"})},
		{"lxc", "cgroup", "", Container{Name: "web", Runtime: "lxc"}},
		{"lxc", "cgroup-monitor", "", Container{}},
	}
	for _, tt := range tests {
		t.Run(tt.dir+" "+tt.want.Name, func(t *testing.T) {
			text := []byte(tt.cgroup)
			if !strings.Contains(tt.cgroup, ":") {
				text = recorded(t, tt.dir+"/"+tt.cgroup)
			}
			f := New(Options{Root: filepath.Join("testdata", tt.dir, "root")})
			if tt.dir == "lxc" { // keeps nothing that is read
				f = New(Options{Root: t.TempDir()})
			}
			got := f.FromCgroup(text)
			if got.Unit != tt.unit {
				t.Errorf("unit %q, want %q", got.Unit, tt.unit)
			}
			switch {
			case tt.want.Name == "":
				if got.Container != nil {
					t.Errorf("got %+v, want none", *got.Container)
				}
			case got.Container == nil:
				t.Errorf("got none, want %+v", tt.want)
			case *got.Container != tt.want:
				t.Errorf(" got %+v\nwant %+v", *got.Container, tt.want)
			}
			if notes := f.Notes(); len(notes) != 0 {
				t.Errorf("notes: %+v", notes)
			}
		})
	}
}

func recorded(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOf(t *testing.T) {
	h := newHost(t)
	h.write("/proc/7/cgroup", "0::/system.slice/nginx.service\n")
	h.write("/proc/8/cgroup", "3:pids:/x\nnonsense\n")
	h.write("/proc/9/stat", "a kernel without control groups")
	if w, err := h.Of(7); err != nil || w != (Workload{Unit: "nginx.service"}) {
		t.Errorf("got %+v, %v", w, err)
	}
	if w, err := h.Of(8); err == nil || !strings.Contains(err.Error(), "cgroup of process 8: line of cgroup must be") || w != (Workload{}) {
		t.Errorf("nonsense: got %+v, %v", w, err)
	}
	if w, err := h.Of(9); err != nil || w != (Workload{}) {
		t.Errorf("no control groups: got %+v, %v", w, err)
	}
	if w, err := h.Of(10); !errors.Is(err, ErrGone) || w != (Workload{}) {
		t.Errorf("no process: got %+v, %v", w, err)
	}
	if w := h.FromCgroup([]byte("nonsense")); w != (Workload{}) {
		t.Errorf("nonsense: got %+v", w)
	}
}

// The host that tests run on has control groups, and this process.
func TestOfThisProcess(t *testing.T) {
	f := New(Options{})
	if _, err := os.Stat("/proc/self/cgroup"); err != nil {
		cannot(t, "no control groups: "+err.Error())
	}
	if _, err := f.Of(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := f.Of(1 << 30); !errors.Is(err, ErrGone) {
		t.Errorf("a process that can't be: %v", err)
	}
	unknown := f.FromCgroup([]byte("0::/docker/" + id2 + "\n"))
	if unknown.Container == nil || unknown.Container.Name != id2[:12] || unknown.Container.Runtime != "docker" {
		t.Errorf("an unknown container: %+v", unknown.Container)
	}
}

func TestProcElsewhere(t *testing.T) {
	h := newHost(t)
	h.write("/elsewhere/7/cgroup", "0::/init.scope\n")
	f := New(Options{Root: h.root, Proc: h.path("/elsewhere")})
	if w, err := f.Of(7); err != nil || w.Unit != "init.scope" {
		t.Errorf("got %+v, %v", w, err)
	}
}

// A renamed container shows its name within 30 seconds, and not a file access
// earlier.
func TestRename(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), dockerState("cart"))
	h.name(inDocker, "cart")
	before := h.FromCgroup([]byte("0::" + inDocker + "\n")).Container
	h.write(dockerFile(id1), dockerState("tray"))
	h.pass(29 * time.Second)
	h.name(inDocker, "cart")
	h.pass(time.Second)
	h.name(inDocker, "tray")
	if before.Name != "cart" {
		t.Errorf("the old answer changed under its holder: %+v", before)
	}
}

// What is unchanged is not read again: here the text changes, and nothing else.
func TestUnchangedIsNotReadAgain(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), dockerState("cart"))
	h.name(inDocker, "cart")
	file := h.path(dockerFile(id1))
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(dockerState("cart"), "cart", "tray", 1)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Hour)
	h.name(inDocker, "cart")
	if err := os.Chtimes(file, time.Time{}, info.ModTime().Add(1)); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Hour)
	h.name(inDocker, "tray")
}

// State that comes late is found within 30 seconds; what is lost stays known.
func TestLateAndLost(t *testing.T) {
	h := newHost(t)
	h.write("/var/lib/docker/containers/x/y", "")
	h.name(inDocker, id1[:12])
	h.write(dockerFile(id1), dockerState("cart"))
	h.pass(29 * time.Second)
	h.name(inDocker, id1[:12])
	h.pass(time.Second)
	h.name(inDocker, "cart")
	h.remove("/var/lib/docker")
	h.pass(time.Hour)
	h.name(inDocker, "cart")
	h.notes()
}

// A clock that was set back does not keep old answers for good.
func TestClockSetBack(t *testing.T) {
	h := newHost(t)
	h.write("/var/lib/docker/containers/x/y", "")
	h.name(inDocker, id1[:12])
	h.write(dockerFile(id1), dockerState("cart"))
	h.pass(-time.Hour)
	h.name(inDocker, "cart")
}

// All cgroups of a container share one answer.
func TestCgroupsOfOneContainer(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), dockerState("cart"))
	first := h.FromCgroup([]byte("0::" + inDocker + "\n"))
	second := h.FromCgroup([]byte("0::" + inDocker + "/system.slice/cron.service\n"))
	if first.Container != second.Container || second.Unit != "cron.service" {
		t.Errorf("got %+v and %+v", first, second)
	}
}

func TestTextsAreFitForReports(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), `{"Name":"/a\nb","Config":{"Image":"`+strings.Repeat("x", 300)+`","Labels":{"io.kubernetes.pod.name":"p\u0007"}}}`)
	got := h.in(inDocker)
	want := Container{ID: id1, Name: `a\x0ab`, Runtime: "docker", Image: strings.Repeat("x", report.MaxName), Pod: `p\x07`}
	if got != want {
		t.Errorf(" got %+v\nwant %+v", got, want)
	}
	if got := h.in("/lxc.payload.a\tb"); got.Name != `a\x09b` {
		t.Errorf("got %+v", got)
	}
}

// The cheap way: a known cgroup costs a map access.
func TestKnownCgroupAllocatesNothing(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), dockerState("cart"))
	text := []byte("0::" + inDocker + "\n")
	h.FromCgroup(text)
	if n := testing.AllocsPerRun(100, func() { h.FromCgroup(text) }); n != 0 {
		t.Errorf("%v allocations for a cgroup that is known", n)
	}
}

// More containers than are remembered: the bound holds, and all are right.
func TestBounds(t *testing.T) {
	h := newHost(t)
	if n := 2 * max(h.entries.maxCount, h.places.maxCount); n > maxRemembered {
		t.Errorf("%d are remembered", n)
	}
	const few = 100
	h.entries, h.places = newRecent[*entry](few, 1<<20), newRecent[place](few, 1<<20)
	for i := range 3 * few {
		id := strconv.Itoa(i)
		id = id1[:len(id1)-len(id)] + id
		h.name("/docker/"+id, id[:12])
		if n := len(h.entries.young) + len(h.entries.old); n > few {
			t.Fatalf("%d containers remembered", n)
		}
		if n := len(h.places.young) + len(h.places.old); n > few {
			t.Fatalf("%d cgroups remembered", n)
		}
	}
}

func TestRecent(t *testing.T) {
	r := newRecent[int](4, 40)
	get := func(key string, want int, wantOK bool) {
		t.Helper()
		if v, ok := r.get([]byte(key)); v != want || ok != wantOK {
			t.Errorf("%s: got %d, %t, want %d, %t", key, v, ok, want, wantOK)
		}
	}
	r.put("a", 1)
	r.put("a", 2) // no second
	r.put("b", 3)
	get("a", 2, true)
	r.put("c", 4) // a and b are old now
	get("a", 2, true)
	r.put("d", 5) // b is forgotten, a was asked for
	get("b", 0, false)
	get("a", 2, true)
	get("d", 5, true)
	r.put(strings.Repeat("x", 15), 6)
	r.put(strings.Repeat("y", 15), 7) // together too long for one generation
	if r.bytes != 15 {
		t.Errorf("%d bytes in the young generation", r.bytes)
	}
	r.put(strings.Repeat("z", 21), 8)
	get(strings.Repeat("z", 21), 0, false)
	get(strings.Repeat("x", 15), 6, true)
}

func BenchmarkKnownCgroup(b *testing.B) {
	h := newHost(b)
	h.write(dockerFile(id1), dockerState("cart"))
	text := recorded(b, "docker/cgroup")
	for b.Loop() {
		h.FromCgroup(text)
	}
}

func BenchmarkOf(b *testing.B) {
	f := New(Options{})
	for b.Loop() {
		if _, err := f.Of(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}

// cannot skips for a stranger, and fails where everything must be tested.
func cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

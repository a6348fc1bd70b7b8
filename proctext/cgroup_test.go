package proctext

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	idA    = "fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3"
	idB    = "b5d05c791086dd5041f270b159780860fe19f7dfe49ef296f341b2d12c19438b"
	uidPod = "3f1d6a52-9a0b-4c1e-8f5e-0d2b7c6a9e10"
	static = "8a1f7c3e5b9d2046a8c1e3f5079b2d4c" // of a static pod: a hash
)

// underscored is how the systemd driver of the kubelet spells uidPod.
var underscored = strings.ReplaceAll(uidPod, "-", "_")

func TestCgroupPaths(t *testing.T) {
	tests := []struct {
		name, path string
		want       Cgroup
	}{
		{"root", "/", Cgroup{}},
		{"outside of the namespace", "/..", Cgroup{}},
		{"init", "/init.scope", Cgroup{Unit: "init.scope"}},

		// Units.
		{"service", "/system.slice/nginx.service", Cgroup{Unit: "nginx.service"}},
		{"deleted", "/system.slice/nginx.service (deleted)", Cgroup{Unit: "nginx.service"}},
		{"instance in its slice", "/system.slice/system-postgresql.slice/postgresql@15-main.service", Cgroup{Unit: "postgresql@15-main.service"}},
		{"escaped", `/system.slice/system-systemd\x2dfsck.slice/systemd-fsck@dev-disk-by\x2duuid-1a2b.service`, Cgroup{Unit: `systemd-fsck@dev-disk-by\x2duuid-1a2b.service`}},
		{"slice alone", "/system.slice", Cgroup{}},
		{"socket", "/system.slice/cups.socket", Cgroup{Unit: "cups.socket"}},
		{"mount", "/system.slice/mnt-bucket.mount", Cgroup{Unit: "mnt-bucket.mount"}},
		{"swap", "/system.slice/dev-sda2.swap", Cgroup{Unit: "dev-sda2.swap"}},
		{"delegated", "/system.slice/docker.service/sub/tree", Cgroup{Unit: "docker.service"}},
		{"systemd's own escape", "/system.slice/_cgroup.service", Cgroup{Unit: "cgroup.service"}},
		{"underscore in front", "/system.slice/__x.service", Cgroup{Unit: "_x.service"}},
		{"no unit: no name", "/system.slice/.service", Cgroup{}},
		{"no unit: a blank", "/system.slice/a b.service", Cgroup{}},
		{"no unit: a colon is fine", "/system.slice/a:b.service", Cgroup{Unit: "a:b.service"}},
		{"no unit: too long", "/" + strings.Repeat("x", 248) + ".service", Cgroup{}},
		{"longest", "/" + strings.Repeat("x", 247) + ".service", Cgroup{Unit: strings.Repeat("x", 247) + ".service"}},
		{"timer is no cgroup", "/system.slice/x.timer", Cgroup{}},

		// Users.
		{"session", "/user.slice/user-1000.slice/session-3.scope", Cgroup{Unit: "session-3.scope", User: "1000"}},
		{"user manager", "/user.slice/user-1000.slice/user@1000.service/init.scope", Cgroup{Unit: "init.scope", User: "1000"}},
		{"user service", "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", Cgroup{Unit: "foo.service", User: "1000"}},
		{"user scope", "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4711.scope", Cgroup{Unit: "app-gnome-firefox-4711.scope", User: "1000"}},
		{"between sessions", "/user.slice/user-1000.slice", Cgroup{User: "1000"}},
		{"no user", "/user.slice/user-me.slice/user@.service", Cgroup{Unit: "user@.service"}},

		// Docker.
		{"docker, cgroupfs", "/docker/" + idA, Cgroup{Runtime: "docker", ContainerID: idA}},
		{"docker, systemd", "/system.slice/docker-" + idA + ".scope", Cgroup{Runtime: "docker", ContainerID: idA}},
		{"docker below", "/system.slice/docker-" + idA + ".scope/init", Cgroup{Runtime: "docker", ContainerID: idA}},
		{"systemd within docker", "/docker/" + idA + "/system.slice/nginx.service", Cgroup{Runtime: "docker", ContainerID: idA, Unit: "nginx.service"}},
		{"docker, systemd of v1", "/system.slice:docker:" + idA, Cgroup{Runtime: "docker", ContainerID: idA}},
		{"docker, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + idA + ".scope", Cgroup{Runtime: "docker", ContainerID: idA, Unit: "user@1000.service", User: "1000"}},
		{"docker with a parent", "/actions_job/" + idA, Cgroup{ContainerID: idA}},
		{"docker within docker", "/docker/" + idA + "/docker/" + idB, Cgroup{Runtime: "docker", ContainerID: idB}},
		{"sibling of the reader", "/../" + idA, Cgroup{ContainerID: idA}},
		{"cousin of the reader", "/../../system.slice/docker-" + idA + ".scope", Cgroup{Runtime: "docker", ContainerID: idA}},
		{"ecs", "/ecs/4d2b7f6a9e103f1d6a529a0b4c1e8f5e/" + idA, Cgroup{Runtime: "docker", ContainerID: idA}},
		{"ecs, systemd", "/ecstasks.slice/ecstasks-4d2b.slice/docker-" + idA + ".scope", Cgroup{Runtime: "docker", ContainerID: idA}},
		{"build", "/docker/buildkit/u4rf6xbdyvkudyqh3y5b1qkpm", Cgroup{}},

		// Podman.
		{"podman", "/machine.slice/libpod-" + idA + ".scope", Cgroup{Runtime: "podman", ContainerID: idA}},
		{"podman, crun", "/machine.slice/libpod-" + idA + ".scope/container", Cgroup{Runtime: "podman", ContainerID: idA}},
		{"podman, cgroupfs", "/libpod_parent/libpod-" + idA, Cgroup{Runtime: "podman", ContainerID: idA}},
		{"podman in a pod", "/libpod_parent/" + idB + "/libpod-" + idA, Cgroup{Runtime: "podman", ContainerID: idA}},
		{"pod of podman", "/libpod_parent/" + idB, Cgroup{}},
		{"podman in a pod, systemd", "/machine.slice/machine-libpod_pod_" + idB + ".slice/libpod-" + idA + ".scope", Cgroup{Runtime: "podman", ContainerID: idA}},
		{"conmon", "/machine.slice/libpod-conmon-" + idA + ".scope", Cgroup{Unit: "libpod-conmon-" + idA + ".scope"}},
		{"conmon, cgroupfs", "/libpod_parent/conmon", Cgroup{}},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container", Cgroup{Runtime: "podman", ContainerID: idA, Unit: "user@1000.service", User: "1000"}},
		{"quadlet", "/system.slice/web.service/libpod-payload-" + idA, Cgroup{Runtime: "podman", ContainerID: idA, Unit: "web.service"}},
		{"quadlet's conmon", "/system.slice/web.service/supervisor", Cgroup{Unit: "web.service"}},

		// Kubernetes.
		{"containerd, cgroupfs", "/kubepods/burstable/pod" + uidPod + "/" + idA, Cgroup{ContainerID: idA, PodUID: uidPod}},
		{"guaranteed", "/kubepods/pod" + uidPod + "/" + idA, Cgroup{ContainerID: idA, PodUID: uidPod}},
		{"containerd, systemd", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + underscored + ".slice/cri-containerd-" + idA + ".scope", Cgroup{Runtime: "containerd", ContainerID: idA, PodUID: uidPod}},
		{"containerd, systemd of v1", "/system.slice/containerd.service/kubepods-besteffort-pod" + underscored + ".slice:cri-containerd:" + idA, Cgroup{Runtime: "containerd", ContainerID: idA, PodUID: uidPod, Unit: "containerd.service"}},
		{"static pod", "/kubepods.slice/kubepods-pod" + static + ".slice/cri-containerd-" + idA + ".scope", Cgroup{Runtime: "containerd", ContainerID: idA, PodUID: static}},
		{"cri-o", "/kubepods.slice/kubepods-pod" + underscored + ".slice/crio-" + idA + ".scope", Cgroup{Runtime: "cri-o", ContainerID: idA, PodUID: uidPod}},
		{"cri-o, crun", "/kubepods.slice/kubepods-pod" + underscored + ".slice/crio-" + idA + ".scope/container", Cgroup{Runtime: "cri-o", ContainerID: idA, PodUID: uidPod}},
		{"cri-o, cgroupfs", "/kubepods/besteffort/pod" + uidPod + "/crio-" + idA, Cgroup{Runtime: "cri-o", ContainerID: idA, PodUID: uidPod}},
		{"cri-o's conmon", "/kubepods.slice/kubepods-pod" + underscored + ".slice/crio-conmon-" + idA + ".scope", Cgroup{Unit: "crio-conmon-" + idA + ".scope", PodUID: uidPod}},
		{"cri-o's conmon, cgroupfs", "/kubepods/pod" + uidPod + "/crio-conmon-" + idA, Cgroup{PodUID: uidPod}},
		{"cri-dockerd", "/kubepods.slice/kubepods-pod" + underscored + ".slice/docker-" + idA + ".scope", Cgroup{Runtime: "docker", ContainerID: idA, PodUID: uidPod}},
		{"kind", "/system.slice/docker-" + idB + ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + underscored + ".slice/cri-containerd-" + idA + ".scope", Cgroup{Runtime: "containerd", ContainerID: idA, PodUID: uidPod}},
		{"kind's kubelet", "/docker/" + idB + "/kubelet.slice/kubelet.service", Cgroup{Runtime: "docker", ContainerID: idB, Unit: "kubelet.service"}},
		{"no pod", "/kubepods/podcast/podman.slice", Cgroup{}},
		{"no kubelet's slice", "/my-pod" + underscored + ".slice", Cgroup{}},

		// Others by id.
		{"nerdctl", "/system.slice/nerdctl-" + idA + ".scope", Cgroup{Runtime: "containerd", ContainerID: idA}},
		{"nerdctl, cgroupfs", "/default/" + idA, Cgroup{ContainerID: idA}},
		{"ctr", "/default/web", Cgroup{}},
		{"unknown scope", "/system.slice/runtime-" + idA + ".scope", Cgroup{ContainerID: idA}},
		{"nothing but an id", "/" + idA + ".scope", Cgroup{ContainerID: idA}},
		{"a hash of something", "/jobs/job-" + idA, Cgroup{}},
		{"capitals", "/docker/" + strings.ToUpper(idA), Cgroup{}},
		{"63 digits", "/docker/" + idA[1:], Cgroup{}},
		{"65 digits", "/docker/0" + idA, Cgroup{}},
		{"garden", "/system.slice/garden.service/garden/good/2f57368b-0eda-4e52-64d8-af5c", Cgroup{Runtime: "garden", ContainerID: "2f57368b-0eda-4e52-64d8-af5c", Unit: "garden.service"}},
		{"garden without good and bad", "/garden/" + uidPod, Cgroup{Runtime: "garden", ContainerID: uidPod}},
		{"garden's own", "/garden/good", Cgroup{}},

		// Containers by name.
		{"lxc", "/lxc.payload.web", Cgroup{Runtime: "lxc", ContainerName: "web"}},
		{"lxc, systemd within", "/lxc.payload.web/system.slice/nginx.service", Cgroup{Runtime: "lxc", ContainerName: "web", Unit: "nginx.service"}},
		{"lxc's monitor", "/lxc.monitor.web", Cgroup{}},
		{"lxc before 4", "/lxc/web", Cgroup{Runtime: "lxc", ContainerName: "web"}},
		{"lxc 4.0", "/lxc.payload/web", Cgroup{Runtime: "lxc", ContainerName: "web"}},
		{"proxmox", "/lxc/101/ns/system.slice/ssh.service", Cgroup{Runtime: "lxc", ContainerName: "101", Unit: "ssh.service"}},
		{"lxc alone", "/lxc", Cgroup{}},
		{"lxd, attached", "/lxc.payload.shop_web/.lxc", Cgroup{Runtime: "lxc", ContainerName: "shop_web"}},
		{"docker within lxc", "/lxc.payload.web/system.slice/docker-" + idA + ".scope", Cgroup{Runtime: "docker", ContainerID: idA}},
		{"lxc within docker", "/docker/" + idA + "/lxc.payload.web", Cgroup{Runtime: "lxc", ContainerName: "web"}},
		{"nspawn", `/machine.slice/machine-my\x2dweb.scope/payload`, Cgroup{Runtime: "systemd-nspawn", ContainerName: "my-web"}},
		{"nspawn, no payload", "/machine.slice/machine-web.scope", Cgroup{Runtime: "systemd-nspawn", ContainerName: "web"}},
		{"nspawn, systemd within", `/machine.slice/machine-web.scope/payload/user.slice/user-1000.slice/session-1.scope`, Cgroup{Runtime: "systemd-nspawn", ContainerName: "web", Unit: "session-1.scope"}},
		{"nspawn itself", "/machine.slice/machine-web.scope/supervisor", Cgroup{Unit: "machine-web.scope"}},
		{"nspawn's service", `/machine.slice/systemd-nspawn@my\x2dweb.service/payload/init.scope`, Cgroup{Runtime: "systemd-nspawn", ContainerName: "my-web", Unit: "init.scope"}},
		{"nspawn's service, plain command", "/machine.slice/systemd-nspawn@web.service/payload", Cgroup{Runtime: "systemd-nspawn", ContainerName: "web", Unit: "systemd-nspawn@web.service"}},
		{"nspawn's service itself", "/machine.slice/systemd-nspawn@web.service/supervisor", Cgroup{Unit: "systemd-nspawn@web.service"}},
		{"libvirt's qemu", `/machine.slice/machine-qemu\x2d7\x2dweb.scope/libvirt/emulator`, Cgroup{Unit: `machine-qemu\x2d7\x2dweb.scope`}},
		{"libvirt's lxc", `/machine.slice/machine-lxc\x2d4711\x2dmy\x2dweb.scope`, Cgroup{ContainerName: "my-web"}},
		{"a machine called qemu", "/machine.slice/machine-qemu.scope", Cgroup{Runtime: "systemd-nspawn", ContainerName: "qemu"}},
		{"broken escape", `/machine.slice/machine-a\xzz\x4.scope`, Cgroup{Runtime: "systemd-nspawn", ContainerName: `a\xzz\x4`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCgroup([]byte("0::" + tt.path + "\n"))
			tt.want.Path = strings.TrimSuffix(tt.path, " (deleted)")
			if err != nil || got != tt.want {
				t.Errorf("%s\n got %+v, %v\nwant %+v", tt.path, got, err, tt.want)
			}
		})
	}
}

// The hierarchies of one process need not agree.
func TestParseCgroup(t *testing.T) {
	const unit, docker = "/system.slice/cron.service", "/docker/" + idA
	tests := []struct{ name, text, path string }{
		{"version 2", "0::" + unit + "\n", unit},
		{"version 1", "12:pids:" + unit + "\n11:cpu,cpuacct:/system.slice\n1:name=systemd:" + unit + "\n", unit},
		{"hybrid", "12:pids:/\n1:name=systemd:" + unit + "/a\n0::" + unit + "/b\n", unit + "/b"},
		{"systemd before controllers", "12:pids:" + unit + "/a\n1:name=systemd:" + unit + "/b\n0::/\n", unit + "/b"},
		{"version 2 holds the manager, version 1 the container", "5:memory:" + docker + "\n1:name=systemd:" + docker + "\n0::/system.slice/containerd.service\n", docker},
		{"a known runtime before a mere id", "5:memory:/x/" + idB + "\n0::" + docker + "\n", docker},
		{"a mere id before a unit", "5:memory:/x/" + idB + "\n0::" + unit + "\n", "/x/" + idB},
		{"a path before none", "5:memory:/x/y\n1:name=systemd:/\n0::/\n", "/x/y"},
		{"nowhere", "2:cpu:/\n1:name=systemd:/\n0::/\n", "/"},
		{"conmon of podman with cgroupfs", "9:name=systemd:/\n8:pids:/libpod_parent/conmon\n0::/\n", "/libpod_parent/conmon"},
		{"colons in a path", "0::/a:b:c\n", "/a:b:c"},
		{"cut in the last line", "1:name=systemd:" + unit + "\n0::/docker/fa7", unit},
		{"a single line without an end", "0::" + unit, unit},
		{"named hierarchy", "3:name=elogind:/c1\n", "/c1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseCgroup([]byte(tt.text)); err != nil || got.Path != tt.path {
				t.Errorf("got %+v, %v, want the path %s", got, err, tt.path)
			}
		})
	}
}

// Texts as whole hosts show them.
func TestCgroupTexts(t *testing.T) {
	tests := []struct {
		name, text string
		want       Cgroup
	}{
		{"docker without systemd, hierarchies of version 1 beside one of version 2", `9:name=systemd:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
8:pids:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
7:blkio:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
6:freezer:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
5:devices:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
4:memory:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
3:cpuset:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
2:cpuacct:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
1:cpu:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
0::/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
`, Cgroup{Path: "/docker/" + idA, Runtime: "docker", ContainerID: idA}},
		{"the same from a cgroup namespace beside it", `9:name=systemd:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
1:cpu:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
0::/../../docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
`, Cgroup{Path: "/../../docker/" + idA, Runtime: "docker", ContainerID: idA}},
		{"a service of systemd, hybrid", `12:cpuset:/
11:pids:/system.slice/nginx.service
10:memory:/system.slice/nginx.service
9:perf_event:/
8:net_cls,net_prio:/
7:cpu,cpuacct:/system.slice/nginx.service
6:hugetlb:/
5:devices:/system.slice/nginx.service
4:blkio:/system.slice/nginx.service
3:freezer:/
2:rdma:/
1:name=systemd:/system.slice/nginx.service
0::/system.slice/nginx.service
`, Cgroup{Path: "/system.slice/nginx.service", Unit: "nginx.service"}},
		{"docker that leaves its processes where containerd is, hybrid", `12:pids:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
11:rdma:/
10:memory:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
1:name=systemd:/docker/fa7d36fd8fee0d3834820a0e9d03cb37b631714b7de155e9ca1bd90f22ba0dd3
0::/system.slice/containerd.service
`, Cgroup{Path: "/docker/" + idA, Runtime: "docker", ContainerID: idA}},
		{"a pod, version 1", `11:cpuset:/kubepods/besteffort/pod3f1d6a52-9a0b-4c1e-8f5e-0d2b7c6a9e10/b5d05c791086dd5041f270b159780860fe19f7dfe49ef296f341b2d12c19438b
10:hugetlb:/kubepods/besteffort/pod3f1d6a52-9a0b-4c1e-8f5e-0d2b7c6a9e10/b5d05c791086dd5041f270b159780860fe19f7dfe49ef296f341b2d12c19438b
1:name=systemd:/kubepods/besteffort/pod3f1d6a52-9a0b-4c1e-8f5e-0d2b7c6a9e10/b5d05c791086dd5041f270b159780860fe19f7dfe49ef296f341b2d12c19438b
`, Cgroup{Path: "/kubepods/besteffort/pod" + uidPod + "/" + idB, ContainerID: idB, PodUID: uidPod}},
		{"lxc, recorded", `9:name=systemd:/lxc.payload.web
8:pids:/lxc.payload.web
0::/lxc.payload.web
`, Cgroup{Path: "/lxc.payload.web", Runtime: "lxc", ContainerName: "web"}},
		{"a login, version 1", `10:pids:/user.slice/user-1000.slice/session-3.scope
9:memory:/user.slice/user-1000.slice/session-3.scope
5:devices:/user.slice
1:name=systemd:/user.slice/user-1000.slice/session-3.scope
0::/user.slice/user-1000.slice/session-3.scope
`, Cgroup{Path: "/user.slice/user-1000.slice/session-3.scope", Unit: "session-3.scope", User: "1000"}},
		{"no systemd, a controller that something else uses", `9:name=systemd:/
4:memory:/jobs/51adb09ee500d6c9c8ca0853ce0bb7b3
0::/
`, Cgroup{Path: "/jobs/51adb09ee500d6c9c8ca0853ce0bb7b3"}},
		{"a kernel thread", "11:pids:/\n1:name=systemd:/\n0::/\n", Cgroup{Path: "/"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseCgroup([]byte(tt.text)); err != nil || got != tt.want {
				t.Errorf("\n got %+v, %v\nwant %+v", got, err, tt.want)
			}
			if got, want := tt.want.InContainer(), tt.want.ContainerID+tt.want.ContainerName != ""; got != want {
				t.Errorf("in a container: %t, want %t", got, want)
			}
		})
	}
}

// A text cut anywhere gives an error, or something that it says: never a
// container's id that is shorter than it was, or a unit that is another's.
func TestCgroupCut(t *testing.T) {
	text := "3:pids:/docker/" + idA + "\n1:name=systemd:/system.slice/docker-" + idA + ".scope\n0::/system.slice/docker-" + idA + ".scope\n"
	for n := range len(text) {
		got, err := ParseCgroup([]byte(text[:n]))
		if err == nil && got.ContainerID != "" && got.ContainerID != idA {
			t.Errorf("%q gives %+v", text[:n], got)
		}
		if first := strings.IndexByte(text, '\n'); n > first && (err != nil || got.ContainerID != idA) {
			t.Errorf("%q gives %+v, %v", text[:n], got, err)
		}
	}
}

func TestUnescapeUnit(t *testing.T) {
	for s, want := range map[string]string{
		"web": "web", `my\x2dweb`: "my-web", `a\x2db\x2dc`: "a-b-c", `\x20`: " ", `a\x`: `a\x`, `a\x2`: `a\x2`,
		`a\xg0b`: `a\xg0b`, `\\x2d`: `\-`, "": "", "a-b": "a-b",
	} {
		if got := unescapeUnit(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestPodUID(t *testing.T) {
	for part, want := range map[string]string{
		"pod" + uidPod: uidPod,
		"pod" + static: static,
		"kubepods-burstable-pod" + underscored + ".slice":             uidPod,
		"kubepods-pod" + static + ".slice":                            static,
		"kubelet-kubepods-besteffort-pod" + underscored + ".slice":    uidPod,
		"kubepods-pod" + underscored + ".slice:cri-containerd:" + idA: uidPod,
		"kubepods-pod" + underscored:                                  "", // no slice
		"kubepods-burstable.slice":                                    "",
		"pod":                                                         "",
		"podman":                                                      "",
		"pod" + strings.ToUpper(uidPod):                               "",
		"pod" + uidPod + "0":                                          "",
		"pod" + uidPod[1:]:                                            "",
		"other-pod" + underscored + ".slice":                          "",
		"kubepods-pod" + strings.Repeat("z", len(underscored)) + ".slice": "",
	} {
		if got := podUID(part); got != want {
			t.Errorf("%q: got %q, want %q", part, got, want)
		}
	}
}

func TestLibvirtMachine(t *testing.T) {
	for machine, want := range map[string]string{
		"qemu-7-web": "qemu web", "lxc-4711-my-web": "lxc my-web", "qemu-7-": " ", "qemu-x-web": " ", "qemu": " ", "qemu-7": " ", "": " ",
	} {
		driver, name, ok := libvirtMachine(machine)
		if got := driver + " " + name; got != want || ok != (want != " ") {
			t.Errorf("%q: got %q, %t, want %q", machine, got, ok, want)
		}
	}
}

// What one hierarchy says of the unit is not put beside another's container.
func TestCgroupHierarchiesAreNotMixed(t *testing.T) {
	got, err := ParseCgroup([]byte("5:memory:/docker/" + idA + "\n0::/system.slice/containerd.service\n"))
	if want := (Cgroup{Path: "/docker/" + idA, Runtime: "docker", ContainerID: idA}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseCgroupErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "must hold a line",
		"\n":                  "must be id:controllers:path",
		"0::":                 "must begin with a slash",
		"0::\n":               "must begin with a slash",
		"0:/\n":               "must be id:controllers:path",
		"x::/\n":              "must be id:controllers:path",
		"-1::/\n":             "must be id:controllers:path",
		"0::a/b\n":            "must begin with a slash",
		"0::/\n\n":            "must be id:controllers:path",
		"0::/\nnonsense\n0::": "must be id:controllers:path",
	} {
		if got, err := ParseCgroup([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || got != (Cgroup{}) {
			t.Errorf("%q: got %+v, %v, want an error with %q", text, got, err, want)
		}
	}
}

// Paths put together at random from parts whose meaning is known: the
// innermost unit and container count, whatever stands between them.
func TestCgroupInnermost(t *testing.T) {
	type part struct {
		path string
		mean func(*Cgroup)
	}
	container := func(path, runtime, id, name string) part {
		return part{path, func(c *Cgroup) { c.Runtime, c.ContainerID, c.ContainerName = runtime, id, name }}
	}
	parts := []part{
		{"system.slice", func(*Cgroup) {}},
		{"kubepods.slice/kubepods-burstable.slice", func(*Cgroup) {}},
		{"some/directories", func(*Cgroup) {}},
		{"nginx.service", func(c *Cgroup) { c.Unit = "nginx.service" }},
		{"session-3.scope", func(c *Cgroup) { c.Unit = "session-3.scope" }},
		{"libpod-conmon-" + idA + ".scope", func(c *Cgroup) { c.Unit = "libpod-conmon-" + idA + ".scope" }},
		{"user-1000.slice", func(c *Cgroup) {
			if !c.InContainer() { // the users of a container are its own
				c.User = "1000"
			}
		}},
		{"pod" + uidPod, func(c *Cgroup) { c.PodUID = uidPod }},
		container("docker/"+idA, "docker", idA, ""),
		container("x/"+idB, "", idB, ""),
		container("libpod-"+idA+".scope", "podman", idA, ""),
		container("kubepods-x.slice:cri-containerd:"+idB, "containerd", idB, ""),
		container("crio-"+idB+".scope/container", "cri-o", idB, ""),
		container("lxc.payload.web", "lxc", "", "web"),
		container(`machine.slice/machine-my\x2dbox.scope/payload`, "systemd-nspawn", "", "my-box"),
		container("garden/good/"+uidPod, "garden", uidPod, ""),
	}
	rapid.Check(t, func(t *rapid.T) {
		var want Cgroup
		for range rapid.IntRange(0, 8).Draw(t, "parts") {
			p := rapid.SampledFrom(parts).Draw(t, "part")
			want.Path += "/" + p.path
			p.mean(&want)
		}
		if want.Path == "" {
			want.Path = "/"
		}
		got, err := ParseCgroup([]byte("0::" + want.Path + "\n"))
		if err != nil || got != want {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", want.Path, got, err, want)
		}
	})
}

func FuzzParseCgroup(f *testing.F) {
	for _, path := range []string{
		"/", "/../" + idA, "/system.slice/nginx.service (deleted)", "/docker/" + idA, "/lxc.payload.web/init.scope",
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container",
		"/kubepods.slice/kubepods-pod" + underscored + ".slice/cri-containerd-" + idA + ".scope",
		`/machine.slice/machine-my\x2dweb.scope/payload`, "/garden/good/" + uidPod,
	} {
		f.Add([]byte("4:memory:/x/y\n1:name=systemd:" + path + "\n0::" + path + "\n"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCgroup(text)
		switch {
		case err != nil:
			if c != (Cgroup{}) {
				t.Errorf("an error with %+v", c)
			}
		case !strings.HasPrefix(c.Path, "/") || !strings.Contains(string(text), c.Path):
			t.Errorf("%q gives the path %q", text, c.Path)
		case c.Unit != "" && !strings.Contains(c.Path, c.Unit):
			t.Errorf("%q has no unit %q", c.Path, c.Unit)
		case c.ContainerID != "" && (c.ContainerName != "" || !strings.Contains(c.Path, c.ContainerID)):
			t.Errorf("%q gives %+v", c.Path, c)
		case strings.Contains(c.ContainerID+c.User+c.PodUID, "/"):
			t.Errorf("%q gives what could lead out of a directory: %+v", c.Path, c)
		}
	})
}

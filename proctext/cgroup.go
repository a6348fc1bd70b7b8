package proctext

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Cgroup is what the control group of a process tells of where it belongs.
// The zero value, and one with a Path alone, belong to nothing that is known.
type Cgroup struct {
	// Path is the cgroup in that hierarchy which tells most, as the kernel
	// shows it: absolute as seen from the reader's cgroup namespace.
	Path string
	// Unit is the innermost systemd unit that holds processes (a service, scope,
	// socket, mount or swap unit, as systemd spells it: systemd.unit(5)). The
	// scope of a container is none; one that systemd runs within a container is.
	Unit string
	// User is the id, in digits, of the user in whose slice or under whose
	// service manager it runs (user@.service(5)).
	User string
	// Runtime is what runs the container: "docker", "podman", "containerd",
	// "cri-o", "lxc", "systemd-nspawn" or "garden"; empty if there is none, or
	// if the path doesn't tell.
	Runtime string
	// ContainerID is the container's id, 64 lower-case hexadecimal digits but
	// for garden, which gives its own handles.
	ContainerID string
	// ContainerName is its name, where the path holds no id but that: LXC
	// (LXD and Incus too) and systemd-nspawn.
	ContainerName string
	// PodUID is the UID of the Kubernetes pod around it, with hyphens.
	PodUID string
}

// InContainer tells whether the process runs in a container.
func (c Cgroup) InContainer() bool { return c.ContainerID != "" || c.ContainerName != "" }

// ParseCgroup reads /proc/PID/cgroup (cgroups(7)): one line per hierarchy of
// version 1 and one of version 2, each "id:controllers:path". The hierarchies
// may disagree, as not all who start processes place them in each; the one
// counts that tells most, a container before a unit, and among equals that of
// version 2 before systemd's own of version 1. They are never mixed: the
// container of one and the unit of another need not have met.
//
// Of containers within containers the innermost is told, because the process
// runs from its image and in its network; the outer ones are its host's.
//
// A last line without a newline was cut by who read it, and is left out if it
// isn't the only one.
func ParseCgroup(text []byte) (Cgroup, error) {
	var best Cgroup
	most := -1
	for line := range bytes.Lines(text) {
		if most >= 0 && line[len(line)-1] != '\n' {
			break
		}
		h, err := parseCgroupLine(line)
		if err != nil {
			return Cgroup{}, err
		}
		c := readCgroupPath(h.path)
		if told := c.told()*3 + h.preference(); told > most {
			best, most = c, told
		}
	}
	if most < 0 {
		return Cgroup{}, errors.New("cgroup must hold a line, is empty")
	}
	return best, nil
}

// cgroupLine is the membership in one hierarchy.
type cgroupLine struct {
	version2    bool
	controllers string
	path        string
}

// deletedCgroup follows the path of a cgroup that is no more (cgroups(7)); a
// zombie or a process about to end may still be in it.
const deletedCgroup = " (deleted)"

func parseCgroupLine(line []byte) (cgroupLine, error) {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	id, rest, _ := bytes.Cut(line, []byte{':'})
	controllers, path, ok := bytes.Cut(rest, []byte{':'}) // a path may hold colons
	n, okID := parseUint(id, 10, 31)
	if !ok || !okID {
		return cgroupLine{}, fmt.Errorf("line of cgroup must be id:controllers:path, is %.80q", line)
	}
	if len(path) == 0 || path[0] != '/' {
		return cgroupLine{}, fmt.Errorf("path of cgroup must begin with a slash, is %.80q", path)
	}
	return cgroupLine{
		version2:    n == 0 && len(controllers) == 0,
		controllers: string(controllers),
		path:        strings.TrimSuffix(string(path), deletedCgroup),
	}, nil
}

func (h cgroupLine) preference() int {
	switch {
	case h.version2:
		return 2
	case h.controllers == "name=systemd":
		return 1
	}
	return 0
}

// told ranks how much is known.
func (c *Cgroup) told() int {
	switch {
	case c.InContainer() && c.Runtime != "":
		return 4
	case c.InContainer():
		return 3
	case c.Unit != "":
		return 2
	case c.Path != "/":
		return 1
	}
	return 0
}

// readCgroupPath goes through a path from the outside in. Where the process is
// not below the reader's own cgroup namespace, the path begins with "/..", and
// what stood before is lost (cgroup_namespaces(7)).
func readCgroupPath(path string) Cgroup {
	c := Cgroup{Path: path}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i, part := range parts {
		if user := cgroupUser(part); user != "" && !c.InContainer() {
			c.User = user
		}
		if uid := podUID(part); uid != "" {
			c.PodUID = uid
		}
		if c.enterContainer(parts, i) {
			continue
		}
		if unit := cgroupUnit(part); unit != "" {
			c.Unit = unit
		}
	}
	return c
}

// enterContainer notes the container that parts[i] belongs to, and says
// whether that part is its own scope: then it is no unit.
func (c *Cgroup) enterContainer(parts []string, i int) (scope bool) {
	if runtime, id := containerByID(parts, i); id != "" {
		c.Runtime, c.ContainerID, c.ContainerName = runtime, id, ""
		return true
	}
	if name := lxcName(parts, i); name != "" {
		c.Runtime, c.ContainerID, c.ContainerName = "lxc", "", name
		return true
	}
	if handle := gardenHandle(parts, i); handle != "" {
		c.Runtime, c.ContainerID, c.ContainerName = "garden", handle, ""
		return true
	}
	if name, runtime, own := machineName(parts, i); name != "" {
		c.Runtime, c.ContainerID, c.ContainerName = runtime, "", name
		return own
	}
	return false
}

// containerRuntimes are the prefixes of cgroups and scopes that hold one
// container, as each project spells them: Docker's daemon (systemd driver),
// Podman's libpod/container_internal.go (with --cgroups=split the payload's),
// containerd's CRI plugin, CRI-O's cgmgr, and nerdctl.
var containerRuntimes = map[string]string{
	"docker":         "docker",
	"libpod":         "podman",
	"libpod-payload": "podman",
	"cri-containerd": "containerd",
	"nerdctl":        "containerd",
	"crio":           "cri-o",
}

// containerByID knows a container by the id of 64 digits that all runtimes
// after Docker's example give. It stands alone ("/docker/<id>",
// "/kubepods/burstable/pod<uid>/<id>"), behind a prefix ("libpod-<id>"), in a
// scope ("docker-<id>.scope"), or where a runtime took systemd's notation for
// a path ("kubepods-pod<uid>.slice:cri-containerd:<id>").
func containerByID(parts []string, i int) (runtime, id string) {
	name, scope := strings.CutSuffix(parts[i], ".scope")
	end := len(name) - containerIDLen
	if end < 0 || !isContainerID(name[end:]) {
		return "", ""
	}
	id = name[end:]
	if end == 0 {
		return runtimeAround(parts[:i], id)
	}
	prefix, separator := name[:end-1], name[end-1]
	last := prefix[strings.LastIndexByte(prefix, ':')+1:]
	runtime, known := containerRuntimes[last]
	switch {
	case separator != '-' && separator != ':':
		return "", ""
	case known:
		return runtime, id
	case strings.HasSuffix(last, "conmon"): // it watches the container from outside
		return "", ""
	case scope || separator == ':':
		return "", id
	}
	return "", ""
}

// runtimeAround tells who made a cgroup named by an id alone, from those above.
// Amazon ECS (amazon-ecs-agent) runs Docker in "/ecs/<task>/<id>"; the id of
// Podman's "/libpod_parent/<id>" is a pod's. In "/kubepods" it may be any.
func runtimeAround(above []string, id string) (runtime, _ string) {
	n := len(above)
	switch {
	case n > 0 && above[n-1] == "docker", n > 1 && above[n-2] == "ecs":
		return "docker", id
	case n > 0 && above[n-1] == "libpod_parent":
		return "", ""
	}
	return "", id
}

// containerIDLen is the length of an id: 32 random bytes in hexadecimal.
const containerIDLen = 64

func isContainerID(s string) bool { return len(s) == containerIDLen && isLowerHex(s) }

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// lxcName knows LXC's cgroups (lxc.container.conf(5), lxc.cgroup.dir): since
// version 4 "lxc.payload.NAME", before it and on Proxmox VE "lxc/NAME". Its
// monitors are in "lxc.monitor.NAME".
func lxcName(parts []string, i int) string {
	if name, ok := strings.CutPrefix(parts[i], "lxc.payload."); ok {
		return name
	}
	if i > 0 && (parts[i-1] == "lxc" || parts[i-1] == "lxc.payload") {
		return parts[i]
	}
	return ""
}

// gardenHandle knows Cloud Foundry's Garden: "garden/HANDLE", and with its CPU
// throttling "garden/good/HANDLE" and "garden/bad/HANDLE" (garden-runc-release).
// Handles are UUIDs, or what is made like them.
func gardenHandle(parts []string, i int) string {
	above := i - 1
	if above >= 0 && (parts[above] == "good" || parts[above] == "bad") {
		above--
	}
	const shortest = 20
	if above < 0 || parts[above] != "garden" || len(parts[i]) < shortest ||
		!isLowerHex(strings.ReplaceAll(parts[i], "-", "")) {
		return ""
	}
	return parts[i]
}

// machineName knows machines of systemd-nspawn(1): in a scope that
// systemd-machined(8) made, "machine-NAME.scope", or in a service of their
// own, "systemd-nspawn@NAME.service". systemd-nspawn itself stays in the
// sub-cgroup "supervisor". Virtual machines of libvirt have such a scope and
// are no containers; its LXC containers are of another runtime than LXC.
// own says that the unit is nothing but the container.
func machineName(parts []string, i int) (name, runtime string, own bool) {
	below := ""
	if i+1 < len(parts) {
		below = parts[i+1]
	}
	if escaped, ok := between(parts[i], "machine-", ".scope"); ok && below != "supervisor" {
		name = unescapeUnit(escaped)
		switch kind, id, _ := libvirtMachine(name); kind {
		case "qemu":
			return "", "", false
		case "lxc":
			return id, "", true
		}
		return name, "systemd-nspawn", true
	}
	if escaped, ok := between(parts[i], "systemd-nspawn@", ".service"); ok && below != "" && below != "supervisor" {
		return unescapeUnit(escaped), "systemd-nspawn", false
	}
	return "", "", false
}

// libvirtMachine reads the names that libvirt registers: "qemu-7-NAME" and
// "lxc-4711-NAME" (its virDomainDriverGenerateMachineName).
func libvirtMachine(machine string) (driver, name string, ok bool) {
	driver, rest, _ := strings.Cut(machine, "-")
	number, name, ok := strings.Cut(rest, "-")
	if _, err := strconv.ParseUint(number, 10, 32); err != nil || !ok || name == "" {
		return "", "", false
	}
	return driver, name, true
}

// podUID knows the cgroup that the kubelet makes for a pod: "pod<uid>" with the
// driver cgroupfs, "kubepods-burstable-pod<uid>.slice" with systemd, where
// underscores stand for hyphens.
func podUID(part string) string {
	uid, ok := strings.CutPrefix(part, "pod")
	if !ok {
		slice, _, isSlice := strings.Cut(part, ".slice")
		at := strings.LastIndex(slice, "-pod")
		if !isSlice || at < 0 || !strings.Contains(slice[:at], "kubepods") {
			return ""
		}
		uid = strings.ReplaceAll(slice[at+len("-pod"):], "_", "-")
	}
	if !isPodUID(uid) {
		return ""
	}
	return uid
}

// isPodUID knows UUIDs and, for static pods, the hash of their file.
func isPodUID(s string) bool {
	const uuid, hash = 36, 32
	digits := strings.ReplaceAll(s, "-", "")
	return len(digits) == hash && (len(s) == hash || len(s) == uuid) && isLowerHex(digits)
}

// cgroupUser gives the id of "user-UID.slice" or "user@UID.service".
func cgroupUser(part string) string {
	uid, ok := between(part, "user-", ".slice")
	if !ok {
		uid, ok = between(part, "user@", ".service")
	}
	if _, err := strconv.ParseUint(uid, 10, 32); !ok || err != nil {
		return ""
	}
	return uid
}

// cgroupUnit gives the unit whose cgroup is called part, or nothing. systemd
// puts an underscore before names that could be taken for files of a cgroup,
// and before those that begin with one (cg_escape of its cgroup-util.c).
// Slices hold other units, no processes.
func cgroupUnit(part string) string {
	unit := strings.TrimPrefix(part, "_")
	dot := strings.LastIndexByte(unit, '.')
	if dot < 1 || len(unit) > maxUnit || strings.ContainsFunc(unit, notInUnit) {
		return ""
	}
	switch unit[dot+1:] {
	case "service", "scope", "socket", "mount", "swap":
		return unit
	}
	return ""
}

// maxUnit is how long a unit's name may be (systemd.unit(5)).
const maxUnit = 255

func notInUnit(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune(`:-_.\@`, r)
}

// unescapeUnit undoes the \xNN of systemd-escape(1) in a name that has no
// slashes, whose hyphens stand for themselves.
func unescapeUnit(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, `\x`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		n, err := strconv.ParseUint(after[:min(2, len(after))], 16, 8)
		if err != nil || len(after) < 2 {
			b.WriteString(`\x`)
			s = after
			continue
		}
		b.WriteByte(byte(n))
		s = after[2:]
	}
}

// between gives what stands between a prefix and a suffix, if anything does.
func between(s, prefix, suffix string) (string, bool) {
	rest, okPrefix := strings.CutPrefix(s, prefix)
	rest, okSuffix := strings.CutSuffix(rest, suffix)
	return rest, okPrefix && okSuffix && rest != ""
}

package explain

import (
	"cmp"
	"fmt"

	"golang.org/x/sys/unix"
)

// wishOwn is the wish for no other network namespace than the own one.
const wishOwn = "own"

func (e *explainer) holds(bit uint) bool { return e.caps&(1<<bit) != 0 }

// lacks gives the names of the capabilities that are not held.
func (e *explainer) lacks(bits ...uint) (names []string) {
	for _, bit := range bits {
		for _, p := range privileges {
			if p.bit == bit && !e.holds(bit) {
				names = append(names, p.name)
			}
		}
	}
	return names
}

// The words for what is no capability, as they stand in [Ability].Missing.
const (
	MissingBTF     = "BTF, the kernel's description of its own types (CONFIG_DEBUG_INFO_BTF)"
	MissingHost    = "capabilities in the host's user namespace: those of a container's own don't count here"
	MissingSeccomp = "the system call bpf, which a seccomp filter may refuse"
	MissingLock    = "a kernel that is not locked down: mode confidentiality forbids eBPF to read its memory"
	MissingPolicy  = "permission: the kernel, or its security policy, refuses"
	MissingPID     = "the host's process namespace: only the processes of this container are seen"
)

// lackOfKernel says what eBPF programs need that isn't there. since is the
// first kernel that can do it.
func (e *explainer) lackOfKernel(a *Ability, lack *Lack, since string) {
	if lack == nil {
		return
	}
	if !e.holds(unix.CAP_SYS_ADMIN) {
		a.Capabilities = e.lacks(unix.CAP_BPF, unix.CAP_PERFMON)
		a.Missing = append(a.Missing, a.Capabilities...)
	}
	if !e.facts.HostUser {
		a.Missing = append(a.Missing, MissingHost)
	}
	if !e.facts.BTF {
		a.Missing = append(a.Missing, MissingBTF)
	}
	if len(a.Missing) > 0 {
		return
	}
	switch {
	case lack.Refused && e.facts.Seccomp:
		a.Missing = []string{MissingSeccomp}
		a.Hint = "Docker's own profile allows bpf with --cap-add BPF; another profile must list it"
	case lack.Refused && e.facts.Lockdown == "confidentiality":
		a.Missing = []string{MissingLock}
	case lack.Refused:
		a.Missing = []string{MissingPolicy}
	case lack.Unable:
		a.Missing = []string{"Linux " + since + " or newer; this is " + e.facts.Kernel}
	default:
		a.Missing = []string{lack.Err.Error()}
	}
}

func (e *explainer) judgeSockets() Ability {
	a := Ability{
		Code: AbleSockets, Name: "sockets of this network namespace", Able: true, How: e.report.Agent.Method,
		Found: fmt.Sprintf("%d seen", e.report.Coverage.Sockets),
	}
	if a.How == "proc" {
		a.Missing = []string{MissingDiag}
		a.Without = "a look takes much more of the processor, and tells nothing of health"
		a.Hint = hintDiag
	}
	return a
}

// MissingDiag is what keeps from sock_diag, hintDiag what helps.
const (
	MissingDiag = "sock_diag: the modules inet_diag, tcp_diag and udp_diag, and sockets of AF_NETLINK"
	hintDiag    = "Load the modules, or allow the sockets where a seccomp filter or RestrictAddressFamilies= is in force"
)

func (e *explainer) judgeHealth() Ability {
	a := Ability{Code: AbleHealth, Name: "health of connections", How: e.report.Agent.Method, Able: true}
	if a.How == "proc" {
		a.Able, a.How = false, ""
		a.Missing, a.Hint = []string{MissingDiag}, hintDiag
		a.Without = "no round-trip times, retransmissions or bytes"
	}
	return a
}

func (e *explainer) judgeOwnOwners() Ability {
	a := Ability{
		Code: AbleOwnOwners, Name: "processes of this user", How: e.owners(), Able: e.census.ownShut == 0,
		Found: fmt.Sprintf("%d of %d let themselves be looked into", e.census.own-e.census.ownShut, e.census.own),
	}
	if e.noDescriptors == nil {
		a.Able, a.Found = true, fmt.Sprintf("%d seen", e.census.own)
	}
	if !a.Able {
		a.Capabilities = e.lacks(unix.CAP_SYS_PTRACE)
		a.Missing = append(a.Missing, a.Capabilities...)
		if !e.facts.HostUser {
			a.Missing = append(a.Missing, MissingHost)
		}
		a.Without = "programs that guard their memory, as those with capabilities of their own, have no name"
	}
	return a
}

// owners is how processes are found.
func (e *explainer) owners() string {
	if e.noDescriptors == nil {
		return "ebpf"
	}
	return "proc"
}

func (e *explainer) judgeAllOwners() Ability {
	c := e.census
	a := Ability{Code: AbleAllOwners, Name: "processes of all users", How: e.owners()}
	if e.noDescriptors == nil {
		a.Able, a.Found = true, fmt.Sprintf("%d seen", c.processes)
	} else {
		a.Able = c.shut == 0 || e.rights.All
		a.Found = fmt.Sprintf("%d of %d let themselves be looked into", c.processes-c.shut, c.processes)
		e.lackOfKernel(&a, e.noDescriptors, "5.8")
		a.Without = "searching the processes takes more of the processor"
	}
	if !a.Able {
		a.Without = "services and connections of other users have no process and no container"
		if either := e.lacks(unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH); len(either) > 0 {
			a.Hint = "Where eBPF can't be had, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH do as well"
		}
	}
	if e.facts.HidePID != "" && !e.rights.All {
		a.Able = false
		a.Missing = append(a.Missing, "/proc without hidepid="+e.facts.HidePID+", or the group of its option gid")
		a.Without = "services and connections of other users have no process and no container"
	}
	if !e.facts.HostProcesses {
		a.Able = false
		a.Missing = append(a.Missing, MissingPID)
		a.Without = "services and connections outside of this container have no process"
		a.Hint = "Start the container in the host's process namespace, in Docker with --pid host"
	}
	return a
}

func (e *explainer) judgeShort() Ability {
	a := Ability{Code: AbleShort, Name: "short connections, between two looks", How: "ebpf", Able: e.noOpens == nil}
	if !a.Able {
		a.How = "looks"
		e.lackOfKernel(&a, e.noOpens, "5.14")
		a.Without = "a connection counts if it is open during a look, or was closed in order by this end within the minute before; refused attempts don't count"
	}
	return a
}

func (e *explainer) judgeNetworks() Ability {
	c := e.census
	a := Ability{
		Code: AbleNetworks, Name: "other network namespaces", How: "setns",
		Able: e.enter == nil && c.placeless == 0,
		Found: fmt.Sprintf("%d of %d processes tell theirs, %d beside the own",
			c.processes-c.placeless, c.processes, max(0, len(c.networks)-1)),
	}
	if !a.Able {
		a.How = ""
		if e.enter != nil {
			a.Capabilities = append(a.Capabilities, e.lacks(unix.CAP_SYS_ADMIN)...)
		}
		if c.placeless > 0 {
			a.Capabilities = append(a.Capabilities, e.lacks(unix.CAP_SYS_PTRACE)...)
		}
		a.Missing = append(a.Missing, a.Capabilities...)
		if !e.facts.HostUser {
			a.Missing = append(a.Missing, MissingHost)
		}
		if len(a.Missing) == 0 && e.enter != nil {
			a.Missing = append(a.Missing, "permission to enter them: "+e.enter.Error())
		}
		if len(a.Missing) == 0 {
			a.Able, a.How = true, "setns" // some processes hide even from root
		}
		a.Without = "containers with a network of their own are not seen, except as peers"
	}
	if !e.facts.HostProcesses {
		a.Able, a.How = false, ""
		a.Missing = append(a.Missing, MissingPID)
		a.Without = "containers beside this one are not seen, except as peers"
		a.Hint = "Start the container in the host's process namespace, in Docker with --pid host"
	}
	if a.Able {
		a.Without = ""
		if e.want == wishOwn || e.want == "" && !e.facts.HostNetwork {
			a.Hint = "From here they are only looked at with --namespaces all"
		}
	}
	return a
}

func (e *explainer) judgeTranslations() Ability {
	a := Ability{Code: AbleTranslations, Name: "address translation", How: "conntrack", Able: true}
	switch {
	case !e.tracking.Active:
		a.Found = "the kernel tracks no connections, so that none is translated"
	case e.tracking.Err == nil && e.tracking.Tracked > 0:
		a.Found = fmt.Sprintf("%d connections are tracked", e.tracking.Tracked)
	case e.tracking.Err == nil && e.holds(unix.CAP_NET_ADMIN):
		a.Found = "no connections are tracked at the moment"
	default:
		a.Able, a.How = false, ""
		a.Capabilities = e.lacks(unix.CAP_NET_ADMIN)
		a.Missing = a.Capabilities
		if len(a.Missing) == 0 && e.tracking.Err != nil {
			a.Missing = []string{e.tracking.Err.Error()}
		}
		if e.tracking.Err == nil {
			a.Found = "no connections are tracked at the moment"
		}
		a.Without = "a connection to a published port or a virtual address ends there, not at the service behind it"
	}
	return a
}

func (e *explainer) judgeWorkloads() Ability {
	w := &e.workloads
	a := Ability{
		Code: AbleWorkloads, Name: "units and containers", How: "cgroup", Able: w.refused == 0 && len(w.notes) == 0,
		Found: fmt.Sprintf("%d processes in units, %d in %d containers", w.units, w.inside, len(w.containers)),
	}
	for _, n := range w.notes {
		a.Missing = append(a.Missing, n.Text)
		a.Hint = cmp.Or(a.Hint, n.Hint)
		if n.Code == "container-names" {
			a.Capabilities = e.lacks(unix.CAP_DAC_READ_SEARCH)
		}
	}
	if w.refused > 0 {
		a.Missing = append(a.Missing, fmt.Sprintf("permission to read the control groups of %d processes", w.refused))
	}
	if !a.Able {
		a.Without = "containers are called by their ids, and have no image"
	}
	return a
}

// Package explain says what this process can see of its host, what it lacks for
// the rest, and what that costs.
package explain

// Abilities are what this process can see of its host, tried out, not guessed.
type Abilities struct {
	Facts     Facts     `json:"facts"`
	Abilities []Ability `json:"abilities"`
	// Privileges are those that a look can make use of, held or not.
	Privileges []Privilege `json:"privileges"`
}

// Ability is one thing that a look does, if it can.
type Ability struct {
	// Code is stable, for programs: one of the constants below.
	Code string `json:"code"`
	// Name says it to people.
	Name string `json:"name"`
	Able bool   `json:"able"`
	// How it is done now: "ebpf", "sock_diag", "proc", "looks", "setns",
	// "conntrack" or "cgroup"; empty if it isn't.
	How string `json:"how,omitempty"`
	// Found is what the attempt showed, a sentence without a full stop.
	Found string `json:"found,omitempty"`
	// Missing is what stands in the way of the ability, or of the best way to
	// do it. Capabilities are those among it that can be granted by name.
	Missing      []string `json:"missing,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	// Without says what it costs that this is missing, Hint what helps beside
	// capabilities.
	Without string `json:"without,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// The codes of abilities.
const (
	AbleSockets      = "sockets"
	AbleHealth       = "health"
	AbleOwnOwners    = "own-owners"
	AbleAllOwners    = "all-owners"
	AbleShort        = "short-connections"
	AbleNetworks     = "namespaces"
	AbleTranslations = "translations"
	AbleWorkloads    = "workloads"
)

// Facts are what the abilities follow from.
type Facts struct {
	UID  uint32 `json:"uid"`
	User string `json:"user"`
	// Kernel is its release (uname(2)); BTF says whether it describes its types
	// to eBPF programs, in /sys/kernel/btf/vmlinux.
	Kernel string `json:"kernel"`
	BTF    bool   `json:"btf"`
	// HostUser, HostProcesses and HostNetwork say whether the namespaces of
	// this process are the host's, as far as that can be told.
	HostUser      bool `json:"host_user_namespace"`
	HostProcesses bool `json:"host_process_namespace"`
	HostNetwork   bool `json:"host_network_namespace"`
	// Seccomp says that a filter of system calls is in force, NoNewPrivileges
	// that capabilities of files give nothing (both proc_pid_status(5)).
	Seccomp         bool `json:"seccomp"`
	NoNewPrivileges bool `json:"no_new_privileges"`
	// HidePID is how /proc hides processes (proc(5)), Lockdown that of
	// kernel_lockdown(7); empty if not.
	HidePID  string `json:"hidepid,omitempty"`
	Lockdown string `json:"lockdown,omitempty"`
	// UnprivilegedBPF and PerfParanoid are the sysctls
	// kernel.unprivileged_bpf_disabled and kernel.perf_event_paranoid. The
	// programs of dotm need the same capabilities whatever these say.
	UnprivilegedBPF string `json:"unprivileged_bpf_disabled,omitempty"`
	PerfParanoid    string `json:"perf_event_paranoid,omitempty"`
}

// Privilege is a capability (capabilities(7)).
type Privilege struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	// Allows is what whoever holds it may do, Use what dotm does with it.
	Allows string `json:"allows"`
	Use    string `json:"use"`
}

package procfs

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/proctext"
)

// Rights are what this process may see of others.
type Rights struct {
	EUID int // of this process
	// All says that every process may be looked into that lets itself be.
	All bool
	// UserNS and PIDNS say that this is the host's own user and process
	// namespace, and no container's.
	UserNS, PIDNS bool
	HidePID       string // how /proc hides processes (proc(5)), empty if not
}

// The host's own namespaces have fixed inodes (PROC_USER_INIT_INO and
// PROC_PID_INIT_INO of the kernel's linux/proc_ns.h).
const (
	hostUserNS = "user:[4026531837]"
	hostPIDNS  = "pid:[4026531836]"
)

// ReadRights reads them under a mounted proc(5).
func ReadRights(proc string) (Rights, error) {
	text, err := os.ReadFile(filepath.Join(proc, "self/status"))
	if err != nil {
		return Rights{}, err
	}
	status, err := proctext.ParseStatus(text)
	if err != nil {
		return Rights{}, fmt.Errorf("%s/self/status: %w", proc, err)
	}
	r := Rights{
		EUID:   os.Geteuid(),
		UserNS: linkIs(filepath.Join(proc, "self/ns/user"), hostUserNS),
		PIDNS:  linkIs(filepath.Join(proc, "self/ns/pid"), hostPIDNS),
	}
	r.All = r.UserNS && canInspect(status.CapEff)
	if mounts, err := os.ReadFile(filepath.Join(proc, "self/mounts")); err == nil {
		r.HidePID = proctext.HidePID(mounts, proc)
	}
	return r, nil
}

// canInspect tells whether capabilities allow to list any process's
// descriptors and to read where they lead (proc_pid_fd(5), ptrace(2)).
func canInspect(caps uint64) bool {
	list := caps&(1<<unix.CAP_DAC_OVERRIDE|1<<unix.CAP_DAC_READ_SEARCH) != 0
	return list && caps&(1<<unix.CAP_SYS_PTRACE) != 0
}

func linkIs(path, target string) bool {
	got, err := os.Readlink(path)
	return err == nil && got == target
}

// SeesAll tells whether no process of the host is out of sight.
func (r Rights) SeesAll() bool { return r.All && r.PIDNS }

// Lack says which right is missing to see all names, and where to get it.
func (r Rights) Lack() (text, hint string) {
	switch {
	case r.EUID != 0:
		return "you are not root", "All names: sudo dotm up"
	case !r.UserNS:
		return "you are root in a user namespace only", "All names: run dotm as root of the host"
	}
	return "the capability CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH is missing",
		"All names: grant both, in Docker with --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH"
}

// SeesHostNetwork tells whether this is the network namespace of process 1, as
// far as may be seen.
func (r Rights) SeesHostNetwork(proc string) bool {
	if !r.PIDNS {
		return false // process 1 is a container's
	}
	host, err := os.Readlink(filepath.Join(proc, "1/ns/net"))
	return err == nil && linkIs(filepath.Join(proc, "thread-self/ns/net"), host)
}

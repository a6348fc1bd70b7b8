//go:build linux

// Package bed is what the fleet's tests and benchmarks lie on: hosts that are
// namespaces (network, name, processes, mounts), cables and switches between
// them, and programs that run there.
//
// The program that uses it plays several parts: it is started again in
// namespaces of its own, so that nothing of the machine shows and nothing is
// left behind; as the first process of each host; and as each puppet, which is
// a client or server that takes orders. [Main] finds out which part it is.
package bed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The variables by which the program talks to itself.
const (
	envPart   = "DOTM_BED"        // which part is played; empty for the one that a person started
	envLacks  = "DOTM_BED_LACKS"  // why there can be no hosts
	envRights = "DOTM_BED_RIGHTS" // asRoot or asUserRoot
	envLight  = "DOTM_BED_LIGHT"  // set where hosts are light
	envDir    = "DOTM_BED_DIR"    // a folder of all parts, removed at the end
)

// The parts.
const (
	partInside = "inside" // runs the tests, in namespaces of its own
	partInit   = "init"   // is the first process of a host
	partPuppet = "puppet" // takes orders
)

// The rights that one may have inside.
const (
	asRoot     = "root"
	asUserRoot = "user root" // root of a user namespace: one user id, its own processes
)

// Main plays the part that this process has. In namespaces of its own it calls
// run. Before them it calls prepare, with a folder that every user may read and
// that is removed at the end; what that returns is set in the environment.
func Main(prepare func(dir string) ([]string, error), run func() int) int {
	return play(false, prepare, run)
}

// LightMain is [Main] for light hosts: each is a network and a name, and shares
// processes and files with the machine. Who isn't root can have those too, where
// the kernel permits it.
func LightMain(prepare func(dir string) ([]string, error), run func() int) int {
	return play(true, prepare, run)
}

func play(light bool, prepare func(string) ([]string, error), run func() int) int {
	switch os.Getenv(envPart) {
	case partInit:
		return runInit()
	case partPuppet:
		return runPuppet()
	case partInside:
		if Lacks() == "" && !light {
			if err := ownProc(); err != nil {
				return complain(err)
			}
		}
		return run()
	}
	code, err := outside(light, prepare)
	if err != nil {
		return complain(err)
	}
	return code
}

// Lacks says why this process can make no hosts; empty where it can.
func Lacks() string { return os.Getenv(envLacks) }

// LacksRoot says why this process is not the machine's root, who has several
// user ids; empty where it is.
func LacksRoot() string {
	if rights := os.Getenv(envRights); rights != asRoot {
		return "needs root, has: " + rights + Lacks()
	}
	return ""
}

// Dir is the folder that was prepared.
func Dir() string { return os.Getenv(envDir) }

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "bed:", err)
	return 1
}

// outside starts this program again in namespaces that end with it, and ends
// whatever that left behind.
func outside(light bool, prepare func(string) ([]string, error)) (int, error) {
	runtime.LockOSThread() // what this thread starts dies with it, and it lives as long as the process
	dir, err := os.MkdirTemp("", "dotm-bed-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return 0, err
	}
	env, err := prepare(dir)
	if err != nil {
		return 0, err
	}
	env = append(env, envPart+"="+partInside, envDir+"="+dir, "TMPDIR="+dir)
	if light {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return 0, fmt.Errorf("becoming the parent of orphans: %w", err)
		}
		defer endOrphans()
		env = append(env, envLight+"=1")
	}
	return inside(light, env)
}

// inside starts this program in namespaces of its own, as root if this is root,
// else as root of a user namespace, which is enough for light hosts; where there
// can be neither without, and every test says so.
func inside(light bool, env []string) (int, error) {
	var lacks error
	for _, rights := range []string{asRoot, asUserRoot} {
		if rights == asRoot && os.Geteuid() != 0 {
			lacks = errors.New("needs root: hosts are namespaces of every kind")
			continue
		}
		if rights == asUserRoot && !light {
			break
		}
		code, err := again(append(env, envRights+"="+rights), namespaces(light, rights))
		if err == nil {
			return code, nil
		}
		lacks = fmt.Errorf("no namespaces of our own: %w", err)
	}
	return again(append(env, envLacks+"="+lacks.Error()), &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL})
}

// The namespaces of a host.
const (
	lightSpaces = unix.CLONE_NEWNET | unix.CLONE_NEWUTS
	spaces      = lightSpaces | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC
)

func namespaces(light bool, rights string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: spaces, Pdeathsig: syscall.SIGKILL}
	if light {
		attr.Cloneflags = lightSpaces
	}
	if rights == asUserRoot {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// again runs this program with the same arguments. The error is for what could
// not be started; tests that fail are an exit code.
func again(env []string, attr *syscall.SysProcAttr) (int, error) {
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env, cmd.SysProcAttr = append(os.Environ(), env...), attr
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// endOrphans kills the processes that outlived light hosts: they are children of
// this one now. Those of whole hosts end with their first process.
func endOrphans() {
	for {
		left := children()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); len(left) == 0 || errors.Is(err, syscall.ECHILD) {
			return
		}
	}
}

// children lists the processes whose parent this one is (proc_pid_stat(5)).
func children() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		after := string(text[strings.LastIndexByte(string(text), ')')+1:])
		fields := strings.Fields(after)
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// ownProc makes /proc that of this process's own namespace, and keeps mounts
// from the machine.
func ownProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	return nil
}

// Find finds an executable, also where only root has it in the PATH, or in
// one of the folders.
func Find(name string, folders ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range append(folders, "/usr/local/sbin", "/usr/sbin", "/sbin") {
		found, _ := filepath.Glob(filepath.Join(dir, name))
		for i := len(found) - 1; i >= 0; i-- { // the newest version first
			if path, err := exec.LookPath(found[i]); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("program %s is not installed", name)
}

// IP runs commands of ip(8) in the network that joins the hosts, one a line.
func IP(commands ...string) error { return batch(commands, (*exec.Cmd).Run) }

func batch(commands []string, run func(*exec.Cmd) error) error {
	path, err := Find("ip")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd := exec.Command(path, "-batch", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Join(commands, "\n")), &out, &out
	if err := run(cmd); err != nil {
		return fmt.Errorf("ip: %w\n%s\n%s", err, strings.Join(commands, "\n"), out.Bytes())
	}
	return nil
}

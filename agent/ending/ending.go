// Package ending finds out why this process is asked to end: because its host goes
// down, or for itself alone. It executes nothing; it asks systemd what it has to do
// and reads three small files, each only if those before say nothing.
package ending

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// patience is how long the bus may take. A manager that stops hundreds of units at once
// answers within some milliseconds.
const patience = 400 * time.Millisecond

// maxFile bounds what is read of a file.
const maxFile = 64 << 10

// Why says why this process is asked to end, as well as its host can tell. In a container
// that has nothing of the host's /run it is always [report.LeavingStop].
func Why(ctx context.Context) report.Leaving { return host{root: "/", patience: patience}.why(ctx) }

// host is where the evidence is.
type host struct {
	root     string
	patience time.Duration
}

func (h host) why(ctx context.Context) report.Leaving {
	ctx, cancel := context.WithTimeout(ctx, h.patience)
	defer cancel()
	if jobs, err := listJobs(ctx, filepath.Join(h.root, "run/dbus/system_bus_socket")); err == nil {
		return ofJobs(jobs, unitOf(h.read("proc/self/cgroup")))
	}
	if why := ofRunLevel(h.read("run/utmp")); why != "" {
		return why
	}
	return ofFiles(h.read("run/nologin"), h.read("run/systemd/shutdown/scheduled"))
}

// read is the beginning of a file; empty if it can't be read.
func (h host) read(name string) string {
	f, err := os.Open(filepath.Join(h.root, name))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // reading only
	raw, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return string(raw)
}

// targets are the units that systemd starts to take the system down; see
// bootup(7) and systemd.special(7). All but the last pull that in.
var targets = map[string]report.Leaving{
	"reboot.target": report.LeavingReboot, "kexec.target": report.LeavingReboot, "soft-reboot.target": report.LeavingReboot,
	"poweroff.target": report.LeavingShutdown, "halt.target": report.LeavingShutdown, "exit.target": report.LeavingShutdown,
	"shutdown.target": report.LeavingShutdown,
}

// ofJobs reads what systemd has to do. unit is the one of this process.
func ofJobs(jobs []job, unit string) report.Leaving {
	why := report.LeavingStop
	for _, j := range jobs {
		down := targets[j.unit]
		switch {
		case j.kind == "start" && down == report.LeavingReboot:
			return down
		case j.kind == "start" && down != "":
			why = down
		case why == report.LeavingStop && unit != "" && j.unit == unit && (j.kind == "restart" || j.kind == "try-restart"):
			why = report.LeavingRestart
		}
	}
	return why
}

// unitOf is the unit in a text of /proc/self/cgroup (cgroups(7)): the last part of a path
// that is one. A scope or a service of a user's own manager is none of the system's.
func unitOf(text string) string {
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || parts[1] != "" && parts[1] != "name=systemd" || strings.Contains(parts[2], "/user@") {
			continue
		}
		for _, name := range strings.Split(parts[2], "/") {
			if strings.HasSuffix(name, ".service") {
				return name
			}
		}
	}
	return ""
}

// The record of utmp(5) that holds the run level: its type, and where its fields are. It is
// as long on 64-bit systems as on others.
const (
	utmpSize = 384
	utmpType = 1 // RUN_LVL
	utmpPID  = 4 // the run level in the lower byte
)

// ofRunLevel reads which run level was entered last: init of System V notes 0 or 6 before it
// ends anything. It is empty where that says nothing.
func ofRunLevel(utmp string) report.Leaving {
	level := byte(0)
	for ; len(utmp) >= utmpSize; utmp = utmp[utmpSize:] {
		record := []byte(utmp[:utmpPID+4])
		if binary.NativeEndian.Uint16(record) == utmpType {
			level = byte(binary.NativeEndian.Uint32(record[utmpPID:]))
		}
	}
	switch level {
	case '0':
		return report.LeavingShutdown
	case '6':
		return report.LeavingReboot
	}
	return ""
}

// ofFiles reads the notice of pam_nologin(8), which systemd and shutdown(8) write when the
// system goes down (and others while it comes up), and what systemd has planned.
func ofFiles(nologin, scheduled string) report.Leaving {
	if !strings.Contains(nologin, "going down") {
		return report.LeavingStop
	}
	for line := range strings.Lines(scheduled) {
		switch strings.TrimSpace(line) {
		case "MODE=reboot", "MODE=kexec", "MODE=soft-reboot":
			return report.LeavingReboot
		}
	}
	return report.LeavingShutdown
}

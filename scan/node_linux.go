package scan

import (
	"fmt"
	"os"

	"github.com/devops-trouble-map/dotm/report"
)

// machineIDFiles are where machine-id(5) is, and where it was before systemd.
var machineIDFiles = []string{"/etc/machine-id", "/var/lib/dbus/machine-id"}

// readNode names and identifies this host.
func readNode() (report.Node, error) {
	name, err := os.Hostname()
	if err != nil {
		return report.Node{}, fmt.Errorf("reading host name: %w", err)
	}
	name = report.NodeName(name)
	return report.Node{Name: name, Identity: readIdentity(machineIDFiles, name)}, nil
}

// readIdentity prefers the first machine-id that is set; without one the host
// name must do, which is weak.
func readIdentity(files []string, hostname string) report.Identity {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if id, ok := report.MachineIdentity(text); ok {
			return id
		}
	}
	return report.Identity{Kind: report.IdentityHostname, Value: hostname}
}

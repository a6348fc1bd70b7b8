package scan

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/devops-trouble-map/dotm/report"
)

// appID is what the machine-id is hashed over, so that the result means this
// host to dotm and nothing to anybody else. It must never change.
const appID = "7d1fe0c0a3d94c0f9f3b6a5e1c2d8b47"

// machineIDFiles are where machine-id(5) is, and where it was before systemd.
var machineIDFiles = []string{"/etc/machine-id", "/var/lib/dbus/machine-id"}

// readNode names and identifies this host.
func readNode() (report.Node, error) {
	name, err := os.Hostname()
	if err != nil {
		return report.Node{}, fmt.Errorf("reading host name: %w", err)
	}
	name = nodeName(name)
	return report.Node{Name: name, Identity: readIdentity(machineIDFiles, name)}, nil
}

// nodeName makes a host name fit for a report: the kernel takes any bytes
// (sethostname(2)), as "(none)" where none was set.
func nodeName(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if report.HostName("a"+string(r)) != nil {
			return '-'
		}
		return r
	}, name), "-.")
	name = name[:min(len(name), report.MaxName)]
	if report.HostName(name) != nil {
		name = "host-" + name
	}
	return strings.TrimRight(name, "-")
}

// readIdentity prefers the first machine-id that is set; without one the host
// name must do, which is weak.
func readIdentity(files []string, hostname string) report.Identity {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if id, err := hex.DecodeString(string(bytes.TrimSpace(text))); err == nil && len(id) == 16 {
			return report.Identity{Kind: report.IdentityMachine, Value: hashMachineID(id)}
		}
	}
	return report.Identity{Kind: report.IdentityHostname, Value: hostname}
}

// hashMachineID is sd_id128_get_machine_app_specific(3): HMAC-SHA256 of the
// application's id, keyed with the machine's, cut to 16 bytes and marked as a
// random UUID (RFC 9562, version 4).
func hashMachineID(machine []byte) string {
	app, err := hex.DecodeString(appID)
	if err != nil {
		panic("appID is no hex: " + err.Error())
	}
	mac := hmac.New(sha256.New, machine)
	mac.Write(app)
	id := mac.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return hex.EncodeToString(id)
}

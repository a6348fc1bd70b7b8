package report

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// appID is what the machine-id is hashed over, so that the result means this
// host to dotm and nothing to anybody else. It must never change.
const appID = "7d1fe0c0a3d94c0f9f3b6a5e1c2d8b47"

// MachineIdentity is the identity that the text of /etc/machine-id gives. ok is
// false where the id is not set (machine-id(5)).
func MachineIdentity(text []byte) (_ Identity, ok bool) {
	id, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(id) != 16 {
		return Identity{}, false
	}
	return Identity{Kind: IdentityMachine, Value: hashMachineID(id)}, true
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

// NodeName makes a host name fit for a report: the kernel takes any bytes
// (sethostname(2)), as "(none)" where none was set.
func NodeName(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if HostName("a"+string(r)) != nil {
			return '-'
		}
		return r
	}, name), "-.")
	name = name[:min(len(name), MaxName)]
	if HostName(name) != nil {
		name = "host-" + name
	}
	return strings.TrimRight(name, "-")
}

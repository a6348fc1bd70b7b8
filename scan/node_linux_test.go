package scan

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

func TestNodeName(t *testing.T) {
	for name, want := range map[string]string{
		"web-1.example.org":      "web-1.example.org",
		"localhost":              "localhost",
		"under_score":            "under_score",
		"(none)":                 "none",
		"192.0.2.1":              "host-192.0.2.1",
		"internet":               "host-internet",
		"":                       "host",
		"---":                    "host",
		"büro":                   "b-ro",
		"a b\nc":                 "a-b-c",
		strings.Repeat("x", 300): strings.Repeat("x", report.MaxName),
	} {
		got := nodeName(name)
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if err := report.HostName(got); err != nil {
			t.Errorf("%q: %q %v", name, got, err)
		}
	}
}

func FuzzNodeName(f *testing.F) {
	f.Add("(none)")
	f.Add("1.2.3.4")
	f.Fuzz(func(t *testing.T, name string) {
		if err := report.HostName(nodeName(name)); err != nil {
			t.Errorf("%q becomes %q: %v", name, nodeName(name), err)
		}
	})
}

func TestReadIdentity(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	none := filepath.Join(dir, "none")
	set := file("set", "0123456789abcdef0123456789abcdef\n")
	// Computed with: printf APPID-AS-BYTES | openssl dgst -sha256 -mac HMAC -macopt hexkey:MACHINE-ID
	machine := report.Identity{Kind: report.IdentityMachine, Value: "00f8261e4a02433f95da8db1123f4b21"}
	weak := report.Identity{Kind: report.IdentityHostname, Value: "web-1"}
	tests := []struct {
		name  string
		files []string
		want  report.Identity
	}{
		{"set", []string{set}, machine},
		{"second file", []string{none, set}, machine},
		{"no file", []string{none}, weak},
		{"first boot", []string{file("first", "uninitialized\n")}, weak},
		{"empty, as in an image", []string{file("empty", "")}, weak},
		{"too short", []string{file("short", "0123")}, weak},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := readIdentity(tt.files, "web-1"); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestHashMachineID compares with systemd itself where it is there.
func TestHashMachineID(t *testing.T) {
	want, err := exec.Command("systemd-id128", "machine-id", "--app-specific="+appID).Output()
	if err != nil {
		netns.Cannot(t, "no systemd-id128 to compare with: "+err.Error())
	}
	text, err := os.ReadFile(machineIDFiles[0])
	must(t, err)
	machine, err := hex.DecodeString(strings.TrimSpace(string(text)))
	must(t, err)
	if got := hashMachineID(machine); got != strings.TrimSpace(string(want)) {
		t.Errorf("got %s, systemd says %s", got, want)
	}
}

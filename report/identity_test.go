package report

import (
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"
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
		strings.Repeat("x", 300): strings.Repeat("x", MaxName),
	} {
		got := NodeName(name)
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if err := HostName(got); err != nil {
			t.Errorf("%q: %q %v", name, got, err)
		}
	}
}

func FuzzNodeName(f *testing.F) {
	f.Add("(none)")
	f.Add("1.2.3.4")
	f.Fuzz(func(t *testing.T, name string) {
		if err := HostName(NodeName(name)); err != nil {
			t.Errorf("%q becomes %q: %v", name, NodeName(name), err)
		}
	})
}

func TestMachineIdentity(t *testing.T) {
	// Computed with: printf APPID-AS-BYTES | openssl dgst -sha256 -mac HMAC -macopt hexkey:MACHINE-ID
	want := Identity{Kind: IdentityMachine, Value: "00f8261e4a02433f95da8db1123f4b21"}
	if got, ok := MachineIdentity([]byte("0123456789abcdef0123456789abcdef\n")); !ok || got != want {
		t.Errorf("got %+v, %t, want %+v", got, ok, want)
	}
	for _, text := range []string{"", "uninitialized\n", "0123", "0123456789abcdef0123456789abcdef00"} {
		if got, ok := MachineIdentity([]byte(text)); ok {
			t.Errorf("%q gives %+v", text, got)
		}
	}
}

// TestHashMachineID compares with systemd itself where it is there.
func TestHashMachineID(t *testing.T) {
	want, err := exec.Command("systemd-id128", "machine-id", "--app-specific="+appID).Output()
	if err != nil {
		if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
			t.Fatal("no systemd-id128 to compare with: " + err.Error())
		}
		t.Skip("no systemd-id128 to compare with: " + err.Error())
	}
	text, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got := hashMachineID(machine); got != strings.TrimSpace(string(want)) {
		t.Errorf("got %s, systemd says %s", got, want)
	}
}

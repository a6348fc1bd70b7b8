package scan

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
)

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

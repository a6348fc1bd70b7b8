package uplink

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzState: whatever stands in agent.json, it is an identity or damaged, and the
// error says which file.
func FuzzState(f *testing.F) {
	f.Add(`{"server":"https://dotm.example:4849","id":"a","secret":"b","ca":"-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"}`)
	f.Add(`{"secret":"b"}`)
	f.Add(`{"secret":1}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		path := filepath.Join(dir, stateFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readState(dir)
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Error(err)
			}
			return
		}
		if s.Secret == "" {
			t.Error("an identity without a secret")
		}
		if _, err := s.certificate(); err != nil && !strings.Contains(err.Error(), "damaged") {
			t.Error(err)
		}
	})
}

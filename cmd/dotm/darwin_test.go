package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBuildsForMac: the demo and the commands that ask a server are for macOS, too.
func TestBuildsForMac(t *testing.T) {
	if testing.Short() {
		t.Skip("builds dotm for another system")
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, ".")
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestElsewhere: on other systems it is said what needs Linux, and what works.
func TestElsewhere(t *testing.T) {
	unsupported := fmt.Errorf("looking: %w", errors.ErrUnsupported)
	for _, tt := range []struct {
		system string
		err    error
		says   bool
	}{{"darwin", unsupported, true}, {"linux", unsupported, false}, {"darwin", errors.New("busy"), false}} {
		got := elsewhere(tt.system, tt.err)
		if says := strings.Contains(got, "dotm up, agent and scan need Linux"); says != tt.says {
			t.Errorf("on %s, %v: %q", tt.system, tt.err, got)
		}
	}
	var out bytes.Buffer
	if code := fail(&out, errors.New("busy")); code != exitError || out.String() != "dotm: busy\n" {
		t.Errorf("%d %q", code, out.String())
	}
}

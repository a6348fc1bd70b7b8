//go:build linux

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/test/need"
)

// smallDisk is one of 8 MiB, in a mount namespace of its own: inside is its path
// there, outside its path here, and enter what commands begin with that see it.
func smallDisk(t *testing.T) (inside, outside string, enter []string) {
	t.Helper()
	need.Programs(t, "unshare", "nsenter", "mount")
	if os.Geteuid() != 0 {
		need.Lacks(t, "mounting a small disk takes root")
	}
	inside = t.TempDir()
	holder := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", `mount -t tmpfs -o size=8m tmpfs "$0" && echo mounted && exec sleep 600`, inside)
	holder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said := &output{}
	holder.Stdout, holder.Stderr = said, said
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	eventually(t, "a small disk", func() error {
		if strings.Contains(said.String(), "not permitted") || strings.Contains(said.String(), "denied") {
			need.Lacks(t, "no mount namespace: "+said.String())
		}
		if said.String() != "mounted\n" {
			return errors.New(said.String())
		}
		return nil
	})
	pid := strconv.Itoa(holder.Process.Pid)
	return inside, filepath.Join("/proc", pid, "root", inside), []string{"nsenter", "--target", pid, "--mount", "--"}
}

// TestFullDisk: a server whose disk is full goes on with its chart and says what
// is wrong; when there is room again it writes what waited. A server that is killed
// meanwhile has what it wrote.
func TestFullDisk(t *testing.T) {
	data, outside, enter := smallDisk(t)
	s := start(t, data, "", enter...)
	s.mustPut(t, host("web1", 1, 80))
	s.ready(t, "")
	ballast := filepath.Join(outside, "ballast")
	fill := func() {
		t.Helper()
		f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for block := make([]byte, 4096); ; {
			if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	// The file has pages left that it may use.
	sequence := 1
	eventually(t, "the disk is full", func() error {
		sequence++
		s.mustPut(t, host(fmt.Sprintf("web%d", sequence), 1, 80, 1000+sequence))
		return s.isReady(t, "disk")
	})
	last := fmt.Sprintf("web%d", sequence)
	s.shows(t, last, 1000+sequence) // the chart goes on
	s.mustPut(t, host("later", 1, 443))
	s.shows(t, "later", 443)
	status, answer, err := s.ask(t.Context(), http.MethodPatch, "/api/v1/settings", []byte(`{"ageing":"7m"}`))
	kept := status == http.StatusOK // there may be room for as little as that
	if err != nil || !kept && (status < 500 || !bytes.Contains(answer, []byte("make room"))) {
		t.Errorf("a setting: %d %v %s", status, err, answer)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.ready(t, "")
	s.kill()
	s = start(t, data, "", enter...)
	for _, node := range []string{"web1", last, "later"} {
		found := false
		for _, n := range s.chart(t).Nodes {
			found = found || n.Name == node
		}
		if !found {
			t.Errorf("%s is not kept", node)
		}
	}
	var settings struct{ Settings struct{ Ageing string } }
	if s.get(t, "/api/v1/settings", &settings); (settings.Settings.Ageing == "7m0s") != kept {
		t.Errorf("the setting was answered %d, and is %s", status, settings.Settings.Ageing)
	}
	if lost := s.metric(t, "dotm_history_events_lost_total"); lost != 0 {
		t.Errorf("%v events are said to be lost", lost)
	}
	var events struct{ Events []struct{ Node string } }
	s.get(t, "/api/v1/events?from=-1h", &events)
	seen := map[string]bool{}
	for _, e := range events.Events {
		seen[e.Node] = true
	}
	if !seen["later"] || !seen[last] {
		t.Errorf("events of what happened while the disk was full: %v", seen)
	}
}

// ready waits until the server is ready, or says why not.
func (s *server) ready(t *testing.T, why string) {
	t.Helper()
	eventually(t, "readyz", func() error { return s.isReady(t, why) })
}

func (s *server) isReady(t *testing.T, why string) error {
	t.Helper()
	status, answer, err := s.ask(t.Context(), http.MethodGet, "/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if why == "" && status == http.StatusOK || why != "" && status == http.StatusServiceUnavailable && bytes.Contains(answer, []byte(why)) {
		return nil
	}
	return fmt.Errorf("readyz says %d %s", status, answer)
}

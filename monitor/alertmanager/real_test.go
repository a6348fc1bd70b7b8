package alertmanager

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/alertmanager"
)

// TestReal reads a real Alertmanager: its scene, logins that are refused, and what
// acknowledging does there.
func TestReal(t *testing.T) {
	s := alertmanager.Start(t)
	s.Scene(t)
	o := monitor.Options{Name: "n", Kind: monitor.Alertmanager, URL: s.URL, User: alertmanager.User, Password: alertmanager.Password, Acknowledge: true}
	from, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	read := func() []string {
		r, err := from.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i := range r.Checks {
			c := &r.Checks[i]
			line := c.Host + "/" + c.Name + " " + string(c.Status)
			if c.Acknowledged {
				line += " acknowledged"
			}
			if c.Suppressed {
				line += " suppressed"
			}
			out = append(out, line)
		}
		slices.Sort(out)
		return out
	}
	want := []string{
		"/BackupMissing UNKNOWN", "cache1/MemoryHigh WARNING", "db1/PostgresDown CRITICAL", "db1/ReplicationLag WARNING suppressed",
		"gw1/HostDown CRITICAL", "web1/DiskFull WARNING acknowledged",
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	did, err := from.Acknowledge(t.Context(), monitor.Acknowledgement{Host: "gw1", Name: "HostDown", Author: "anna", Comment: "on it"})
	if err != nil || did == "" {
		t.Fatalf("%q, %v", did, err)
	}
	t.Log(did)
	if got := read(); !slices.Contains(got, "gw1/HostDown CRITICAL acknowledged") {
		t.Errorf("it is not silenced: %q", got)
	}

	o.Password = "wrong"
	if from, err = New(o); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Read(t.Context()); monitor.ReasonOf(err) != monitor.NoLogin {
		t.Errorf("a wrong password: %v", err)
	}
	s.Stop()
	if _, err := from.Read(t.Context()); monitor.ReasonOf(err) != monitor.NoConnection {
		t.Errorf("stopped: %v", err)
	}
}

package bolt

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The golden file is never made anew for a change of the code: it is what the
// first release wrote, and every later one must read it.
var update = flag.Bool("update", false, "write testdata/v1.db, when the format's version has changed")

func goldenChange() store.Change {
	ageing := topology.Duration(90 * time.Second)
	return store.Change{
		Revision: topology.Revision{Epoch: "k3f9zq", Number: 42},
		Put:      []*topology.Block{block("web1", 2), block("shop/cache", 0)},
		Settings: &store.Patch{Ageing: &ageing, IgnoredPorts: &[]uint16{22}},
		Append:   []topology.Event{event(1), event(2)},
	}
}

// TestFormat1 reads the database of format 1 that is kept beside this file.
func TestFormat1(t *testing.T) {
	golden := filepath.Join("testdata", "v1.db")
	if *update {
		dir := t.TempDir()
		s := open(t, dir)
		mustWrite(t, s, goldenChange())
		s.Close()
		copyFile(t, filepath.Join(dir, FileName), golden)
	}
	dir := t.TempDir()
	copyFile(t, golden, filepath.Join(dir, FileName))
	s := open(t, dir)
	defer s.Close()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := goldenChange()
	want := store.State{Revision: c.Revision, Settings: *c.Settings, Blocks: []*topology.Block{c.Put[1], c.Put[0]}}
	if diff := cmp.Diff(want, state, cmpopts.EquateComparable(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	var events []topology.Event
	err = s.Events(t.Context(), noon, noon.Add(time.Hour), func(e topology.Event) bool { events = append(events, e); return true })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Append, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

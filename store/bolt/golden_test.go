package bolt

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Golden files are never made anew for a change of the code: each is what a
// release wrote, and every later one must read it.
var update = flag.Bool("update", false, "write the golden file of this format, when its version has changed")

func goldenChange() store.Change {
	ageing := topology.Duration(90 * time.Second)
	return store.Change{
		Revision: topology.Revision{Epoch: "k3f9zq", Number: 42},
		Put:      []*topology.Block{early("web1", 2), early("shop/cache", 0)},
		Settings: &store.Patch{Ageing: &ageing, IgnoredPorts: &[]uint16{22}},
		Append:   []topology.Event{event(1), event(2)},
	}
}

// early is a block as it was before there were checks.
func early(name string, connections int) *topology.Block {
	b := block(name, connections)
	b.Node.OpenStatus = ""
	return b
}

// historyChange is what came with format 2.
func historyChange() store.Change {
	u := store.Use{Service: "web1~tcp~80", Connection: "0123456789abcdef", First: noon, Last: noon.Add(time.Hour)}
	u.Hours.Add(noon)
	c := goldenChange()
	c.Alive = noon.Add(time.Minute)
	c.Keep = []store.Document{{Kind: "user", Key: "anna", Value: []byte("{}")}}
	c.Records = []store.Record{{Node: "web1", At: noon, Data: []byte("whole")}, {Node: "web1", At: noon.Add(time.Minute), Base: noon, Data: []byte("patch")}}
	c.Uses = []store.Use{u}
	c.Gaps = []store.Gap{{Node: "web1", From: noon, To: noon.Add(time.Minute), Why: "the agent did not report"}}
	return c
}

// TestFormats reads the databases that are kept beside this file.
func TestFormats(t *testing.T) {
	for version, c := range []store.Change{1: goldenChange(), 2: historyChange(), 3: historyChange(), 4: historyChange()} {
		if version == 0 {
			continue
		}
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			golden := filepath.Join("testdata", fmt.Sprintf("v%d.db", version))
			if *update && version == format {
				dir := t.TempDir()
				s := open(t, dir)
				mustWrite(t, s, c)
				s.Close()
				copyFile(t, filepath.Join(dir, FileName), golden)
			}
			dir := t.TempDir()
			copyFile(t, golden, filepath.Join(dir, FileName))
			for range 2 { // as it was written, and as it was brought up to this format
				s := open(t, dir)
				holds(t, s, c)
				s.Close()
			}
		})
	}
}

func holds(t *testing.T, s *Store, c store.Change) {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := store.State{Revision: c.Revision, Settings: *c.Settings, Blocks: []*topology.Block{c.Put[1], c.Put[0]}, Documents: c.Keep, Alive: c.Alive}
	if diff := cmp.Diff(want, state, cmpopts.EquateComparable(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	var events []topology.Event
	var records []store.Record
	var uses []store.Use
	var gaps []store.Gap
	failed := errors.Join(
		s.Events(t.Context(), noon, noon.Add(time.Hour), func(e topology.Event) bool { events = append(events, e); return true }),
		s.RecordsAt(t.Context(), noon.Add(time.Hour), func(chain []store.Record) bool { records = append(records, chain...); return true }),
		s.Uses(t.Context(), "", func(u store.Use) bool { uses = append(uses, u); return true }),
		s.Gaps(t.Context(), noon, noon.Add(time.Hour), func(g store.Gap) bool { gaps = append(gaps, g); return true }),
	)
	if failed != nil {
		t.Fatal(failed)
	}
	for what, diff := range map[string]string{
		"events": cmp.Diff(c.Append, events), "records": cmp.Diff(c.Records, records), "uses": cmp.Diff(c.Uses, uses), "gaps": cmp.Diff(c.Gaps, gaps),
	} {
		if diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	e, err := s.Extent(t.Context())
	if err != nil || e.Events != int64(len(c.Append)) || e.Records != int64(len(c.Records)) || e.Uses != int64(len(c.Uses)) || e.Bytes == 0 {
		t.Errorf("the extent is %+v, %v", e, err)
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

// TestPatchesOfFormat2: those that an earlier version wrote among the whole records
// are told, counted and forgotten beside those that are written now.
func TestPatchesOfFormat2(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, filepath.Join("testdata", "v2.db"), filepath.Join(dir, FileName))
	s := open(t, dir)
	defer s.Close()
	later := []store.Record{
		{Node: "web1", At: noon.Add(2 * time.Minute), Data: []byte("whole again")},
		{Node: "web1", At: noon.Add(3 * time.Minute), Base: noon.Add(2 * time.Minute), Data: []byte("patch again")},
		{Node: "web1", At: noon.Add(time.Minute), Base: noon, Data: []byte("patch in its place")},
	}
	mustWrite(t, s, store.Change{Records: later})
	told := func(at time.Time) (data []string) {
		err := s.RecordsAt(t.Context(), at, func(chain []store.Record) bool {
			for _, r := range chain {
				data = append(data, string(r.Data))
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	all := func() (data []string) {
		if err := s.Records(t.Context(), func(r store.Record) bool { data = append(data, string(r.Data)); return true }); err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, tt := range []struct {
		what string
		got  []string
		want []string
	}{
		{"before any", told(noon.Add(-time.Second)), nil},
		{"the first", told(noon), []string{"whole"}},
		{"a patch of now on a whole one of then", told(noon.Add(time.Minute)), []string{"whole", "patch in its place"}},
		{"the whole one of now", told(noon.Add(2 * time.Minute)), []string{"whole again"}},
		{"the patch of now", told(noon.Add(time.Hour)), []string{"whole again", "patch again"}},
		{"all", all(), []string{"whole", "patch in its place", "whole again", "patch again"}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
	checkCounts(t, s)
	mustWrite(t, s, store.Change{Forget: store.Forget{Before: noon.Add(3 * time.Minute)}})
	if diff := cmp.Diff([]string{"whole again", "patch again"}, all()); diff != "" {
		t.Errorf("after forgetting (-want +got):\n%s", diff)
	}
	checkCounts(t, s)
}

// TestNodesOfFormat3: those that an earlier version wrote as JSON are read, and become
// bytes when they are written again, each by itself.
func TestNodesOfFormat3(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, filepath.Join("testdata", "v3.db"), filepath.Join(dir, FileName))
	s := open(t, dir)
	firsts := func() (first [2]byte) {
		err := s.view(func(tx *bbolt.Tx) error {
			for i, name := range []string{"shop/cache", "web1"} {
				first[i] = tx.Bucket(bucketNodes).Get([]byte(name))[0]
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	const packed, bytes = 0x28, 3 // see history.BlockCoder
	if got := firsts(); got != [2]byte{packed, packed} {
		t.Fatalf("in the old file nodes begin with %x", got)
	}
	c := historyChange()
	mustWrite(t, s, store.Change{Put: c.Put[:1]})
	if got := firsts(); got != [2]byte{packed, bytes} {
		t.Errorf("after one was written nodes begin with %x", got)
	}
	s.Close()
	s = open(t, dir)
	defer s.Close()
	holds(t, s, c)
}

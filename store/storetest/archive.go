package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

func (s *suite) records(t *testing.T) (out []string) {
	t.Helper()
	err := s.Records(t.Context(), func(r store.Record) bool {
		out = append(out, fmt.Sprintf("%s %q %d", r.Node, r.Data, r.Base.UnixMilli()))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func testRecords(t *testing.T, s *suite) {
	s.write(t, store.Change{Records: []store.Record{record("web", 10, -1), record("web", 20, 10), record("db", 5, -1)}})
	if got := s.records(t); len(got) != 3 {
		t.Errorf("%d records: %v", len(got), got)
	}
	n := 0
	if err := s.Records(t.Context(), func(store.Record) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("stopped after %d, %v", n, err)
	}
}

func testReplaceAll(t *testing.T, s *suite) {
	s.write(t, filledChange())
	err := s.Replace(t.Context(), func(fresh store.Store) error {
		return fresh.Write(t.Context(), store.Change{Put: []*topology.Block{block("only")}, Append: []topology.Event{event("1", 1)}})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.holds(t, store.State{Blocks: []*topology.Block{block("only")}})
	e, err := s.Extent(t.Context())
	if err != nil || e.Events != 1 || e.Records != 0 || e.Uses != 0 {
		t.Errorf("it holds %+v, %v", e, err)
	}
	s.write(t, store.Change{Put: []*topology.Block{block("later")}})
	if got := s.load(t); len(got.Blocks) != 2 {
		t.Errorf("%d blocks after another write", len(got.Blocks))
	}
	if !s.Whole {
		return // it can't undo
	}
	broken := errors.New("broken")
	if err := s.Replace(t.Context(), func(store.Store) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a filling that fails: %v", err)
	}
}

// filledChange has something of everything.
func filledChange() store.Change {
	patch := filled[store.Patch](1)
	return store.Change{
		Revision: topology.Revision{Epoch: "e", Number: 9}, Settings: &patch, Alive: at(9),
		Put:     []*topology.Block{block("a"), block("b/c")},
		Keep:    []store.Document{{Kind: "user", Key: "anna", Value: []byte{0, 1, 255}}},
		Append:  []topology.Event{event("1", 1), event("2", 2)},
		Records: []store.Record{record("a", 10, -1), record("a", 20, 10), record("old", 5, -1)},
		Uses:    []store.Use{use("a~tcp~1", "c1", 1, 2, 3), use("b~tcp~1", "c2", 1, 2, 3)},
		Audit:   []audit.Entry{entry("anna", 1), entry("bob", 2)},
		Gaps:    []store.Gap{{Node: "a", From: at(1), To: at(2), Why: "silent"}, {From: at(3), Why: "still"}},
	}
}

func testArchive(t *testing.T, s *suite) {
	s.write(t, filledChange())
	state, records, uses := s.load(t), s.records(t), s.uses(t, "")
	var archive bytes.Buffer
	if err := store.Dump(t.Context(), s.Store, &archive, store.Made{At: at(50), By: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
	c, err := store.CheckArchive(t.Context(), bytes.NewReader(archive.Bytes()))
	want := store.Contents{Made: at(50), By: "1.2.3", Nodes: 2, Documents: 1, Events: 2, Records: 3, Uses: 2, GapsInSeen: 2, Audit: 2}
	if err != nil || c != want {
		t.Errorf("the archive has %+v, %v", c, err)
	}
	s.write(t, store.Change{Put: []*topology.Block{block("later")}, Append: []topology.Event{event("3", 3)}})
	err = s.Replace(t.Context(), func(fresh store.Store) error { return store.Fill(t.Context(), fresh, bytes.NewReader(archive.Bytes())) })
	if err != nil {
		t.Fatal(err)
	}
	s.holds(t, state)
	if diff := cmp.Diff(records, s.records(t)); diff != "" {
		t.Errorf("records (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(uses, s.uses(t, "")); diff != "" {
		t.Errorf("uses (-before +after):\n%s", diff)
	}
	if got := s.ids(t, always[0], always[1]); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("events %v", got)
	}
	n := 0
	if err := s.Gaps(t.Context(), always[0], always[1], func(store.Gap) bool { n++; return true }); err != nil || n != 2 {
		t.Errorf("%d gaps, %v", n, err)
	}
	if got := s.audited(t, 0, 9); !slices.Equal(got, []string{"anna", "bob"}) {
		t.Errorf("the audit log is %v", got)
	}
}

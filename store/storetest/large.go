package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// testLarge writes what a server has to say that could not reach its store for
// long.
func testLarge(t *testing.T, s *suite) {
	const events, nodes = 100_000, 2000
	var c store.Change
	for i := range events {
		c.Append = append(c.Append, event(strconv.Itoa(i), i/10))
	}
	for i := range nodes {
		name := fmt.Sprintf("n%05d", i)
		c.Put = append(c.Put, block(name))
		c.Records = append(c.Records, record(name, i, -1))
		c.Uses = append(c.Uses, use(name+"~tcp~80", "c", 1, 2, 3))
		c.Gaps = append(c.Gaps, store.Gap{Node: name, From: at(1), To: at(2), Why: "silent"})
	}
	s.write(t, c)
	next := 0
	err := s.Events(t.Context(), always[0], always[1], func(e topology.Event) bool {
		if e.ID != strconv.Itoa(next) {
			t.Errorf("event %d is %s", next, e.ID)
		}
		next++
		return !t.Failed()
	})
	if err != nil || next != events {
		t.Errorf("%d events, %v", next, err)
	}
	gaps := 0
	if err := s.Gaps(t.Context(), always[0], always[1], func(store.Gap) bool { gaps++; return true }); err != nil || gaps != nodes {
		t.Errorf("%d gaps, %v", gaps, err)
	}
	if e, err := s.Extent(t.Context()); err != nil || e.Events != events || e.Records != nodes || e.Uses != nodes {
		t.Errorf("the extent is %+v, %v", e, err)
	}
	if got := len(s.load(t).Blocks); got != nodes {
		t.Errorf("%d blocks", got)
	}
}

// encoded is quickly compared, however much it is.
func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// testSizes keeps names as long as they may be, and values that don't compress.
func testSizes(t *testing.T, s *suite) {
	long := strings.Repeat("n", 255)
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same noise each time
	noise := make([]byte, 4<<20)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	b := filled[topology.Block](1)
	b.Node.Name = long
	for len(b.Connections) < 5000 {
		b.Connections = append(b.Connections, b.Connections[0])
	}
	e := event(long, 1)
	e.Node, e.Peer, e.Process = long, long, long
	r := store.Record{Node: long, At: at(1).Truncate(1e6), Data: noise}
	u := use(long, long, 1, 2, 3)
	documents := []store.Document{{Kind: long, Key: long, Value: noise}, {Kind: "k", Key: "empty"}}
	s.write(t, store.Change{Put: []*topology.Block{&b}, Append: []topology.Event{e}, Records: []store.Record{r}, Uses: []store.Use{u}, Keep: documents})
	s.reopen(t)
	state := s.load(t)
	if len(state.Blocks) != 1 || encoded(t, state.Blocks[0]) != encoded(t, &b) {
		t.Errorf("%d blocks, or one that differs", len(state.Blocks))
	}
	slices.SortFunc(state.Documents, func(a, b store.Document) int { return strings.Compare(b.Kind, a.Kind) })
	if len(state.Documents) != 2 || state.Documents[0].Key != long || !bytes.Equal(state.Documents[0].Value, noise) || len(state.Documents[1].Value) != 0 {
		t.Errorf("%d documents, or one that differs", len(state.Documents))
	}
	if diff := cmp.Diff([]topology.Event{e}, s.events(t, always[0], always[1]), equal...); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]store.Use{u}, s.uses(t, long), equal...); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	var got []store.Record
	if err := s.Records(t.Context(), func(r store.Record) bool { got = append(got, r); return true }); err != nil || len(got) != 1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	if !got[0].At.Equal(r.At) || got[0].Node != long || !bytes.Equal(got[0].Data, noise) {
		t.Errorf("the record of %q at %s has %d bytes", got[0].Node, got[0].At, len(got[0].Data))
	}
	if err := s.Write(t.Context(), store.Change{Forget: store.Forget{Before: at(9), Uses: at(9)}}); err != nil {
		t.Error(err)
	}
}

// Package storetest is the one suite that every engine of package store
// passes. An engine's own tests call [Run], and add what only it can do wrong.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Opener opens one and the same database, which is new at first. It fails the
// test if it can't. The suite closes what it opened before it opens it again.
type Opener func(t *testing.T) store.Store

// Promises are what an engine keeps that not every one can.
type Promises struct {
	// Whole: nobody ever sees a part of a change. Without it readers may, while
	// it is written.
	Whole bool
}

// Run puts an engine through the suite. open is called once for each test and
// returns the opener of a database of its own.
func Run(t *testing.T, promises Promises, open func(t *testing.T) Opener) {
	t.Helper()
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *suite)
	}{
		{"a new store is empty", testEmpty},
		{"every field of a block survives", testBlock},
		{"blocks are added, replaced and deleted", testReplace},
		{"an empty change changes nothing", testNoChange},
		{"a change applies as a whole or not at all", testAtomic},
		{"the revision is kept", testRevision},
		{"settings are replaced as a whole", testSettings},
		{"documents are kept, replaced and dropped", testDocuments},
		{"every field of an event survives", testEvent},
		{"events come in order of their times", testEventOrder},
		{"events of one time come in order of their arrival", testSameTime},
		{"ranges take in their start and leave out their end", testRanges},
		{"reading events stops early", testEarlyStop},
		{"old events are forgotten", testForget},
		{"many old events are forgotten by and by", testForgetMany},
		{"a context that has ended ends the call", testCancelled},
		{"a context that ends stops the reading of events", testCancelledReading},
		{"many write and read at once", testConcurrent},
		{"after Close everything says so", testClosed},
		{"a new start finds everything", testReopen},
		{"that the server runs is kept", testAlive},
		{"a node is told as of any moment", testRecordsAt},
		{"a record of the same millisecond replaces", testRecordReplaced},
		{"names that begin alike are kept apart", testRecordNames},
		{"what no moment needs any more is forgotten", testForgetRecords},
		{"many records are forgotten by and by", testForgetManyRecords},
		{"a node that is gone is forgotten", testForgetGone},
		{"the oldest goes where there is too much", testForgetBytes},
		{"uses are merged", testUses},
		{"old uses are forgotten", testForgetUses},
		{"gaps reach into a range", testGaps},
		{"the audit log is kept in its order", testAudit},
		{"old entries of the audit log are forgotten", testForgetAudit},
		{"the extent is told", testExtent},
		{"a large change is one change", testLarge},
		{"what is large is kept as it is", testSizes},
		{"all records are read", testRecords},
		{"what it holds is replaced", testReplaceAll},
		{"an archive restores everything", testArchive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &suite{Promises: promises, opener: open(t)}
			s.Store = s.opener(t)
			t.Cleanup(func() { s.close(t) })
			tt.test(t, s)
		})
	}
}

// suite is one database under test.
type suite struct {
	store.Store
	Promises
	opener Opener
	closed bool
}

func (s *suite) close(t *testing.T) {
	t.Helper()
	if s.closed {
		return
	}
	s.closed = true
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func (s *suite) reopen(t *testing.T) {
	t.Helper()
	s.close(t)
	s.Store, s.closed = s.opener(t), false
}

func (s *suite) write(t *testing.T, c store.Change) {
	t.Helper()
	if err := s.Write(t.Context(), c); err != nil {
		t.Fatalf("writing: %v", err)
	}
}

func (s *suite) load(t *testing.T) store.State {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	return state
}

// holds compares what is stored, through this opening and a new one.
func (s *suite) holds(t *testing.T, want store.State) {
	t.Helper()
	if diff := cmp.Diff(want, s.load(t), equal...); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	s.reopen(t)
	if diff := cmp.Diff(want, s.load(t), equal...); diff != "" {
		t.Errorf("state after reopening (-want +got):\n%s", diff)
	}
}

// equal is what the suite means by the same state: the order of blocks is
// free, and so is whether an empty list is nil.
var equal = cmp.Options{
	cmpopts.SortSlices(func(a, b *topology.Block) bool { return a.Node.Name < b.Node.Name }),
	cmpopts.SortSlices(func(a, b store.Document) bool { return a.Kind+"\x00"+a.Key < b.Kind+"\x00"+b.Key }),
	cmpopts.EquateEmpty(),
	cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}),
}

// always is a range that every event is in.
var always = [2]time.Time{{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}

func (s *suite) events(t *testing.T, from, to time.Time) (list []topology.Event) {
	t.Helper()
	err := s.Events(t.Context(), from, to, func(e topology.Event) bool {
		list = append(list, e)
		return true
	})
	if err != nil {
		t.Fatalf("reading events: %v", err)
	}
	return list
}

// ids are the ids of the events in a range.
func (s *suite) ids(t *testing.T, from, to time.Time) (ids []string) {
	t.Helper()
	for _, e := range s.events(t, from, to) {
		ids = append(ids, e.ID)
	}
	return ids
}

func block(name string) *topology.Block {
	return &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, FirstSeen: start}}
}

// event is one so many milliseconds after the start.
func event(id string, ms int) topology.Event {
	return topology.Event{At: at(ms), ID: id, Revision: "e-1", Kind: topology.Appeared, Subject: topology.SubjectNode, Node: id}
}

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func testEmpty(t *testing.T, s *suite) {
	s.holds(t, store.State{})
	if got := s.events(t, always[0], always[1]); len(got) != 0 {
		t.Errorf("%d events in a new store", len(got))
	}
}

func testBlock(t *testing.T, s *suite) {
	a, b := filled[topology.Block](1), filled[topology.Block](2)
	s.write(t, store.Change{Put: []*topology.Block{&a, &b}})
	s.holds(t, store.State{Blocks: []*topology.Block{&a, &b}})
}

func testReplace(t *testing.T, s *suite) {
	full := filled[topology.Block](1)
	full.Node.Name = "b"
	s.write(t, store.Change{Put: []*topology.Block{block("a"), &full, block("c")}})
	s.write(t, store.Change{Put: []*topology.Block{block("b"), block("d")}, Delete: []string{"a", "never there"}})
	s.holds(t, store.State{Blocks: []*topology.Block{block("b"), block("c"), block("d")}})
	s.write(t, store.Change{Delete: []string{"b", "c", "d"}})
	s.holds(t, store.State{})
}

func testNoChange(t *testing.T, s *suite) {
	patch := filled[store.Patch](1)
	rev := topology.Revision{Epoch: "e", Number: 7}
	s.write(t, store.Change{Revision: rev, Put: []*topology.Block{block("a")}, Settings: &patch, Append: []topology.Event{event("1", 1)}})
	s.write(t, store.Change{})
	s.holds(t, store.State{Revision: rev, Settings: patch, Blocks: []*topology.Block{block("a")}})
	if got := s.ids(t, always[0], always[1]); len(got) != 1 {
		t.Errorf("events %v, want the one", got)
	}
}

// testAtomic breaks a change at its last part: a block without a name has no
// place, so the store must refuse it and all that came with it.
func testAtomic(t *testing.T, s *suite) {
	s.write(t, store.Change{Revision: topology.Revision{Epoch: "e", Number: 1}, Put: []*topology.Block{block("a")}})
	patch := filled[store.Patch](1)
	err := s.Write(t.Context(), store.Change{
		Revision: topology.Revision{Epoch: "e", Number: 2},
		Put:      []*topology.Block{block("b"), block("")},
		Delete:   []string{"a"},
		Append:   []topology.Event{event("1", 1)},
		Settings: &patch,
	})
	if err == nil {
		t.Fatal("a block without a name was written")
	}
	s.holds(t, store.State{Revision: topology.Revision{Epoch: "e", Number: 1}, Blocks: []*topology.Block{block("a")}})
	if got := s.ids(t, always[0], always[1]); len(got) != 0 {
		t.Errorf("events %v of a change that failed", got)
	}
}

func testRevision(t *testing.T, s *suite) {
	rev := topology.Revision{Epoch: "k3f9zq", Number: 1<<64 - 1}
	s.write(t, store.Change{Revision: rev})
	s.write(t, store.Change{Put: []*topology.Block{block("a")}})
	s.holds(t, store.State{Revision: rev, Blocks: []*topology.Block{block("a")}})
}

func testSettings(t *testing.T, s *suite) {
	full := filled[store.Patch](1)
	s.write(t, store.Change{Settings: &full})
	s.holds(t, store.State{Settings: full})

	ageing := topology.Duration(time.Minute)
	none := []string{}
	part := store.Patch{Ageing: &ageing, IgnoredNames: &none}
	s.write(t, store.Change{Settings: &part})
	s.holds(t, store.State{Settings: part})
	if got := s.load(t).Settings; got.IgnoredNames == nil {
		t.Error("an empty list of ignored names came back as no opinion")
	}
}

func testEvent(t *testing.T, s *suite) {
	want := []topology.Event{filled[topology.Event](1), filled[topology.Event](2)}
	s.write(t, store.Change{Append: want})
	s.reopen(t)
	if diff := cmp.Diff(want, s.events(t, always[0], always[1]), equal...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func testEventOrder(t *testing.T, s *suite) {
	ancient := event("1969", 0)
	ancient.At = time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)
	s.write(t, store.Change{Append: []topology.Event{event("3", 3), event("1", 1)}})
	s.write(t, store.Change{Append: []topology.Event{event("2", 2), ancient}})
	s.same(t, s.ids(t, always[0], always[1]), "1969", "1", "2", "3")
}

func (s *suite) same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func testSameTime(t *testing.T, s *suite) {
	want := make([]string, 0, 12)
	for i := range 3 {
		list := make([]topology.Event, 4)
		for j := range list {
			list[j] = event(fmt.Sprint(i, j), 5)
			want = append(want, list[j].ID)
		}
		s.write(t, store.Change{Append: list})
		s.reopen(t) // the order of arrival goes on over a restart
	}
	s.same(t, s.ids(t, always[0], always[1]), want...)
}

func testRanges(t *testing.T, s *suite) {
	s.write(t, store.Change{Append: []topology.Event{event("1", 1), event("2", 2), event("3", 3), event("4", 4)}})
	for _, tt := range []struct {
		name     string
		from, to time.Time
		want     []string
	}{
		{"from on", at(2), always[1], []string{"2", "3", "4"}},
		{"before to", always[0], at(3), []string{"1", "2"}},
		{"between", at(2), at(4), []string{"2", "3"}},
		{"a nanosecond off", at(2).Add(1), at(4).Add(1), []string{"3", "4"}},
		{"none in between", at(2).Add(1), at(3), nil},
		{"empty", at(3), at(3), nil},
		{"the wrong way round", at(4), at(2), nil},
		{"another time zone", at(2).In(time.FixedZone("", 7200)), at(3), []string{"2"}},
		{"before all", always[0], at(1), nil},
		{"after all", at(5), always[1], nil},
	} {
		t.Run(tt.name, func(t *testing.T) { s.same(t, s.ids(t, tt.from, tt.to), tt.want...) })
	}
}

func testEarlyStop(t *testing.T, s *suite) {
	s.write(t, store.Change{Append: []topology.Event{event("1", 1), event("2", 2), event("3", 3)}})
	var got []string
	err := s.Events(t.Context(), always[0], always[1], func(e topology.Event) bool {
		got = append(got, e.ID)
		return len(got) < 2
	})
	if err != nil {
		t.Fatal(err)
	}
	s.same(t, got, "1", "2")
	s.write(t, store.Change{Append: []topology.Event{event("4", 4)}}) // nothing is held on to
}

func testForget(t *testing.T, s *suite) {
	s.write(t, store.Change{Append: []topology.Event{event("1", 1), event("2", 2), event("3", 3)}})
	s.write(t, store.Change{Forget: store.Forget{Before: at(2)}})
	s.same(t, s.ids(t, always[0], always[1]), "2", "3")
	s.write(t, store.Change{Append: []topology.Event{event("4", 4)}, Forget: store.Forget{Before: at(4)}})
	s.same(t, s.ids(t, always[0], always[1]), "4")
	s.reopen(t)
	s.same(t, s.ids(t, always[0], always[1]), "4")
	s.write(t, store.Change{Append: []topology.Event{event("late", 1)}}) // forgetting is once, no rule
	s.same(t, s.ids(t, always[0], always[1]), "late", "4")
}

// testForgetMany allows an engine to forget in parts, so that no write takes
// long, but each must be a part worth its name.
func testForgetMany(t *testing.T, s *suite) {
	const many, parts = 12_000, 12
	list := make([]topology.Event, many+1)
	for i := range list {
		list[i] = event("old", i)
	}
	list[many].ID = "new"
	s.write(t, store.Change{Append: list})
	for range parts {
		s.write(t, store.Change{Forget: store.Forget{Before: at(many)}})
	}
	s.same(t, s.ids(t, always[0], always[1]), "new")
}

func testCancelled(t *testing.T, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Load returns %v", err)
	}
	if err := s.Write(ctx, store.Change{Put: []*topology.Block{block("a")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Write returns %v", err)
	}
	s.holds(t, store.State{})
	s.write(t, store.Change{Append: []topology.Event{event("1", 1)}})
	err := s.Events(ctx, always[0], always[1], func(topology.Event) bool { t.Error("an event came"); return true })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Events returns %v", err)
	}
}

func testCancelledReading(t *testing.T, s *suite) {
	list := make([]topology.Event, 10_000)
	for i := range list {
		list[i] = event("", i)
	}
	s.write(t, store.Change{Append: list})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	err := s.Events(ctx, always[0], always[1], func(topology.Event) bool {
		if n++; n == 3 {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) || n == len(list) {
		t.Errorf("returned %v after %d of %d events", err, n, len(list))
	}
}

// testConcurrent lets writers replace pairs of blocks: no reader may ever see
// one without the other.
func testConcurrent(t *testing.T, s *suite) {
	const writers, readers, rounds = 4, 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				if err := s.Write(t.Context(), pair(w, i)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	for range readers {
		if !s.Whole {
			break
		}
		wg.Go(func() {
			for range rounds {
				s.checkPairs(t)
			}
		})
	}
	wg.Wait()
	if got := len(s.load(t).Blocks); got != 2*writers {
		t.Errorf("%d blocks, want %d", got, 2*writers)
	}
	if got := len(s.events(t, always[0], always[1])); got != writers*rounds {
		t.Errorf("%d events, want %d", got, writers*rounds)
	}
}

// pair is the i-th change of a writer: two blocks that carry its number.
func pair(writer, i int) store.Change {
	a, b := block(fmt.Sprintf("%d-a", writer)), block(fmt.Sprintf("%d-b", writer))
	a.Node.Agent, b.Node.Agent = strconv.Itoa(i), strconv.Itoa(i)
	return store.Change{
		Revision: topology.Revision{Epoch: "e", Number: uint64(i)},
		Put:      []*topology.Block{a, b}, Append: []topology.Event{event(a.Node.Name, i)},
	}
}

func (s *suite) checkPairs(t *testing.T) {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Errorf("reader: %v", err)
	}
	agents := map[string]string{}
	for _, b := range state.Blocks {
		agents[b.Node.Name] = b.Node.Agent
	}
	for w := range 4 {
		if a, b := agents[fmt.Sprintf("%d-a", w)], agents[fmt.Sprintf("%d-b", w)]; a != b {
			t.Errorf("half a change is visible: %q and %q", a, b)
		}
	}
	if err := s.Events(t.Context(), always[0], always[1], func(topology.Event) bool { return true }); err != nil {
		t.Errorf("reader: %v", err)
	}
}

func testClosed(t *testing.T, s *suite) {
	s.close(t)
	if _, err := s.Load(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Load returns %v", err)
	}
	if err := s.Write(t.Context(), store.Change{Put: []*topology.Block{block("a")}}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Write returns %v", err)
	}
	if err := s.Events(t.Context(), always[0], always[1], func(topology.Event) bool { return true }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Events returns %v", err)
	}
}

func testReopen(t *testing.T, s *suite) {
	b, patch := filled[topology.Block](1), filled[store.Patch](2)
	want := store.State{Revision: topology.Revision{Epoch: "e", Number: 9}, Settings: patch, Blocks: []*topology.Block{&b}}
	s.write(t, store.Change{Revision: want.Revision, Put: want.Blocks, Settings: &patch, Append: []topology.Event{event("1", 1)}})
	for range 3 {
		s.holds(t, want)
		s.same(t, s.ids(t, always[0], always[1]), "1")
	}
}

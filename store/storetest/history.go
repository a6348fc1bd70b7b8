package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

func testAlive(t *testing.T, s *suite) {
	if got := s.load(t).Alive; !got.IsZero() {
		t.Errorf("a new store is alive since %s", got)
	}
	s.write(t, store.Change{Alive: at(3)})
	s.reopen(t)
	if got := s.load(t).Alive; !got.Equal(at(3)) {
		t.Errorf("alive at %s, want %s", got, at(3))
	}
}

// record is of a node at a time; base is -1 for one that stands by itself.
func record(node string, when, base int) store.Record {
	r := store.Record{Node: node, At: at(when), Data: []byte(fmt.Sprintf("%s\x00%d", node, when))}
	if base >= 0 {
		r.Base = at(base)
	}
	return r
}

// told spells what is known of a moment.
func (s *suite) told(t *testing.T, when time.Time) []string {
	t.Helper()
	out := []string{}
	err := s.RecordsAt(t.Context(), when, func(chain []store.Record) bool {
		links := make([]string, 0, len(chain))
		for i, r := range chain {
			if r.Node != strings.Split(string(r.Data), "\x00")[0] || r.Node != chain[0].Node {
				t.Errorf("a record of %q has the data %q", r.Node, r.Data)
			}
			if i > 0 && !r.Base.Equal(chain[0].At) || i == 0 && !r.Base.IsZero() {
				t.Errorf("the chain of %q at %s begins at %s, and not at %s", r.Node, r.At, chain[0].At, r.Base)
			}
			links = append(links, strings.ReplaceAll(string(r.Data), "\x00", "@"))
		}
		slices.Reverse(links)
		out = append(out, strings.Join(links, " on "))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func (s *suite) tells(t *testing.T, when time.Time, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), s.told(t, when)); diff != "" {
		t.Errorf("at %s (-want +got):\n%s", when.Format(time.RFC3339Nano), diff)
	}
}

func testRecordsAt(t *testing.T, s *suite) {
	s.tells(t, at(5))
	s.write(t, store.Change{Records: []store.Record{record("web", 10, -1), record("db", 12, -1)}})
	s.write(t, store.Change{Records: []store.Record{record("web", 20, 10), record("web", 30, 10)}})
	for range 2 {
		s.tells(t, at(9))
		s.tells(t, at(10).Add(-time.Millisecond))
		s.tells(t, at(10), "web@10")
		s.tells(t, at(19), "db@12", "web@10")
		s.tells(t, at(20), "db@12", "web@20 on web@10")
		s.tells(t, at(29), "db@12", "web@20 on web@10")
		s.tells(t, at(1000), "db@12", "web@30 on web@20 on web@10")
		s.reopen(t)
	}
	n := 0
	if err := s.RecordsAt(t.Context(), at(30), func([]store.Record) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("stopped after %d, %v", n, err)
	}
}

func testRecordReplaced(t *testing.T, s *suite) {
	s.write(t, store.Change{Records: []store.Record{record("web", 10, -1)}})
	later := store.Record{Node: "web", At: at(10), Data: []byte("web\x00again")}
	s.write(t, store.Change{Records: []store.Record{later}})
	s.tells(t, at(10), "web@again")
}

func testRecordNames(t *testing.T, s *suite) {
	names := []string{
		"a", "a/b", "ab", "a b", "a!", "a\x01", "a\n", "a\xff", "ä", "a::b", "{a}", "a{}b", "*", "[ab]", `a\b`, `"a"`,
		"10.0.0.1", "fe80::1", strings.Repeat("n", 255), strings.Repeat("n", 254),
	}
	var c store.Change
	want := make([]string, 0, len(names))
	for _, n := range names {
		c.Records = append(c.Records, record(n, 10, -1), record(n, 20, 10))
		want = append(want, n+"@20 on "+n+"@10")
	}
	s.write(t, c)
	slices.Sort(want)
	s.tells(t, at(25), want...)
	if err := s.Write(t.Context(), store.Change{Records: []store.Record{{Node: "", At: at(1), Data: []byte("x")}}}); err == nil {
		t.Error("a record without a node is written")
	}
	s.tells(t, at(25), want...)
}

// forgetAll has the engine forget until it has nothing left to forget, which may
// take several writes.
func (s *suite) forgetAll(t *testing.T, f store.Forget) {
	t.Helper()
	for range 20 {
		s.write(t, store.Change{Forget: f})
	}
}

func testForgetRecords(t *testing.T, s *suite) {
	s.write(t, store.Change{Put: []*topology.Block{block("web"), block("db")}, Records: []store.Record{
		record("web", 10, -1), record("web", 20, 10), record("web", 30, -1), record("web", 40, 30), record("web", 50, 30), record("db", 5, -1),
	}})
	s.forgetAll(t, store.Forget{Before: at(45)})
	s.tells(t, at(45), "db@5", "web@40 on web@30")
	s.tells(t, at(60), "db@5", "web@50 on web@40 on web@30")
	s.tells(t, at(29), "db@5") // before that nothing needs be told
	e, err := s.Extent(t.Context())
	if err != nil || e.Records != 4 || e.From.Before(at(45).Add(-time.Millisecond)) {
		t.Errorf("the extent is %+v, %v", e, err)
	}
}

// testForgetManyRecords allows an engine to forget in parts, always before one and
// the same moment: the next part goes on where the last one stopped.
func testForgetManyRecords(t *testing.T, s *suite) {
	const nodes, each = 1500, 4
	var c store.Change
	var want []string
	for i := range nodes {
		name := fmt.Sprintf("n%05d", i)
		c.Put = append(c.Put, block(name))
		for m := range each {
			c.Records = append(c.Records, record(name, m, -1))
		}
		want = append(want, fmt.Sprintf("%s@%d", name, each-1))
	}
	s.write(t, c)
	s.forgetAll(t, store.Forget{Before: at(each)})
	s.tells(t, at(each), want...)
	if got := s.records(t); len(got) != nodes {
		t.Errorf("%d records are left of %d nodes", len(got), nodes)
	}
}

// testForgetGone: of a node that is not part of the state any more nothing is
// kept, once its last record is old enough.
func testForgetGone(t *testing.T, s *suite) {
	s.write(t, store.Change{Put: []*topology.Block{block("web")}, Records: []store.Record{record("web", 10, -1), record("old", 10, -1), record("old", 20, -1), record("late", 10, -1), record("late", 40, -1)}})
	s.forgetAll(t, store.Forget{Before: at(30)})
	s.tells(t, at(50), "late@40", "web@10")
}

func testForgetBytes(t *testing.T, s *suite) {
	const days = 10
	start := time.Now().Truncate(24*time.Hour).AddDate(0, 0, -days)
	var c store.Change
	for day := range days {
		c.Put = []*topology.Block{block("web")}
		for i := range 24 {
			when := start.AddDate(0, 0, day).Add(time.Duration(i) * time.Hour)
			c.Records = append(c.Records, store.Record{Node: "web", At: when, Data: []byte("web\x00" + strings.Repeat("x", 20_000))})
			c.Append = append(c.Append, topology.Event{At: when, Revision: "e-1", ID: strconv.FormatInt(when.Unix(), 10), Node: "web"})
		}
	}
	s.write(t, c)
	all, err := s.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		s.write(t, store.Change{Forget: store.Forget{Bytes: all.Bytes / 2}})
	}
	left, err := s.Extent(t.Context())
	if err != nil || left.Bytes > all.Bytes/2 || left.Bytes < all.Bytes/10 {
		t.Errorf("%d of %d bytes are left, want about half (%v)", left.Bytes, all.Bytes, err)
	}
	if left.Records < 24 || left.Records > 200 || left.Events < 24 || left.Events > 200 {
		t.Errorf("%d records and %d events of 240 are left", left.Records, left.Events)
	}
	if got := s.told(t, time.Now()); len(got) != 1 {
		t.Errorf("now %d nodes are told of", len(got))
	}
}

func use(service, connection string, first, last int, hours ...int) store.Use {
	u := store.Use{Service: service, Connection: connection, Client: topology.Client{Node: "client of " + connection}, First: at(first), Last: at(last)}
	for _, h := range hours {
		u.Hours.Add(at(0).Add(time.Duration(h) * time.Hour))
	}
	return u
}

func (s *suite) uses(t *testing.T, service string) []store.Use {
	t.Helper()
	out := []store.Use{}
	if err := s.Uses(t.Context(), service, func(u store.Use) bool { out = append(out, u); return true }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b store.Use) int { return strings.Compare(a.Service+a.Connection, b.Service+b.Connection) })
	return out
}

func testUses(t *testing.T, s *suite) {
	s.write(t, store.Change{Uses: []store.Use{use("db~tcp~1", "a", 10, 20, 1), use("db~tcp~1", "b", 11, 12, 3), use("db~tcp~11", "c", 1, 2, 5)}})
	s.write(t, store.Change{Uses: []store.Use{use("db~tcp~1", "a", 15, 30, 2)}})
	s.reopen(t)
	want := []store.Use{use("db~tcp~1", "a", 10, 30, 1, 2), use("db~tcp~1", "b", 11, 12, 3)}
	if diff := cmp.Diff(want, s.uses(t, "db~tcp~1"), equal...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.uses(t, ""); len(got) != 3 {
		t.Errorf("%d uses in all, want 3", len(got))
	}
	if got := s.uses(t, "db"); len(got) != 0 {
		t.Errorf("the name's beginning finds %v", got)
	}
	n := 0
	if err := s.Uses(t.Context(), "", func(store.Use) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("stopped after %d, %v", n, err)
	}
}

func testForgetUses(t *testing.T, s *suite) {
	s.write(t, store.Change{Uses: []store.Use{use("a", "1", 1, 10), use("a", "2", 1, 30), use("b", "3", 1, 10)}})
	s.forgetAll(t, store.Forget{Uses: at(20)})
	if got := s.uses(t, ""); len(got) != 1 || got[0].Connection != "2" {
		t.Errorf("left are %+v", got)
	}
}

func testGaps(t *testing.T, s *suite) {
	s.write(t, store.Change{Gaps: []store.Gap{{Node: "web", From: at(10), Why: "silent"}, {From: at(20), To: at(30), Why: "no server"}, {Node: "db", From: at(20), To: at(25), Why: "silent"}}})
	gaps := func(from, to int) (out []string) {
		err := s.Gaps(t.Context(), at(from), at(to), func(g store.Gap) bool {
			line := g.Node + " " + g.Why
			if g.To.IsZero() {
				line += " still"
			}
			out = append(out, line)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tt := range []struct {
		from, to int
		want     []string
	}{
		{0, 10, nil},
		{0, 11, []string{"web silent still"}},
		{26, 40, []string{"web silent still", " no server"}},
		{30, 40, []string{"web silent still"}},
		{0, 99, []string{"web silent still", " no server", "db silent"}},
	} {
		if diff := cmp.Diff(tt.want, gaps(tt.from, tt.to)); diff != "" {
			t.Errorf("from %d to %d (-want +got):\n%s", tt.from, tt.to, diff)
		}
	}
	s.write(t, store.Change{Gaps: []store.Gap{{Node: "web", From: at(10), To: at(15), Why: "silent"}}}) // it is back
	s.reopen(t)
	if diff := cmp.Diff([]string{" no server"}, gaps(28, 99)); diff != "" {
		t.Errorf("after the end of one (-want +got):\n%s", diff)
	}
	s.forgetAll(t, store.Forget{Before: at(26)})
	if diff := cmp.Diff([]string{" no server"}, gaps(0, 99)); diff != "" {
		t.Errorf("after forgetting (-want +got):\n%s", diff)
	}
}

func testExtent(t *testing.T, s *suite) {
	if e, err := s.Extent(t.Context()); err != nil || e.Events != 0 || e.Records != 0 || e.Uses != 0 || !e.From.IsZero() {
		t.Errorf("a new store has %+v, %v", e, err)
	}
	s.write(t, store.Change{
		Append:  []topology.Event{event("1", 1), event("2", 2)},
		Records: []store.Record{record("web", 7, -1), record("db", 5, -1)},
		Uses:    []store.Use{use("a", "1", 1, 2)},
	})
	s.reopen(t)
	e, err := s.Extent(t.Context())
	if err != nil || e.Events != 2 || e.Records != 2 || e.Uses != 1 || !e.From.Equal(at(5).Truncate(time.Millisecond)) || e.Bytes <= 0 {
		t.Errorf("it has %+v, %v", e, err)
	}
}

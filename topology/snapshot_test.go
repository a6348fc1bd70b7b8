package topology

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEditShares(t *testing.T) {
	a, b, c := host("a", "10.0.0.1"), host("b", "10.0.0.2"), host("c", "10.0.0.3")
	old := from(t, a, b, c)
	before := written(t, old)

	e := old.Edit()
	changed, added := host("b", "10.0.0.22"), host("ab", "10.0.0.4")
	e.Put(changed)
	e.Put(added)
	e.Delete("c")
	e.Delete("nobody")
	if got := e.Block("b"); got != changed {
		t.Error("an edit doesn't see its own change")
	}
	next := e.Commit(first.Next(), noon.Add(time.Second))

	if after := written(t, old); after != before {
		t.Errorf("an edit changed the old snapshot:\nbefore %s\nafter  %s", before, after)
	}
	if got := slices.Collect(next.Blocks()); !slices.Equal(got, []*Block{a, added, changed}) {
		t.Errorf("blocks are not the very ones that were put: %v", got)
	}
	if next.Block("a") != old.Block("a") {
		t.Error("an unchanged block was copied")
	}
	if next.Revision() != (Revision{"e1", 2}) || !next.At().Equal(noon.Add(time.Second)) || next.Len() != 3 {
		t.Errorf("got revision %v at %v with %d nodes", next.Revision(), next.At(), next.Len())
	}
	if old.Block("c") != c || next.Block("c") != nil {
		t.Error("delete reached the wrong snapshot")
	}
}

// TestEditSharesOwners asks that an edit which moves no address copies no index.
func TestEditSharesOwners(t *testing.T) {
	old := from(t, host("a", "10.0.0.1"), host("b", "10.0.0.2"))
	e := old.Edit()
	busy := host("a", "10.0.0.1")
	busy.Node.LastReport = noon.Add(time.Minute)
	e.Put(busy)
	if e.copied {
		t.Error("the index was copied though no address moved")
	}
}

func TestOwners(t *testing.T) {
	zoned := func(b *Block, zone string) *Block { b.Node.Zone = zone; return b }
	kind := func(b *Block, k NodeKind) *Block { b.Node.Kind = k; return b }
	start := []*Block{host("a", "10.0.0.1", "10.9.9.9"), host("b", "10.0.0.2", "10.9.9.9"), zoned(host("z", "10.0.0.1"), "west")}
	for _, tt := range []struct {
		name string
		edit func(*Edit)
		zone string
		addr string
		want []string
	}{
		{"unique", func(*Edit) {}, "", "10.0.0.1", []string{"a"}},
		{"of another zone", func(*Edit) {}, "west", "10.0.0.1", []string{"z"}},
		{"of no such zone", func(*Edit) {}, "east", "10.0.0.1", nil},
		{"nobody's", func(*Edit) {}, "", "10.0.0.77", nil},
		{"ambiguous", func(*Edit) {}, "", "10.9.9.9", []string{"a", "b"}},
		{"ambiguous no more", func(e *Edit) { e.Delete("a") }, "", "10.9.9.9", []string{"b"}},
		{"nobody's any more", func(e *Edit) { e.Delete("a") }, "", "10.0.0.1", nil},
		{"replaced, gained", func(e *Edit) { e.Put(host("a", "10.0.0.2")) }, "", "10.0.0.2", []string{"a", "b"}},
		{"replaced, lost", func(e *Edit) { e.Put(host("a", "10.0.0.2")) }, "", "10.0.0.1", nil},
		{"moved to another zone", func(e *Edit) { e.Put(zoned(host("a", "10.0.0.1"), "west")) }, "west", "10.0.0.1", []string{"a", "z"}},
		{"moved out of its zone", func(e *Edit) { e.Put(zoned(host("a", "10.0.0.1"), "west")) }, "", "10.0.0.1", nil},
		{"container", func(e *Edit) { e.Put(kind(host("a/c", "172.17.0.2"), Container)) }, "", "172.17.0.2", []string{"a/c"}},
		{"inferred owns nothing", func(e *Edit) { e.Put(kind(host("10.0.0.9", "10.0.0.9"), Inferred)) }, "", "10.0.0.9", nil},
		{"inferred beside its owner", func(e *Edit) { e.Put(kind(host("10.0.0.1", "10.0.0.1"), Inferred)) }, "", "10.0.0.1", []string{"a"}},
		{"no longer a host", func(e *Edit) { e.Put(kind(host("a", "10.0.0.1"), Virtual)) }, "", "10.0.0.1", nil},
		{"address listed twice", func(e *Edit) { e.Put(host("d", "10.0.0.4", "10.0.0.4")) }, "", "10.0.0.4", []string{"d"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := from(t, start...).Edit()
			tt.edit(e)
			for name, s := range map[string]*Snapshot{"edit": &e.Snapshot, "commit": e.Commit(first, noon)} {
				if got := s.Owners(tt.zone, netip.MustParseAddr(tt.addr)); !slices.Equal(got, tt.want) {
					t.Errorf("%s: %v, want %v", name, got, tt.want)
				}
			}
		})
	}
}

func TestFromBlocks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		blocks []*Block
		want   string
	}{
		{"nil", []*Block{host("a"), nil}, "a stored block has no node name"},
		{"nameless", []*Block{{}}, "a stored block has no node name"},
		{"twice", []*Block{host("a"), host("b"), host("a")}, `node "a" is stored twice`},
	} {
		if _, err := FromBlocks(first, noon, tt.blocks); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	s := from(t, host("b"), host("a"), host("a/c"))
	var names []string
	for b := range s.Blocks() {
		names = append(names, b.Node.Name)
	}
	if want := []string{"a", "a/c", "b"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	if empty := from(t); empty.Len() != 0 || empty.Revision() != first || !empty.At().Equal(noon) {
		t.Errorf("no blocks give %+v", empty)
	}
}

func TestRevision(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Revision
		err  string
	}{
		{"e1-1", Revision{"e1", 1}, ""},
		{"0f3a-18446744073709551615", Revision{"0f3a", 18446744073709551615}, ""},
		{"x-0", Revision{"x", 0}, ""},
		{"", Revision{}, `revision must be epoch-number, is ""`},
		{"e1", Revision{}, `revision must be epoch-number, is "e1"`},
		{"-1", Revision{}, `revision must be epoch-number, is "-1"`},
		{"e1-", Revision{}, `revision must be epoch-number, is "e1-"`},
		{"e1--1", Revision{}, `revision must be epoch-number, is "e1--1"`},
		{"e1-1x", Revision{}, `revision must be epoch-number, is "e1-1x"`},
		{"e1-18446744073709551616", Revision{}, `revision must be epoch-number, is "e1-18446744073709551616"`},
	} {
		got, err := ParseRevision(tt.text)
		if got != tt.want || (err == nil) != (tt.err == "") || (err != nil && err.Error() != tt.err) {
			t.Errorf("ParseRevision(%q) = %v, %v; want %v, %q", tt.text, got, err, tt.want, tt.err)
		}
		if err == nil && got.String() != tt.text {
			t.Errorf("%q is written as %q", tt.text, got)
		}
	}
	if got := first.Next(); got != (Revision{"e1", 2}) {
		t.Errorf("next of %v is %v", first, got)
	}
}

func TestFindService(t *testing.T) {
	a, c := host("a"), host("a/web")
	a.Services = []Service{{ID: "a~tcp~22"}, {ID: "a~tcp~80"}}
	c.Services = []Service{{ID: "a!web~tcp~80"}}
	s := from(t, a, c)
	for id, want := range map[string]*Service{
		"a~tcp~22": &a.Services[0], "a~tcp~80": &a.Services[1], "a!web~tcp~80": &c.Services[0],
		"a~tcp~81": nil, "b~tcp~80": nil, "": nil, "~~": nil,
	} {
		if got := s.Service(id); got != want {
			t.Errorf("Service(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestClone(t *testing.T) {
	b := host("a", "10.0.0.1")
	b.Services, b.Connections = []Service{{ID: "s"}}, []*Connection{{ID: "c"}}
	before := written(t, from(t, b))
	c := b.Clone()
	c.Node.Name, c.Services[0].ID, c.Write(0).Count = "b", "t", 5
	if after := written(t, from(t, b)); after != before {
		t.Errorf("writing a clone changed its model: %s", after)
	}
}

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		d    Duration
		text string
	}{
		{0, "0s"},
		{Duration(5 * time.Minute), "5m0s"},
		{Duration(-1500 * time.Millisecond), "-1.5s"},
	} {
		out, err := json.Marshal(tt.d)
		if want := `"` + tt.text + `"`; err != nil || string(out) != want {
			t.Errorf("%d is written %s, %v; want %s", tt.d, out, err, want)
		}
		var back Duration
		if err := json.Unmarshal(out, &back); err != nil || back != tt.d {
			t.Errorf("%s is read as %d, %v; want %d", out, back, err, tt.d)
		}
	}
	var d Duration
	if err := d.UnmarshalText([]byte("5 minutes")); err == nil {
		t.Error("5 minutes was read as a duration")
	}
}

// TestBlockJSON makes sure that a store gets back what it wrote.
func TestBlockJSON(t *testing.T) {
	want := host("a", "10.0.0.1", "2001:db8::1")
	want.Node.Interval, want.Node.Skew = Duration(10*time.Second), Duration(-time.Second)
	want.Node.Notes, want.Node.Cost = []Note{{"udp", "no", ""}}, Cost{1.5, 2.5, 3, 4}
	want.Services = []Service{{ID: "a~tcp~80", Node: "a", Protocol: "tcp", Port: 80, Addresses: addrs("::"), State: Listening, FirstSeen: noon}}
	want.Connections = []*Connection{{ID: "c", Client: Client{Node: "a"}, Count: 1, Evidence: Evidence{SeenBy: []Sighting{{"a", "client", noon}}}}}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Block
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got, sameAddresses); diff != "" {
		t.Error(diff)
	}
}

// TestEditProperties edits at random and compares with what a naive reader of
// the blocks would say.
func TestEditProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Empty(first, noon)
		for range rapid.IntRange(1, 5).Draw(t, "edits") {
			before := naive(s)
			e := s.Edit()
			for range rapid.IntRange(1, 10).Draw(t, "changes") {
				change(t, e)
			}
			if diff := cmp.Diff(before, naive(s)); diff != "" {
				t.Fatalf("an edit changed the old snapshot:\n%s", diff)
			}
			s = e.Commit(s.Revision().Next(), noon)
			checkIndex(t, s)
		}
	})
}

func change(t *rapid.T, e *Edit) {
	name := rapid.SampledFrom([]string{"a", "b", "c", "a/x", "10.0.0.1"}).Draw(t, "name")
	if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		e.Delete(name)
		return
	}
	b := &Block{Node: Node{
		Name: name,
		Kind: rapid.SampledFrom([]NodeKind{Host, Container, Inferred, Virtual}).Draw(t, "kind"),
		Zone: rapid.SampledFrom([]string{"", "west"}).Draw(t, "zone"),
	}}
	for _, n := range rapid.SliceOfN(rapid.IntRange(1, 4), 0, 4).Draw(t, "addresses") {
		b.Node.Addresses = append(b.Node.Addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}))
	}
	e.Put(b)
}

// naive lists the owners of every address by reading all blocks.
func naive(s *Snapshot) map[string][]string {
	out := map[string][]string{}
	for b := range s.Blocks() {
		if b.Node.Kind != Host && b.Node.Kind != Container {
			continue
		}
		for _, a := range b.Node.Addresses {
			key := a.String() + "@" + b.Node.Zone
			if !slices.Contains(out[key], b.Node.Name) {
				out[key] = append(out[key], b.Node.Name)
			}
		}
	}
	return out
}

func checkIndex(t *rapid.T, s *Snapshot) {
	blocks := slices.Collect(s.Blocks())
	for i := 1; i < len(blocks); i++ {
		if blocks[i-1].Node.Name >= blocks[i].Node.Name {
			t.Fatalf("%q stands before %q", blocks[i-1].Node.Name, blocks[i].Node.Name)
		}
	}
	got := map[string][]string{}
	for a, names := range s.owners {
		got[a.addr.String()+"@"+a.zone] = names
	}
	if diff := cmp.Diff(naive(s), got); diff != "" {
		t.Fatalf("owners (-naive +index):\n%s", diff)
	}
}

// site is a snapshot of n hosts with 100 connections each.
func site(b *testing.B, n int) *Snapshot {
	blocks := make([]*Block, n)
	for i := range blocks {
		blocks[i] = host(fmt.Sprintf("host-%05d", i), fmt.Sprintf("10.%d.%d.1", i>>8, i&255))
		for j := range 100 {
			c := Connection{Client: Client{Node: blocks[i].Node.Name}, ID: fmt.Sprintf("%016x", j), Count: 1}
			blocks[i].Connections = append(blocks[i].Connections, &c)
		}
	}
	return from(b, blocks...)
}

func BenchmarkEdit(b *testing.B) {
	s := site(b, 10_000)
	block := s.Block("host-05000").Clone()
	b.ReportAllocs()
	for b.Loop() {
		e := s.Edit()
		e.Put(block)
		s = e.Commit(s.Revision().Next(), noon)
	}
}

func BenchmarkEditMovesAddress(b *testing.B) {
	s := site(b, 10_000)
	blocks := [2]*Block{s.Block("host-05000"), s.Block("host-05000").Clone()}
	blocks[1].Node.Addresses = addrs("10.200.0.1")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := s.Edit()
		e.Put(blocks[(i+1)%2])
		s = e.Commit(s.Revision().Next(), noon)
	}
}

func BenchmarkDiff(b *testing.B) {
	s := site(b, 10_000)
	block := s.Block("host-05000").Clone()
	block.Connections = slices.Delete(block.Connections, 50, 51)
	e := s.Edit()
	e.Put(block)
	next := e.Commit(s.Revision().Next(), noon)
	b.ReportAllocs()
	for b.Loop() {
		if got := Diff(s, next); len(got) != 1 {
			b.Fatalf("%d events, want 1", len(got))
		}
	}
}

// TestInside asks for the containers of a host, and of no other.
func TestInside(t *testing.T) {
	names := []string{"a", "a-b", "a-b/web", "a.b/web", "a/db", "a/web", "a/web.2", "a0/web", "ab", "ab/web", "b/a", "b"}
	var blocks []*Block
	for _, name := range names {
		blocks = append(blocks, host(name))
	}
	s := from(t, blocks...)
	for host, want := range map[string][]string{
		"a": {"a/db", "a/web", "a/web.2"}, "a-b": {"a-b/web"}, "ab": {"ab/web"}, "b": {"b/a"}, "a0": {"a0/web"},
		"": nil, "c": nil, "0": nil, "a/web": nil, "we": nil,
	} {
		var got []string
		for b := range s.Inside(host) {
			got = append(got, b.Node.Name)
			if b != s.Block(b.Node.Name) {
				t.Errorf("%s: %s is not the block of the snapshot", host, b.Node.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("inside %q: %q, want %q", host, got, want)
		}
	}
	for b := range s.Inside("a") {
		if b.Node.Name != "a/db" {
			t.Error("it went on after it was told to stop")
		}
		break
	}
	for range Empty(first, noon).Inside("a") {
		t.Error("there is something inside nothing")
	}
}

// TestInsideAnEdit sees the changes so far.
func TestInsideAnEdit(t *testing.T) {
	s := from(t, host("a"), host("a/db"), host("a/web"))
	e := s.Edit()
	e.Delete("a/db")
	e.Put(host("a/zip"))
	inside := func(s *Snapshot) (names []string) {
		for b := range s.Inside("a") {
			names = append(names, b.Node.Name)
		}
		return names
	}
	if got, want := inside(&e.Snapshot), []string{"a/web", "a/zip"}; !slices.Equal(got, want) {
		t.Errorf("the edit has %q, want %q", got, want)
	}
	if got, want := inside(s), []string{"a/db", "a/web"}; !slices.Equal(got, want) {
		t.Errorf("the snapshot has %q, want %q", got, want)
	}
}

// TestIndex: nodes are found by virtual addresses and identities, and by what
// they call themselves; addresses on networks of containers belong to nobody
// else.
func TestIndex(t *testing.T) {
	a, second := host("a", "10.0.0.1", "172.17.0.1"), host("a@west", "10.0.0.2")
	a.Node.Identity, second.Node.Identity = "machine-id:1", "machine-id:2"
	a.Node.ContainerNetworks = []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}
	inside := host("a/web")
	inside.Node.Kind, inside.Node.Identity = Container, "machine-id:1"
	vip := &Block{Node: Node{Name: "vip", Kind: Virtual, Zone: "west", Addresses: addrs("10.0.0.100")}}
	s := from(t, a, second, inside, vip)
	if s.VirtualAt("west", vip.Node.Addresses[0]) != "vip" || s.VirtualAt("", vip.Node.Addresses[0]) != "" {
		t.Error("the virtual address is not found in its zone alone")
	}
	if got := s.Identified("machine-id:1"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("identified %v", got)
	}
	if s.Owners("", netip.MustParseAddr("172.17.0.1")) != nil || len(s.Owners("", netip.MustParseAddr("10.0.0.1"))) != 1 {
		t.Error("an address of its bridge belongs to a")
	}
	var names []string
	for b := range s.Namesakes("a") {
		names = append(names, b.Node.Name)
	}
	if !slices.Equal(names, []string{"a", "a@west"}) {
		t.Errorf("namesakes %v", names)
	}
	e := s.Edit()
	e.Delete("vip")
	e.Delete("a")
	if e.VirtualAt("west", vip.Node.Addresses[0]) != "" || e.Identified("machine-id:1") != nil {
		t.Error("what is gone is found")
	}
	if s.VirtualAt("west", vip.Node.Addresses[0]) != "vip" {
		t.Error("an edit wrote to the snapshot before it")
	}
}

func TestTouch(t *testing.T) {
	e := Empty(Revision{Epoch: "e"}, time.Time{}).Edit()
	e.Put(&Block{Node: Node{Name: "a", Kind: Host}})
	if e.Touched() {
		t.Error("a block is no change by itself: only times may have advanced in it")
	}
	if e.Touch(); !e.Touched() {
		t.Error("touched, and it doesn't say so")
	}
}

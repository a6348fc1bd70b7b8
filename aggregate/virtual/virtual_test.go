package virtual

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/inference"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var own, other, shared = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.100")

// stage plays reports of hosts' addresses.
type stage struct {
	edit *topology.Edit
	*Addresses
}

func newStage() *stage {
	edit := topology.Empty(topology.Revision{Epoch: "e"}, noon).Edit()
	book := address.NewBook(edit, address.Settings{})
	fresh := func(*topology.Node, time.Time) bool { return true }
	return &stage{edit, New(edit, book, inference.New(edit, book), fresh)}
}

// says plays one report: which addresses a host has, which of them are bound as
// virtual ones are.
func (s *stage) says(name string, at time.Time, has, declared []netip.Addr) {
	prev := &topology.Block{}
	if b := s.edit.Block(name); b != nil {
		prev = b
	}
	n := topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, Addresses: has, FirstSeen: noon, LastReport: at}
	s.Part(&n, prev, declared, at)
	s.edit.Put(&topology.Block{Node: n})
	s.Settle(&n, &prev.Node, at)
}

// holders are who holds the shared address, the present ones marked.
func (s *stage) holders() (list []string) {
	v := s.edit.VirtualAt("", shared)
	if v == "" {
		return nil
	}
	for _, h := range s.edit.Block(v).Node.Holders {
		if h.Until.IsZero() {
			list = append(list, h.Node+" now")
		} else {
			list = append(list, h.Node)
		}
	}
	return list
}

func (s *stage) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := s.holders(); !slices.Equal(got, want) {
		t.Errorf("%s: held by %q, want %q", what, got, want)
	}
}

// TestDeclared: an address that is bound as virtual ones are is one at once, and
// follows who has it.
func TestDeclared(t *testing.T) {
	s := newStage()
	s.says("a", noon, []netip.Addr{own, shared}, []netip.Addr{shared})
	s.want(t, "bound", "a now")
	if n := s.edit.Block("a").Node; !slices.Equal(n.Addresses, []netip.Addr{own}) || !slices.Equal(n.VirtualAddresses, []netip.Addr{shared}) {
		t.Errorf("a has %v and %v", n.Addresses, n.VirtualAddresses)
	}
	s.says("b", noon, []netip.Addr{other}, nil)
	s.says("b", noon.Add(time.Minute), []netip.Addr{other, shared}, nil)
	s.want(t, "taken over", "b now", "a")
	s.says("b", noon.Add(2*time.Minute), []netip.Addr{other}, nil)
	s.want(t, "left", "b", "a")
}

// TestMoved: an address that one node loses and another gains moves, in whatever
// order they tell.
func TestMoved(t *testing.T) {
	for _, first := range []string{"the loser", "the winner"} {
		s := newStage()
		s.says("a", noon, []netip.Addr{own, shared}, nil)
		s.says("b", noon, []netip.Addr{other}, nil)
		s.want(t, "before it moves")
		lose := func() { s.says("a", noon.Add(time.Minute), []netip.Addr{own}, nil) }
		win := func() { s.says("b", noon.Add(time.Minute), []netip.Addr{other, shared}, nil) }
		if first == "the loser" {
			lose()
			win()
		} else {
			win()
			lose()
		}
		if v := s.edit.VirtualAt("", shared); v == "" || len(s.holders()) == 0 || s.holders()[0] != "b now" {
			t.Errorf("%s tells first: held by %q", first, s.holders())
		}
	}
}

// TestRenumbered: a node that changes its one address for another just has
// another.
func TestRenumbered(t *testing.T) {
	s := newStage()
	s.says("a", noon, []netip.Addr{shared}, nil)
	s.says("b", noon, []netip.Addr{other}, nil)
	s.says("a", noon.Add(time.Minute), []netip.Addr{own}, nil)
	s.says("b", noon.Add(time.Minute), []netip.Addr{other, shared}, nil)
	s.want(t, "renumbered")
}

func TestRelease(t *testing.T) {
	s := newStage()
	s.says("a", noon, []netip.Addr{own, shared}, []netip.Addr{shared})
	s.Release(s.edit.VirtualAt("", shared), "a", noon.Add(time.Minute))
	s.want(t, "released", "a")
	s.edit.Put(&topology.Block{Node: topology.Node{Name: "c", Kind: topology.Host, Addresses: []netip.Addr{other, shared}}})
	s.says("c", noon.Add(2*time.Minute), []netip.Addr{other, shared}, nil)
	s.want(t, "who had it all along comes first", "c now", "a")
}

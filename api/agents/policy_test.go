package agents

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func snapshotOf(t *testing.T, nodes ...topology.Node) *topology.Snapshot {
	t.Helper()
	var blocks []*topology.Block
	for _, n := range nodes {
		blocks = append(blocks, &topology.Block{Node: n})
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e"}, shop.Noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPolicyOf: what the server knows of addresses outside is not folded.
func TestPolicyOf(t *testing.T) {
	addr := netip.MustParseAddr
	in := store.Defaults()
	in.InternalNetworks = prefixes("203.0.113.0/24", "100.64.0.0/10")
	in.VirtualAddresses = []store.NamedAddress{{Address: addr("198.51.100.7")}, {Address: addr("10.0.0.100")}}
	in.Names = []store.NamedAddress{{Address: addr("198.51.100.8")}, {Address: addr("203.0.113.9")}}
	in.OutsideNetworks = []store.NamedNetwork{{Name: "a", Networks: prefixes("192.0.2.0/24")}, {Name: "b", Networks: prefixes("2001:db8::/32", "192.0.2.0/24")}}
	snap := snapshotOf(
		t, topology.Node{Name: "web", Kind: topology.Host, Addresses: []netip.Addr{addr("10.0.0.1"), addr("198.51.100.9"), addr("2001:db8::9")}},
		topology.Node{Name: "198.51.100.200", Kind: topology.Inferred, Addresses: []netip.Addr{addr("198.51.100.200")}},
	)
	p := policyOf(&in, snap)
	for _, n := range prefixes("10.0.0.0/8", "::1/128", "203.0.113.0/24", "100.64.0.0/10", "198.51.100.7/32", "198.51.100.8/32", "198.51.100.9/32", "2001:db8::9/128") {
		if !slices.Contains(p.InternalNetworks, n) {
			t.Errorf("%s is not internal", n)
		}
	}
	if n := len(p.InternalNetworks); n != 14 {
		t.Errorf("%d networks: %v", n, p.InternalNetworks)
	}
	if !slices.Equal(p.Fold.Within, prefixes("192.0.2.0/24", "2001:db8::/32")) || p.Fold.Networks != 256 {
		t.Errorf("fold %+v", p.Fold)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	in.InternetSplit = store.SplitOwner
	if q := policyOf(&in, snap); q.Fold.Networks != 2048 || q.Name == p.Name {
		t.Errorf("divided: %+v", q.Fold)
	}
}

// TestPolicyIsBounded: no site makes a policy that agents refuse.
func TestPolicyIsBounded(t *testing.T) {
	n := topology.Node{Name: "web", Kind: topology.Host}
	for i := range 10_000 {
		n.Addresses = append(n.Addresses, netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}))
	}
	in := store.Defaults()
	p := policyOf(&in, snapshotOf(t, n))
	if err := p.Validate(); err != nil || len(p.InternalNetworks) != report.MaxNetworks || !slices.Contains(p.InternalNetworks, netip.MustParsePrefix("10.0.0.0/8")) {
		t.Errorf("%d networks: %v", len(p.InternalNetworks), err)
	}
}

// fixedSettings are settings that don't change but by hand.
type fixedSettings struct {
	in    store.Settings
	asked int
}

func (f *fixedSettings) Settings() (store.Settings, []string) { f.asked++; return f.in, nil }

type fixedModel struct {
	Model
	snap *topology.Snapshot
}

func (f fixedModel) Snapshot() *topology.Snapshot { return f.snap }

// TestPolicyIsMadeOnce: for all that report within a few seconds.
func TestPolicyIsMadeOnce(t *testing.T) {
	f := &fixedSettings{in: store.Defaults()}
	p := &policies{model: fixedModel{snap: snapshotOf(t)}, settings: f}
	first := p.at(shop.Noon)
	f.in.InternalNetworks = prefixes("203.0.113.0/24")
	if again := p.at(shop.Noon.Add(policyEvery - 1)); again.Name != first.Name || f.asked != 1 {
		t.Errorf("made %d times", f.asked)
	}
	if later := p.at(shop.Noon.Add(policyEvery)); later.Name == first.Name {
		t.Error("new settings make no new policy")
	}
}

package topology

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first = Revision{"e1", 1}
)

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func host(name string, addresses ...string) *Block {
	return &Block{Node: Node{Name: name, Kind: Host, State: Reporting, Addresses: addrs(addresses...), LastReport: noon}}
}

// from builds a snapshot; it fails the test if the blocks don't fit together.
func from(t testing.TB, blocks ...*Block) *Snapshot {
	t.Helper()
	s, err := FromBlocks(first, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written is all that a snapshot says, as text that a later write would change.
func written(t testing.TB, s *Snapshot) string {
	t.Helper()
	var blocks []*Block
	owners := map[string][]string{}
	for b := range s.Blocks() {
		blocks = append(blocks, b)
	}
	for a, names := range s.owners {
		owners[a.addr.String()+"@"+a.zone] = names
	}
	out, err := json.Marshal(map[string]any{"revision": s.Revision().String(), "at": s.At(), "blocks": blocks, "owners": owners})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

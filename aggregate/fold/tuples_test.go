package fold

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
)

// TestTuplesOfBothEnds: the two ends of one row's connections name the same.
func TestTuplesOfBothEnds(t *testing.T) {
	var client, server []Socket
	for port := range 50 {
		c, s := fmt.Sprintf("10.0.0.1:%d", 40000+port), "10.0.0.9:80"
		client = append(client, sock(report.TCP, Established, c, s, owned(7, "curl")))
		server = append(server, sock(report.TCP, Established, s, c, owned(8, "nginx")))
	}
	server = append(server, listening("0.0.0.0:80", owned(8, "nginx")))
	at := NewFolder().Fold(thisHost, client, nil).Connections
	slices.Reverse(server)
	there := NewFolder().Fold(Host{Addresses: [][]netip.Addr{{netip.MustParseAddr("10.0.0.9")}}, Ephemeral: DefaultEphemeral}, server, nil).Connections
	if len(at) != 1 || len(there) != 1 {
		t.Fatalf("%d and %d rows", len(at), len(there))
	}
	if !slices.Equal(at[0].Tuples, there[0].Tuples) || len(at[0].Tuples) != report.MaxTuples || !slices.IsSorted(at[0].Tuples) {
		t.Errorf("the client names %v, the server %v", at[0].Tuples, there[0].Tuples)
	}
	if at[0].Called.IsValid() || there[0].Called != netip.MustParseAddr("10.0.0.9") {
		t.Errorf("called: %s and %s", at[0].Called, there[0].Called)
	}
}

// TestTuplesBehindTranslation: who knows what is really at the other end names
// the connection as that end does.
func TestTuplesBehindTranslation(t *testing.T) {
	plain := sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", owned(7, "curl"))
	translated := really("10.0.0.9:80", sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.5:8080", owned(7, "curl")))
	a, b := NewFolder().Fold(thisHost, []Socket{plain}, nil), NewFolder().Fold(thisHost, []Socket{translated}, nil)
	if !slices.Equal(a.Connections[0].Tuples, b.Connections[0].Tuples) || len(a.Connections[0].Tuples) != 1 {
		t.Errorf("%v and %v", a.Connections[0].Tuples, b.Connections[0].Tuples)
	}
}

// TestNoTuples: what stays on the host, waits for an answer, or has no
// connections at all needs none.
func TestNoTuples(t *testing.T) {
	for _, s := range []Socket{
		sock(report.TCP, Established, "127.0.0.1:40000", "127.0.0.1:80", owned(7, "curl")),
		sock(report.TCP, SynSent, "10.0.0.1:40000", "10.0.0.9:80", owned(7, "curl")),
		sock(report.UDP, Established, "10.0.0.1:40000", "10.0.0.9:53", owned(7, "dig")),
	} {
		if c := NewFolder().Fold(thisHost, []Socket{s}, nil).Connections; len(c) != 1 || c[0].Tuples != nil {
			t.Errorf("%v: %+v", s, c)
		}
	}
}

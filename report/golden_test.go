package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sameAddresses lets cmp look at addresses.
var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// full uses every field of the format.
func full() *Report {
	r := full10()
	r.Version = "1.1"
	r.Agent.Instance, r.Agent.Policy = "00112233445566778899aabbccddeeff", "5eb63bbbe01eeed0"
	r.Connections[0].Called, r.Connections[0].Tuples = netip.MustParseAddr("10.0.0.1"), []uint64{3, 9007199254740991}
	r.Sources = []Source{{TCP, netip.MustParseAddr("172.17.0.2"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddrPort("10.0.0.9:5432"), 2}}
	r.Counted, r.LagMS, r.SpanMS, r.Leaving = 41, 12, 9_876, LeavingShutdown
	r.Connections = append(r.Connections, Connection{
		Direction: In, Protocol: TCP, Process: "nginx", Peer: netip.MustParseAddr("198.51.100.7"), PeerNetwork: netip.MustParsePrefix("198.51.100.0/24"), Peers: 40,
		Port: 443, Local: netip.MustParseAddr("::"), Count: 60, Opened: 5, Refused: 1, TimedOut: 2, Failed: 3,
	})
	r.Coverage.OpensBy, r.Coverage.OpensSeen, r.Coverage.OpensKernel, r.Coverage.OpensLost = "kernel", 40, 44, 4
	r.Shortages = []Shortage{
		{Kind: Descriptors, Process: "nginx", PID: 812, Used: 980, Max: 1024},
		{Kind: Ports, Server: netip.MustParseAddrPort("10.0.0.2:5432"), Used: 27_000, Max: 28_232},
	}
	return r
}

// full10 uses every field that version 1.0 had.
func full10() *Report {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	return &Report{
		Version:    "1.0",
		Node:       Node{"web1.example", Identity{IdentityMachine, "b1946ac92492d2347c6235b4d2611184"}},
		Zone:       "dc-west",
		Agent:      Agent{Version: "0.1.0", Method: "sock_diag"},
		Sequence:   42,
		Time:       noon.Add(250 * time.Millisecond),
		IntervalMS: 10_000,
		Interfaces: []Interface{
			{"eth0", []netip.Prefix{prefix("10.0.0.1/24"), prefix("2001:db8::1/64")}},
			{"dummy0", []netip.Prefix{}},
		},
		Namespaces: []Namespace{{"shop_cache-1", []netip.Addr{addr("172.17.0.2")}}, {Container: "pause"}},
		Containers: []Container{
			{Name: "shop_cache-1", ID: "f0e1d2c3b4a5", Runtime: "docker", Image: "redis:7"},
			{Name: "app", Pod: "web-7d4", PodNamespace: "shop"},
		},
		Listeners: []Listener{
			{Protocol: TCP, Address: addr("::"), Dual: true, Port: 443, Process: "nginx", PID: 812, User: "root", Unit: "nginx.service", Queue: 3, QueueMax: 511, Drops: 9},
			{Namespace: 1, Protocol: TCP, Address: addr("0.0.0.0"), Port: 6379, Process: "redis-server", PID: 1001, Container: 1},
			{Protocol: UDP, Address: addr("127.0.0.53"), Port: 53},
			{Protocol: TCP, Address: addr("127.0.0.1"), Port: 4849, Process: "dotm", PID: 77, User: "dotm", Own: true},
		},
		Connections: []Connection{
			{Direction: In, Protocol: TCP, Process: "nginx", PID: 812, User: "root", Peer: addr("203.0.113.9"), Port: 443, Local: addr("::"), Count: 7, Opened: 31},
			{
				Direction: Out, Protocol: TCP, Process: "php-fpm8.2", PID: 900, User: "www-data", Unit: "php8.2-fpm.service",
				Peer: addr("2001:db8::2"), Port: 5432, Via: netip.MustParseAddrPort("[2001:db8::9]:15432"), Count: 3,
				Health: &Health{3, 412, 55, 900, 2, 70_000, 1 << 33, 1, 3000, 2, 61_000},
			},
			{Namespace: 1, Direction: Unknown, Protocol: UDP, Peer: addr("172.17.0.3"), Port: 40001, LocalPort: 40000, Count: 1},
			{Direction: Out, Protocol: TCP, Process: "dotm", PID: 77, User: "dotm", Peer: addr("10.0.0.9"), Port: 4849, Opened: 2, Own: true},
		},
		Forwards: []Forward{{TCP, netip.MustParseAddrPort("10.0.0.1:8080"), netip.MustParseAddrPort("172.17.0.2:80"), 4}},
		Notes: []Note{
			{"unprivileged", "the processes of other users cannot be seen", "run the agent as root"},
			{Code: "udp", Text: "UDP sockets could not be read"},
		},
		Coverage: Coverage{Sockets: 120, HiddenProcesses: 2, HiddenAsUser: 1, Truncated: 5},
		Cost:     Cost{1200, 3400, 1900, 16 << 20},
	}
}

// minimal is the least that is valid.
func minimal() *Report {
	return &Report{Version: "1.0", Node: Node{"db1", Identity{IdentityHostname, "db1"}}, Time: noon}
}

// later is what remains of a report of a later 1.x: what version 1.0 knows,
// with addresses in their one spelling.
func later() *Report {
	addr := netip.MustParseAddr
	return &Report{
		Version: "1.7", Node: Node{"db1", Identity{IdentityEnrolled, "a-17"}},
		Agent: Agent{Version: "2.0.0", Method: "ebpf"}, Sequence: 3, Time: noon, IntervalMS: 2000,
		Interfaces:  []Interface{{"eth0", []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")}}},
		Listeners:   []Listener{{Protocol: TCP, Address: addr("10.0.0.2"), Port: 5432, Process: "postgres"}},
		Connections: []Connection{{Direction: In, Protocol: TCP, Process: "postgres", Peer: addr("10.0.0.1"), Port: 5432, Local: addr("10.0.0.2"), Count: 3, Opened: 1}},
		Coverage:    Coverage{Sockets: 9}, Cost: Cost{CPUMicros: 10, WallMicros: 20},
	}
}

// TestGolden holds the wire format still: the files are what agents in the
// field send.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		file  string
		want  *Report
		exact bool // the file is what this version writes, to the byte
	}{
		{"v1-full.json", full(), true},
		{"v1.0-full.json", full10(), false},
		{"v1-minimal.json", minimal(), true},
		{"v1-unknown-fields.json", later(), false},
	} {
		t.Run(tt.file, func(t *testing.T) {
			path := filepath.Join("testdata", tt.file)
			written, err := json.MarshalIndent(tt.want, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			written = append(written, '\n')
			if *update && tt.exact {
				if err := os.WriteFile(path, written, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, sameAddresses); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
			if err := got.Validate(noon); err != nil {
				t.Errorf("a golden file is invalid: %v", err)
			}
			if diff := cmp.Diff(string(raw), string(written)); tt.exact && diff != "" {
				t.Errorf("encoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	for name, want := range map[string]*Report{"full": full(), "minimal": minimal(), "later": later()} {
		t.Run(name, func(t *testing.T) {
			var packed bytes.Buffer
			if err := Encode(&packed, want); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(packed.Bytes(), []byte{0x1f, 0x8b}) {
				t.Error("encoded report is not gzip")
			}
			got, err := Decode(&packed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWeakIdentity(t *testing.T) {
	for kind, want := range map[string]bool{IdentityEnrolled: false, IdentityMachine: false, IdentityHostname: true} {
		if got := (Identity{Kind: kind}).Weak(); got != want {
			t.Errorf("%s: weak = %t, want %t", kind, got, want)
		}
	}
}

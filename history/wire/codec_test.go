package wire

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

var equal = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}), cmpopts.EquateEmpty()}

// sample is a node of which every field is set: that of the golden record.
func sample(t testing.TB) *topology.Block {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "record_v3.json"))
	b := new(topology.Block)
	if err == nil {
		err = json.Unmarshal(raw, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plain is what most nodes have: edges of which all follows from a few fields.
func plain() *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: "web"}}
	for i, id := range []string{"0123456789abcdef", "0123456789abcdff", "fedcba9876543210"} {
		c := topology.Connection{ID: id, Client: topology.Client{Node: "web"}, Server: topology.Server{Node: "host/db", Port: uint16(5000 + i)}, Protocol: "tcp", Status: topology.Fresh, FirstSeen: noon}
		c.Server.Service = topology.ServiceID("host/db", "tcp", c.Server.Port, netip.Addr{})
		c.Evidence = topology.Evidence{
			SeenBy:         []topology.Sighting{{Node: "web", End: "client", At: noon}, {Node: "host/db", End: "server", At: noon}},
			ClientResolved: "address of web", ServerResolved: "address of host/db; host/db names the same sockets",
		}
		b.Connections = append(b.Connections, &c)
	}
	return b
}

func readBack(t testing.TB, d *Decoder, whole []byte, patches ...Fields) (*topology.Block, []string) {
	t.Helper()
	b, texts, err := d.Read(Version, Fields{string(whole), noon}, patches)
	if err != nil {
		t.Fatal(err)
	}
	b.Judge()
	return b, slices.Clone(texts)
}

func TestWhole(t *testing.T) {
	var d Decoder
	for _, b := range []*topology.Block{sample(t), plain(), {Node: topology.Node{Name: "empty"}}} {
		b.Judge()
		got, _ := readBack(t, &d, whole(b, noon))
		if diff := cmp.Diff(b, got, equal); diff != "" {
			t.Errorf("%s (-written +read):\n%s", b.Node.Name, diff)
		}
	}
}

// TestSignals: what dotm saw is read again, of whole records and of patches.
func TestSignals(t *testing.T) {
	signalled := func(figure float64) *topology.Block {
		b := sample(t)
		b.Checks = []topology.Check{{ID: "a"}, {ID: "b"}, {ID: "c"}}
		for i := range b.Checks {
			c := &b.Checks[i]
			c.Source, c.Kind, c.Host, c.Name, c.Status = topology.SignalSource, topology.ServiceCheck, "web", c.ID, topology.Critical
		}
		b.Checks[1].Signal = &topology.Signal{
			Kind: topology.SignalRefused, Connection: "0123456789abcdef", Client: topology.Client{Node: "web", Process: "nginx"},
			Server: topology.Server{Node: "db", Port: 5432}, Figure: figure, Unit: "attempts/min", Limit: 2,
		}
		b.Judge()
		return b
	}
	var d Decoder
	first := signalled(4)
	got, texts := readBack(t, &d, whole(first, noon))
	if diff := cmp.Diff(first, got, equal); diff != "" {
		t.Errorf("whole (-written +read):\n%s", diff)
	}
	second := signalled(9)
	second.Checks[1].Signal.Kind = topology.SignalUnreachable
	second.Checks[2].Status = topology.OK
	second.Judge()
	got, _ = readBack(t, &d, whole(first, noon), Fields{string(Patch(first, second, noon, 1, texts)), noon})
	if diff := cmp.Diff(second, got, equal); diff != "" {
		t.Errorf("patch (-written +read):\n%s", diff)
	}
	got, _ = readBack(t, &d, whole(plain(), noon))
	if diff := cmp.Diff(plain().Checks, got.Checks, equal); diff != "" {
		t.Errorf("none (-written +read):\n%s", diff)
	}
}

// TestFollows: what follows from other fields takes no room, and what does not is
// kept though it looks alike.
func TestFollows(t *testing.T) {
	b := plain()
	small := len(whole(b, noon))
	for name, change := range map[string]func(c *topology.Connection){
		"another id":          func(c *topology.Connection) { c.ID = "0123456789ABCDEF" },
		"a short id":          func(c *topology.Connection) { c.ID = "01" },
		"another service":     func(c *topology.Connection) { c.Server.Service += "~10.0.0.1" },
		"no service":          func(c *topology.Connection) { c.Server.Service = "" },
		"seen from one end":   func(c *topology.Connection) { c.Evidence.SeenBy = c.Evidence.SeenBy[:1] },
		"seen the other way":  func(c *topology.Connection) { slices.Reverse(c.Evidence.SeenBy) },
		"seen by another":     func(c *topology.Connection) { c.Evidence.SeenBy[1].Node = "lb" },
		"a NUL in a sentence": func(c *topology.Connection) { c.Evidence.ServerResolved = "address of \x00 on host/db" },
		"the name twice":      func(c *topology.Connection) { c.Evidence.ServerResolved = "host/dbhost/db" },
		"without a node":      func(c *topology.Connection) { c.Server.Node, c.Evidence.ServerResolved = "", "nobody" },
	} {
		var d Decoder
		b := plain()
		change(b.Connections[0])
		b.Judge()
		got, _ := readBack(t, &d, whole(b, noon))
		if diff := cmp.Diff(b, got, equal); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
	if small > 350 {
		t.Errorf("three plain edges take %d bytes", small)
	}
}

// TestPatch: a patch leads from one state to the next, and the texts of what was
// before are not written again.
func TestPatch(t *testing.T) {
	var d Decoder
	a := sample(t)
	b, at := sample(t), noon.Add(time.Minute)
	b.Node.Agent = a.Services[0].Process
	b.Connections = append(b.Connections[1:], plain().Connections[2])
	b.Services[0].User = "a new text"
	b.Checks = b.Checks[:len(b.Checks)-1]
	b.Judge()
	_, texts := readBack(t, &d, whole(a, noon))
	p := Patch(a, b, at, 1, texts)
	got, after := readBack(t, &d, whole(a, noon), Fields{string(p), at})
	if diff := cmp.Diff(b, got, equal); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	if !slices.Contains(after, "a new text") || bytes.Count(p, []byte(a.Services[0].Node)) > 1 {
		t.Errorf("the texts are %q", after)
	}
	if _, _, err := d.Read(Version, Fields{string(whole(a, noon)), noon}, []Fields{{string(p), at}, {string(p), at}}); err == nil || !strings.Contains(err.Error(), "a record before it is missing") {
		t.Errorf("a patch on another state: %v", err)
	}
}

// FuzzRead reads any fields as a whole record, or as a patch on one, and writes
// what it read again. It compresses nothing: that is slow, and not ours.
func FuzzRead(f *testing.F) {
	b := plain()
	b.Services, b.Checks = sample(f).Services, sample(f).Checks
	base := string(whole(b, noon))
	f.Add([]byte(base), false)
	f.Add(whole(sample(f), noon), false)
	f.Add(whole(&topology.Block{Node: topology.Node{Name: "web"}}, noon), false)
	later := b.Clone()
	later.Write(1).Status, later.Services = topology.Old, later.Services[1:]
	later.Node.State = topology.Stale
	later.Checks = slices.Clone(b.Checks)
	later.Checks[0].Status = topology.Critical
	f.Add(Patch(b, later, noon, 1, nil), true)
	f.Fuzz(func(t *testing.T, fields []byte, asPatch bool) {
		var d Decoder
		text, patches := string(fields), []Fields(nil)
		if asPatch {
			text, patches = base, []Fields{{string(fields), noon.Add(time.Second)}}
		}
		got, _, err := d.Read(Version, Fields{text, noon}, patches)
		if err != nil {
			return
		}
		once := whole(got, noon)
		again, _, err := d.Read(Version, Fields{string(once), noon}, nil)
		if err != nil {
			t.Fatalf("what was read, and written again, is refused: %v", err)
		}
		if twice := whole(again, noon); !bytes.Equal(once, twice) {
			t.Errorf("what was read is written as something else:\n%q\n%q", once, twice)
		}
	})
}

// whole writes a block with an encoder of its own.
func whole(b *topology.Block, at time.Time) []byte { return new(Encoder).Whole(b, at) }

package history

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/history/wire"
	"github.com/devops-trouble-map/dotm/topology"
)

// Golden files are never made anew for a change of the code: each is what a version
// wrote, and what it meant by that, and every later one must read it.
var update = flag.Bool("update", false, "write the golden files of this version, when it has changed")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// filler sets every field of a value to something that is not zero.
type filler struct{ *rand.Rand }

func (f filler) fill(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(time.Duration(f.Int64N(1e9)-5e8) * time.Millisecond)))
		return
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(f.addr()))
		return
	case reflect.TypeFor[netip.AddrPort]():
		v.Set(reflect.ValueOf(netip.AddrPortFrom(f.addr(), uint16(1+f.IntN(65535)))))
		return
	case reflect.TypeFor[netip.Prefix]():
		v.Set(reflect.ValueOf(netip.PrefixFrom(f.addr(), 8+f.IntN(24)).Masked()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				f.fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+f.IntN(3), 3))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.String:
		v.SetString([]string{"nginx", "höst/…", "x", strings.Repeat("long", 60)}[f.IntN(4)])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + f.Int64N(1e6))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(1 + f.Uint64N(200))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(1 + f.Uint64N(1e9))
	case reflect.Float64:
		v.SetFloat(f.Float64() + 0.001)
	default:
		panic("a field of kind " + v.Kind().String())
	}
}

func (f filler) addr() netip.Addr {
	if f.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{10, byte(f.IntN(256)), byte(f.IntN(256)), 7})
	}
	return netip.MustParseAddr(fmt.Sprintf("fe80::%x%%eth%d", 1+f.IntN(60000), f.IntN(3)))
}

// full is a block of which every field is set.
func full(seed uint64) *topology.Block {
	f := filler{rand.New(rand.NewPCG(seed, 1))}
	b := new(topology.Block)
	f.fill(reflect.ValueOf(b).Elem())
	b.Counted = topology.Counted{} // not part of a record
	for i := range b.Services {
		b.Services[i].ID = fmt.Sprintf("web~tcp~%d", i)
	}
	for i := range b.Connections {
		b.Write(i).ID = fmt.Sprintf("%016x", uint64(i)<<40|f.Uint64N(1<<40))
	}
	for i := range b.Checks {
		c := &b.Checks[i]
		c.ID = fmt.Sprintf("id%d", i)
		if c.Name = fmt.Sprint("check ", i); i > 0 {
			c.ID = topology.CheckID(c.Source, c.Host, c.Name)
		}
	}
	b.SetChecks(b.Checks)
	return b
}

// typical is a node as sites have them: few services, many connections.
func typical(name string, connections int) *topology.Block {
	f := filler{rand.New(rand.NewPCG(uint64(len(name)), uint64(connections)))}
	b := &topology.Block{Node: topology.Node{
		Name: name, Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict, Agent: "1.0", Collect: "agent",
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}, FirstSeen: noon, LastReport: noon, Interval: topology.Duration(10 * time.Second),
		Identity: "machine:0123456789abcdef0123456789abcdef", Instance: "k3f9zq",
	}}
	for _, port := range []uint16{22, 443, 80, 9100} {
		b.Services = append(b.Services, topology.Service{
			ID: topology.ServiceID(name, "tcp", port, netip.Addr{}), Node: name, Protocol: "tcp", Port: port, Process: "nginx", User: "www-data",
			Addresses: []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, State: topology.Listening, Verdict: topology.NoVerdict,
			Unit: "nginx.service", FirstSeen: noon, LastSeen: noon,
		})
	}
	slices.SortFunc(b.Services, func(x, y topology.Service) int { return strings.Compare(x.ID, y.ID) })
	for i := range connections {
		b.Connections = append(b.Connections, connection(f, name, i))
	}
	sortConnections(b)
	return b
}

func connection(f filler, name string, i int) *topology.Connection {
	server := fmt.Sprintf("db%04d", (i*37)%1000)
	c := &topology.Connection{
		Client:   topology.Client{Node: name, Process: "nginx", Service: name + "~tcp~443"},
		Server:   topology.Server{Node: server, Port: uint16(5000 + i%7), Service: fmt.Sprintf("%s~tcp~%d", server, 5000+i%7)},
		Protocol: "tcp", Count: 1 + f.IntN(20), Opened: f.Uint64N(5000), Directed: true, Status: topology.Fresh,
		FirstSeen: noon.Add(-time.Duration(f.IntN(1e9)) * time.Millisecond), LastSeen: noon, LastConnection: noon.Add(-time.Duration(f.IntN(1e6)) * time.Millisecond),
		Health: &topology.Health{End: "client", RTT: uint64(100 + 10*f.IntN(90)), RTTVar: uint64(10 * f.IntN(90)), Sent: uint64(100 * f.IntN(99)), Received: uint64(100 * f.IntN(99))},
		Evidence: topology.Evidence{
			BothEnds: true, Confirmed: true, SeenBy: []topology.Sighting{{Node: name, End: "client", At: noon}, {Node: server, End: "server", At: noon}},
			ClientAddress: "10.0.0.7", ServerAddress: fmt.Sprintf("10.1.%d.%d", i/200, i%200), ClientResolved: "reported by the client", ServerResolved: "address of " + server,
		},
	}
	c.ID = topology.ConnectionID(c)
	return c
}

// checked is a node with so many checks, of itself and of its services.
func checked(b *topology.Block, checks int) *topology.Block {
	b = b.Clone()
	list := make([]topology.Check, 0, checks)
	for i := range checks {
		c := topology.Check{
			Source: "nagios", Kind: topology.ServiceCheck, Host: b.Node.Name, Name: fmt.Sprintf("disk %d", i), Status: topology.OK, Hard: true,
			Since: noon.Add(-time.Hour), LastCheck: noon.Add(-time.Duration(i) * time.Second), LastOK: noon.Add(-time.Duration(i) * time.Second), Interval: topology.Duration(time.Minute),
			Output: fmt.Sprintf("DISK OK - free space: /srv/%d 1234 MB (56%%)", i), Node: b.Node.Name, Service: b.Services[i%len(b.Services)].ID,
			Link:    fmt.Sprintf("https://nagios.example.org/cgi-bin/extinfo.cgi?type=2&host=%s&service=disk%%20%d", b.Node.Name, i),
			Mapping: &topology.Mapping{Rule: "name", Evidence: fmt.Sprintf("its name says disk %d", i)},
		}
		c.ID = topology.CheckID(c.Source, c.Host, c.Name)
		list = append(list, c)
	}
	b.SetChecks(list)
	return b
}

func sortConnections(b *topology.Block) {
	slices.SortFunc(b.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
}

var equal = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}), cmpopts.EquateEmpty()}

func decoded(t testing.TB, chain ...Record) *topology.Block {
	t.Helper()
	b, err := new(Decoder).Decode(chain)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWhole: every field survives, whatever is added to the types.
func TestWhole(t *testing.T) {
	for seed := range uint64(20) {
		b := full(seed)
		r := NewRecorder().Whole(b, noon)
		if diff := cmp.Diff(b, decoded(t, r), equal); diff != "" {
			t.Fatalf("seed %d (-recorded +read):\n%s", seed, diff)
		}
	}
	empty := &topology.Block{Node: topology.Node{Name: "web", Kind: topology.Inferred, Verdict: topology.NoVerdict}}
	if diff := cmp.Diff(empty, decoded(t, NewRecorder().Whole(empty, noon)), equal); diff != "" {
		t.Errorf("an empty block (-recorded +read):\n%s", diff)
	}
}

// TestPatches changes a node at random and reads each of its records.
func TestPatches(t *testing.T) {
	rng := filler{rand.New(rand.NewPCG(1, 2))}
	b := checked(typical("web", 100), 20)
	r := NewRecorder()
	var chain []Record
	wholes, patches, size := 0, 0, 0
	for i := range 300 {
		b = b.Clone()
		at := noon.Add(time.Duration(i) * time.Second)
		checks := slices.Clone(b.Checks)
		switch rng.IntN(7) {
		case 0:
			b.Connections = slices.Delete(b.Connections, 3, 4)
		case 1:
			b.Write(rng.IntN(len(b.Connections))).Status = topology.Old
		case 2:
			b.Node.State = []topology.NodeState{topology.Reporting, topology.Stale}[i%2]
		case 3:
			s := &b.Services[rng.IntN(len(b.Services))]
			s.State, s.LastSeen = topology.Gone, at
		case 4:
			c := &checks[rng.IntN(len(checks))]
			c.Status, c.Since, c.LastCheck, c.Output = topology.Critical, at, at, fmt.Sprint("no room since ", i)
		case 5:
			checks = append(slices.Delete(checks, 2, 3), topology.Check{ID: fmt.Sprintf("%024d", i), Status: topology.Down, Service: b.Services[0].ID})
		}
		b.SetChecks(checks)
		b.Connections = append(b.Connections, connection(rng, "web", 1000+i))
		sortConnections(b)
		rec := r.Record(b, at)
		if rec.Base.IsZero() {
			chain = nil
			wholes++
		} else {
			patches++
			size += len(rec.Data)
		}
		chain = append(chain, rec)
		got := decoded(t, chain...)
		if bytes.Equal(new(wire.Encoder).Whole(b, noon), new(wire.Encoder).Whole(got, noon)) { // which is every field, see TestWhole, and faster
			continue
		}
		t.Fatalf("step %d (-recorded +read):\n%s", i, cmp.Diff(b, got, equal))
	}
	t.Logf("%d whole, %d patches of %d bytes", wholes, patches, size/patches)
	if wholes < 2 || patches < 5*wholes {
		t.Errorf("%d whole records and %d patches", wholes, patches)
	}
}

// TestNumbersAreNotPatched: what changes all the time makes no patch longer; it
// comes with the next whole record.
func TestNumbersAreNotPatched(t *testing.T) {
	b := typical("web", 100)
	r := NewRecorder()
	base := r.Record(b, noon)
	later := b.Clone()
	for i := range later.Connections {
		later.Write(i).Count += 3
		later.Write(i).Health = nil
	}
	later.Services[0].Clients = 9
	later.Write(5).Status = topology.Old
	rec := r.Record(later, noon.Add(time.Minute))
	if len(rec.Data) > 150 {
		t.Errorf("the patch has %d bytes", len(rec.Data))
	}
	want := b.Clone()
	want.Connections[5] = later.Connections[5]
	if diff := cmp.Diff(want, decoded(t, base, rec), equal); diff != "" {
		t.Errorf("(-want +read):\n%s", diff)
	}
}

// TestSame: what is the same makes an empty patch, and what is not one that tells.
func TestSame(t *testing.T) {
	a := checked(typical("web", 5), 5)
	for _, tt := range []struct {
		name   string
		change func(b *topology.Block)
		want   bool
	}{
		{"nothing", func(*topology.Block) {}, true},
		{"counts", func(b *topology.Block) {
			c := b.Connections[0]
			c.Count, c.Opened, c.Refused, c.TimedOut, c.Failed, c.Health = 0, 1e6, 1, 1, 1, nil
		}, true},
		{"times", func(b *topology.Block) {
			b.Write(0)
			b.Connections[0].LastSeen, b.Connections[0].LastConnection, b.Node.LastReport = noon.Add(1), noon.Add(time.Hour), noon.Add(time.Hour)
		}, true},
		{"a queue", func(b *topology.Block) { b.Services[0].Queue, b.Services[0].Clients, b.Services[0].Drops = 9, 9, 9 }, true},
		{"when it was checked, and what was said", func(b *topology.Block) {
			c := &b.Checks[0]
			c.LastCheck, c.LastOK, c.Output, c.Since = noon, noon, "DISK OK", c.Since.Add(time.Microsecond)
		}, true},
		{"a check's status", func(b *topology.Block) { b.Checks[0].Status = topology.Critical; b.Judge() }, false},
		{"an acknowledgement", func(b *topology.Block) { b.Checks[0].Acknowledged = true }, false},
		{"a check less", func(b *topology.Block) { b.Checks = b.Checks[1:] }, false},
		{"the verdict alone, which follows", func(b *topology.Block) { b.Node.Open, b.Services[0].Status = 9, topology.Down }, true},
		{"a note", func(b *topology.Block) { b.Node.Notes = []topology.Note{{Code: "owners"}} }, false},
		{"a service's user", func(b *topology.Block) { b.Services[0].User = "root" }, false},
		{"an observer", func(b *topology.Block) { b.Write(0).Observer = true }, false},
		{"evidence", func(b *topology.Block) { b.Write(0).Evidence.BothEnds = false }, false},
		{"a direction", func(b *topology.Block) { b.Write(0).Directed = false }, false},
		{"an edge less", func(b *topology.Block) { b.Connections = b.Connections[1:] }, false},
		{"another edge", func(b *topology.Block) { b.Write(4).ID += "f" }, false},
	} {
		b := a.Clone()
		b.Checks = slices.Clone(a.Checks)
		tt.change(b)
		if got := Same(a, b); got != tt.want {
			t.Errorf("%s: same is %v", tt.name, got)
		}
		empty := len(wire.Patch(a, b, noon, 1, nil)) == len(wire.Patch(a, a, noon, 1, nil))
		if empty != tt.want {
			t.Errorf("%s: an empty patch is %v", tt.name, empty)
		}
	}
	if !Same(a, a) {
		t.Error("a block is not the same as itself")
	}
}

func TestGone(t *testing.T) {
	r := NewRecorder()
	r.Record(typical("web", 3), noon)
	if b := decoded(t, r.Gone("web", noon.Add(time.Second))); b != nil {
		t.Errorf("read %v", b)
	}
	if rec := r.Record(typical("web", 3), noon.Add(time.Minute)); !rec.Base.IsZero() {
		t.Error("a node that is back builds on what was before")
	}
}

// TestSameMillisecond: a later record replaces the one it would build on.
func TestSameMillisecond(t *testing.T) {
	r := NewRecorder()
	r.Record(typical("web", 100), noon)
	if rec := r.Record(typical("web", 100), noon.Add(time.Microsecond)); !rec.Base.IsZero() {
		t.Error("it builds on the record that it replaces")
	}
}

// TestCheckPatch: one of many checks that changes makes a small patch.
func TestCheckPatch(t *testing.T) {
	r := NewRecorder()
	b := checked(typical("web", 100), 100)
	base := r.Record(b, noon)
	later, at := b.Clone(), noon.Add(time.Minute)
	later.Checks = slices.Clone(b.Checks)
	c := &later.Checks[7]
	c.Status, c.Since, c.LastCheck, c.Output = topology.Warning, at, at, "DISK WARNING - free space: /srv 12 MB (1%)"
	for i := range later.Checks[8:] {
		later.Checks[8+i].LastCheck = at // which is no change
	}
	later.Judge()
	rec := r.Record(later, at)
	if len(rec.Data) > 150 {
		t.Errorf("the patch has %d bytes", len(rec.Data))
	}
	want := b.Clone()
	want.Checks = slices.Clone(b.Checks)
	want.Checks[7] = later.Checks[7]
	want.Judge()
	if diff := cmp.Diff(want, decoded(t, base, rec), equal); diff != "" {
		t.Errorf("(-want +read):\n%s", diff)
	}
	t.Logf("whole %d bytes, patch %d", len(base.Data), len(rec.Data))
}

// meant is what the block of a golden file is.
func meant(t testing.TB, version int) *topology.Block {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("record_v%d.json", version)))
	b := new(topology.Block)
	if err == nil {
		err = json.Unmarshal(raw, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.Judge() // what has no checks has no status
	return b
}

func keepGolden(t testing.TB, name string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("testdata", name), raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGolden(t *testing.T) {
	if *update {
		raw, err := json.MarshalIndent(full(7), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		keepGolden(t, fmt.Sprintf("record_v%d.json", wire.Version), append(raw, '\n'))
		keepGolden(t, fmt.Sprintf("record_v%d.bin", wire.Version), NewRecorder().Whole(full(7), noon).Data)
	}
	for v := 1; v <= wire.Version; v++ {
		raw, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("record_v%d.bin", v)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(meant(t, v), decoded(t, Record{Node: "web", At: noon, Data: raw}), equal); diff != "" {
			t.Errorf("version %d (-written once +read):\n%s", v, diff)
		}
	}
}

// chain is a node that changes twice, as the golden file of chains of a version has
// it. It must not be changed but for those to come.
func chain(t testing.TB, v int) (records []Record, last *topology.Block) {
	r := NewRecorder()
	b := typical("web", 100)
	if v > 1 {
		b = checked(b, 20)
	}
	records = append(records, r.Record(b, noon))
	b = b.Clone()
	b.Write(3)
	b.Node.State, b.Connections[3].Status, b.Connections[3].Server.Process = topology.Stale, topology.Old, "new text"
	b.Services = b.Services[1:]
	rare := meant(t, v).Connections[0]
	rare.ID = "ffffffffffffffff"
	b.Connections = append(b.Connections, rare)
	if v > 1 {
		b.SetChecks(append(slices.Clone(b.Checks[2:]), meant(t, v).Checks...))
	}
	records = append(records, r.Record(b, noon.Add(time.Second)))
	b = b.Clone()
	b.Connections = append(b.Connections[:5], b.Connections[6:]...)
	b.Write(7)
	b.Write(8)
	b.Connections[7].Server.Process, b.Connections[8].Server.Process = "new text", "newer text"
	return append(records, r.Record(b, noon.Add(time.Minute))), b
}

// TestGoldenChain is [TestGolden] for patches: the file has the records' data,
// each after its length in two bytes.
func TestGoldenChain(t *testing.T) {
	if *update {
		var out []byte
		records, _ := chain(t, wire.Version)
		for _, r := range records {
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(r.Data))), r.Data...)
		}
		keepGolden(t, fmt.Sprintf("chain_v%d.bin", wire.Version), out)
	}
	for v := 1; v <= wire.Version; v++ {
		raw, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("chain_v%d.bin", v)))
		if err != nil {
			t.Fatal(err)
		}
		records, want := chain(t, v)
		for i := range records {
			n := int(binary.BigEndian.Uint16(raw))
			records[i].Data, raw = raw[2:2+n], raw[2+n:]
			if wantBase := i > 0; wantBase == records[i].Base.IsZero() {
				t.Fatalf("record %d builds on %s", i, records[i].Base)
			}
		}
		if diff := cmp.Diff(want, decoded(t, records...), equal); diff != "" {
			t.Errorf("version %d (-written once +read):\n%s", v, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	r := NewRecorder()
	b := typical("web", 100)
	base := r.Record(b, noon)
	b = b.Clone()
	b.Node.State = topology.Stale
	rec := r.Record(b, noon.Add(time.Second))
	b = b.Clone()
	b.Node.State = topology.Reporting
	third := r.Record(b, noon.Add(2*time.Second))
	good := base.Data
	var c coder
	seal := func(fields ...byte) []byte { return c.seal(fields) }
	unordered := typical("web", 2)
	slices.Reverse(unordered.Connections)
	for _, tt := range []struct {
		name  string
		chain []Record
		want  string
	}{
		{"nothing", nil, "a chain of no records"},
		{"no data", []Record{{}}, "cut or damaged"},
		{"another version", []Record{{Data: append([]byte{9}, good[1:]...)}}, "it is of version 9, this dotm reads 1 to 3: update dotm"},
		{"another kind", []Record{{Data: append([]byte{wire.Version, 'X'}, good[2:]...)}}, "the whole record that it builds on is missing"},
		{"half", []Record{{Data: good[:len(good)/2]}}, "cut or damaged"},
		{"a wrong byte", []Record{{Data: append(bytes.Clone(good[:len(good)-9]), make([]byte, 9)...)}}, "cut or damaged"},
		{"no fields", []Record{{Data: seal()}}, "cut or damaged"},
		{"no name", []Record{{Data: seal(2<<1|1, '{', '}', 0, 0, 8, 0)}}, "the node has no name"},
		{"too many services", []Record{{Data: seal(2<<1|1, '{', '}', 200, 200, 3)}}, "cut or damaged"},
		{"an unknown reference", []Record{{Data: seal(4)}}, "cut or damaged"},
		{"unordered", []Record{NewRecorder().Whole(unordered, noon)}, "out of order"},
		{"no whole record", []Record{rec}, "the whole record that it builds on is missing"},
		{"another whole record", []Record{{At: noon.Add(-time.Second), Data: good}, rec}, "a record before it is missing"},
		{"two whole ones", []Record{base, base}, "a record before it is missing"},
		{"out of order", []Record{base, rec, rec}, "a record before it is missing"},
		{"a whole one among patches", []Record{base, {At: noon.Add(time.Second), Base: noon, Data: good}}, "of kind 'W'"},
		{"a patch of another version", []Record{base, {At: noon.Add(time.Second), Base: noon, Data: []byte{7, patch}}}, "version 7"},
		{"an empty patch", []Record{base, {At: noon.Add(time.Second), Base: noon}}, "cut or damaged"},
		{"a patch that lacks the one before", []Record{base, third}, "a record before it is missing"},
		{"another frame behind", []Record{{Data: append(bytes.Clone(good), good[2:]...)}}, "cut or damaged"},
		{"half a patch", []Record{base, {At: rec.At, Base: noon, Data: rec.Data[:len(rec.Data)-3]}}, "cut or damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := new(Decoder).Decode(tt.chain)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

// TestBomb: what a record claims is bounded by its own size, not by what it
// unpacks to.
func TestBomb(t *testing.T) {
	b := &topology.Block{Node: topology.Node{Name: "web"}, Connections: slices.Repeat([]*topology.Connection{{}}, 1<<18)}
	bomb := NewRecorder().Whole(b, noon)
	if len(bomb.Data) > 64<<10 {
		t.Fatalf("it takes %d bytes: no bomb", len(bomb.Data))
	}
	if _, err := new(Decoder).Decode([]Record{bomb}); err == nil || !strings.Contains(err.Error(), "claim to hold") {
		t.Errorf("error is %v", err)
	}
}

// TestLarge: the largest nodes, whose edges are as much alike as can be, stay
// within the bounds.
func TestLarge(t *testing.T) {
	b := &topology.Block{Node: topology.Node{Name: "web"}}
	for i := range 30_000 {
		c := topology.Connection{Client: topology.Client{Node: "web"}, Server: topology.Server{Node: "db", Port: uint16(i), Process: fmt.Sprint(i >> 16)}, Status: topology.Fresh}
		c.ID = fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15)
		b.Connections = append(b.Connections, &c)
	}
	sortConnections(b)
	if got := decoded(t, NewRecorder().Whole(b, noon)); len(got.Connections) != len(b.Connections) {
		t.Errorf("%d connections are read", len(got.Connections))
	}
}

// TestLaterFields: what a later version adds to the end is left alone.
func TestLaterFields(t *testing.T) {
	r := NewRecorder()
	b := typical("web", 100)
	base := r.Record(b, noon)
	_, fields, err := r.open(base.Data)
	if err != nil {
		t.Fatal(err)
	}
	base.Data = r.seal(append([]byte(fields), 200, 7, 0))
	later := b.Clone()
	later.Node.State = topology.Stale
	rec := r.Record(later, noon.Add(time.Second))
	rec.Data = append(bytes.Clone(rec.Data), 200, 7, 0)
	if diff := cmp.Diff(later, decoded(t, base, rec), equal); diff != "" {
		t.Errorf("(-want +read):\n%s", diff)
	}
}

// TestClockSetBack: every record is read though those of two chains lie among
// each other, and none takes the place of one that others build on.
func TestClockSetBack(t *testing.T) {
	r := NewRecorder()
	b := typical("web", 100)
	var all []Record
	agents := map[time.Time]string{}
	for _, s := range []int{0, 10, 50, 90, 50, 60, 70, 15, 20} {
		b = b.Clone()
		b.Node.Agent = fmt.Sprint(len(all))
		rec := r.Record(b, noon.Add(time.Duration(s)*100*time.Millisecond))
		if _, taken := agents[rec.At]; taken {
			t.Errorf("the record of %d takes the place of another", s)
		}
		agents[rec.At] = b.Node.Agent
		all = append(all, rec)
	}
	slices.SortFunc(all, func(x, y Record) int { return x.At.Compare(y.At) })
	for i := range all {
		from := i
		for from > 0 && !all[i].Base.IsZero() && !all[from].At.Equal(all[i].Base) {
			from--
		}
		if got := decoded(t, all[from:i+1]...).Node.Agent; got != agents[all[i].At] {
			t.Errorf("at %s the agent is %s, want %s", all[i].At, got, agents[all[i].At])
		}
	}
}

// FuzzOpen reads any data as a record: what is compressed is damaged, too.
func FuzzOpen(f *testing.F) {
	var c coder
	for _, b := range []*topology.Block{{Node: topology.Node{Name: "web"}}, full(1)} {
		f.Add(c.seal(new(wire.Encoder).Whole(b, noon)))
	}
	f.Add([]byte{wire.Version, gone})
	var d Decoder
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := d.Decode([]Record{{Node: "web", At: noon, Data: data}})
		if err == nil && b == nil && data[1] != gone {
			t.Error("nothing is read, and no error")
		}
	})
}

func TestSnapshot(t *testing.T) {
	stale := typical("db", 0)
	stale.Node.State = topology.Stale
	at := noon.Add(time.Hour)
	s, err := Snapshot(at, []*topology.Block{typical("web", 3), nil, stale})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 2 || !s.At().Equal(at) || s.Revision().String() != fmt.Sprintf("at-%d", at.UnixMilli()) {
		t.Errorf("%d nodes at %s, revision %s", s.Len(), s.At(), s.Revision())
	}
	if got := s.Block("web").Node.LastReport; !got.Equal(at) {
		t.Errorf("what reported then did so last at %s", got)
	}
	if got := s.Block("db").Node.LastReport; !got.Equal(noon) {
		t.Errorf("what was silent then reported last at %s", got)
	}
	for c := range s.Connections() {
		if !c.LastSeen.Equal(at) {
			t.Errorf("what was open was seen last at %s", c.LastSeen)
		}
	}
	if _, err := Snapshot(at, []*topology.Block{typical("web", 1), typical("web", 1)}); err == nil {
		t.Error("a node that is there twice is accepted")
	}
}

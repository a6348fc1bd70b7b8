package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// beat tells of what comes ten seconds after full.
func beat() *Beat {
	r := full()
	return &Beat{
		Version: "1.1", Structure: Structure(r), Node: r.Node, Instance: r.Agent.Instance, Policy: "5eb63bbbe01eeed0",
		Sequence: 43, After: 42, At: r.Time.Add(10 * time.Second), LagMS: 9, SpanMS: 10_000, IntervalMS: 10_000, Leaving: LeavingReboot,
		Listeners: []ListenerNumbers{{Row: 0, PID: 813, Queue: 1, QueueMax: 511, Drops: 2}},
		Connections: []ConnectionNumbers{
			{Row: 0, PID: 813, Count: 9, Opened: 4, Refused: 1, TimedOut: 2, Failed: 3, Tuples: []uint64{1, 2}},
			{Row: 1, PID: 900, Count: 3, Health: &Health{3, 412, 55, 900, 2, 70_000, 1 << 33, 1, 3000, 2, 61_000}},
			{Row: 2},
			{Row: 4, Count: 70, Peers: 44, Opened: 1},
		},
		Forwards:  []ForwardNumbers{{Row: 0, Count: 5}},
		Shortages: []Shortage{{Kind: Descriptors, Process: "nginx", PID: 813, Used: 990, Max: 1024}},
		Coverage:  Coverage{Sockets: 121, HiddenProcesses: 2, HiddenAsUser: 1, OpensBy: "kernel", OpensSeen: 5, OpensKernel: 6, OpensLost: 1, Truncated: 1},
		Cost:      Cost{1300, 3500, 2000, 16 << 20},
	}
}

func TestGoldenBeat(t *testing.T) {
	path := filepath.Join("testdata", "v1-beat.json")
	written, err := json.MarshalIndent(beat(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	written = append(written, '\n')
	if *update {
		if err := os.WriteFile(path, written, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeBeat(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(beat(), got, sameAddresses); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("a golden file is invalid: %v", err)
	}
	if diff := cmp.Diff(string(raw), string(written)); diff != "" {
		t.Errorf("encoded (-want +got):\n%s", diff)
	}
	var packed bytes.Buffer
	if err := EncodeBeat(&packed, beat()); err != nil {
		t.Fatal(err)
	}
	if again, err := DecodeBeat(&packed); err != nil || !cmp.Equal(again, got, sameAddresses) {
		t.Errorf("packed: %v", err)
	}
}

// TestBeatIsNoReport: a server of version 1.0 that reads a beat as a report
// finds that it is none.
func TestBeatIsNoReport(t *testing.T) {
	raw, err := json.Marshal(beat())
	if err != nil {
		t.Fatal(err)
	}
	r, err := Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var field *FieldError
	if err := r.Validate(noon); !errors.As(err, &field) || field.Field != "time" {
		t.Errorf("a beat passes for a report: %v", err)
	}
}

func TestValidateBeat(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*Beat)
		want  string
	}{
		{"version", func(b *Beat) { b.Version = "2.0" }, "unsupported report version"},
		{"name", func(b *Beat) { b.Node.Name = "" }, `node.name must not be empty`},
		{"no structure", func(b *Beat) { b.Structure = "" }, `structure must be 32 digits of 0-9 and a-f, is ""`},
		{"structure", func(b *Beat) { b.Structure = "zz" }, `structure must be 32 digits of 0-9 and a-f, is "zz"`},
		{"no instance", func(b *Beat) { b.Instance = "" }, `instance must not be empty, is ""`},
		{"instance", func(b *Beat) { b.Instance = "a/b" }, `instance must be letters, digits, '.', '_' and '-'`},
		{"after nothing", func(b *Beat) { b.After = 0 }, `after must be 1 or more, and less than the sequence 43, is 0`},
		{"after itself", func(b *Beat) { b.After = 43 }, `after must be 1 or more, and less than the sequence 43, is 43`},
		{"reason to leave", func(b *Beat) { b.Leaving = "-" }, `leaving must be letters, digits`},
		{"interval", func(b *Beat) { b.IntervalMS = -1 }, `interval_ms must be 0 to 86400000, is -1`},
		{"policy", func(b *Beat) { b.Policy = strings.Repeat("x", 256) }, `policy must be at most 255 bytes, is "256 bytes"`},
	} {
		b := beat()
		tt.spoil(b)
		if err := b.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestDecodeBeatErrors(t *testing.T) {
	for body, want := range map[string]string{
		"":                                "report is not valid JSON",
		"[]":                              `report must be an object, is "array"`,
		`{"at":"yesterday"}`:              `at must be a time of RFC 3339, is "yesterday"`,
		`{"connections":[{"row":"1"}]}`:   `connections.row must be a whole number, is "string"`,
		`{"connections":[{"opened":-1}]}`: `connections.opened must be a whole number, 0 or more, is "number -1"`,
		`{}{}`:                            "must be one JSON object",
	} {
		if _, err := DecodeBeat(strings.NewReader(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	whole := full()
	got, err := Expand(whole, beat())
	if err != nil {
		t.Fatal(err)
	}
	want := full()
	want.Leaving = LeavingReboot
	want.Sequence, want.Counted, want.LagMS, want.SpanMS, want.Time = 43, 0, 9, 10_000, want.Time.Add(10*time.Second)
	want.Listeners[0].PID, want.Listeners[0].Queue, want.Listeners[0].Drops = 813, 1, 2
	c := want.Connections
	c[0].PID, c[0].Count, c[0].Opened, c[0].Refused, c[0].TimedOut, c[0].Failed = 813, 9, 4, 1, 2, 3
	c[0].Tuples = []uint64{1, 2}
	c[1].Health = beat().Connections[1].Health
	c[2].Count = 0
	c[3].Opened = 0 // not told: nothing opened
	c[4].Count, c[4].Peers, c[4].Opened, c[4].Refused, c[4].TimedOut, c[4].Failed = 70, 44, 1, 0, 0, 0
	want.Forwards[0].Count = 5
	want.Shortages, want.Coverage, want.Cost = beat().Shortages, beat().Coverage, beat().Cost
	if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(full(), whole, sameAddresses); diff != "" {
		t.Errorf("the report before was changed:\n%s", diff)
	}
	busy := got.Busy()
	want.Connections = []Connection{c[0], c[1], c[4]}
	if diff := cmp.Diff(want, busy, sameAddresses); diff != "" {
		t.Errorf("busy (-want +got):\n%s", diff)
	}
	if err := busy.Validate(noon); err != nil {
		t.Errorf("what a beat tells is invalid: %v", err)
	}
}

// TestExpandGoesOn: rows that are not told go on as they did.
func TestExpandGoesOn(t *testing.T) {
	whole, b := full(), beat()
	whole.Steady()
	b.Connections, b.SpanMS = nil, 2*whole.SpanMS
	before := whole.Connections[1].Health
	h := mustExpand(t, whole, b).Connections[1].Health
	if h.Measured != 3 || h.RTT != 412 || h.Segments != 900 || h.Retransmits != 2 {
		t.Errorf("health %+v", h)
	}
	if h.ConnectingMS != 13_000 || h.CloseWaitMS != 71_000 {
		t.Errorf("waits for %d and %d ms", h.ConnectingMS, h.CloseWaitMS)
	}
	if got, want := float64(h.Sent), 2*float64(before.Sent); got < want-1 || got > want+1 {
		t.Errorf("sent %v bytes in twice the time, want %v", got, want)
	}
}

func mustExpand(t testing.TB, whole *Report, b *Beat) *Report {
	t.Helper()
	r, err := Expand(whole, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRatesStay: a rate that is not told stays the same through any number of
// spans, however they differ.
func TestRatesStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := full()
		r.SpanMS = rapid.Int64Range(2_000, 100_000).Draw(t, "span")
		r.Connections[1].Health.Sent = rapid.Uint64Range(0, 1<<40).Draw(t, "sent")
		r.Steady()
		rate := func() string { // as it is shown: two digits, but whole bytes
			v := float64(r.Connections[1].Health.Sent) / float64(r.SpanMS) * 1000
			if v < 99.5 {
				return fmt.Sprintf("%.0f", v)
			}
			return fmt.Sprintf("%.1e", v)
		}
		want := rate()
		for range rapid.IntRange(1, 50).Draw(t, "beats") {
			b := beat()
			b.Connections, b.After, b.Sequence = nil, r.Sequence, r.Sequence+1
			b.SpanMS = rapid.Int64Range(5_000, 20_000).Draw(t, "span")
			next, err := Expand(r, b)
			if err != nil {
				t.Fatal(err)
			}
			r = next
		}
		if got := rate(); got != want {
			t.Errorf("a rate of %s became %s", want, got)
		}
	})
}

func TestExpandRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		spoil   func(*Beat)
		unknown bool
		want    string
	}{
		{"another process", func(b *Beat) { b.Instance = strings.Repeat("0", 32) }, true, "builds on a report"},
		{"another node", func(b *Beat) { b.Node.Name = "db" }, true, "builds on a report"},
		{"a gap", func(b *Beat) { b.After = 41 }, true, "sequence 41"},
		{"a row too many", func(b *Beat) { b.Connections[3].Row = 5 }, false, "connections[3].row must be one of the 5 rows of the whole report, is 5"},
		{"a negative row", func(b *Beat) { b.Connections[0].Row = -1 }, false, "connections[0].row must be one of the 5 rows"},
		{"a row twice", func(b *Beat) { b.Connections[1].Row = 0 }, false, "connections[1].row must be greater than the row before, is 0"},
		{"a listener too many", func(b *Beat) { b.Listeners[0].Row = 4 }, false, "listeners[0].row must be one of the 4 rows"},
		{"a forward too many", func(b *Beat) { b.Forwards[0].Row = 1 }, false, "forwards[0].row must be one of the 1 rows"},
	} {
		b := beat()
		tt.spoil(b)
		_, err := Expand(full(), b)
		var field *FieldError
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrUnknown) != tt.unknown || errors.As(err, &field) == tt.unknown {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// numbers are the fields that a beat tells, or that are the report's own of the
// moment; all others are its structure.
var numbers = map[reflect.Type][]string{
	reflect.TypeFor[Report]():     {"Version", "Sequence", "Counted", "Time", "LagMS", "SpanMS", "IntervalMS", "Leaving", "Shortages", "Coverage", "Cost"},
	reflect.TypeFor[Agent]():      {"Policy"},
	reflect.TypeFor[Listener]():   {"PID", "Queue", "QueueMax", "Drops"},
	reflect.TypeFor[Connection](): {"PID", "Peers", "Count", "Opened", "Refused", "TimedOut", "Failed", "Health", "Tuples"},
	reflect.TypeFor[Forward]():    {"Count"},
	reflect.TypeFor[Source]():     {"Count"}, // told by its size
}

// TestStructure: every field of the format either is structure, and changes its
// name, or is a number that a beat tells, and doesn't. A new field must be
// given to one of the two: to [Structure] (rows of connections: to [Edge] too),
// or to the numbers of beats and the list above.
func TestStructure(t *testing.T) {
	count := 0
	var walk func(path string, get func(*Report) reflect.Value)
	walk = func(path string, get func(*Report) reflect.Value) {
		switch v := get(full()); {
		case v.Kind() == reflect.Slice:
			walk(path+"[0]", func(r *Report) reflect.Value { return get(r).Index(0) })
		case v.Kind() == reflect.Struct && strings.HasPrefix(v.Type().PkgPath(), "github.com/devops-trouble-map"):
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				if skip := numbers[v.Type()]; contains(skip, name) {
					r := full()
					change(get(r).Field(i))
					count++
					if Structure(r) != Structure(full()) {
						t.Errorf("%s.%s is a number and changes the structure", path, name)
					}
					continue
				}
				walk(path+"."+name, func(r *Report) reflect.Value { return get(r).Field(i) })
			}
		default:
			r := full()
			change(get(r))
			count++
			if Structure(r) == Structure(full()) {
				t.Errorf("%s is neither structure nor a number", path)
			}
		}
	}
	walk("", func(r *Report) reflect.Value { return reflect.ValueOf(r).Elem() })
	if count < 50 {
		t.Errorf("%d fields were looked at", count)
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// change gives a field another value.
func change(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *netip.Addr:
		*x = netip.MustParseAddr("192.0.2.77")
	case *netip.Prefix:
		*x = netip.MustParsePrefix("192.0.2.0/25")
	case *netip.AddrPort:
		*x = netip.MustParseAddrPort("192.0.2.77:7")
	case *time.Time:
		*x = x.Add(time.Hour)
	case *[]uint64:
		*x = append(*x, 77)
	case **Health:
		*x = &Health{Measured: 77}
	case *[]Shortage:
		*x = (*x)[:1]
	case *Coverage:
		x.Sockets++
	case *Cost:
		x.CPUMicros++
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		default:
			v.SetUint(v.Uint() + 1)
		}
	}
}

// TestNumbers: what a beat tells of a row is all that an edge leaves out.
func TestNumbers(t *testing.T) {
	for i, c := range full().Connections {
		edge := c.Edge()
		again := edge.Connection()
		n := c.Numbers(i)
		again.set(&n)
		if diff := cmp.Diff(c, again, sameAddresses); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestStructureSpelling: an address has one structure, however it is written.
func TestStructureSpelling(t *testing.T) {
	a, b := full(), full()
	a.Listeners[0].Address = netip.MustParseAddr("fe80::1%eth0")
	b.Listeners[0].Address = netip.MustParseAddr("fe80::1")
	if Structure(a) != Structure(b) {
		t.Error("a zone of an address is structure")
	}
	if got := Structure(full()); len(got) != 32 || got != Structure(full()) {
		t.Errorf("structure %q", got)
	}
}

func FuzzBeat(f *testing.F) {
	raw, err := os.ReadFile("testdata/v1-beat.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(pack(f, raw))
	f.Add([]byte(`{"version":"1.1","at":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := DecodeBeat(bytes.NewReader(body))
		if err != nil || b.Validate() != nil {
			return
		}
		whole := full()
		whole.Node, whole.Agent.Instance, whole.Sequence = b.Node, b.Instance, b.After
		r, err := Expand(whole, b)
		if err != nil {
			return
		}
		if got := Structure(r); got != Structure(whole) {
			t.Error("a beat changed the structure")
		}
		if len(r.Connections) != len(whole.Connections) || len(r.Busy().Connections) > len(r.Connections) {
			t.Error("a beat changed the rows")
		}
		_ = r.Busy().Validate(noon)
	})
}

func TestPolicy(t *testing.T) {
	p := Policy{InternalNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Fold: Fold{Networks: 256}, Received: noon}.Named()
	if err := p.Validate(); err != nil || p.Name == "" {
		t.Fatalf("%+v: %v", p, err)
	}
	more := p
	more.Fold.Networks = 255
	if more.Named().Name == p.Name {
		t.Error("two policies have one name")
	}
	if b := p.Brief(p.Name); b.InternalNetworks != nil || b.Fold.Networks != 0 || b.Name != p.Name {
		t.Errorf("brief %+v", b)
	}
	if b := p.Brief("other"); b.InternalNetworks == nil {
		t.Errorf("brief for another %+v", b)
	}
	for name, spoil := range map[string]func(*Policy){
		"interval_ms must be 0 or 100 to 86400000":    func(p *Policy) { p.IntervalMS = 1 },
		"fold.networks must be 0 to 200000":           func(p *Policy) { p.Fold.Networks = -1 },
		"internal_networks must have at most 4096":    func(p *Policy) { p.InternalNetworks = make([]netip.Prefix, 4097) },
		"internal_networks[0] must be a network like": func(p *Policy) { p.InternalNetworks = make([]netip.Prefix, 1) },
		"fold.within[0] must be a network like":       func(p *Policy) { p.Fold.Within = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} },
		"name must hold no control characters":        func(p *Policy) { p.Name = "\n" },
	} {
		q := p
		spoil(&q)
		if err := q.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// wide is a report of n rows, and a beat that tells a fifth of them.
func wide(n int) (*Report, *Beat) {
	r := full()
	row := r.Connections[1]
	r.Connections = r.Connections[:0]
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		row.PID, row.Count, row.Process = 100+rnd.IntN(30_000), 1+rnd.IntN(9), "worker-"+strconv.Itoa(i%20)
		row.Health = &Health{Measured: row.Count, RTT: rnd.Uint32N(90_000), RTTVar: rnd.Uint32N(9_000), Segments: rnd.Uint64N(1000), Sent: rnd.Uint64N(1 << 20), Received: rnd.Uint64N(1 << 24)}
		row.Peer = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		r.Connections = append(r.Connections, row)
	}
	b := beat()
	b.Structure, b.Connections = Structure(r), nil
	for i := 0; i < n; i += 5 {
		b.Connections = append(b.Connections, r.Connections[i].Numbers(i))
	}
	return r, b
}

func BenchmarkWholeAndBeat(b *testing.B) {
	for _, n := range []int{100, 1000} {
		whole, told := wide(n)
		var packed, packedBeat bytes.Buffer
		if err := errors.Join(Encode(&packed, whole), EncodeBeat(&packedBeat, told)); err != nil {
			b.Fatal(err)
		}
		run := func(name string, size int, f func() error) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
				if size > 0 {
					b.ReportMetric(float64(size), "wire-bytes")
				}
			})
		}
		run("encode whole", packed.Len(), func() error { return Encode(new(bytes.Buffer), whole) })
		run("encode beat", packedBeat.Len(), func() error { return EncodeBeat(new(bytes.Buffer), told) })
		run("decode whole", 0, func() error {
			r, err := Decode(bytes.NewReader(packed.Bytes()))
			if err != nil {
				return err
			}
			return r.Validate(noon)
		})
		run("decode and expand beat", 0, func() error {
			t, err := DecodeBeat(bytes.NewReader(packedBeat.Bytes()))
			if err != nil {
				return err
			}
			r, err := Expand(whole, t)
			if err != nil {
				return err
			}
			return r.Busy().Validate(noon)
		})
		run("structure", 0, func() error { Structure(whole); return nil })
	}
}

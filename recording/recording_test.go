package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// sample is a node's report number n, taken at a moment.
func sample(node string, n uint64, at time.Time) *report.Report {
	return &report.Report{
		Version: report.Version, Node: report.Node{Name: node, Identity: report.Identity{Kind: report.IdentityHostname, Value: node}},
		Sequence: n, Time: at, IntervalMS: 10_000,
		Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}},
		Listeners:  []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 80, Process: "nginx"}},
		Connections: []report.Connection{{
			Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("10.0.0.2"), Port: 5432,
			Count: int(n % 7), Opened: n, Tuples: []uint64{1, 2}, Health: &report.Health{RTT: 200},
		}},
	}
}

func result(name string, s topology.Status) mapping.Check {
	return mapping.Check{Check: topology.Check{Host: "web", Name: name, Kind: topology.ServiceCheck, Status: s}, Command: "check_" + name, Hints: []mapping.Hint{{Port: 80}}}
}

var head = Head{Begin: noon, By: "1.2.3", MadeUp: true, Settings: json.RawMessage(`{"ageing":"90s"}`)}

// written is a recording of n reports, one every 400 ms, with results between.
func written(t testing.TB, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	d, err := NewDirect(&out, head)
	for i := range n {
		at := noon.Add(time.Duration(i) * 400 * time.Millisecond)
		err = errors.Join(err, d.Report(at, sample("web", uint64(i+1), at)))
		if i%5 == 4 {
			err = errors.Join(err, d.Checks(at, mapping.News{Source: "site", Checks: []mapping.Check{result("http", topology.OK)}, Gone: []mapping.Check{result("old", "")}}))
		}
	}
	if err = errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readAll is all moments of a recording, and what ended them.
func readAll(raw []byte) (list []Moment, err error) {
	r, err := NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		m, err := r.Next()
		if err != nil {
			return list, err
		}
		list = append(list, m)
	}
}

func TestRoundTrip(t *testing.T) {
	raw := written(t, 12)
	r, err := NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !reflect.DeepEqual(r.Head(), head) {
		t.Errorf("head is %+v, want %+v", r.Head(), head)
	}
	list, err := readAll(raw)
	if err != io.EOF {
		t.Fatal(err)
	}
	n, checks := 0, 0
	for i, m := range list {
		if want := noon.Add(time.Duration(i) * time.Second); !m.At.Truncate(Step).Equal(want) {
			t.Errorf("moment %d is of %s, want the second of %s", i, m.At, want)
		}
		for _, got := range m.Reports {
			at := noon.Add(time.Duration(n) * 400 * time.Millisecond)
			n++
			if want := sample("web", uint64(n), at); !got.At.Equal(at) || !reflect.DeepEqual(got.Report, want) {
				t.Errorf("report %d at %s is %+v, want %+v", n, got.At, got.Report, want)
			}
		}
		for _, c := range m.Checks {
			checks++
			want := mapping.News{Source: "site", Checks: []mapping.Check{result("http", topology.OK)}, Gone: []mapping.Check{result("old", "")}}
			if !reflect.DeepEqual(c, want) {
				t.Errorf("news are %+v, want %+v", c, want)
			}
		}
	}
	if n != 12 || checks != 2 {
		t.Errorf("%d reports and %d news, want 12 and 2", n, checks)
	}
}

// TestFirstLineIsText: a person can see what a file is, and since when.
func TestFirstLineIsText(t *testing.T) {
	first, _, _ := bytes.Cut(written(t, 1), []byte("\n"))
	want := `{"dotm_recording":1,"begin":"2026-03-04T12:00:00Z","by":"1.2.3","made_up":true,"settings":{"ageing":"90s"}}`
	if string(first) != want {
		t.Errorf("the first line is %s, want %s", first, want)
	}
}

// TestMoments: entries of one second are one moment, whatever their order in it.
func TestMoments(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   []int // milliseconds after noon
		want []int // entries of each moment
	}{
		{"nothing", nil, nil},
		{"one", []int{0}, []int{1}},
		{"one second", []int{0, 500, 999}, []int{3}},
		{"two seconds", []int{0, 500, 1000, 1001}, []int{2, 2}},
		{"a late one", []int{0, 1500, 900, 2100}, []int{1, 2, 1}},
		{"a pause", []int{0, 3_600_000, 3_600_500}, []int{1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			d, _ := NewDirect(&out, head)
			for i, ms := range tt.at {
				at := noon.Add(time.Duration(ms) * time.Millisecond)
				if err := d.Report(at, sample("web", uint64(i+1), at)); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			list, err := readAll(out.Bytes())
			if err != io.EOF {
				t.Fatal(err)
			}
			var got []int
			for i, m := range list {
				got = append(got, len(m.Reports))
				for _, r := range m.Reports {
					if r.At.After(m.At) {
						t.Errorf("moment %d is of %s, and has a report of %s", i, m.At, r.At)
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("moments have %v entries, want %v", got, tt.want)
			}
		})
	}
}

// TestCut: what is there of a file that was cut anywhere is read, and then said to
// be all; nothing is made up.
func TestCut(t *testing.T) {
	raw := written(t, 40)
	whole, _ := readAll(raw)
	for n := bytes.IndexByte(raw, '\n') + 1; n < len(raw); n += 7 {
		list, err := readAll(raw[:n])
		if !errors.Is(err, ErrCut) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		for i := range list {
			if i < len(list)-1 && !reflect.DeepEqual(list[i], whole[i]) {
				t.Fatalf("cut at %d: moment %d is another one", n, i)
			}
		}
	}
}

// TestKilled: what was flushed is whole, though nobody wrote the end.
func TestKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, err := NewWriter(&out, head)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			at := noon.Add(time.Duration(i) * time.Second)
			w.Report(at, sample("web", uint64(i+1), at))
		}
		time.Sleep(FlushEvery + time.Millisecond) //nolint:forbidigo // the clock of the bubble
		synctest.Wait()
		left := bytes.Clone(out.Bytes()) // what a kill leaves now
		list, err := readAll(left)
		if !errors.Is(err, ErrCut) || !strings.Contains(err.Error(), "at 2026-03-04T12:00:04Z") {
			t.Errorf("the end is %v", err)
		}
		if len(list) != 5 {
			t.Errorf("%d of 5 moments are left", len(list))
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if list, err := readAll(out.Bytes()); err != io.EOF || len(list) != 5 {
			t.Errorf("closed, it has %d moments and ends with %v", len(list), err)
		}
	})
}

// blocked is a file on a disk that hangs until it is let go.
type blocked struct {
	bytes.Buffer
	gate chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.gate
	return b.Buffer.Write(p)
}

// TestNeverBlocks: on a disk that hangs entries are dropped and counted, and the
// recording says so when it goes on.
func TestNeverBlocks(t *testing.T) {
	gate := make(chan struct{}, 1)
	gate <- struct{}{} // for the first line
	out := &blocked{gate: gate}
	w, err := NewWriter(out, head)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for w.Lost() < 100 { // ends, as nothing is taken from the queue for ever
		n++
		w.Checks(noon.Add(time.Duration(n)*time.Millisecond), mapping.News{Source: strings.Repeat("s", 4096), Gone: []mapping.Check{{}}})
	}
	close(gate)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lost := w.Lost()
	list, err := readAll(out.Bytes())
	if err != io.EOF {
		t.Fatal(err)
	}
	got, told := 0, uint64(0)
	for _, m := range list {
		got += len(m.Checks)
		told += m.Lost
	}
	if uint64(n) != uint64(got)+lost || told != lost || uint64(got) != w.Written() {
		t.Errorf("of %d entries %d are there and %d lost; the recording tells of %d lost, the writer of %d written", n, got, lost, told, w.Written())
	}
}

// full is a disk without room for more than some bytes.
type full struct{ room int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestDiskFull: a recording that can't go on says why, and nobody waits for it.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := NewWriter(&full{room: 400}, head)
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(3 * waiting) {
			w.Report(noon, sample(fmt.Sprintf("web%d", i), i+1, noon))
			if i%500 == 0 {
				time.Sleep(FlushEvery) //nolint:forbidigo // the clock of the bubble
			}
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("Close returns %v", err)
		}
		if w.Lost() == 0 {
			t.Error("nothing is lost")
		}
		w.Report(noon, sample("web", 1, noon)) // after the end nothing happens
	})
}

func TestFirstLineFails(t *testing.T) {
	if _, err := NewWriter(&full{}, head); !errors.Is(err, errFull) {
		t.Errorf("NewWriter returns %v", err)
	}
}

// packed is a file with lines that are compressed as they are.
func packed(first string, lines ...string) []byte {
	var out bytes.Buffer
	out.WriteString(first + "\n")
	z, _ := zstd.NewWriter(&out)
	for _, l := range lines {
		_, _ = io.WriteString(z, l+"\n")
	}
	_ = z.Close()
	return out.Bytes()
}

// TestWrongFiles: each error says what the file is and what to do.
func TestWrongFiles(t *testing.T) {
	const first = `{"dotm_recording":1,"begin":"2026-03-04T12:00:00Z"}`
	flipped := written(t, 30)
	flipped[len(flipped)/2] ^= 0x10
	for _, tt := range []struct {
		name string
		raw  []byte
		is   error
		says string
	}{
		{"nothing", nil, ErrFormat, "no first line"},
		{"text", []byte("hello\nworld\n"), ErrFormat, "record one with dotm serve --record FILE"},
		{"a backup", []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0}, ErrFormat, "no first line"},
		{"a long binary", bytes.Repeat([]byte{7}, 1<<17), ErrFormat, `begins with "\a"`},
		{"a long line", append([]byte("{"), bytes.Repeat([]byte{' '}, maxHead+1<<17)...), ErrFormat, "longer than"},
		{"JSON", []byte("{}\n"), ErrFormat, "must begin with"},
		{"newer", []byte(`{"dotm_recording":2}` + "\n"), ErrNewer, "has format 2, this one reads 1: update dotm"},
		{"no begin", []byte(`{"dotm_recording":1}` + "\n"), ErrFormat, "doesn't say when"},
		{"nothing after the first line", []byte(first + "\n"), ErrCut, "2026-03-04T12:00:00Z"},
		{"not compressed", []byte(first + "\n00000000 {}\n"), ErrDamaged, "after 2026-03-04T12:00:00Z"},
		{"no checksum", packed(first, "hello"), ErrDamaged, "line 2 has not the checksum"},
		{"a wrong checksum", packed(first, `00000000 {"at":"2026-03-04T12:00:00Z","end":true}`), ErrDamaged, "line 2 has not the checksum"},
		{"no end", packed(first), ErrCut, "never written, or not copied"},
		{"a flipped bit", flipped, ErrDamaged, "damaged after"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readAll(tt.raw); !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %v with %q", err, tt.is, tt.says)
			}
		})
	}
}

// TestWrongEntries: entries with a right checksum are not believed either.
func TestWrongEntries(t *testing.T) {
	bad := sample("web", 1, noon)
	bad.Connections[0].Port = 0
	for _, tt := range []struct {
		name string
		in   entry
		says string
	}{
		{"nothing in it", entry{At: noon}, "holds 0"},
		{"two things", entry{At: noon, End: true, Lost: 1}, "holds 2"},
		{"a report that breaks a rule", entry{At: noon, Report: bad}, "connections[0].port must be 1 to 65535"},
		{"results of nobody", entry{At: noon, Checks: &mapping.News{}}, "must name their source"},
		{"years later", entry{At: noon.AddDate(2, 0, 0), Lost: 1}, "follows one of"},
		{"years before", entry{At: noon.AddDate(-2, 0, 0), Lost: 1}, "follows one of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			e, err := newEncoder(&out, head)
			if err := errors.Join(err, e.write(&tt.in), e.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := readAll(out.Bytes()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want damage with %q", err, tt.says)
			}
		})
	}
}

// TestFlips: no flipped bit goes unnoticed, and none changes what is read before.
func TestFlips(t *testing.T) {
	raw := written(t, 20)
	whole, _ := readAll(raw)
	from := bytes.IndexByte(raw, '\n') + 1
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(from, len(raw)-1).Draw(t, "byte")
		bit := rapid.IntRange(0, 7).Draw(t, "bit")
		damaged := bytes.Clone(raw)
		damaged[at] ^= 1 << bit
		list, err := readAll(damaged)
		if err == nil {
			t.Fatal("there is no end")
		}
		for i, m := range list {
			if i < len(list)-1 && !reflect.DeepEqual(m, whole[i]) {
				t.Fatalf("moment %d is another one, and the end is %v", i, err)
			}
		}
		if err == io.EOF && !reflect.DeepEqual(list, whole) {
			t.Fatal("another recording is read without an error")
		}
	})
}

// FuzzReader: no file makes the reader fail in another way than it says.
func FuzzReader(f *testing.F) {
	raw := written(f, 6)
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add(packed(`{"dotm_recording":1,"begin":"2026-03-04T12:00:00Z"}`, `00000000 {}`))
	f.Add([]byte(`{"dotm_recording":2}` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := readAll(raw)
		if err != io.EOF && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrNewer) && !errors.Is(err, ErrCut) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%v", err)
		}
		for _, m := range list {
			for _, r := range m.Reports {
				if err := r.Report.Validate(r.At); err != nil {
					t.Fatalf("a report that is not valid: %v", err)
				}
			}
		}
	})
}

// FuzzEntry: lines with a right checksum are read as strictly.
func FuzzEntry(f *testing.F) {
	text, _ := json.Marshal(entry{At: noon, Report: sample("web", 1, noon)})
	f.Add(text)
	f.Add([]byte(`{"at":"2026-03-04T12:00:00Z","lost":3}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.ContainsRune(text, '\n') {
			return
		}
		line := fmt.Sprintf("%08x %s", checksum(text), text)
		list, err := readAll(packed(`{"dotm_recording":1,"begin":"2026-03-04T12:00:00Z"}`, line))
		if err != io.EOF && !errors.Is(err, ErrCut) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%v", err)
		}
		for _, m := range list {
			for _, r := range m.Reports {
				if err := r.Report.Validate(r.At); err != nil {
					t.Fatalf("a report that is not valid: %v", err)
				}
			}
		}
	})
}

// BenchmarkWriter tells what a report of 50 rows costs.
func BenchmarkWriter(b *testing.B) {
	r := sample("web", 1, noon)
	for i := range 50 {
		c := r.Connections[0]
		c.Port = uint16(1000 + i)
		r.Connections = append(r.Connections, c)
	}
	d, err := NewDirect(io.Discard, head)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Report(noon, r); err != nil {
			b.Fatal(err)
		}
	}
}

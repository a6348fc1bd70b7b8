package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/recording"
)

// built is the program of this source folder, in a folder that is gone when the tests
// have ended.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built.dir)
	os.Exit(code)
}

// dotm is the program under measurement, built once for all tests.
func dotm(t *testing.T) string {
	t.Helper()
	if file := os.Getenv("DOTM_BINARY"); file != "" {
		return file
	}
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "dotm-bench-site-test-"); built.err == nil {
			built.path, built.err = buildDotm(t.Context(), built.dir)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// measured runs the benchmark, and gives what it printed as JSON.
func measured(t *testing.T, args string) (f figures) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), strings.Fields(args), &out); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&out)
	if err := d.Decode(&f); err != nil || d.More() {
		t.Fatalf("%v: %s", err, out.String())
	}
	return f
}

// TestSmallSite: against a real server, what 20 agents, viewers and monitoring systems do
// shows in every figure, and nothing is refused.
func TestSmallSite(t *testing.T) {
	f := measured(t, "-json -dotm "+dotm(t)+" -nodes 20 -connections 8 -interval 500ms -structure 20 -warm 500ms -duration 3s -viewers 10 -checks 400 -profile "+t.TempDir())
	if f.Nodes != 20 || f.Viewers != 10 || f.Connections == 0 || f.Reports < 50 || f.Marks == 0 {
		t.Errorf("too little happened: %+v", f)
	}
	if f.Refused+f.Errors+f.Asked+f.Resyncs+f.Reconnects != 0 {
		t.Errorf("something went wrong: %+v", f)
	}
	if f.WholePart < 2 || f.WholePart > 60 {
		t.Errorf("%g %% of the reports are whole", f.WholePart)
	}
	if f.Checks < 380 || f.Checks > 400 {
		t.Errorf("the sources tell %d checks of 400", f.Checks)
	}
	for name, v := range map[string]float64{
		"server CPU": f.ServerCPU, "RSS": float64(f.RSS), "heap": float64(f.Heap), "store": float64(f.Store), "p99": f.P99,
		"delay": f.Delay95, "stall": f.Stall, "files": float64(f.Files), "stream": f.StreamBytes, "chart": float64(f.ChartBytes),
	} {
		if v <= 0 {
			t.Errorf("%s is %g", name, v)
		}
	}
}

// TestColdStart: all begin at once, and the chart is complete when all were taken in.
func TestColdStart(t *testing.T) {
	f := measured(t, "-json -cold -dotm "+dotm(t)+" -nodes 20 -connections 8 -checks 0")
	if f.Nodes < 20 || f.Complete < f.Reporting || f.Reporting <= 0 || f.Refusal <= 0 {
		t.Errorf("%+v", f)
	}
}

// TestRecord: a recording has all reports of the time, and can be read again.
func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.dotmrec")
	if err := run(t.Context(), strings.Fields("-nodes 20 -connections 8 -interval 2s -duration 10s -record "+file), io.Discard); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := recording.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	reports := 0
	for {
		m, err := r.Next()
		for _, one := range m.Reports {
			if err := one.Report.Validate(one.At); err != nil {
				t.Error(err)
			}
			reports++
		}
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if reports < 90 || reports > 110 {
		t.Errorf("%d reports, want about 100", reports)
	}
}

func TestParseFlags(t *testing.T) {
	for _, tt := range []struct{ args, says string }{
		{"-nodes 2", "-nodes must be 3 or more"},
		{"-interval 1ms", "-interval must be 100ms or more"},
		{"-structure 101", "-structure must be 0 to 100"},
		{"-duration 1ms", "-duration must be 1s or more"},
		{"-viewers -1", "must be 0 or more"},
		{"-scale 1,x", "-scale must be numbers"},
	} {
		if _, err := parseFlags(strings.Fields(tt.args), io.Discard); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.says)
		}
	}
	o, err := parseFlags(strings.Fields("-scale 100,1000 -cold"), io.Discard)
	if err != nil || len(o.scale) != 2 || o.scale[1] != 1000 || !o.cold || o.interval != 10*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestDurations: quantiles are right to within a fiftieth.
func TestDurations(t *testing.T) {
	var d durations
	if d.quantile(.99) != 0 {
		t.Error("of none there is a quantile")
	}
	for i := 1; i <= 1000; i++ {
		d.add(time.Duration(i) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{.5: 500 * time.Millisecond, .99: 990 * time.Millisecond, 1: time.Second} {
		if got := d.quantile(q); got < want*98/100 || got > want*103/100 {
			t.Errorf("quantile %g is %s, want %s", q, got, want)
		}
	}
	if d.n() != 1000 || d.longest() != time.Second {
		t.Errorf("%d, the longest %s", d.n(), d.longest())
	}
	d.reset()
	if d.n() != 0 || d.longest() != 0 {
		t.Error("it remembers")
	}
}

// TestSights: each viewer sees a mark once, and marks of before don't count.
func TestSights(t *testing.T) {
	m := newMarks()
	m.made = 3
	at := time.Now()
	for n := 1; n <= 3; n++ {
		m.sent(n, at)
	}
	m.from = 2
	s := &sight{marks: m, been: map[int]bool{}}
	text := []byte(`{"process":"mark-1-"},{"process":"mark-2-"},"mark-","mark-x-"`)
	s.look(text, at.Add(time.Second))
	s.look(text, at.Add(2*time.Second))
	if m.delay.n() != 1 || m.delay.longest() != time.Second {
		t.Errorf("%d seen, after %s", m.delay.n(), m.delay.longest())
	}
	if n := m.unseen(at.Add(time.Minute)); n != 1 {
		t.Errorf("%d are unseen, want 1", n)
	}
}

// TestTable: a table has a line for each figure, and says how they grow.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := table(&out, []*figures{{Nodes: 100, RSS: 1 << 20}, {Nodes: 1000, RSS: 3 << 20}}); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"nodes 100 1000 ×10", "server_rss_bytes 1.0 MiB 3.0 MiB ×3 ≤ 1.5 GiB"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(text, "cold_") {
		t.Error("a figure that was not measured is in it")
	}
}

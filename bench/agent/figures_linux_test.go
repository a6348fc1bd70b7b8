package main

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		list []float64
		want float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1}, 5},
		{[]float64{3, 1, 100}, 3},
		{[]float64{4, 1, 3, 1000}, 3.5},
	} {
		before := len(tt.list)
		first := tt.list[0]
		if got := median(tt.list); got != tt.want {
			t.Errorf("median of %v is %v, not %v", tt.list, got, tt.want)
		}
		if len(tt.list) != before || tt.list[0] != first {
			t.Errorf("the list was changed to %v", tt.list)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("nothing has a median")
	}
	if got := mean([]float64{1, 2, 6}); got != 3 {
		t.Errorf("mean is %v", got)
	}
	if got := more([]float64{50, 40, 60}, []float64{60, 55, 5000}); math.Abs(got-20) > 1e-9 {
		t.Errorf("60 is %v %% more than 50", got)
	}
	if got := of([]time.Duration{time.Second, 1500 * time.Microsecond}, millis); got[0] != 1000 || got[1] != 1.5 {
		t.Errorf("in milliseconds: %v", got)
	}
}

func TestSeen(t *testing.T) {
	for _, tt := range []struct {
		f    shortFigures
		want float64
	}{
		{shortFigures{Kind: kindClient, Made: 200, Client: 200}, 100},
		{shortFigures{Kind: kindServer, Made: 200, Client: 1, Server: 150}, 75},
		{shortFigures{Kind: kindReset, Made: 200, Unknown: 200, Refused: 200}, 0},
		{shortFigures{Kind: kindRefused, Made: 200, Client: 200, Refused: 100}, 50},
	} {
		if got := tt.f.seen(); got != tt.want {
			t.Errorf("%+v: %v %% seen, want %v", tt.f, got, tt.want)
		}
	}
}

const sampleSockstat = `sockets: used 284
TCP: inuse 27 orphan 0 tw 23 alloc 31 mem 3
UDP: inuse 5 mem 2
FRAG: inuse 0 memory 0
`

func TestParseSockstat(t *testing.T) {
	inUse, timeWait, err := parseSockstat([]byte(sampleSockstat))
	if err != nil || inUse != 27 || timeWait != 23 {
		t.Errorf("got %d, %d, %v", inUse, timeWait, err)
	}
	for text, want := range map[string]string{
		"":                                     "no line of TCP",
		"UDP: inuse 5 tw 3\n":                  "no line of TCP",
		"TCP: inuse 27\n":                      `no count "tw"`,
		"TCP: inuse 27 tw\n":                   `no count "tw"`,
		"TCP: inuse many tw 5\n":               `"inuse" is "many"`,
		"TCP: inuse 99999999999999999999 tw 1": `"inuse" is "9`,
	} {
		if _, _, err := parseSockstat([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}

func FuzzParseSockstat(f *testing.F) {
	f.Add([]byte(sampleSockstat))
	f.Add([]byte("TCP: inuse"))
	f.Fuzz(func(t *testing.T, text []byte) {
		inUse, timeWait, err := parseSockstat(text)
		if inUse < 0 || timeWait < 0 || err != nil && (inUse != 0 || timeWait != 0) {
			t.Errorf("got %d, %d, %v", inUse, timeWait, err)
		}
	})
}

const sampleStatus = "Name:\tss\nVmPeak:\t   12020 kB\nVmHWM:\t    5784 kB\nVmRSS:\t    5632 kB\nThreads:\t1\n"

func TestParseMemory(t *testing.T) {
	got, err := parseMemory([]byte(sampleStatus), "VmHWM")
	if err != nil || got != 5784<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	for text, want := range map[string]string{
		"Name:\tkthreadd\n":                "no line VmHWM",
		"VmHWM:\t5784 MB\n":                "no size in kB",
		"VmHWM:\tmuch kB\n":                "no size in kB",
		"VmHWM:\t-1 kB\n":                  "no size in kB",
		"VmHWM:\t9223372036854775807 kB\n": "no size in kB",
		"VmHWM:\n":                         "no size in kB",
	} {
		if _, err := parseMemory([]byte(text), "VmHWM"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}

func FuzzParseMemory(f *testing.F) {
	f.Add([]byte(sampleStatus), "VmRSS")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		if n, err := parseMemory(text, name); err == nil && n < 0 {
			t.Errorf("%d bytes", n)
		}
	})
}

// TestThisProcess: the kernel of this machine writes what the parsers read.
func TestThisProcess(t *testing.T) {
	rss, err := memoryOf("self", "VmRSS")
	must(t, err)
	peak, err := memoryOf("self", "VmHWM")
	must(t, err)
	if rss < 1<<20 || peak < 1<<20 {
		t.Errorf("resident %d, at most %d", rss, peak)
	}
	if _, err := memoryOf("no such process", "VmRSS"); !os.IsNotExist(err) {
		t.Errorf("of no process: %v", err)
	}
	if inUse, timeWait, err := sockstat(); err != nil || inUse < 0 || timeWait < 0 {
		t.Errorf("sockstat: %d, %d, %v", inUse, timeWait, err)
	}
	h := readHost(time.Now())
	if h.Kernel == "" || h.Machine == "" || h.Processors < 1 || !strings.HasPrefix(h.Go, "go") || h.LoadAverage == "" {
		t.Errorf("this host: %+v", h)
	}
}

package edge

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRound2(t *testing.T) {
	for v, want := range map[float64]uint64{
		0: 0, .4: 0, .5: 1, 9.4: 9, 99: 99, 99.4: 99, 99.5: 100, 100: 100, 104.9: 100, 105: 110, 994: 990, 995: 1000,
		999: 1000, 1000: 1000, 1049: 1000, 1050: 1100, 1051: 1100, 12_345: 12_000, 999_999: 1_000_000, 1e15: 1e15, 1.26e18: 1_300_000_000_000_000_000,
	} {
		if got := round2(v); got != want {
			t.Errorf("%v became %d, want %d", v, got, want)
		}
	}
}

// TestRound2Anything: what is rounded has two digits, is near, and stays as it
// is when it is rounded again.
func TestRound2Anything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(0, 1e18).Draw(t, "v")
		got := round2(v)
		if again := round2(float64(got)); again != got {
			t.Fatalf("%v became %d, and that %d", v, got, again)
		}
		if off := math.Abs(float64(got) - v); off > max(.5, v/20) {
			t.Fatalf("%v became %d", v, got)
		}
		for n := got; n > 0; n /= 10 {
			if n < 100 {
				break
			}
			if n%10 != 0 {
				t.Fatalf("%v became %d, which has more than two digits", v, got)
			}
		}
	})
}

func TestSinceWhen(t *testing.T) {
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }
	for _, tt := range []struct {
		name   string
		count  int
		ms     int64
		before time.Time
		want   time.Time
	}{
		{"none", 0, 5000, at(-5), time.Time{}},
		{"new", 1, 5000, time.Time{}, at(-5)},
		{"to the second", 1, 5400, time.Time{}, at(-5)},
		{"to the next second", 1, 5600, time.Time{}, at(-6)},
		{"the same", 1, 5000, at(-5), at(-5)},
		{"a little later", 1, 5000, at(-10), at(-10)},
		{"a little earlier", 1, 10_000, at(-5), at(-5)},
		{"later", 1, 5000, at(-11), at(-5)},
		{"earlier", 1, 11_000, at(-5), at(-11)},
		{"just now", 1, 0, time.Time{}, noon},
	} {
		if got := sinceWhen(tt.count, tt.ms, tt.before, noon); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestRates: without a report before, or with one that the clock puts later,
// there is no rate.
func TestRates(t *testing.T) {
	m := Measured{End: "client", Health: report.Health{Sent: 1000, Received: 50}}
	for since, want := range map[time.Duration][2]uint64{
		0: {0, 0}, -time.Second: {0, 0}, time.Second: {1000, 50}, 10 * time.Second: {100, 5}, 500 * time.Millisecond: {2000, 100},
	} {
		h := m.Judge(nil, noon, since)
		if h.Sent != want[0] || h.Received != want[1] {
			t.Errorf("after %v: sent %d, received %d, want %v", since, h.Sent, h.Received, want)
		}
		m.End = "server"
		if turned := m.Judge(nil, noon, since); turned.Sent != h.Received || turned.Received != h.Sent || turned.End != "server" {
			t.Errorf("after %v: the server's word is %+v, the client's %+v", since, turned, h)
		}
		m.End = "client"
	}
}

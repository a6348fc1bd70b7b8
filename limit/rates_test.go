package limit

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// clock stands where it is put.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) add(d time.Duration) { c.Time = c.Add(d) }

func TestRates(t *testing.T) {
	c := &clock{noon}
	r := NewRates[string](10, 50, c.now)
	for i := range 50 {
		if wait := r.Take("a"); wait != 0 {
			t.Fatalf("request %d of a burst waits %s", i, wait)
		}
	}
	if wait := r.Take("a"); wait != 100*time.Millisecond {
		t.Errorf("beyond the burst: %s", wait)
	}
	if wait := r.Take("b"); wait != 0 {
		t.Errorf("another waits %s", wait)
	}
	c.add(100 * time.Millisecond)
	if wait := r.Take("a"); wait != 0 {
		t.Errorf("after the wait that was told: %s", wait)
	}
	if wait := r.Take("a"); wait == 0 {
		t.Error("one too many")
	}
	c.add(-time.Hour) // a clock that steps back holds nobody up for an hour more than it must
	if wait := r.Take("a"); wait == 0 {
		t.Error("a step back gives more than there is")
	}
	if r.Refused() != 3 {
		t.Errorf("%d refused", r.Refused())
	}
}

// Whatever comes when, nobody gets more than a burst and its rate, and who stays
// below the rate always gets what it asks for.
func TestRatesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond, burst := rapid.IntRange(1, 50).Draw(t, "rate"), rapid.IntRange(1, 50).Draw(t, "burst")
		c := &clock{noon}
		r := NewRates[int](perSecond, burst, c.now)
		taken := 0
		for _, ms := range rapid.SliceOf(rapid.IntRange(0, 200)).Draw(t, "pauses") {
			c.add(time.Duration(ms) * time.Millisecond)
			wait := r.Take(1)
			if wait == 0 {
				taken++
				continue
			}
			c.add(wait)
			if again := r.Take(1); again != 0 {
				t.Fatalf("waited %s, and waits %s more", wait, again)
			}
			taken++
		}
		if most := float64(burst) + c.Sub(noon).Seconds()*float64(perSecond); float64(taken) > most+1 {
			t.Fatalf("%d in %s", taken, c.Sub(noon))
		}
	})
}

// Very many addresses take no more memory than there is for them, and share what
// one may.
func TestRatesOfMany(t *testing.T) {
	c := &clock{noon}
	r := NewRates[int](1, 5, c.now)
	for i := range maxKeys + 5 {
		if wait := r.Take(i); wait != 0 {
			t.Fatalf("%d waits %s", i, wait)
		}
	}
	if wait := r.Take(-1); wait == 0 {
		t.Error("an address that finds no room is not counted")
	}
	if len(r.used) != maxKeys {
		t.Errorf("%d are remembered", len(r.used))
	}
	c.add(time.Minute)
	if wait := r.Take(-1); wait != 0 || len(r.used) != 1 {
		t.Errorf("a minute later: waits %s, %d are remembered", wait, len(r.used))
	}
}

func TestNoRate(t *testing.T) {
	var none *Rates[int]
	r := NewRates[int](0, 0, time.Now)
	for range 10_000 {
		if r.Take(1) != 0 || none.Take(1) != 0 {
			t.Fatal("no bound bounds")
		}
	}
}

func TestOf(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "2001:db8:1:2:3::4": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := Of(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if Of(netip.Addr{}).IsValid() {
		t.Error("no address is one")
	}
}

func TestSettings(t *testing.T) {
	d := Defaults()
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	none, few := 0, 3
	s := (&Patch{Streams: &none, PerAddress: &few}).Apply(d)
	if s.Streams != 0 || s.Requests != d.Requests {
		t.Errorf("%+v", s)
	}
	if err := s.Validate(); err == nil || err.Error() != "connections_per_address must be 8 to 1000000, or 0 for no limit, is 3" {
		t.Error(err)
	}
	for wait, want := range map[time.Duration]int{0: 1, time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := Seconds(wait); got != want {
			t.Errorf("%s: %d", wait, got)
		}
	}
}

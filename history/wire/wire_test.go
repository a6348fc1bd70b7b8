package wire

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// read makes a decoder of what an encoder wrote.
func read(e *encoder) *decoder {
	d := &decoder{}
	d.begin(string(e.buf), noon)
	return d
}

func TestNumbers(t *testing.T) {
	e := newEncoder(noon)
	uints := []uint64{0, 1, 127, 128, 1 << 14, 1<<32 - 1, 1 << 63, math.MaxUint64}
	ints := []int64{0, 1, -1, 63, -64, 64, -65, math.MaxInt64, math.MinInt64}
	floats := []float64{0, 0.1, -1e300, math.Inf(1), math.SmallestNonzeroFloat64}
	for _, v := range uints {
		e.uint(v)
	}
	for _, v := range ints {
		e.int(v)
	}
	for _, v := range floats {
		e.float(v)
	}
	d := read(e)
	for _, want := range uints {
		if got := d.uint(); got != want {
			t.Errorf("%d is read as %d", want, got)
		}
	}
	for _, want := range ints {
		if got := d.int(); got != want {
			t.Errorf("%d is read as %d", want, got)
		}
	}
	for _, want := range floats {
		if got := d.float(); got != want {
			t.Errorf("%v is read as %v", want, got)
		}
	}
	if d.err != nil || d.pos != len(d.text) {
		t.Errorf("after all of it: %v, at %d of %d", d.err, d.pos, len(d.text))
	}
}

func TestTimes(t *testing.T) {
	e := newEncoder(noon)
	times := []time.Time{
		{},
		noon, noon.Add(time.Millisecond), noon.Add(-time.Millisecond), noon.AddDate(-40, 0, 0), noon.AddDate(100, 0, 0),
		time.Unix(0, 0).UTC(), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	for _, at := range times {
		e.time(at)
	}
	e.time(noon.Add(time.Microsecond)) // finer than is kept
	e.time(noon.In(time.FixedZone("", 3600)))
	d := read(e)
	for _, want := range append(times, noon, noon) {
		if got := d.time(); !got.Equal(want) || got.IsZero() != want.IsZero() || got.Location() != time.UTC {
			t.Errorf("%s is read as %s", want, got)
		}
	}
}

func TestStrings(t *testing.T) {
	e := newEncoder(noon)
	texts := []string{"nginx", "", "nginx", strings.Repeat("long", 100), "", "nginx\x00", "nginx"}
	for _, s := range texts {
		e.string(s)
	}
	if want := 6 + 1 + 1 + 402 + 1 + 7 + 1; len(e.buf) != want { // each text once
		t.Errorf("they take %d bytes, want %d", len(e.buf), want)
	}
	d := read(e)
	for _, want := range texts {
		if got := d.string(); got != want {
			t.Errorf("%q is read as %q", want, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	e := newEncoder(noon)
	lists := [][]netip.Addr{nil, {netip.IPv4Unspecified(), netip.IPv6Unspecified()}, {netip.MustParseAddr("fe80::1%eth0"), {}, netip.MustParseAddr("::ffff:10.0.0.1")}}
	for _, list := range lists {
		e.addrs(list)
	}
	d := read(e)
	for _, want := range lists {
		got := d.addrs()
		if len(got) != len(want) {
			t.Fatalf("%v is read as %v", want, got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v is read as %v", want[i], got[i])
			}
		}
	}
}

// TestWireRefuses: the first error stays, and after it everything is empty.
func TestWireRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		read       func(d *decoder)
	}{
		{"no number", "", func(d *decoder) { d.uint() }},
		{"half a number", "\xff\xff", func(d *decoder) { d.uint() }},
		{"an endless number", strings.Repeat("\xff", 11) + "\x01", func(d *decoder) { d.uint() }},
		{"no byte", "", func(d *decoder) { d.byte() }},
		{"half a float", "1234567", func(d *decoder) { d.float() }},
		{"half a text", "\x0babc", func(d *decoder) { d.string() }},
		{"a text of all memory", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", func(d *decoder) { d.string() }},
		{"a text that is none before", "\x02", func(d *decoder) { d.string() }},
		{"a reference for a name", "\x02", func(d *decoder) { d.id() }},
		{"more items than bytes", "\x05abcd", func(d *decoder) { d.count(1) }},
		{"more items than fit", "\x03abcd", func(d *decoder) { d.count(2) }},
		{"an address of three bytes", "\x01\x07abc", func(d *decoder) { d.addrs() }},
	} {
		d := &decoder{}
		d.begin(tt.text, noon)
		tt.read(d)
		if !errors.Is(d.err, ErrCut) {
			t.Errorf("%s: error is %v", tt.name, d.err)
		}
		first := d.err
		if d.uint() != 0 || d.string() != "" || d.byte() != 0 || d.count(1) != 0 || !d.time().IsZero() || d.addrs() != nil || !errors.Is(d.err, first) {
			t.Errorf("%s: it reads on", tt.name)
		}
	}
}

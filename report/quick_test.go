package report

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// asJSON is how a beat travels, unpacked.
func asJSON(t testing.TB, b *Beat) []byte {
	t.Helper()
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, '\n')
}

// TestQuickTakesOurs: what our agents write needs no other decoder, and says the same
// with it.
func TestQuickTakesOurs(t *testing.T) {
	b := beat()
	raw := asJSON(t, b)
	got, ok := quickBeat(raw)
	if !ok {
		t.Fatalf("it is not taken: %s", raw)
	}
	want, err := decodeBeat(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v (%v)", got, want, err)
	}
}

// TestQuickRefuses what encoding/json reads in another way, or not at all.
func TestQuickRefuses(t *testing.T) {
	b := beat()
	good := string(asJSON(t, b))
	for _, change := range [][2]string{
		{`"sequence":43`, `"sequence": 43`},
		{`"sequence":43`, `"sequence":043`},
		{`"sequence":43`, `"sequence":-43`},
		{`"sequence":43`, `"sequence":4.3e1`},
		{`"sequence":43`, `"sequence":null`},
		{`"sequence":43`, `"Sequence":43`},
		{`"sequence":43`, `"sequence":43,"sequence":44`},
		{`"sequence":43`, `"sequence":18446744073709551616`},
		{`"sequence":43`, `"more":1,"sequence":43`},
		{`"row":0`, `"row":9223372036854775808`},
		{`"queue":1`, `"queue":4294967296`},
		{`"policy":"`, `"policy":"\u0041`},
		{`"policy":"`, `"policy":"é`},
		{`"policy":"`, "\"policy\":\"\x7f"},
		{`"at":"`, `"at":"x`},
		{`{"row":2,"pid"`, `[{"row":2,"pid"`},
		{"}\n", "}}\n"},
		{"}\n", "},\n"},
		{"}\n", "}\n\n"},
		{"}\n", ""},
		{`"connections":[`, `"connections":[,`},
		{`"tuples":[1,2]`, `"tuples":[1,2,]`},
		{`"tuples":[1,2]`, `"tuples":[1 ,2]`},
	} {
		raw := strings.Replace(good, change[0], change[1], 1)
		if raw == good && change[0] != `{"row":2,"pid"` {
			t.Fatalf("%q is not in %s", change[0], good)
		}
		if _, ok := quickBeat([]byte(raw)); ok && raw != good {
			t.Errorf("%s instead of %s is taken", change[1], change[0])
		}
	}
}

// sameReport is sameAsJSON for whole reports.
func sameReport(t rapid.TB, raw []byte) (taken bool) {
	t.Helper()
	got, ok := quickReport(raw)
	if !ok {
		return false
	}
	want, err := decodeReport(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\ngot %+v\nwant %+v (%v)", raw, got, want, err)
	}
	return true
}

// plainReport is a report without what the quick decoder leaves to the other.
func plainReport() *Report {
	r := full()
	for i := range r.Notes {
		r.Notes[i].Text, r.Notes[i].Hint = "seen", "look"
	}
	for i := range r.Connections {
		r.Connections[i].Process = "nginx"
	}
	return r
}

// TestQuickReport: a whole report as our agents write it is taken, and reads the same;
// changed anywhere, it reads the same, or isn't taken.
func TestQuickReport(t *testing.T) {
	good, err := json.Marshal(plainReport())
	if err != nil {
		t.Fatal(err)
	}
	if !sameReport(t, good) {
		t.Fatalf("it is not taken: %s", good)
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := bytes.Clone(good)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			i := rapid.IntRange(0, len(raw)-1).Draw(t, "where")
			raw[i] = rapid.SampledFrom([]byte(`{}[],:"0123456789 \ax-.e`)).Draw(t, "what")
		}
		sameReport(t, raw)
	})
}

// sameAsJSON fails if the quick decoder takes what encoding/json doesn't, or reads it in
// another way.
func sameAsJSON(t rapid.TB, raw []byte) (taken bool) {
	t.Helper()
	got, ok := quickBeat(raw)
	if !ok {
		return false
	}
	want, err := decodeBeat(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\ngot %+v\nwant %+v (%v)", raw, got, want, err)
	}
	return true
}

// TestQuickIsRight: of any beat, written by us and then changed anywhere, the quick
// decoder says what encoding/json says, or nothing.
func TestQuickIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := beat()
		b.At = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		b.Sequence = rapid.Uint64().Draw(t, "sequence")
		b.Connections = rapid.SliceOfN(rapid.Make[ConnectionNumbers](), 0, 5).Draw(t, "connections")
		b.Cost = rapid.Make[Cost]().Draw(t, "cost")
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		sameAsJSON(t, raw)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			i := rapid.IntRange(0, len(raw)-1).Draw(t, "where")
			raw[i] = rapid.SampledFrom([]byte(`{}[],:"0123456789 \ax-.e`)).Draw(t, "what")
		}
		sameAsJSON(t, raw)
	})
}

// FuzzQuick is [TestQuickIsRight] for any bytes.
func FuzzQuick(f *testing.F) {
	b := beat()
	f.Add(asJSON(f, b))
	f.Add([]byte(`{}`))
	whole, err := json.Marshal(plainReport())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, raw []byte) {
		sameAsJSON(t, raw)
		sameReport(t, raw)
	})
}

// BenchmarkBeat decodes a beat of 20 rows with both decoders.
func BenchmarkBeat(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	told := beat()
	told.Connections = nil
	for i := range 20 {
		told.Connections = append(told.Connections, ConnectionNumbers{
			Row: i, PID: 4000 + i, Count: 4, Opened: 2, Tuples: []uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()},
			Health: &Health{Measured: 4, RTT: 300, RTTVar: 80, Segments: 900, Sent: r.Uint64N(1e6), Received: r.Uint64N(1e7)},
		})
	}
	raw := asJSON(b, told)
	for name, decode := range map[string]func([]byte){
		"quick": func(raw []byte) {
			if _, ok := quickBeat(raw); !ok {
				b.Fatal("it is not taken")
			}
		},
		"json": func(raw []byte) {
			if _, err := decodeBeat(raw); err != nil {
				b.Fatal(err)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				decode(raw)
			}
		})
	}
}

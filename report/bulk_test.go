package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestDecodeEntries hands over lists of next to nothing: few bytes, but as many
// rows as fit. What they would take in memory must not be taken.
func TestDecodeEntries(t *testing.T) {
	for _, c := range []struct{ name, before, each, after string }{
		{"empty rows", `{"connections":[`, "{}", "]}"},
		{"nulls", `{"connections":[`, "null", "]}"},
		{"numbers", `{"connections":[`, "1", "]}"},
		{"another spelling", `{"CONNECTIONS":[`, "{}", "]}"},
		{"an escaped name", `{"\u0063onnections":[`, "{}", "]}"},
		{"listeners", `{"listeners":[`, "{}", "]}"},
		{"a list again and again", `{"listeners":[{}]`, `,"listeners":[{}]`, "}"},
		{"addresses", `{"interfaces":[{"addresses":[`, `""`, "]}]}"},
		{"tuples", `{"connections":[{"tuples":[`, "1", "]}]}"},
		{"quotes", `{"notes":[{"text":"\"","hint":"\\"}],"connections":[`, "{}", "]}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sep := ","
			if strings.HasPrefix(c.each, ",") {
				sep = ""
			}
			n := (MaxBytes - len(c.before) - len(c.after)) / (len(c.each) + len(sep))
			body := c.before + strings.Repeat(c.each+sep, n-1) + c.each + c.after
			for kind, decode := range map[string]func() error{
				"report": func() error { _, err := Decode(strings.NewReader(body)); return err },
				"beat":   func() error { _, err := DecodeBeat(strings.NewReader(body)); return err },
			} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := decode()
				runtime.ReadMemStats(&after)
				var field *FieldError
				if !errors.As(err, &field) || !strings.Contains(field.Rule, "entries") {
					t.Errorf("%s: %v", kind, err)
				}
				if used := after.TotalAlloc - before.TotalAlloc; used > 10*MaxBytes {
					t.Errorf("%s: allocated %d MiB for a body of %d", kind, used>>20, MaxBytes>>20)
				}
			}
		})
	}
}

// A report that keeps every limit is no bulk.
func TestBulkOfFull(t *testing.T) {
	var rows bytes.Buffer
	for i := range MaxRows / 2 {
		fmt.Fprintf(&rows, `{"port":%d},`, i%65536)
	}
	body := `{"listeners":[` + strings.TrimSuffix(rows.String(), ",") + `],"connections":[` + strings.TrimSuffix(rows.String(), ",") + `]}`
	if len(body) > MaxBytes {
		t.Fatal("too long to be decoded")
	}
	r, err := Decode(strings.NewReader(body))
	if err != nil || len(r.Listeners)+len(r.Connections) != MaxRows {
		t.Error(err)
	}
}

func TestDecodeDeep(t *testing.T) {
	_, err := Decode(strings.NewReader(`{"future":` + strings.Repeat(`[{"a":`, 100_000) + "0" + strings.Repeat("}]", 100_000) + "}"))
	var field *FieldError
	if !errors.As(err, &field) || !strings.Contains(field.Error(), "deep") {
		t.Errorf("%v", err)
	}
}

// checkBulk counts as a decoder does, whatever the JSON is.
func TestBulkCounts(t *testing.T) {
	var value func(depth int) *rapid.Generator[anything]
	value = func(depth int) *rapid.Generator[anything] {
		return rapid.Custom(func(t *rapid.T) anything {
			switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
			case kind == 0 && depth < 5:
				return rapid.SliceOfN(value(depth+1), 0, 5).Draw(t, "list")
			case kind == 1 && depth < 5:
				return rapid.MapOfN(rapid.String(), value(depth+1), 0, 5).Draw(t, "object")
			case kind == 2:
				return rapid.Int().Draw(t, "number")
			case kind == 3:
				return nil
			}
			return rapid.String().Draw(t, "text")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(map[string]anything{"x": value(1).Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		var b bulk
		if err := b.add(raw); err != nil {
			t.Fatal(err)
		}
		var back anything
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		entries, inner := counted(back, 1)
		if b.entries != entries || b.inner != inner {
			t.Fatalf("%s: %d and %d, counted %d and %d", raw, b.entries, b.inner, entries, inner)
		}
	})
}

type anything = any

// counted is how many entries there are in lists of the report itself, and in
// others. An empty list counts as one.
func counted(v anything, depth int) (entries, inner int) {
	add := func(v anything) {
		e, i := counted(v, depth+1)
		entries, inner = entries+e, inner+i
	}
	switch v := v.(type) {
	case []anything:
		n := max(len(v), 1)
		if depth <= 2 {
			entries += n
		} else {
			inner += n
		}
		for _, x := range v {
			add(x)
		}
	case map[string]anything:
		for _, x := range v {
			add(x)
		}
	}
	return entries, inner
}

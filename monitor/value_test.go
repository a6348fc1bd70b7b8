package monitor

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

// streamed are the fields or elements of a value as those of an answer would be read.
func streamed(v Value, list bool) (text string, failed bool) {
	in := &JSON{buf: v, keep: -1, err: io.EOF}
	if list {
		err := in.each('[', ']', func() error {
			one, err := in.raw()
			text += string(one) + "|"
			return err
		})
		return text, err != nil
	}
	err := in.each('{', '}', func() error {
		k, err := in.key()
		if err != nil {
			return err
		}
		name := string(k)
		if err := in.take(':'); err != nil {
			return err
		}
		one, err := in.raw()
		if err == nil {
			text += name[1:len(name)-1] + "=" + string(one) + "|"
		}
		return err
	})
	return text, err != nil
}

// FuzzValue: what is in memory is read as what is still to come.
func FuzzValue(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":{"c":[1,2,{"d":null}]} , "e":"x\"y"}`, `[1,"two",{"a":[]},[],null]`, "null", "nul", `{`, `{"a"`, `{"a":`, `{"a":}`, `{"a":1,}`, `{,}`,
		`[1`, `[,]`, `[1,]`, ` [ 1 , 2 ] `, `{"a":1 "b":2}`, `{1:2}`, `"x"`, ``, ` `, `[[}`, `[1]2`, `{"a\\":"\\"}`, `["\`, "[" + strings.Repeat("9", 101) + "]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := Value(raw)
		got := ""
		err := v.Elements(func(one Value) error { got += string(one) + "|"; return nil })
		if want, failed := streamed(v, true); failed != (err != nil) || !failed && got != want {
			t.Errorf("elements of %q are %q, %v; want %q, failed %v", raw, got, err, want, failed)
		}
		got = ""
		err = v.Fields(func(name []byte, one Value) error { got += string(name) + "=" + string(one) + "|"; return nil })
		if want, failed := streamed(v, false); failed != (err != nil) || !failed && got != want {
			t.Errorf("fields of %q are %q, %v; want %q, failed %v", raw, got, err, want, failed)
		}
		f, err := v.Float()
		if want, bad := strconv.ParseFloat(string(v), 64); err == nil && string(v) != "null" && (bad != nil || math.Float64bits(f) != math.Float64bits(want)) {
			t.Errorf("%q is read as %v, want %v, %v", raw, f, want, bad)
		}
	})
}

func TestFloat(t *testing.T) {
	for _, s := range []string{"0", "1", "-1", "1.5", "1795368608.445123", "0.1", "123456789012345", "1234567890123456", "99999999999999.9", "0.00000000000001", "1e3", "1E-400", "1.25e2", "00012", "4.35", "2.675"} {
		want, _ := strconv.ParseFloat(s, 64)
		if got, err := Value(s).Float(); got != want && err == nil || err != nil && s != "1E-400" {
			t.Errorf("%s is %v, want %v, %v", s, got, want, err)
		}
	}
	for _, s := range []string{"", ".", "1.", ".5", "x", "1.2.3", "1,5", "--1"} {
		if got, err := Value(s).Float(); err == nil {
			if _, bad := strconv.ParseFloat(s, 64); bad != nil {
				t.Errorf("%q is %v", s, got)
			}
		}
	}
}

func TestTexts(t *testing.T) {
	var none *Texts
	if got, err := none.Text(Value(`"a"`)); got != "a" || err != nil {
		t.Errorf("without a memory: %q, %v", got, err)
	}
	texts := &Texts{}
	for i := range 5 {
		texts.Turn()
		for k := range 10 {
			said := fmt.Sprint("text ", k)
			if k == 0 {
				said = fmt.Sprint("text of turn ", i)
			}
			for _, v := range []string{strconv.Quote(said), `"\u0074` + said[1:] + `"`} {
				if got, err := texts.Text(Value(v)); got != said || err != nil {
					t.Fatalf("%s is %q, %v", v, got, err)
				}
			}
		}
		if len(texts.now) != 10 {
			t.Errorf("turn %d: it remembers %d texts", i, len(texts.now))
		}
	}
	known := Value(`"text 7"`)
	if allocs := testing.AllocsPerRun(10, func() { _, _ = texts.Text(known) }); allocs > 0 {
		t.Errorf("a known text costs %v allocations", allocs)
	}
}

package monitor

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// walk reads {"list": [{"n": 1}…], …} and sums up.
func walk(r io.Reader) (sum int, keys []string, err error) {
	j := NewJSON(r)
	err = j.Object(func(key string) error {
		keys = append(keys, key)
		if key != "list" {
			return j.Skip()
		}
		return j.Array(func() error {
			var v struct{ N int }
			err := j.Decode(&v)
			sum += v.N
			return err
		})
	})
	return sum, keys, err
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		sum      int
		keys     string
		reason   Reason
	}{
		{"all", `{"a":{"b":[1,{"c":null}]},"list":[{"n":1},{"n":2,"x":[]}],"z":1.5}`, 3, "a list z", ""},
		{"duplicate keys", `{"list":[{"n":1}],"list":[{"n":2}]}`, 3, "list list", ""},
		{"null is empty", `{"list":null}`, 0, "list", ""},
		{"null at all", `null`, 0, "", ""},
		{"no object", `[1]`, 0, "", NotIt},
		{"no list", `{"list":{}}`, 0, "list", NotIt},
		{"wrong type", `{"list":[{"n":"x"}]}`, 0, "list", NotIt},
		{"ends in the middle", `{"list":[{"n":1},`, 1, "list", NotIt},
		{"ends in a string", `{"list":[{"n":1},{"a`, 1, "list", NotIt},
		{"ends in what is left out", `{"a":[[`, 0, "a", NotIt},
		{"text", "hello", 0, "", NotIt},
		{"raw control characters", "{\"list\":[{\"x\":\"a\tb\"}]}", 0, "list", NotIt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sum, keys, err := walk(strings.NewReader(tt.in))
			if sum != tt.sum || strings.Join(keys, " ") != tt.keys || ReasonOf(err) != tt.reason || (tt.reason == "") != (err == nil) {
				t.Errorf("%d, %v, %v", sum, keys, err)
			}
		})
	}
}

func TestJSONOfNothing(t *testing.T) {
	for _, in := range []string{"", "\n", "  \n "} {
		if _, _, err := walk(strings.NewReader(in)); err != io.EOF {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// endless is what a server sends that never stops.
type endless struct {
	r    io.Reader
	sent int
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.r.Read(p); err == nil {
		return n, nil
	}
	for i := range p {
		p[i] = 'a'
	}
	e.sent += len(p)
	return len(p), nil
}

// An element that never ends is given up after a few MiB; many small ones, or much
// that is left out, are not.
func TestJSONHoldsNoMoreThanAnElement(t *testing.T) {
	for _, start := range []string{`{"`, `{"list":[{"x":"`, `{"list":[`, `{"a":"`} {
		e := &endless{r: strings.NewReader(start)}
		_, _, err := walk(io.LimitReader(e, 8*maxElement))
		want, most := TooLarge, 2*maxElement
		switch start {
		case `{"list":[`: // no JSON, as is soon seen
			want, most = NotIt, 1<<20
		case `{"a":"`: // is left out, up to the end
			want, most = NotIt, 8*maxElement
		}
		if ReasonOf(err) != want || e.sent > most {
			t.Errorf("%s: %v, after %d bytes", start, err, e.sent)
		}
	}
	const n = maxElement / 1000
	long := strings.Repeat("x", 1000)
	many := `{"a":[` + strings.Repeat(`"`+long+`",`, n) + `0],"list":[` + strings.Repeat(`{"n":1,"x":"`+long+`"},`, n) + `{}]}`
	if sum, _, err := walk(strings.NewReader(many)); err != nil || sum != n {
		t.Errorf("%d elements: %v", sum, err)
	}
}

func TestJSONGivesTheReadersError(t *testing.T) {
	want := &Error{Reason: TooSlow, Text: "slow"}
	_, _, err := walk(io.MultiReader(strings.NewReader(`{"list":[`), failing{want}))
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestJSONFields(t *testing.T) {
	const text = `[ {"name":"a\"b","n":42,"neg":-7,"yes":true,"no":false,"null":null,"list":[1,{"n":2}],"empty":""}, null, {} ]`
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
		t.Run(name, func(t *testing.T) {
			var got []string
			j := NewJSON(r)
			err := j.Array(func() error {
				return j.Fields(func(name []byte, v Value) error {
					got = append(got, string(name)+"="+string(v))
					return nil
				})
			})
			want := `name="a\"b" n=42 neg=-7 yes=true no=false null=null list=[1,{"n":2}] empty=""`
			if s := strings.Join(got, " "); err != nil || s != want {
				t.Errorf("got %s, %v", s, err)
			}
		})
	}
	for _, text := range []string{`[]`, `"x"`, `{"a":1`, `{"a"}`, `{a:1}`, `{"a":}`, `{"a":1,,}`, ``, `nul`} {
		if err := NewJSON(strings.NewReader(text)).Fields(func([]byte, Value) error { return nil }); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	want := errors.New("mine")
	err := NewJSON(strings.NewReader(`{"a":1}`)).Fields(func([]byte, Value) error { return want })
	if ReasonOf(err) != NotIt || !strings.Contains(err.Error(), "mine") {
		t.Errorf("a field that is wrong: %v", err)
	}
}

func TestJSONValues(t *testing.T) {
	for in, want := range map[string]string{`"a"`: "a", `""`: "", `"a\u00e4\n"`: "aä\n", `null`: "", `"ä"`: "ä"} {
		if got, err := Value(in).Text(); got != want || err != nil {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]int64{"0": 0, "42": 42, "-7": -7, "9223372036854775807": 1<<63 - 1, "1795368772000": 1795368772000} {
		if got, err := Value(in).Int(); got != want || err != nil {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for in, want := range map[string]bool{"true": true, "false": false} {
		if got, err := Value(in).Bool(); got != want || err != nil {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "{}", "1.5", `"1"`, "x", "9223372036854775808", "nul"} {
		_, errText := Value(strings.Trim(in, `"`)).Text()
		_, errInt := Value(in).Int()
		_, errBool := Value(in).Bool()
		if errText == nil || errInt == nil || errBool == nil {
			t.Errorf("%q is a text (%v), a number (%v) or a boolean (%v)", in, errText, errInt, errBool)
		}
	}
}

// What encoding/json takes is taken, with the same outcome, however it comes; what
// is decoded is nothing that encoding/json refuses.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":{"b":[1,{"c":null}]},"list":[{"n":1},{"n":2,"x":[]}],"z":1.5e+3}`, `[]`, `"\\\""`, `-1`, ` null `, `{"":"\u0000"}`, `[1 2]`, `{"a" 1}`, `tru`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want, got, slow any
		valid := json.Unmarshal([]byte(text), &want)
		err := NewJSON(strings.NewReader(text)).Decode(&got)
		again := NewJSON(iotest.OneByteReader(strings.NewReader(text))).Decode(&slow)
		if (err == nil) != (again == nil) || !reflect.DeepEqual(got, slow) {
			t.Errorf("at once %v (%v), byte by byte %v (%v)", got, err, slow, again)
		}
		if valid == nil && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("got %v (%v), want %v", got, err, want)
		}
		if valid == nil && NewJSON(strings.NewReader(text)).Skip() != nil {
			t.Error("it can't be left out")
		}
		_, _, _ = walk(strings.NewReader(text))
	})
}

// A list within a value, element by element.
func TestElements(t *testing.T) {
	for in, want := range map[string]string{
		`[1, "a" ,{"b":[2]},[]]`: `1|"a"|{"b":[2]}|[]|`, `[]`: "", ` [ ] `: "", `null`: "", `[1,]`: "1|fails", `{"a":1}`: "fails", `[1 2]`: "1|fails", `"x"`: "fails", ``: "fails", `[1`: "1|fails",
	} {
		got := ""
		err := Value(in).Elements(func(v Value) error { got += string(v) + "|"; return nil })
		if err != nil {
			got += "fails"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	stop := errors.New("stop")
	if err := Value(`[1,2]`).Elements(func(Value) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

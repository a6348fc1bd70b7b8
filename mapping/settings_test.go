package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCompileRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxText+1)
	many := make(map[string]string, MaxAliases+1)
	for i := range MaxAliases + 1 {
		many[fmt.Sprint(i)] = "web1"
	}
	for _, tt := range []struct {
		name     string
		settings Settings
		field    string
		says     string
	}{
		{"bad check", Settings{Rules: []Rule{{Check: "ok", Process: "x"}, {Check: "a(b", Process: "x"}}}, "mapping[1].check", `"a(b"`},
		{"bad process", Settings{Rules: []Rule{{Check: "x", Process: "*"}}}, "mapping[0].process", `missing argument`},
		{"bad host", Settings{Rules: []Rule{{Check: "x", Process: "x", Host: `\p{Nothing}`}}}, "mapping[0].host", "invalid character class"},
		{"look-ahead", Settings{Rules: []Rule{{Check: "(?=x)", Process: "x"}}}, "mapping[0].check", "RE2"},
		{"a parenthesis too many", Settings{Rules: []Rule{{Check: "a)(b", Process: "x"}}}, "mapping[0].check", "RE2"},
		{"blows up", Settings{Rules: []Rule{{Check: "((x{1000}){1000})", Process: "x"}}}, "mapping[0].check", "repeat"},
		{"long check", Settings{Rules: []Rule{{Check: long, Process: "x"}}}, "mapping[0].check", "at most 1024 bytes"},
		{"long name", Settings{Rules: []Rule{{Name: long, Check: "x", Process: "x"}}}, "mapping[0].name", "1024"},
		{"long node", Settings{Rules: []Rule{{Check: "x", Node: long}}}, "mapping[0].node", "1024"},
		{"no check", Settings{Rules: []Rule{{Process: "x"}}}, "mapping[0].check", "which checks"},
		{"no place", Settings{Rules: []Rule{{Check: "x"}}}, "mapping[0].process", "where"},
		{"protocol", Settings{Rules: []Rule{{Check: "x", Port: 53, Protocol: "sctp"}}}, "mapping[0].protocol", `"sctp"`},
		{"many rules", Settings{Rules: make([]Rule, MaxRules+1)}, "mapping", "1000"},
		{"many aliases", Settings{Aliases: many}, "aliases", "100000"},
		{"alias of nothing", Settings{Aliases: map[string]string{" ": "web1"}}, "aliases[ ]", "1 to 1024 bytes"},
		{"alias to nothing", Settings{Aliases: map[string]string{"x": ""}}, "aliases[x]", "name a node"},
		{"two aliases in other letters", Settings{Aliases: map[string]string{"X": "a", "x": "b"}}, "aliases[x]", "in other letters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Compile(tt.settings)
			var wrong *SettingError
			if !errors.As(err, &wrong) || r != nil {
				t.Fatalf("got %v", err)
			}
			if wrong.Field != tt.field || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 400 {
				t.Errorf("field %q, %v", wrong.Field, err)
			}
		})
	}
	if _, err := Compile(Settings{Rules: []Rule{{Check: "("}, {Process: ")"}}}); strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not all is told:\n%v", err)
	}
}

func TestNaming(t *testing.T) {
	r := compiled(t, Settings{Rules: []Rule{
		{Check: "redis", Port: 1}, {Check: "^HTTP$", Port: 1}, {Check: "^(?-i:HTTP)$", Port: 1}, {Host: "x", Port: 1}, {Check: "h.*p", Port: 1}, {Check: "(?-i)http", Port: 1},
	}})
	for name, want := range map[string][]int32{"http": {1, 3, 4, 5}, "HTTP": {1, 2, 3, 4}, "Redis": {0, 3}, "": {3}} {
		if got := r.naming(name); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

// TestNoRules: without settings, and with rules that nobody compiled, all else works.
func TestNoRules(t *testing.T) {
	for _, rules := range []*Rules{nil, {}, compiled(t, Settings{}), compiled(t, Settings{}).Over(&Rules{})} {
		m := New(site(t), rules, []Host{{Name: "web1"}})
		if got := told(m.Check(check("web1", "http"))); got != "web1~tcp~80 known" {
			t.Error(got)
		}
		if got := told(m.Under(compiled(t, Settings{Rules: []Rule{{Check: "http", Port: 443}}})).Check(check("web1", "http"))); got != "web1~tcp~443 rule" {
			t.Error(got)
		}
	}
}

func TestOver(t *testing.T) {
	first := compiled(t, Settings{Rules: []Rule{{Name: "new", Check: "http", Port: 443}}, Aliases: map[string]string{"x": "web1"}})
	r := first.Over(compiled(t, Settings{Rules: []Rule{{Name: "old", Check: "http", Port: 80}, {Name: "ssh", Check: "key", Port: 22}}, Aliases: map[string]string{"X": "db1", "y": "db1"}}))
	m := New(site(t), r, nil)
	for _, tt := range [][3]string{{"x", "http", "web1~tcp~443 rule"}, {"x", "key", "web1~tcp~22 rule"}, {"y", "key", "db1~tcp~22 rule"}} {
		if got := told(m.Check(check(tt[0], tt[1]))); got != tt[2] {
			t.Errorf("%v: %s", tt, got)
		}
	}
}

// FuzzCompile: whatever is written into the settings, it is taken or refused, and
// what is taken works.
func FuzzCompile(f *testing.F) {
	f.Add("^HTTP$", "nginx|apache", "web[0-9]+", "http")
	f.Add(`\Q(`, "(?i)x", "", "x")
	f.Add("(a*)*", "(?P<n>x)", `^(?-i:a.b)$`, "aaaaaaaaaaaaaaaaaaaaaaaa!")
	snap := site(f)
	f.Fuzz(func(t *testing.T, check, process, host, name string) {
		rules, err := Compile(Settings{Rules: []Rule{{Check: check, Process: process, Host: host}}, Aliases: map[string]string{host: process}})
		if err != nil {
			return
		}
		c := New(snap, rules, []Host{{Name: host, Addresses: []string{process}}}).Check(checkOf(host, name))
		if c.Node != "" && c.Mapping.Evidence == "" {
			t.Errorf("%+v", c)
		}
	})
}

func checkOf(host, name string) *Check {
	c := check(host, name, Hint{Address: name, Port: 80}, Hint{Port: 5432, From: host})
	c.Command = name
	return c
}

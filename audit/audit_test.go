package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestChanges(t *testing.T) {
	type inner struct {
		CAFile string `json:"ca_file,omitempty"`
		Skip   bool   `json:"skip_verify"`
	}
	type source struct {
		Name     string            `json:"name"`
		URL      string            `json:"url,omitempty"`
		Password string            `json:"password,omitempty"`
		File     string            `json:"password_file,omitempty"`
		TLS      inner             `json:"tls"`
		Ports    []int             `json:"ports,omitempty"`
		Names    map[string]string `json:"names,omitempty"`
		Big      int64             `json:"big,omitempty"`
		List     []map[string]any  `json:"list,omitempty"`
	}
	for _, tt := range []struct {
		name          string
		before, after any
		want          []Change
	}{
		{"nothing", nil, nil, nil},
		{"the same", source{Name: "a"}, &source{Name: "a"}, nil},
		{"made", nil, source{Name: "a", Password: "hunter2"}, []Change{{"name", "", `"a"`}, {"password", "", hidden}, {"tls.skip_verify", "", "false"}}},
		{"gone", source{Name: "a", Ports: []int{1}}, nil, []Change{{"name", `"a"`, ""}, {"ports", "[1]", ""}, {"tls.skip_verify", "false", ""}}},
		{"changed", source{Name: "a", Ports: []int{1, 2}, TLS: inner{"x", false}}, source{Name: "a", Ports: []int{2}, TLS: inner{"y", true}, File: "/etc/pw"}, []Change{
			{"password_file", "", `"/etc/pw"`},
			{"ports", "[1,2]", "[2]"},
			{"tls.ca_file", `"x"`, `"y"`},
			{"tls.skip_verify", "false", "true"},
		}},
		{"another secret", source{Password: "hunter2"}, source{Password: "hunter3"}, []Change{{"password", hidden, hidden}}},
		{"within a map", source{Names: map[string]string{"a": "1", "b": "2"}}, source{Names: map[string]string{"a": "1", "b": "3"}}, []Change{{"names.b", `"2"`, `"3"`}}},
		{"a large number", source{Big: 1<<53 + 1}, source{Big: 1<<53 + 2}, []Change{{"big", "9007199254740993", "9007199254740994"}}},
		{"a secret within", nil, map[string]any{"l": []any{map[string]any{"Token": "x", "u": "y"}}}, []Change{{"l", "", `[{"Token":"(secret)","u":"y"}]`}}},
		{"a secret that is an object", nil, map[string]any{"credentials": map[string]string{"user": "x"}}, []Change{{"credentials", "", hidden}}},
		{"no object", "a", "b", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Changes(tt.before, tt.after)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSecretsStayOut: whatever has a secret's name leaves no trace of its value.
func TestSecretsStayOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := "hunter2" + rapid.StringMatching(`[a-z]{8}`).Draw(t, "secret")
		field := rapid.SampledFrom([]string{"password", "Password", "client_secret", "api_token", "credentials", "private_key", "Authorization"}).Draw(t, "field")
		var v any = map[string]any{field: secret}
		for range rapid.IntRange(0, 4).Draw(t, "depth") {
			if rapid.Bool().Draw(t, "list") {
				v = []any{v, 1}
			} else {
				v = map[string]any{"within": v}
			}
		}
		v = map[string]any{"top": v}
		raw, err := json.Marshal([][]Change{Changes(nil, v), Changes(v, nil), Changes(v, map[string]any{"top": 1})})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), secret) {
			t.Errorf("%s", raw)
		}
	})
}

func TestClean(t *testing.T) {
	many := make([]Change, MaxChanges+5)
	got := Entry{
		At: time.Date(2026, 3, 1, 13, 0, 0, 1_999_999, time.FixedZone("", 3600)), Who: "a\x1b[31m\nb", On: strings.Repeat("é", 300), Why: strings.Repeat("x", 1000) + "\xff", Changes: many,
	}.Clean()
	if got.At != time.Date(2026, 3, 1, 12, 0, 0, 1_000_000, time.UTC) || got.Who != "a [31m b" {
		t.Errorf("%s %q", got.At, got.Who)
	}
	if len(got.On) > MaxName || !strings.HasSuffix(got.On, "é…") || len(got.Why) != MaxValue || !utf8.ValidString(got.Why) {
		t.Errorf("%q %q", got.On, got.Why)
	}
	if len(got.Changes) != MaxChanges+1 || got.Changes[MaxChanges].Field != "…" {
		t.Errorf("%d changes", len(got.Changes))
	}
}

func TestFilter(t *testing.T) {
	e := Entry{Kind: User, Who: "Anna", What: "change-settings", On: "ageing", Result: Done, From: "192.0.2.7", Changes: []Change{{"ageing", `"5m"`, `"9m"`}}}
	for _, tt := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Who: "anna"}, true},
		{Filter{Who: "ann"}, false},
		{Filter{What: "change-settings", On: "ageing", Result: Done}, true},
		{Filter{What: "login"}, false},
		{Filter{On: "x"}, false},
		{Filter{Result: Refused}, false},
		{Filter{Find: "ANNA 9m"}, true},
		{Filter{Find: "anna 192.0.2"}, true},
		{Filter{Find: "anna bob"}, false},
		{Filter{Find: " "}, true},
	} {
		if got := tt.f.Lets(&e); got != tt.want {
			t.Errorf("%+v: %t", tt.f, got)
		}
	}
}

package config

import "testing"

// The author of a file reads no Go: every error says where, what must stand
// there, and what does.
func TestErrorsForTheAuthor(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"listn: 127.0.0.1:1", `line 1: unknown key "listn"`},
		{"settings:\n  aging: 5m", `line 2: unknown key "aging"`},
		{"listen: [1]", "line 1: must be text, is a list"},
		{"settings: 5", `line 1: must be keys with values, is "5"`},
		{"settings: [a]", "line 1: must be keys with values, is a list"},
		{"- a", "line 1: must be keys with values, is a list"},
		{"text", `line 1: must be keys with values, is "text"`},
		{"settings: {ignored_ports: many}", `line 1: must be a list, is "many"`},
		{"settings: {ignored_ports: [a, 65536]}", `line 1: must be a whole number from 0 to 65535, is "a"; line 1: must be a whole number from 0 to 65535, is "65536"`},
		{"settings: {ignored_names: {a: b}}", "line 1: must be a list, is keys with values"},
		{"settings: {internal_networks: [x]}", `line 1: must be a network like 203.0.113.0/24, is "x"`},
		{"settings: {internal_networks: [[x]]}", "line 1: must be a network like 203.0.113.0/24, is a list"},
		{"settings: {ageing: 5}", `line 1: must be a duration like 90s or 5m, is "5"`},
		{"settings: {ageing: [5m]}", "line 1: must be a duration like 90s or 5m, is a list"},
		{"settings: [", "line 2, column 1: did not find expected node content"},
		{"listen: a\nlisten: b", `line 2: mapping key "listen" already defined at line 1`},
		{"listen: a\n---\nlisten: b", "expected single document, found multiple"},
	} {
		_, err := Parse([]byte(c.file))
		if want := c.want + " (see docs/configuration.md)"; err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", c.file, err, want)
		}
	}
}

package collect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for raw, want := range map[string]string{
		"text://web1":                                     "text://web1",
		"text://WEB1:4848":                                "text://web1",
		"text://web1:4849":                                "text://web1:4849",
		"text://10.0.0.7/":                                "text://10.0.0.7",
		"text://[FD00::7]:4848":                           "text://[fd00::7]",
		"text://[fd00::7]:1":                              "text://[fd00::7]:1",
		"ssh://web1":                                      "ssh://web1",
		"ssh://dotm@web1.example.net:22":                  "ssh://dotm@web1.example.net",
		"ssh://dotm@[fd00::7]:2222":                       "ssh://dotm@[fd00::7]:2222",
		"ssh://dotm@db1?jump=ops@gate.example":            "ssh://dotm@db1?jump=ops@gate.example",
		"ssh://dotm@db1?sudo=no&jump=ops@gate.example:22": "ssh://dotm@db1?jump=ops@gate.example&sudo=no",
		"ssh://db1?":                                      "ssh://db1",
		"SSH://DB1:22/":                                   "ssh://db1",
		"ssh://[FD00:0::7]":                               "ssh://[fd00::7]",
		"ssh://[fe80::1%25Eth0]":                          "ssh://[fe80::1%25Eth0]",
		"text://[fe80::1%25Eth0]:4848":                    "text://[fe80::1%25Eth0]",
		"ssh://first.last@under_score.example:7":          "ssh://first.last@under_score.example:7",
	} {
		got, err := ParseTarget(raw)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", raw, got, err, want)
		}
		if again, err := ParseTarget(got); err != nil || again != got {
			t.Errorf("%s: again %s, %v", got, again, err)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for raw, rule := range map[string]string{
		"":                                   "must be like",
		"web1":                               "must be like",
		"web1:4848":                          "must be like",
		"http://web1":                        "must be like",
		"text://":                            "must be like",
		"text://:4848":                       "must be like",
		"text://web1:0":                      "port",
		"text://web1:65536":                  "port",
		"text://web1/x":                      "must end",
		"text://web1#x":                      "must end",
		"text://dotm@web1":                   "without a user",
		"text://web1?jump=x":                 "without a user",
		"ssh://dotm:secret@web1":             "passwords are not used",
		"ssh://web1;reboot":                  "the host must be",
		"ssh://<b>web1</b>":                  "must",
		"ssh://dotm@web%201":                 "must",
		"ssh://" + strings.Repeat("a", 1024): "at most 1024 bytes",
		"text://" + strings.Repeat("a", 254): "host name",
		"ssh://web1?foo=1":                   `not "foo"`,
		"ssh://web1?sudo=maybe":              `not "sudo"`,
		"ssh://web1?jump=a&jump=b":           `not "jump"`,
		"ssh://web1?jump=a,b,c,d,e":          "at most 4 jump hosts",
		"ssh://web1?jump=a/b":                "jump host must be like",
		"ssh://[fe80::1%25e;id]":             "must be like ssh://",
		"text://[fe80::1%25e;id]":            "host name",
	} {
		got, err := ParseTarget(raw)
		var wrong *TargetError
		if !errors.As(err, &wrong) || wrong.Field != "url" || !strings.Contains(wrong.Rule, rule) || wrong.Value != raw {
			t.Errorf("%q: %q, %v, want %s", raw, got, err, rule)
		}
	}
}

func TestKind(t *testing.T) {
	for _, k := range kinds {
		if got := Kind(fmt.Errorf("asking web1: %w: no route", k.err)); got != k.kind {
			t.Errorf("%v is %s", k.err, got)
		}
	}
	if got := Kind(errors.New("x")); got != "other" {
		t.Errorf("something else is %s", got)
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"text://web1:4848", "ssh://dotm@[fd00::7]:2222?jump=a@b", "ssh://u%20x@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := ParseTarget(raw)
		if err != nil {
			return
		}
		if again, err := ParseTarget(got); err != nil || again != got {
			t.Errorf("%q becomes %q, and that %q, %v", raw, got, again, err)
		}
	})
}

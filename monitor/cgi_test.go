package monitor

import (
	"net/url"
	"slices"
	"testing"
)

func TestWebLink(t *testing.T) {
	for in, want := range map[string]string{
		"https://wiki.example/a b?x=<b>": "https://wiki.example/a%20b?x=<b>",
		" http://x ":                     "http://x",
		"javascript:alert(1)":            "",
		"data:text/html,x":               "",
		"//x/y":                          "",
		"/nagios/x":                      "",
		"http://":                        "",
		"":                               "",
		"ht tp://x":                      "",
	} {
		if got := WebLink(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCGIFolders(t *testing.T) {
	for in, want := range map[string][]string{
		"http://h":                           {"http://h/a/cgi-bin", "http://h/cgi-bin/a", "http://h/b/cgi-bin", "http://h/cgi-bin/b", "http://h/cgi-bin"},
		"http://h/":                          {"http://h/a/cgi-bin", "http://h/cgi-bin/a", "http://h/b/cgi-bin", "http://h/cgi-bin/b", "http://h/cgi-bin"},
		"https://h:8/nagios":                 {"https://h:8/nagios/cgi-bin", "https://h:8/nagios", "https://h:8/cgi-bin/nagios"},
		"https://h/nagios/main.php?x=y":      {"https://h/nagios/cgi-bin", "https://h/nagios", "https://h/cgi-bin/nagios"},
		"http://h/nagios/cgi-bin/":           {"http://h/nagios/cgi-bin", "http://h/nagios/cgi-bin/a", "http://h/nagios/cgi-bin/b"},
		"http://h/nagios/cgi-bin/status.cgi": {"http://h/nagios/cgi-bin", "http://h/nagios/cgi-bin/a", "http://h/nagios/cgi-bin/b"},
		"http://h/cgi-bin/nagios4":           {"http://h/cgi-bin/nagios4"},
		"http://h/status.cgi":                {"http://h/a/cgi-bin", "http://h/cgi-bin/a", "http://h/b/cgi-bin", "http://h/cgi-bin/b", "http://h/cgi-bin"},
		"http://h/my%2Fsite":                 {"http://h/my%2Fsite/cgi-bin", "http://h/my%2Fsite", "http://h/cgi-bin/my%2Fsite"},
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := CGIFolders(u, "a", "b"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func TestPages(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"https://h/nagios4/":                "https://h/nagios4/cgi-bin",
		"https://h/cgi-bin/nagios4":         "https://h/cgi-bin/nagios4",
		"https://h/icinga/cgi-bin/tac.cgi?": "https://h/icinga/cgi-bin",
		"https://h/thruk/":                  "https://h/thruk",
		"https://h/icingaweb2":              "https://h/icingaweb2",
	} {
		if got, err := PageFolder(in); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"javascript:x", "nagios", "file:///x"} {
		if _, err := PageFolder(in); err == nil {
			t.Errorf("%s is taken", in)
		}
	}
}

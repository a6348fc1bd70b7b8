package collect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSSHAddress(t *testing.T) {
	for _, c := range []struct {
		text string
		want SSHAddress
		back string // as it is written; empty: as text
	}{
		{"ssh://dotm@db1", SSHAddress{Hop: Hop{"dotm", "db1", 22}}, ""},
		{"ssh://db1", SSHAddress{Hop: Hop{"", "db1", 22}}, ""},
		{"ssh://dotm@DB1.example.org:22/", SSHAddress{Hop: Hop{"dotm", "db1.example.org", 22}}, "ssh://dotm@db1.example.org"},
		{"ssh://dotm@db1:2222", SSHAddress{Hop: Hop{"dotm", "db1", 2222}}, ""},
		{"ssh://dotm@192.0.2.7:2222", SSHAddress{Hop: Hop{"dotm", "192.0.2.7", 2222}}, ""},
		{"ssh://dotm@[2001:db8::7]", SSHAddress{Hop: Hop{"dotm", "2001:db8::7", 22}}, ""},
		{"ssh://dotm@[2001:db8::7]:2222", SSHAddress{Hop: Hop{"dotm", "2001:db8::7", 2222}}, ""},
		{"ssh://dotm@[fe80::1%25eth0]", SSHAddress{Hop: Hop{"dotm", "fe80::1%eth0", 22}}, ""},
		{"ssh://dotm%40corp@db_1", SSHAddress{Hop: Hop{"dotm@corp", "db_1", 22}}, ""},
		{
			"ssh://dotm@db1?jump=gate@bastion:2200,10.0.0.1", SSHAddress{
				Hop: Hop{"dotm", "db1", 22}, Jump: []Hop{{"gate", "bastion", 2200}, {"", "10.0.0.1", 22}},
			}, "ssh://dotm@db1?jump=gate@bastion:2200,10.0.0.1",
		},
		{
			"ssh://dotm@db1?sudo=no&jump=[2001:db8::1]:2200", SSHAddress{
				Hop: Hop{"dotm", "db1", 22}, Jump: []Hop{{"", "2001:db8::1", 2200}}, NoSudo: true,
			}, "ssh://dotm@db1?jump=[2001:db8::1]:2200&sudo=no",
		},
	} {
		got, err := ParseSSHAddress(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.text, diff)
		}
		if c.back == "" {
			c.back = c.text
		}
		if got.String() != c.back {
			t.Errorf("%s is written %s, want %s", c.text, got, c.back)
		}
	}
}

func TestParseSSHAddressRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                            "must begin with ssh://",
		"db1":                                         "must begin with ssh://",
		"text://db1:4848":                             "must begin with ssh://",
		"ssh:dotm@db1":                                "must begin with ssh://",
		"ssh://":                                      "the host is missing",
		"ssh://dotm@":                                 "the host is missing",
		"ssh://dotm@:22":                              "the host is missing",
		"ssh://dotm:secret@db1":                       "passwords are not used",
		"ssh://dotm@db1:0":                            "the port must be 1 to 65535",
		"ssh://dotm@db1:65536":                        "the port must be 1 to 65535",
		"ssh://dotm@db1:ssh":                          "invalid port",
		"ssh://dotm@db1/etc":                          "nothing but ?jump=",
		"ssh://dotm@db1#x":                            "nothing but ?jump=",
		"ssh://dotm@-oProxyCommand=x":                 "the host must be an IP address, or letters",
		"ssh://dotm@a$(id)":                           "the host must be an IP address, or letters",
		"ssh://dotm@db1;id":                           "the host must be an IP address, or letters",
		"ssh://dotm@<b>":                              "the host must be an IP address, or letters",
		"ssh://a%2cb@db1":                             "without blanks, commas",
		"ssh://do%20tm@db1":                           "the user must be at most 255 bytes, without blanks",
		"ssh://do%0atm@db1":                           "the user must be at most 255 bytes, without blanks",
		"ssh://%ff@db1":                               "the user must be at most 255 bytes, without blanks",
		"ssh://dotm@db1?sudo=yes":                     `not "sudo"`,
		"ssh://dotm@db1?command=id":                   `not "command"`,
		"ssh://dotm@db1?jump=a&jump=b":                `not "jump"`,
		"ssh://dotm@db1?jump=a,b,c,d,e":               "at most 4 jump hosts",
		"ssh://dotm@db1?jump=a,,b":                    "jump host must be like user@host:22",
		"ssh://dotm@db1?jump=x:y@a":                   "passwords are not used",
		"ssh://dotm@db1?jump=a/b":                     "nothing may follow the port",
		"ssh://dotm@db1?jump=2001:db8::1":             "jump host must be like",
		"ssh://dotm@" + strings.Repeat("a", 254):      "at most 253 bytes",
		"ssh://dotm@db1?" + strings.Repeat("a", 1024): "at most 1024 bytes",
	} {
		if got, err := ParseSSHAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %+v, %v; want an error with %q", text, got, err, want)
		}
	}
}

// FuzzParseSSHAddress: what is accepted is written so that it is read the same.
func FuzzParseSSHAddress(f *testing.F) {
	f.Add("ssh://dotm@db1:2222?jump=a@b:1,[2001:db8::1]&sudo=no")
	f.Add("ssh://[fe80::1%25eth0]")
	f.Add("ssh://a%2c@b?jump=c%2Cd")
	f.Add("ssh://db1?jump=a%252Cb@c")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseSSHAddress(text)
		if err != nil {
			return
		}
		again, err := ParseSSHAddress(a.String())
		if err != nil {
			t.Fatalf("%q is written %q: %v", text, a, err)
		}
		if diff := cmp.Diff(a, again); diff != "" {
			t.Errorf("%q is written %q: %s", text, a, diff)
		}
	})
}

package monitor

import (
	"reflect"
	"strings"
	"testing"
)

func TestChallenges(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []string
		want []challenge
	}{
		{"basic", []string{`Basic realm="Nagios Access"`}, []challenge{{"basic", map[string]string{"realm": "Nagios Access"}}}},
		{
			"as Apache's mod_auth_digest writes it",
			[]string{`Digest realm="Nagios4", nonce="Cr2mWnBGBgA=8a6e", algorithm=MD5, qop="auth"`},
			[]challenge{{"digest", map[string]string{"realm": "Nagios4", "nonce": "Cr2mWnBGBgA=8a6e", "algorithm": "MD5", "qop": "auth"}}},
		},
		{
			"several in one value",
			[]string{`Negotiate YWJj==, NTLM, Basic realm="a, b", Digest qop="auth, auth-int" , nonce = "x\"y"`},
			[]challenge{{"negotiate", map[string]string{}}, {"ntlm", map[string]string{}}, {"basic", map[string]string{"realm": "a, b"}}, {"digest", map[string]string{"qop": "auth, auth-int", "nonce": `x"y`}}},
		},
		{"several values", []string{"Negotiate", "Basic"}, []challenge{{"negotiate", map[string]string{}}, {"basic", map[string]string{}}}},
		{"parameter of nothing", []string{`realm="x"`}, nil},
		{"open quote", []string{`Basic realm="x\`}, []challenge{{"basic", map[string]string{"realm": "x"}}}},
		{"nothing", []string{"", " , ,", "="}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := challenges(tt.in); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="Nagios4", nonce="Cr2mWnBGBgA=8a6e", algorithm=MD5, qop="auth"`)
	f.Add(`Negotiate YWJj==, NTLM, Basic realm="a, b"`)
	f.Add(`a=b"\`)
	f.Fuzz(func(t *testing.T, s string) {
		d := newDigest(challenges([]string{s}))
		if d != nil && strings.ContainsAny(d.authorize("u", "p", "GET", "/"), "\x00") && !strings.Contains(s, "\x00") {
			t.Error("something was made up")
		}
	})
}

// The two examples of RFC 7616, 3.9.1, and that of RFC 2617, 3.5.
func TestDigestExamples(t *testing.T) {
	const realm = `realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", algorithm=`
	for _, tt := range []struct{ name, challenge, cnonce, user, password, want string }{
		{"MD5", "Digest " + realm + "MD5", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "Mufasa", "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "Digest " + realm + "SHA-256", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "Mufasa", "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"RFC 2617", `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "0a4f113b", "Mufasa", "Circle Of Life", "6629fae49393a05397450978507c4ef1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDigest(challenges([]string{tt.challenge}))
			if d == nil {
				t.Fatal("not understood")
			}
			d.random = func() string { return tt.cnonce }
			got := d.authorize(tt.user, tt.password, "GET", "/dir/index.html")
			if !strings.Contains(got, `response="`+tt.want+`"`) || !strings.Contains(got, "nc=00000001") {
				t.Errorf("got %s, want the response %s", got, tt.want)
			}
		})
	}
}

func TestDigestChoice(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"the strongest", `Digest nonce="a", algorithm=MD5, Digest nonce="b", algorithm=SHA-256`, "SHA-256"},
		{"unknown ones are left out", `Digest nonce="a", algorithm=MD5, Digest nonce="b", algorithm=SHA-9`, "MD5"},
		{"auth-int only", `Digest nonce="a", qop="auth-int"`, "none"},
		{"Basic only", `Basic realm="x"`, "none"},
		{"session", `Digest nonce="a", algorithm=MD5-sess, qop="auth"`, "MD5-sess"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := "none"
			if d := newDigest(challenges([]string{tt.in})); d != nil {
				got = d.algorithm
			}
			if got != tt.want {
				t.Errorf("takes %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDigestQuotesAndHidesTheUser(t *testing.T) {
	d := newDigest(challenges([]string{`Digest realm="a\"b", nonce="n", userhash=true`}))
	got := d.authorize(`mallory", nonce="x`, "p", "GET", "/")
	if strings.Contains(got, "mallory") || !strings.Contains(got, `realm="a\"b"`) || !strings.Contains(got, "userhash=true") {
		t.Errorf("got %s", got)
	}
	if strings.Contains(got, "qop") {
		t.Errorf("the server knows no qop: %s", got)
	}
}

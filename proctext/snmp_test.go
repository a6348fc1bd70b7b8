package proctext

import (
	"strings"
	"testing"
)

const snmp = `Ip: Forwarding DefaultTTL InReceives
Ip: 2 64 265
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 4711 815 3 1 5 1000 900 2 0 4 0
Udp: InDatagrams NoPorts
Udp: 0 0
`

func TestParseTCPOpens(t *testing.T) {
	got, err := ParseTCPOpens([]byte(snmp))
	if want := (TCPOpens{4711, 815}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, c := range []struct{ text, want string }{
		{"", "no two lines begin with \"Tcp:\""},
		{"Tcp: ActiveOpens PassiveOpens\n", "no two lines"},
		{"Tcp: ActiveOpens PassiveOpens\nTcp: 1\n", "PassiveOpens is missing"},
		{"Tcp: PassiveOpens\nTcp: 1\n", "ActiveOpens is missing"},
		{strings.Replace(snmp, "4711", "many", 1), `ActiveOpens must be a number, is "many"`},
		{strings.Replace(snmp, "815", "-1", 1), `PassiveOpens must be a number, is "-1"`},
	} {
		if got, err := ParseTCPOpens([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || got != (TCPOpens{}) {
			t.Errorf("%.30q: %+v, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func FuzzParseTCPOpens(f *testing.F) {
	f.Add([]byte(snmp))
	f.Fuzz(func(t *testing.T, text []byte) {
		if o, err := ParseTCPOpens(text); err != nil && o != (TCPOpens{}) {
			t.Errorf("an error with %+v", o)
		}
	})
}

func TestParseSocketsUsed(t *testing.T) {
	for text, want := range map[string]int{
		"sockets: used 271\nTCP: inuse 5 orphan 0 tw 0 alloc 9 mem 2\n": 271,
		"sockets: used 0\n":              0,
		"sockets: used -3\n":             0,
		"sockets: used 99999999999999\n": 0,
		"TCP: inuse 5":                   0,
		"":                               0,
	} {
		if got := ParseSocketsUsed([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestParseNamespaceLink(t *testing.T) {
	for text, want := range map[string]uint32{
		"net:[4026531840]": 4026531840, "net:[]": 0, "net:[12": 0, "net:12]": 0, "net:[-1]": 0, "net:[4294967296]": 0, "": 0,
	} {
		if got, ok := ParseNamespaceLink([]byte(text)); got != want || ok != (want != 0) {
			t.Errorf("%q: got %d, %t", text, got, ok)
		}
	}
}

package resolve

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// debianHosts is what Debian's installer and Docker write.
const debianHosts = `127.0.0.1	localhost
127.0.1.1	web1.example.org	web1

# The following lines are desirable for IPv6 capable hosts
::1     localhost ip6-localhost ip6-loopback
fe00::0 ip6-localnet
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
172.17.0.2	3f1e2d4c5b6a
192.0.2.10 db.example.org db # the big one
`

func TestParseHosts(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"debian": {debianHosts, map[string]string{
			"fe00::": "ip6-localnet", "172.17.0.2": "3f1e2d4c5b6a", "192.0.2.10": "db.example.org",
		}},
		"empty":             {"", nil},
		"no newline":        {"192.0.2.1 a", map[string]string{"192.0.2.1": "a"}},
		"crlf":              {"192.0.2.1 a\r\n192.0.2.2\tb\r\n", map[string]string{"192.0.2.1": "a", "192.0.2.2": "b"}},
		"first line wins":   {"192.0.2.1 a\n192.0.2.1 b\n", map[string]string{"192.0.2.1": "a"}},
		"first that is one": {"192.0.2.1 -\n192.0.2.1 b\n", map[string]string{"192.0.2.1": "b"}},
		"mapped":            {"::ffff:192.0.2.1 a\n", map[string]string{"192.0.2.1": "a"}},
		"leading blanks":    {" \t 192.0.2.1 \t a \n", map[string]string{"192.0.2.1": "a"}},
		"comment at once":   {"192.0.2.1 a#b\n192.0.2.2#x y\n#192.0.2.3 c\n", map[string]string{"192.0.2.1": "a"}},
		"only an address":   {"192.0.2.1\n192.0.2.2 \n", nil},
		"no address":        {"db 192.0.2.1\n1.2.3 a\n1.2.3.4.5 b\n300.1.1.1 c\n", nil},
		"no name":           {"192.0.2.1 10.0.0.1\n192.0.2.2 a\x1b[1m\n192.0.2.3 localhost\n", nil},
		"not nameable":      {"0.0.0.0 ads.example\n127.0.0.1 a\n127.0.0.2 b\n::1 c\nfe80::1%lo d\nfe80::1 e\n255.255.255.255 f\n", nil},
		"a line too long":   {"192.0.2.1 a " + strings.Repeat("b ", 4<<10) + "\n192.0.2.2 c\n", map[string]string{"192.0.2.2": "c"}},
		"binary":            {"\x00\xff\xfe\n192.0.2.1 a\n", map[string]string{"192.0.2.1": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for a, host := range ParseHosts([]byte(c.text)) {
				got[a.String()] = host
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestParseHostsIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range maxHosts + 10 {
		fmt.Fprintf(&b, "10.0.%d.%d host%d\n", i>>8, i&255, i)
	}
	if n := len(ParseHosts([]byte(b.String()))); n != maxHosts {
		t.Errorf("%d addresses, want %d", n, maxHosts)
	}
}

func TestReadHosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	var n Names
	if err := n.ReadHosts(path); err != nil {
		t.Errorf("no file: %v, want no error", err)
	}
	if err := os.WriteFile(path, []byte(debianHosts), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.ReadHosts(path); err != nil || n.Name(addr("192.0.2.10")) != "db.example.org" {
		t.Errorf("got %q, %v", n.Name(addr("192.0.2.10")), err)
	}
	if err := n.ReadHosts(filepath.Dir(path)); err == nil || !strings.HasPrefix(err.Error(), "reading names of hosts: ") {
		t.Errorf("a folder: %v", err)
	}
	if got := n.Name(addr("192.0.2.10")); got != "" {
		t.Errorf("after a failure the old name %q stands", got)
	}
	if err := n.ReadHosts(HostsFile); err != nil {
		t.Errorf("this machine's: %v", err)
	}
}

func FuzzParseHosts(f *testing.F) {
	f.Add([]byte(debianHosts))
	f.Add([]byte("::ffff:192.0.2.1 a.b. c\r\n192.0.2.1"))
	f.Add([]byte("0.0.0.0 ads.example # x\n\t 10.0.0.1\t_x-y.z"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for a, name := range ParseHosts(text) {
			if clean, ok := HostName(name); !ok || clean != name {
				t.Errorf("%s is called %q, which is no name", a, name)
			}
			if !Nameable(a) || a != a.Unmap() {
				t.Errorf("%s can have no name", a)
			}
		}
	})
}

func BenchmarkParseHosts(b *testing.B) {
	text := []byte(strings.Repeat("0.0.0.0 ads.example.net\n", 100_000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		ParseHosts(text)
	}
}

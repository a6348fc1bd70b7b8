package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

const full = `# all that there is
listen: 127.0.0.1:4850
data: /srv/dotm
redis: redis://127.0.0.1:6379
redis_password_file: /srv/password
redis_ca_file: /srv/redis.pem
redis_compat: full
tls: {cert_file: /srv/cert.pem, key_file: /srv/key.pem, names: [dotm.example, 192.0.2.1]}
nodes:
  - {collect: "text://OLD1:4848", zone: dmz}
  - {name: gate, collect: "ssh://dotm@192.0.2.7:2222"}
geoip: [/srv/country.mmdb]
settings:
  ageing: 1m
  hide_after: 48h
  expire_after: 9600h
  poll_interval: 30s
  outside_networks: [{name: provider, networks: [198.51.100.0/24]}]
  virtual_addresses: [{address: 10.0.0.100, name: shop}]
  names: [{address: 10.0.0.7, name: printer}]
  names_by: resolver
  internet_split: country
  stale_after: 90s
  retention: 0s
  internal_networks: [203.0.113.0/24, "2001:db8::/32"]
  ignored_ports: [22, 53]
  ignored_names: []
`

func TestParseFull(t *testing.T) {
	got, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	d := func(d time.Duration) *topology.Duration { return new(topology.Duration(d)) }
	want := Config{Listen: "127.0.0.1:4850", Data: "/srv/dotm", Redis: "redis://127.0.0.1:6379", RedisPasswordFile: "/srv/password", RedisCAFile: "/srv/redis.pem", RedisCompat: "full", GeoIP: []string{"/srv/country.mmdb"}, TLS: TLS{
		CertFile: "/srv/cert.pem", KeyFile: "/srv/key.pem", Names: []string{"dotm.example", "192.0.2.1"},
	}, Nodes: []Node{
		{Collect: "text://old1", Zone: "dmz"}, {Name: "gate", Collect: "ssh://dotm@192.0.2.7:2222"},
	}, Settings: store.Patch{
		ExpireAfter: d(9600 * time.Hour), PollInterval: d(30 * time.Second),
		OutsideNetworks:  &[]store.NamedNetwork{{Name: "provider", Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}},
		VirtualAddresses: &[]store.NamedAddress{{Address: netip.MustParseAddr("10.0.0.100"), Name: "shop"}},
		Names:            &[]store.NamedAddress{{Address: netip.MustParseAddr("10.0.0.7"), Name: "printer"}},
		NamesBy:          new(store.NamesByResolver), InternetSplit: new(store.SplitCountry),
		Ageing: d(time.Minute), HideAfter: d(48 * time.Hour), StaleAfter: d(90 * time.Second), Retention: d(0),
		InternalNetworks: &[]netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		IgnoredPorts:     &[]uint16{22, 53}, IgnoredNames: &[]string{},
	}}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseNotify(t *testing.T) {
	got, err := Parse([]byte(`
notify:
  - {name: chat, kind: webhook, url: https://chat.example/in, password_file: /srv/token, after: 0s, template: '{"text": {{json .Text}}}'}
  - {name: mail, kind: email, url: smtps://mail.example, user: dotm, from: dotm@site.example, to: [oncall@site.example], tls: {ca_file: /srv/ca.pem}}
public_url: https://map.example/dotm
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{PublicURL: "https://map.example/dotm", Notify: []Receiver{
		{Options: notify.Options{Name: "chat", Kind: notify.Webhook, URL: "https://chat.example/in", After: new(topology.Duration(0)), Template: `{"text": {{json .Text}}}`}, PasswordFile: "/srv/token"},
		{Options: notify.Options{Name: "mail", Kind: notify.Email, URL: "smtps://mail.example", User: "dotm", From: "dotm@site.example", To: []string{"oncall@site.example"}, TLS: notify.TLS{CAFile: "/srv/ca.pem"}}},
	}}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "  \n\n", "# nothing but words\n", "---\n", "{}", "settings:\n", "null\n"} {
		got, err := Parse([]byte(text))
		if err != nil || got.Listen != "" || got.Settings.Fields() != nil {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string // parts of the error
	}{
		{"unknown key", "listen: a\nlisen: b\n", []string{"line 2", `unknown key "lisen"`}},
		{"unknown setting", "settings:\n  aging: 1m\n", []string{"line 2", `unknown key "aging"`}},
		{"duplicate key", "listen: a\ndata: x\nlisten: b\n", []string{"line 3", `"listen" already defined at line 1`}},
		{"list for text", "listen: [a]\n", []string{"line 1"}},
		{"text for list", "settings:\n  ignored_ports: 22\n", []string{"line 2"}},
		{"text for a port", "settings:\n  ignored_ports: [ssh]\n", []string{"line 2", "ssh"}},
		{"large port", "settings:\n  ignored_ports: [70000]\n", []string{"line 2", "70000"}},
		{"bad duration", "settings:\n  ageing: soon\n", []string{"line 2", `must be a duration like 90s or 5m, is "soon"`}},
		{"number as duration", "settings:\n  ageing: 300\n", []string{"line 2", `must be a duration like 90s or 5m, is "300"`}},
		{"bad network", "settings:\n  internal_networks: [10.0.0.1]\n", []string{"line 2", "10.0.0.1"}},
		{"rule", "settings:\n  ageing: 1ms\n", []string{"settings.ageing must be 1s to 87600h0m0s, is 1ms"}},
		{"key without certificate", "tls:\n  key_file: a\n", []string{"tls.key_file must come with cert_file, is \"a\""}},
		{"wildcard", "tls:\n  names: [a, '*.example']\n", []string{"tls.names[1] must be a host name or an IP address", `"*.example"`}},
		{"unknown key of tls", "tls:\n  cert: a\n", []string{"line 2", `unknown key "cert"`}},
		{"rule of an entry", "settings:\n  ignored_names: [a, '']\n", []string{"settings.ignored_names[1] must be a process name"}},
		{"two documents", "listen: a\n---\nlisten: b\n", []string{"document"}},
		{"list", "- a\n- b\n", []string{"line 1"}},
		{"text", "hello\n", []string{"line 1"}},
		{"tab", "settings:\n\tageing: 1m\n", []string{"line 2"}},
		{"unclosed", "listen: [a\n", []string{"L1", "did not find expected ',' or ']'"}},
		{"not UTF-8", "listen: \xff\n", []string{"UTF-8"}},
		{"node without an address", "nodes:\n  - name: a\n", []string{"nodes[0].collect must be like text://host:4848", `is ""`}},
		{"node of an unknown kind", "nodes:\n  - collect: http://a\n", []string{"nodes[0].collect must be like", "http://a"}},
		{"node twice", "nodes:\n  - collect: text://a\n  - collect: text://A:4848\n", []string{"nodes[1].collect must be listed once"}},
		{"node's name", "nodes:\n  - {collect: text://a, name: <b>}\n", []string{"nodes[0].name must be letters", "<b>"}},
		{"node's zone", "nodes:\n  - {collect: text://a, zone: a/b}\n", []string{"nodes[0].zone must be letters", "a/b"}},
		{"a name for nobody", "settings:\n  names: [{name: a}]\n", []string{"settings.names[0].address must be the address of another host"}},
		{"unknown key of an entry", "settings:\n  names: [{addr: 10.0.0.1}]\n", []string{"addr"}},
		{"receiver of an unknown kind", "notify:\n  - {name: a, kind: pager, url: 'https://a.example'}\n", []string{`notify[0].kind must be webhook, alertmanager or email, is "pager"`}},
		{"receiver twice", "notify:\n  - {name: a, kind: webhook, url: 'https://a.example'}\n  - {name: a, kind: webhook, url: 'https://b.example'}\n", []string{"notify[1].name must be used once", "notify[0]"}},
		{"receiver with two passwords", "notify:\n  - {name: a, kind: webhook, url: 'https://a.example', password: x, password_file: /y}\n", []string{"notify[0].password_file can't stand beside password"}},
		{"receiver with two templates", "notify:\n  - {name: a, kind: email, url: 'smtp://a.example', from: a@a.example, to: [b@a.example], template: x, template_file: /y}\n", []string{"notify[0].template_file can't stand beside template"}},
		{"unknown key of a receiver", "notify:\n  - {name: a, mail: b}\n", []string{"line 2", `unknown key "mail"`}},
		{"public URL", "public_url: map.example\n", []string{"public_url must begin with http:// or https://", "map.example"}},
		{"login in the public URL", "public_url: https://u:p@map.example\n", []string{"without a login"}},
		{"unknown alias", "listen: *a\n", []string{"a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			for _, inside := range []string{"topology.", "netip.", "store.", "config.", "!!", "uint16", "\n"} {
				if strings.Contains(err.Error(), inside) {
					t.Errorf("%q speaks of %q", err, inside)
				}
			}
		})
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dotm.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	c, err := Load(write(t, full))
	if err != nil || c.Listen != "127.0.0.1:4850" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Load(write(t, "")); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	path := write(t, "lisen: a\n")
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("an error in a file is %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "dotm.yaml")
	if _, err := Load(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "reading configuration: open "+missing) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: %v", err)
	}
	large := write(t, strings.Repeat("#", MaxBytes)+"\n")
	if _, err := Load(large); err == nil || err.Error() != fmt.Sprintf("reading configuration: %s must be at most 1048576 bytes", large) {
		t.Errorf("a large file: %v", err)
	}
	if _, err := Load(write(t, strings.Repeat("#", MaxBytes-1)+"\n")); err != nil {
		t.Errorf("a file of just the limit: %v", err)
	}
}

// FuzzParse: whatever the file holds, what comes out keeps the rules.
func FuzzParse(f *testing.F) {
	for _, s := range []string{full, "", "a: b", "settings: {ageing: 1s}", "limits: {connections: 64, streams: 0}", "settings:\n  internal_networks: [::/0]", "&a [*a]", "? - : |\n", "settings: &s\n  ageing: 1h\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Parse(raw)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		if in := c.Settings.Apply(store.Defaults()); in.Validate() != nil {
			t.Errorf("%q breaks a rule: %v", raw, in.Validate())
		}
	})
}

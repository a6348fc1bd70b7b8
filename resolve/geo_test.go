package resolve

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// geoFile writes a file of networks.
func geoFile(t testing.TB, networks map[string]mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "test", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, data := range networks {
		_, n, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(n, data); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "networks.mmdb")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	return path
}

func text(pairs ...string) mmdbtype.Map {
	m := mmdbtype.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m[mmdbtype.String(pairs[i])] = mmdbtype.String(pairs[i+1])
	}
	return m
}

func TestGeo(t *testing.T) {
	countries := geoFile(t, map[string]mmdbtype.Map{
		"198.51.100.0/24": {"country": mmdbtype.Map{"iso_code": mmdbtype.String("DE"), "names": text("en", "Germany", "fr", "Allemagne")}},
		"192.0.2.0/24":    {"country": mmdbtype.Map{"iso_code": mmdbtype.String("FR")}},
		"203.0.113.0/25":  text("country_code", "AT", "country_name", "Austria"),
		"2001:db8::/32":   text("country", "NL"),
	})
	owners := geoFile(t, map[string]mmdbtype.Map{
		"198.51.100.0/24": {"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String(`Example, "Inc." <b>`)},
		"2001:db8::/32":   text("asn", "AS64501", "as_name", "Other"),
		"192.0.2.0/24":    text("as_name", strings.Repeat("é", 100)),
	})
	g, err := OpenGeo([]string{countries, owners})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ address, country, owner string }{
		{"198.51.100.7", "Germany", "AS64500 Example Inc. b"},
		{"::ffff:198.51.100.7", "Germany", "AS64500 Example Inc. b"},
		{"192.0.2.1", "FR", strings.Repeat("é", 40)},
		{"203.0.113.1", "Austria", ""},
		{"203.0.113.200", "", ""},
		{"2001:db8::1", "NL", "AS64501 Other"},
		{"10.0.0.1", "", ""},
	} {
		a := netip.MustParseAddr(tt.address)
		if c, o := g.Country(a), g.Owner(a); c != tt.country || o != tt.owner {
			t.Errorf("%s: %q, %q, want %q, %q", a, c, o, tt.country, tt.owner)
		}
	}
	if (&Geo{}).Country(netip.MustParseAddr("198.51.100.7")) != "" {
		t.Error("who has no file knows a country")
	}
}

func TestOpenGeoRefuses(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "wrong.mmdb")
	write(t, wrong, "not a database")
	for path, want := range map[string]string{
		wrong:             "is no MaxMind DB file",
		"/does/not/exist": "no such file",
		t.TempDir():       "is a directory",
	} {
		if _, err := OpenGeo([]string{path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// FuzzGeo: a damaged file is refused, or knows little; nothing crashes.
func FuzzGeo(f *testing.F) {
	raw, err := os.ReadFile(geoFile(f, map[string]mmdbtype.Map{"198.51.100.0/24": text("country_code", "AT")}))
	if err == nil {
		f.Add(raw, []byte{198, 51, 100, 7})
	}
	f.Fuzz(func(t *testing.T, raw, address []byte) {
		a, ok := netip.AddrFromSlice(address)
		if !ok {
			return
		}
		path := filepath.Join(t.TempDir(), "f.mmdb")
		write(t, path, string(raw))
		if g, err := OpenGeo([]string{path}); err == nil {
			g.Country(a)
			g.Owner(a)
		}
	})
}

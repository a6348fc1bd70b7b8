package resolve

import (
	"net/netip"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

func TestPlace(t *testing.T) {
	at := func(lat, lon float64) mmdbtype.Map {
		return mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon)}
	}
	de := mmdbtype.Map{"iso_code": mmdbtype.String("DE"), "names": text("en", "Germany")}
	g, err := OpenGeo([]string{geoFile(t, map[string]mmdbtype.Map{
		"198.51.100.0/25":   {"country": de, "city": mmdbtype.Map{"names": text("en", "Example<b> Town")}, "location": at(50.5, 8.25)},
		"198.51.100.128/25": {"country": de},
		"192.0.2.0/25":      text("country", "NL", "city", "Port"),
		"192.0.2.128/25":    text("country_code", "<x>", "country_name", "Austria"),
		"203.0.113.0/25":    {"country": de, "location": at(95, 8)},
		"203.0.113.128/25":  text("autonomous_system_organization", "no country"),
	})})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]Place{
		"198.51.100.1":        {Code: "DE", Country: "Germany", City: "Example b Town", Latitude: 50.5, Longitude: 8.25, Located: true},
		"::ffff:198.51.100.1": {Code: "DE", Country: "Germany", City: "Example b Town", Latitude: 50.5, Longitude: 8.25, Located: true},
		"198.51.100.200":      {Code: "DE", Country: "Germany"},
		"192.0.2.1":           {Code: "NL", Country: "NL", City: "Port"},
		"192.0.2.200":         {Country: "Austria"},
		"203.0.113.1":         {Code: "DE", Country: "Germany"},
		"203.0.113.200":       {},
		"10.0.0.1":            {},
	} {
		got, ok := g.Place(netip.MustParseAddr(addr))
		if got != want || ok != (want != Place{}) {
			t.Errorf("%s is %+v, want %+v", addr, got, want)
		}
	}
	if g.Empty() || !(&Geo{}).Empty() {
		t.Error("which has files?")
	}
}

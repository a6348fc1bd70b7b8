package resolve

import (
	"errors"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Place is where a public address is used, as far as the files say.
type Place struct {
	// Code is the country's (ISO 3166-1 alpha-2), Country its English name or the
	// code. City is empty in files of countries.
	Code, Country, City string
	// Latitude and Longitude are degrees; they mean something if Located.
	Latitude, Longitude float64
	Located             bool
}

// placeRecord holds what files of cities say beside the country.
type placeRecord struct {
	City     any `maxminddb:"city"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// Empty says whether no file is read, so that nothing is known of any address.
func (g *Geo) Empty() bool { return len(g.readers) == 0 }

// Place tells where an address is used; false if no file knows. The first file that
// knows its country counts.
func (g *Geo) Place(a netip.Addr) (Place, bool) {
	for _, r := range g.readers {
		found := r.Lookup(a.Unmap())
		var rec record
		if !decoded(found.Decode(&rec)) {
			continue
		}
		p := Place{Code: countryCode(&rec), Country: plain(country(&rec))}
		if p.Country == "" {
			continue
		}
		var at placeRecord
		if decoded(found.Decode(&at)) {
			p.locate(&at)
		}
		return p, true
	}
	return Place{}, false
}

// decoded says whether a record was read, be it that one field has another form.
func decoded(err error) bool {
	var wrongType maxminddb.UnmarshalTypeError
	return err == nil || errors.As(err, &wrongType)
}

// countryCode is two capital letters, or empty.
func countryCode(r *record) string {
	code := r.CountryCode
	switch c := r.Country.(type) {
	case string:
		if code == "" {
			code = c
		}
	case map[string]any:
		code, _ = c["iso_code"].(string)
	}
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return ""
	}
	return code
}

func (p *Place) locate(r *placeRecord) {
	switch c := r.City.(type) {
	case string:
		p.City = plain(c)
	case map[string]any:
		if names, ok := c["names"].(map[string]any); ok {
			name, _ := names["en"].(string)
			p.City = plain(name)
		}
	}
	lat, lon := r.Location.Latitude, r.Location.Longitude
	if lat == nil || lon == nil || !(*lat >= -90 && *lat <= 90) || !(*lon >= -180 && *lon <= 180) {
		return
	}
	p.Latitude, p.Longitude, p.Located = *lat, *lon, true
}

package resolve

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/oschwald/maxminddb-golang/v2"
)

// maxGeoBytes bounds a file of networks.
const maxGeoBytes = 1 << 30

// Geo tells country and owner of public addresses, from files in the MaxMind DB
// format 2.0 (https://maxmind.github.io/MaxMind-DB/): GeoLite2 Country, City and
// ASN, and those of DB-IP, IPinfo and others of the same shape. The zero value
// knows nothing. It is safe for concurrent use.
type Geo struct{ readers []*maxminddb.Reader }

// OpenGeo opens the files. Several may complete each other: the first that
// knows something counts. They are read into memory, so that they can be
// replaced while dotm runs; it takes note at the next start.
func OpenGeo(files []string) (*Geo, error) {
	g := &Geo{}
	for _, path := range files {
		if info, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("reading networks: %w", err)
		} else if info.Size() > maxGeoBytes {
			return nil, fmt.Errorf("reading networks: %s must be at most %d bytes, has %d", path, maxGeoBytes, info.Size())
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading networks: %w", err)
		}
		r, err := maxminddb.OpenBytes(raw)
		if err != nil {
			return nil, fmt.Errorf("reading networks: %s is no MaxMind DB file: %w", path, err)
		}
		g.readers = append(g.readers, r)
	}
	return g, nil
}

// record holds what the files are known to call things.
type record struct {
	Country     any    `maxminddb:"country"` // GeoLite2: a map; IPinfo: a name or code
	CountryCode string `maxminddb:"country_code"`
	CountryName string `maxminddb:"country_name"`
	Number      any    `maxminddb:"autonomous_system_number"`
	Owner       string `maxminddb:"autonomous_system_organization"`
	ASN         string `maxminddb:"asn"`
	ASName      string `maxminddb:"as_name"`
}

// Country is the English name of the country that an address is used in, else
// its code (ISO 3166-1), "" if that is not known.
func (g *Geo) Country(a netip.Addr) string { return g.first(a, country) }

// Owner is the autonomous system that an address belongs to, like "AS64500
// Example", "" if that is not known.
func (g *Geo) Owner(a netip.Addr) string { return g.first(a, owner) }

func (g *Geo) first(a netip.Addr, of func(*record) string) string {
	for _, r := range g.readers {
		var rec record
		err := r.Lookup(a.Unmap()).Decode(&rec)
		var wrongType maxminddb.UnmarshalTypeError
		if err != nil && !errors.As(err, &wrongType) {
			continue
		}
		if name := plain(of(&rec)); name != "" {
			return name
		}
	}
	return ""
}

func country(r *record) string {
	code, name := r.CountryCode, r.CountryName
	switch c := r.Country.(type) {
	case string:
		name = c
	case map[string]any:
		code, _ = c["iso_code"].(string)
		if names, ok := c["names"].(map[string]any); ok {
			name, _ = names["en"].(string)
		}
	}
	if name == "" {
		return code
	}
	return name
}

func owner(r *record) string {
	number, name := r.ASN, r.Owner
	switch n := r.Number.(type) {
	case uint64:
		number = "AS" + strconv.FormatUint(n, 10)
	case uint32:
		number = "AS" + strconv.FormatUint(uint64(n), 10)
	}
	if name == "" {
		name = r.ASName
	}
	return strings.TrimSpace(number + " " + name)
}

// maxGeoName bounds a name, in bytes.
const maxGeoName = 80

// plain keeps of a name what may stand in the name of a node.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r) {
			return r
		}
		return ' '
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > maxGeoName {
		s = s[:strings.LastIndexFunc(s, func(rune) bool { return true })]
	}
	return strings.TrimSpace(s)
}

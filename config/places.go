package config

import (
	"fmt"
	"path"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/api"
)

// maxPlaces bounds the places of a file, and maxPlaceParts what each lists.
const (
	maxPlaces     = 500
	maxPlaceParts = 1_000
	maxPlaceName  = 80
)

// checkPlaces says what is wrong with the places.
func (c *Config) checkPlaces() error {
	if len(c.Places) > maxPlaces {
		return fmt.Errorf("places must have at most %d entries, has %d", maxPlaces, len(c.Places))
	}
	seen := map[string]int{}
	for i := range c.Places {
		p := &c.Places[i]
		if err := checkPlace(p); err != nil {
			return fmt.Errorf("places[%d].%w", i, err)
		}
		if j, twice := seen[p.Name]; twice {
			return fmt.Errorf("places[%d].name must be used once, is that of places[%d] too: %q", i, j, p.Name)
		}
		seen[p.Name] = i
	}
	return nil
}

func checkPlace(p *api.Site) error {
	control := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	if p.Name == "" || len(p.Name) > maxPlaceName || slices.ContainsFunc([]rune(p.Name), control) {
		return fmt.Errorf("name must be 1 to %d bytes of plain text, is %q", maxPlaceName, p.Name)
	}
	if !(p.Latitude >= -90 && p.Latitude <= 90) {
		return fmt.Errorf("latitude must be from -90 to 90 degrees, is %v", p.Latitude)
	}
	if !(p.Longitude >= -180 && p.Longitude <= 180) {
		return fmt.Errorf("longitude must be from -180 to 180 degrees, is %v", p.Longitude)
	}
	switch n := len(p.Networks) + len(p.Nodes) + len(p.Zones); {
	case n == 0:
		return fmt.Errorf("networks, nodes or zones must say what is at %q", p.Name)
	case n > maxPlaceParts:
		return fmt.Errorf("networks, nodes and zones must have at most %d entries, have %d", maxPlaceParts, n)
	}
	for j, pattern := range p.Nodes {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("nodes[%d] must be a name, in which * and ? stand for others, is %q", j, pattern)
		}
	}
	return nil
}

package config

import (
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	c, err := Parse([]byte("places:\n- {name: north, latitude: 53.5, longitude: 10, networks: [10.20.0.0/16], nodes: [\"n-*\"], zones: [dmz]}\n"))
	if err != nil || len(c.Places) != 1 || c.Places[0].Latitude != 53.5 || c.Places[0].Networks[0].String() != "10.20.0.0/16" {
		t.Fatalf("%+v %v", c.Places, err)
	}
	for text, want := range map[string]string{
		"{latitude: 1, longitude: 1, zones: [a]}":                          "places[0].name must be",
		"{name: a, latitude: 91, longitude: 1, zones: [a]}":                "places[0].latitude must be",
		"{name: a, latitude: .nan, longitude: 1, zones: [a]}":              "places[0].latitude must be",
		"{name: a, latitude: 1, longitude: -181, zones: [a]}":              "places[0].longitude must be",
		"{name: a, latitude: 1, longitude: 1}":                             "must say what is at",
		"{name: a, latitude: 1, longitude: 1, nodes: [\"[\"]}":             "places[0].nodes[0] must be",
		"{name: a, latitude: 1, longitude: 1, networks: [10.0.0.0/99]}":    "10.0.0.0/99",
		"{name: a, zones: [a]}\n- {name: a, zones: [b]}":                   "places[1].name must be used once",
		"{name: a, latitude: 1, longitude: 1, zones: [a], country: there}": "country",
	} {
		if _, err := Parse([]byte("places:\n- " + text + "\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

package geo_test

import (
	"net/http"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/geo"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

func TestGeoAnswer(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Report(t, shop.Host("web1", "10.0.0.1").Report)
	if g := served.Read[geo.Geo](t, s, api.Prefix+"/geo"); g.GeoIP || g.Unplaced == 0 || g.Split != "none" {
		t.Errorf("%+v", g)
	}
	if a := s.Get(t, api.Prefix+"/geo?at=x"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Error(a.Status)
	}
}

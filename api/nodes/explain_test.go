package nodes_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api/nodes"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
)

func TestExplain(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	for _, tt := range []struct{ client, server, want string }{
		{"web", "db:5432", "web (nginx) → db (postgres, port 5432)"},
		{"web:nginx", "db", "Both ends report it"},
		{"web", "10.0.0.9:6379", "10.0.0.9 does not report itself."},
		{"Internet", "web:80", "Internet"},
	} {
		e := served.Read[nodes.Explanation](t, s, api.Prefix+"/explain?client="+url.QueryEscape(tt.client)+"&server="+url.QueryEscape(tt.server))
		if len(e.Connections) != 1 || !strings.Contains(strings.Join(e.Text, "\n"), tt.want) {
			t.Errorf("%s to %s: %d connections, %q", tt.client, tt.server, len(e.Connections), e.Text)
		}
	}
	for _, tt := range []struct{ client, server, want string }{
		{"web", "db:80", "nobody has seen web connect to db:80"},
		{"web:php", "db", "nobody has seen web:php connect to db"},
		{"web9", "db", `no node is named "web9"`},
		{"web", "db9:80", `no node is named "db9:80"`},
	} {
		p := served.Refused(t, s.Get(t, api.Prefix+"/explain?client="+url.QueryEscape(tt.client)+"&server="+url.QueryEscape(tt.server)), http.StatusNotFound)
		if !strings.Contains(p.Detail, tt.want) {
			t.Errorf("%s to %s: %s", tt.client, tt.server, p.Detail)
		}
	}
}

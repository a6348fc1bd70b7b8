package icinga

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/nagios"
)

// Nagios 4 has a status.cgi, too: it ignores jsonoutput, and answers with a page.
func TestNagiosIsNoIcinga(t *testing.T) {
	s := nagios.Start(t)
	for _, url := range []string{s.URL, s.URL + "/cgi-bin"} {
		src, err := New(monitor.Options{URL: url, User: nagios.User, Password: nagios.Password})
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Read(t.Context())
		if monitor.ReasonOf(err) != monitor.NotIt || !strings.Contains(err.Error(), "set kind to nagios") || !strings.Contains(err.Error(), "Current Network Status") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

package monitor

import (
	"strings"
	"testing"
)

func TestPageLink(t *testing.T) {
	for _, tt := range []struct{ base, host, name, want string }{
		{"https://mon.example/nagios4/cgi-bin/", "web1", "", "https://mon.example/nagios4/cgi-bin/extinfo.cgi?type=1&host=web1"},
		{"https://mon.example/cgi-bin", "web1", "Disk /var", "https://mon.example/cgi-bin/extinfo.cgi?type=2&host=web1&service=Disk+%2Fvar"},
		{"http://mon.example/site/check_mk", "web1", "", "http://mon.example/site/check_mk/view.py?view_name=hoststatus&host=web1"},
		{"http://mon.example/site/check_mk/", "web1", "a&b=c", "http://mon.example/site/check_mk/view.py?view_name=service&host=web1&service=a%26b%3Dc"},
		{"https://mon.example/icingaweb2", "web1", "http", "https://mon.example/icingaweb2/icingadb/service?name=http&host.name=web1"},
		{"https://mon.example/icingaweb2/icingadb", "web1", "", "https://mon.example/icingaweb2/icingadb/host?name=web1"},
		{"https://mon.example/icingaweb2/monitoring", "web1", "", "https://mon.example/icingaweb2/monitoring/host/show?host=web1"},
		{"https://mon.example/icingaweb2/monitoring", `<b>"`, "http", "https://mon.example/icingaweb2/monitoring/service/show?host=%3Cb%3E%22&service=http"},
		{"https://mon.example", "", "\n", "https://mon.example/extinfo.cgi?type=2&host=&service=%0A"},
		{"javascript:alert(1)", "web1", "", ""},
		{"https://u:p@mon.example", "web1", "", ""},
		{"tcp://mon.example:6557", "web1", "", ""},
		{"", "web1", "", ""},
		{"https://mon.example", "web1", strings.Repeat("x", MaxLink), ""},
	} {
		if got := PageLink(tt.base, tt.host, tt.name); got != tt.want {
			t.Errorf("%q, %q, %q: %q, want %q", tt.base, tt.host, tt.name, got, tt.want)
		}
	}
}

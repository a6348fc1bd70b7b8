package endpoint

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/proctext"
)

func TestServicePort(t *testing.T) {
	for _, c := range []struct {
		name, protocol string
		want           uint16
	}{
		{"ssh", proctext.TCP, 22},
		{"SSH", proctext.TCP, 22},
		{"echo", proctext.UDP, 7},
		{"memcached", proctext.TCP, 11211},
		{"bootpc", proctext.UDP, 68},
		{"ms-wbt-server", proctext.TCP, 3389},
		{"syslog", proctext.UDP, 514},
		{"shell", proctext.TCP, 514},
		{"syslog", proctext.TCP, 0},
		{"shell", proctext.UDP, 0},
		{"ss", proctext.TCP, 0},
		{"sh", proctext.TCP, 0},
		{"", proctext.TCP, 0},
		{"ssh/22 telnet", proctext.TCP, 0},
	} {
		if got := servicePort(c.name, c.protocol); got != c.want {
			t.Errorf("%s of %s is %d, want %d", c.name, c.protocol, got, c.want)
		}
	}
	for _, line := range strings.Fields(services + servicesTCP + servicesUDP) {
		if name, port, ok := strings.Cut(line, "/"); !ok || name != strings.ToLower(name) || port == "" || strings.Trim(port, "0123456789") != "" {
			t.Errorf("%q is no entry", line)
		}
	}
}

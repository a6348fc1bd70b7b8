package monitor

import (
	"reflect"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/mapping"
)

func TestCommandHints(t *testing.T) {
	port := func(p uint16, from string) []mapping.Hint {
		return []mapping.Hint{{Port: p, From: "command argument " + from}}
	}
	for command, want := range map[string][]mapping.Hint{
		"check_tcp!5432":                    port(5432, "5432"),
		"check_tcp!7":                       port(7, "7"),
		"check_tcp!5432!-w 1 -c 2":          port(5432, "5432"),
		"check_http!-p 8080":                port(8080, "-p"),
		"check_http!-p8080":                 port(8080, "-p"),
		"check_http!--port=8080":            port(8080, "--port"),
		"check_http!--port!8080":            port(8080, "--port"),
		"check_pgsql!-p secret -P 5433":     port(5433, "-P"),
		"check_mysql!-p 3306":               nil, // a password, whatever it looks like
		"check_http!-H $HOSTADDRESS$ -p 80": port(80, "-p"),
		"/usr/lib/nagios/plugins/check_redis -H 192.0.2.7 -p 6380": {{Address: "192.0.2.7", Port: 6380, From: "command argument -p"}},
		"check_http!-H shop.example":                               {{Address: "shop.example", From: "command argument -H"}},
		"check_http!-H shop.example:8443":                          {{Address: "shop.example", Port: 8443, From: "command argument -H"}},
		"check_http!--url=https://shop.example/health?x=1":         {{Address: "shop.example", Port: 443, From: "command argument --url"}},
		"check_web!http://[2001:db8::1]:81/":                       {{Address: "2001:db8::1", Port: 81, From: "command argument URL"}},
		"check_x!db1:5432 db2:5432": {
			{Address: "db1", Port: 5432, From: "command argument host:port"},
			{Address: "db2", Port: 5432, From: "command argument host:port"},
		},
		"check_nrpe!-p 5666 -c check_load": {{Port: 5666, From: "command argument -p", Exporter: true}},
		"check_by_ssh!-p 2222!ls":          {{Port: 2222, From: "command argument -p", Exporter: true}},
		"check_http!-p 9100":               {{Port: 9100, From: "command argument -p", Exporter: true}},
		"check_load!5!1500":                nil, // thresholds
		"check_procs!1500!2000":            nil,
		"check_http!5!10":                  nil,
		"check_ping!100.0,20%!500.0,60%":   nil,
		"check_disk!20%!10%!/var":          nil,
		"check_state!web1/http":            nil,
		"check_tcp!99999":                  nil,
		"check_x!file=db1!port=5432!":      port(5432, "port"),
		"check_x!http_port=81":             port(81, "http_port"),
		"check_x!airport=81 port=x":        nil,
		"check_tcp!0":                      nil,
		"check_x!12:30":                    nil, // a time
		"check_x!-p":                       nil,
		"":                                 nil,
		"!!!":                              nil,
		"check_http!-H $_HOSTVHOST$":       nil,
	} {
		if got := CommandHints(command); !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives %+v, want %+v", command, got, want)
		}
	}
}

func TestCommandHintsAreFew(t *testing.T) {
	if got := CommandHints("check_x!" + strings.Repeat("a:1 b:2 c:3 d:4 e:5 f:6 g:7 h:8 i:9 j:10 ", 1000)); len(got) != maxHints {
		t.Errorf("%d hints", len(got))
	}
}

func TestOutputHints(t *testing.T) {
	for output, want := range map[string][]mapping.Hint{
		"connect to address 192.0.2.1 and port 80: Connection refused": {{Address: "192.0.2.1", Port: 80, From: "output"}},
		"TCP OK - 0.001 second response time on db1.example port 5432": {{Address: "db1.example", Port: 5432, From: "output"}},
		"CRITICAL: connection refused on port 5432":                    {{Port: 5432, From: "output"}},
		"SSH OK - listens on TCP port 22":                              {{Port: 22, From: "output"}},
		"node_exporter does not answer on port 9100":                   {{Port: 9100, From: "output", Exporter: true}},
		"connect to ::1 port 25, and connect to ::1 port 25":           {{Address: "::1", Port: 25, From: "output"}},
		"PING ok":                              nil,
		"4 of 48 ports are up, on port 700000": nil,
		"support 24":                           nil,
		"report on airport 12 to transport 13": nil,
	} {
		if got := OutputHints(output); !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives %+v, want %+v", output, got, want)
		}
	}
}

func TestExporterPorts(t *testing.T) {
	for port, want := range map[uint16]bool{9100: true, 9090: true, 5666: true, 10050: true, 6556: true, 12489: true, 9187: true, 80: false, 5432: false, 6379: false, 9200: false, 9092: false} {
		if got := ExporterPort(port); got != want {
			t.Errorf("%d: %v", port, got)
		}
	}
}

func FuzzHints(f *testing.F) {
	f.Add("check_http!-H shop.example -p 8080!http://[::1]:9/")
	f.Add("connect to address 192.0.2.1 and port 80: Connection refused")
	f.Add("check_x!'\"!-p")
	f.Fuzz(func(t *testing.T, s string) {
		for _, h := range append(CommandHints(s), OutputHints(s)...) {
			if h.From == "" || (h.Port == 0 && h.Address == "") || (h.Address != "" && Clean(h.Address, 253) != h.Address) {
				t.Errorf("%q gives %+v", s, h)
			}
		}
	})
}

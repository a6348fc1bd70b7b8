package mapping

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// site is a small one with what is usual.
func site(t testing.TB) *topology.Snapshot {
	t.Helper()
	return snapshot(t,
		node("web1", "10.0.0.1", "22 sshd", "80 nginx", "443 nginx", "9000 php-fpm8.2", "25 master loopback unit=postfix@-.service",
			"9100 node_exporter", "9113 nginx-promethe", "5666 nrpe", "53/udp systemd-resolve loopback addr=127.0.0.53", "10050 zabbix_agentd"),
		node("db1", "10.0.0.2", "22 sshd", "5432 postgres", "6432 pgbouncer", "9187 postgres_export", "9100 node_exporter", "8008 patroni"),
		node("db2", "10.0.0.3", "22 sshd", "3306 mariadbd unit=mariadb.service", "33060 mariadbd unit=mariadb.service", "9104 mysqld_exporter"),
		node("cache1", "10.0.0.4", "22 sshd", "6379 redis-server", "26379 redis-sentinel", "11211 memcached", "11211/udp memcached", "9121 redis_exporter"),
		node("mq1", "10.0.0.5", "22 sshd", "5672 beam.smp unit=rabbitmq-server.service", "15672 beam.smp unit=rabbitmq-server.service", "25672 beam.smp unit=rabbitmq-server.service",
			"4369 epmd", "9092 java unit=kafka.service", "2181 java unit=zookeeper.service"),
		node("app1", "10.0.0.6", "22 sshd", "8080 java unit=tomcat9.service", "8081 shop-api", "3000 node unit=checkout.service", "9200 java unit=elasticsearch.service",
			"5601 node unit=kibana.service"),
		node("lb1", "10.0.0.7", "22 sshd", "80 haproxy", "443 haproxy", "8404 haproxy", "6379 haproxy"),
		node("infra1", "10.0.0.8", "22 sshd", "53 named", "53/udp named", "389 slapd", "636 slapd", "25 exim4", "143 dovecot", "993 dovecot", "123/udp chronyd",
			"514/udp rsyslogd", "2049 nfsd", "8500 consul", "161/udp snmpd"),
		node("mon1", "10.0.0.9", "22 sshd", "80 apache2", "9090 prometheus", "9093 alertmanager", "3000 grafana", "5665 icinga2", "10051 zabbix_server"),
		node("dock1", "10.0.0.10", "22 sshd", "8080 docker-proxy"),
		node("dock1/shop-redis-1", "172.18.0.2", "6379 redis-server"),
		node("dock1/shop-api-1", "172.18.0.3", "8000 gunicorn"),
	)
}

// TestGolden maps checks as Debian's Nagios, Icinga's templates, Checkmk,
// Prometheus' usual rules and Zabbix' templates call them.
func TestGolden(t *testing.T) {
	const file = "testdata/checks.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := New(site(t), nil, nil)
	var out strings.Builder
	checks := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		given, _, _ := strings.Cut(line, " => ")
		host, rest, ok := strings.Cut(given, " | ")
		if !ok {
			fmt.Fprintln(&out, line)
			continue
		}
		name, how, _ := strings.Cut(rest, " | ")
		c := check(host, name)
		for word := range strings.FieldsSeq(how) {
			if port, hinted := strings.CutPrefix(word, ":"); hinted {
				var n uint16
				fmt.Sscan(port, &n)
				c.Hints = append(c.Hints, Hint{Port: n, From: "label instance"})
			} else {
				c.Command = word
			}
		}
		m.Check(c)
		fmt.Fprintf(&out, "%s => %s\n", strings.TrimRight(given, " "), told(c))
		if c.Mapping != nil && c.Mapping.Evidence == "" {
			t.Errorf("%s: no evidence", given)
		}
		checks++
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); got != string(text) {
		for i, line := range strings.Split(got, "\n") {
			if want := strings.Split(string(text), "\n"); i >= len(want) || want[i] != line {
				t.Errorf("got  %s\nwant %s", line, want[min(i, len(want)-1)])
			}
		}
	}
	if checks < 60 {
		t.Errorf("only %d checks", checks)
	}
}

package lexicon

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTokens(t *testing.T) {
	for name, want := range map[string]string{
		"PostgreSQL":            "postgre sql",
		"PostgresqlDown":        "postgresql down",
		"HTTPDown":              "http down",
		"NginxHighHttp4xxRate":  "nginx high http 4 xx rate",
		"redis01":               "redis 01",
		"Disk /var/lib/mysql":   "disk </var/lib/mysql>",
		"fs_/var":               "fs </var>",
		"http://shop.example/x": "http <//shop.example/x>",
		"http/https":            "http https",
		"check_tcp!5432":        "check tcp 5432",
		"Größe der Datenbank":   "größe der datenbank",
		"URLs":                  "urls",
		"":                      "",
		"-- !! --":              "",
		"\xff\xfeload":          "load",
	} {
		var got []string
		for _, tok := range Tokens(name) {
			if tok.Path {
				tok.Text = "<" + tok.Text + ">"
			}
			got = append(got, tok.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", name, strings.Join(got, " "), want)
		}
	}
}

// TestTable: the table holds together.
func TestTable(t *testing.T) {
	l := New()
	ids, words, programs := map[string]bool{}, map[string]string{}, map[string]string{}
	for _, k := range table {
		if ids[k.ID] || k.ID == "" || k.Title == "" || strings.ToLower(k.ID) != k.ID {
			t.Errorf("kind %q, %q", k.ID, k.Title)
		}
		ids[k.ID] = true
		for word := range strings.FieldsSeq(k.Words) {
			if words[word] != "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
				t.Errorf("word %q of %s, and of %q", word, k.ID, words[word])
			}
			words[word] = k.ID
		}
		for name := range strings.FieldsSeq(k.Processes) {
			if programs[name] != "" || name != strings.ToLower(name) {
				t.Errorf("process %q of %s, and of %q", name, k.ID, programs[name])
			}
			programs[name] = k.ID
		}
		for _, p := range ports(k.Listens) {
			if p.Number == 0 || p.Protocol != "tcp" && p.Protocol != "udp" {
				t.Errorf("%s: ports %q", k.ID, k.Listens)
			}
		}
		if k.Of != "" && l.Kind(k.Of) == nil {
			t.Errorf("%s is of %q", k.ID, k.Of)
		}
		if k.Listens == "" && !k.Is(Vague) {
			t.Errorf("%s listens nowhere", k.ID)
		}
	}
	for port, id := range exported {
		if l.Kind(id) == nil || l.Exported(port) != l.Kind(id) || !l.Measuring(port) {
			t.Errorf("port %d measures %q", port, id)
		}
	}
	for role, list := range map[role]string{whole: wholes, reach: reaches, perhaps: maybes} {
		for word := range strings.FieldsSeq(list) {
			if m := l.words[word]; m.role != role || m.kind != nil {
				t.Errorf("%q means something else, too: %+v", word, m)
			}
		}
	}
}

func TestProgram(t *testing.T) {
	l := New()
	for _, tt := range []struct{ process, unit, container, image, want string }{
		{"postgres", "", "", "", "postgresql"},
		{"Postgres", "", "", "", "postgresql"},
		{"php-fpm8.2", "", "", "", "phpfpm"},
		{"master", "postfix@-.service", "", "", "smtp"},
		{"java", "tomcat9.service", "", "", "tomcat"},
		{"java", "", "", "docker.elastic.co/elasticsearch/elasticsearch:8.1@sha256:0", "elasticsearch"},
		{"java", "", "shop-kafka-1", "", "kafka"},
		{"java", "docker-0a1b.scope", "", "", ""},
		{"beam.smp", "rabbitmq-server.service", "", "", "rabbitmq"},
		{"docker-proxy", "docker.service", "", "", "docker"},
		{"node", "", "", "", "nodejs"},
		{"node", "kibana.service", "", "", "kibana"},
		{"postgres_export", "", "", "", ""}, // cut at 15 bytes
		{"postgres_exporter", "", "", "", "exporter"},
		{"redis_exporter", "", "", "redis:7", "exporter"},
		{"redis-ui", "", "", "", ""},
		{"python3", "", "redis-commander", "", ""},
		{"", "redis-server@6380.service", "", "", "redis"},
		{"", "", "mysql-primary", "", "mysql"},
		{"shop-api", "", "", "", ""},
		{"", "", "", "", ""},
	} {
		got := ""
		if k := l.Program(tt.process, tt.unit, tt.container, tt.image); k != nil {
			got = k.ID
		}
		if got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestSubject(t *testing.T) {
	l := New()
	for name, want := range map[string]string{
		"PostgreSQL Locks":                  "postgresql",
		"http":                              "http",
		"HTTP and MySQL":                    "mysql http",
		"Apache Kafka":                      "kafka apache",
		"Apache":                            "apache",
		"Disk redis":                        "whole disk",
		"redis disk":                        "redis",
		"NRPE load":                         "whole load",
		"Zabbix agent is not available":     "zabbixagent",
		"NodeFilesystemAlmostOutOfSpace":    "whole node",
		"Node exporter down":                "nodeexporter",
		"Node.js":                           "nodejs",
		"backup":                            "perhaps backup",
		"backup of the database":            "database",
		"TCP Connections":                   "perhaps connections",
		"Load balancer":                     "http",
		"shop":                              "",
		"/var/lib/mysql":                    "perhaps /var/lib/mysql",
		"fs_/var/lib/redis":                 "whole fs",
		"Process redis-server, 3 processes": "redis",
	} {
		s := l.Subject(name)
		var got []string
		for _, m := range s.Kinds {
			got = append(got, m.Kind.ID)
		}
		if s.Strong {
			got = append(got, "whole")
		} else if s.Whole != "" {
			got = append(got, "perhaps")
		}
		if s.Whole != "" {
			got = append(got, s.Whole)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", name, strings.Join(got, " "), want)
		}
	}
}

func TestPorts(t *testing.T) {
	l := New()
	for name, want := range map[string][2][]uint16{
		"tcp 8080": {{8080}, nil}, "TCP_9000": {{9000}, nil}, "host:443": {{443}, nil}, "port 22 and 23": {{22}, {23}}, "http 8080": {nil, {8080}},
		"http 70000": {nil, nil}, "http 080": {nil, nil}, "redis 0": {nil, nil}, "10:30 report": {{30}, {10}},
	} {
		if s := l.Subject(name); !slices.Equal(s.Ports, want[0]) || !slices.Equal(s.Numbers, want[1]) {
			t.Errorf("%q: %v %v, want %v", name, s.Ports, s.Numbers, want)
		}
	}
	if s := l.Subject("DNS udp"); s.Protocol != "udp" {
		t.Errorf("protocol %q", s.Protocol)
	}
}

func TestCommand(t *testing.T) {
	l := New()
	for command, want := range map[string]string{
		"check_pgsql": "postgresql", "check_http": "http", "check_nrpe": "", "check_by_ssh": "", "check_ssh": "ssh", "check_mk-mysql": "mysql", "check_mk": "",
		"check_tcp": "", "pgsql": "postgresql", "check_load": "", "check_mysql_health": "mysql", "dotm_redis": "redis",
	} {
		got := ""
		if s := l.Command(command); len(s.Kinds) > 0 {
			got = s.Kinds[0].Kind.ID
		}
		if got != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
	if s := l.Command("check_load"); !s.Strong || !s.Resource {
		t.Errorf("check_load: %+v", s)
	}
}

func TestWithout(t *testing.T) {
	for _, tt := range [][3]string{
		{"WEB1 has been restarted", "web1", "  has been restarted"},
		{"load on web1.example.org", "web1.example.org", "load on  "},
		{"web10 load", "web1", ""},
		{"xweb1", "web1", ""},
		{"web1", "web1", " "},
		{"ab load", "ab", ""},
		{"", "web1", ""},
	} {
		if rest, ok := Without(tt[0], tt[1]); rest != tt[2] || ok != (tt[2] != "") {
			t.Errorf("%q without %q: %q, %v", tt[0], tt[1], rest, ok)
		}
	}
}

// FuzzSubject: names of checks come from outside.
func FuzzSubject(f *testing.F) {
	for _, name := range []string{"PostgreSQL: Service is down", "Disk /var", "NginxHighHttp4xxErrorRate", "\xff\xfe", "ſ:8080", strings.Repeat("a1", 1000), "check_tcp!5432"} {
		f.Add(name, name)
	}
	l := New()
	f.Fuzz(func(t *testing.T, name, command string) {
		s := l.Subject(name)
		if len(s.Tokens) > maxTokens {
			t.Errorf("%d tokens", len(s.Tokens))
		}
		for _, tok := range s.Tokens {
			if tok.Text == "" || utf8.ValidString(name) && !utf8.ValidString(tok.Text) && len(name) <= maxName {
				t.Errorf("token %q of %q", tok.Text, name)
			}
		}
		if s.Strong && (s.Whole == "" || len(s.Kinds) > 0) {
			t.Errorf("%+v", s)
		}
		l.Command(command)
		l.Program(name, command, name, command)
		Without(name, command)
	})
}

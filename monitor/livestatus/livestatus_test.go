package livestatus

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// scene is what the hosts of the test servers, and the captures, are like.
var scene = map[string]string{
	"web1!": "UP", "db1!": "UP", "cache1!": "UP", "gw1!": "DOWN open", "edge1!": "UNREACHABLE open", "new1!": "PENDING soft",
	"web1!http": "OK", "web1!Disk /var": "WARNING acknowledged", "web1!ntp": "PENDING soft",
	"db1!postgres": "CRITICAL open", "db1!backup": "UNKNOWN downtime", "db1!replication": "CRITICAL soft",
	"cache1!redis": "OK", "cache1!load": "CRITICAL flapping", "cache1!memory": "WARNING open",
	"gw1!ssh": "CRITICAL open", "edge1!https": "CRITICAL open", // whose host is down: the caller knows
}

func isScene(t *testing.T, r *monitor.Reading) {
	t.Helper()
	if len(r.Checks) != len(scene) || len(r.Hosts) != 6 || len(r.Notes) != 0 {
		t.Errorf("%d checks, %d hosts, notes %v", len(r.Checks), len(r.Hosts), r.Notes)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		if got := brief(c); got != scene[c.Host+"!"+c.Name] && c.Name != "load" {
			t.Errorf("%s!%s is %s, want %s", c.Host, c.Name, got, scene[c.Host+"!"+c.Name])
		}
		if c.Name == "load" && !c.Flapping {
			t.Errorf("load is %s", brief(c))
		}
		if (c.Name == "") != (c.Kind == topology.HostCheck) {
			t.Errorf("%s!%s is of kind %s", c.Host, c.Name, c.Kind)
		}
	}
}

func read(t *testing.T, s *Source) *monitor.Reading {
	t.Helper()
	r, err := s.Read(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The answers of Icinga 2 are the scene, although they don't hold every column.
func TestRead(t *testing.T) {
	c := captured(t)
	s := source(t, c.answer)
	s.link = "https://mon.example/icingaweb2"
	r := read(t, s)
	isScene(t, r)
	if r.Program != "Icinga 2" || r.Version != "2.13.6-1" || !r.At.IsZero() {
		t.Errorf("%s %s of %s", r.Program, r.Version, r.At)
	}
	edge := hostOf(t, r, "edge1")
	want := &mapping.Host{
		Name: "edge1", Alias: "host behind gw1", Display: "host behind gw1", Addresses: []string{"127.0.0.5"},
		Groups: []string{"branch"}, Parents: []string{"gw1"}, Link: "https://mon.example/icingaweb2/icingadb/host?name=edge1",
	}
	if !reflect.DeepEqual(edge, want) {
		t.Errorf("%+v", edge)
	}
	memory := find(t, r, "cache1", "memory")
	if memory.Output != `WARNING: Größe 91% "voll" <b>fett</b> \ C:\temp & a tab` || memory.Link != "https://mon.example/icingaweb2/icingadb/service?name=memory&host.name=cache1" {
		t.Errorf("%q, %q", memory.Output, memory.Link)
	}
	postgres := find(t, r, "db1", "postgres")
	if len(postgres.Hints) != 1 || postgres.Hints[0].Port != 5432 || !reflect.DeepEqual(postgres.Groups, []string{"shop"}) {
		t.Errorf("%+v %v", postgres.Hints, postgres.Groups)
	}
	if !postgres.Since.Equal(time.Unix(1795368539, 0)) || !postgres.LastCheck.Equal(time.Unix(1795368828, 0)) {
		t.Errorf("since %s, last check %s", postgres.Since, postgres.LastCheck)
	}
	// Its state never changed: the moment it became hard is all there is.
	if backup := find(t, r, "db1", "backup"); !backup.Since.Equal(time.Unix(1795368538, 0)) {
		t.Errorf("since %s", backup.Since)
	}
	if ntp := find(t, r, "web1", "ntp"); !ntp.LastCheck.IsZero() || !ntp.Since.IsZero() || ntp.Output != "" {
		t.Errorf("what was never checked: %+v", ntp)
	}
}

// What a server lacks is left out from then on.
func TestMissingColumns(t *testing.T) {
	c := captured(t)
	s := source(t, c.answer)
	read(t, s)
	if missing := strings.Join(s.services.missing, " "); missing != "check_interval active_checks_enabled check_command last_time_ok" {
		t.Errorf("missing: %s", missing)
	}
	c.queries = nil
	isScene(t, read(t, s))
	if len(c.queries) != 3 {
		t.Errorf("the second time it takes %d queries:\n%s", len(c.queries), strings.Join(c.queries, "\n"))
	}
}

// Others say it in other words, or answer with null.
func TestMissingColumnsElsewhere(t *testing.T) {
	for name, unknown := range map[string]func(table, column string) string{
		"an old MK Livestatus": func(table, column string) string {
			return reply(450, fmt.Sprintf("Table '%s' has no column '%s'", table, column))
		},
		"one that does not say which": func(string, string) string { return reply(400, "unknown column") },
		"a newer MK Livestatus":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			c := captured(t)
			c.unknown = unknown
			r := read(t, source(t, c.answer))
			if got := brief(find(t, r, "db1", "postgres")); !strings.HasPrefix(got, "CRITICAL") || len(r.Checks) != 17 {
				t.Errorf("%s, %d checks", got, len(r.Checks))
			}
		})
	}
}

// Without the columns that it is all about there is no reading.
func TestNeededColumn(t *testing.T) {
	c := captured(t)
	c.tables["services"][0][1] = "other" // was description
	_, err := source(t, c.answer).Read(within(t))
	if monitor.ReasonOf(err) != monitor.NotIt || !strings.Contains(err.Error(), "'description' does not exist in table 'services'") || strings.Contains(err.Error(), "Stacktrace") {
		t.Error(err)
	}
	c.unknown = nil
	if _, err = source(t, c.answer).Read(within(t)); monitor.ReasonOf(err) != monitor.NotIt || !strings.Contains(err.Error(), "without a name") {
		t.Error(err)
	}
}

// MK Livestatus writes 0 and 1 where Icinga 2 writes false and true, knows how often
// checks run, and its never-checked services have the state of a fine one.
func TestAcknowledgementsAsBooleansOrNumbers(t *testing.T) {
	c := captured(t)
	for _, table := range []string{"hosts", "services"} {
		for _, column := range []string{"acknowledged", "is_flapping"} {
			c.each(table, column, func(v any) any {
				if v == true {
					return 1.0
				}
				return 0.0
			})
		}
		c.each(table, "last_check", func(v any) any { return max(v.(float64), 0) })
		rows := c.tables[table]
		rows[0] = append(rows[0], "check_interval", "active_checks_enabled", "last_time_ok", "check_command")
		for i := range rows[1:] {
			rows[i+1] = append(rows[i+1], 5.0, 1.0, 1795368000.0, "check_tcp!5433")
		}
	}
	c.each("services", "state", func(v any) any {
		if v == 3.0 {
			return 0.0
		}
		return v
	})
	c.tables["services"][7][3] = 3.0 // backup's state, again
	c.tables["status"] = [][]any{{"program_start", "program_version", "livestatus_version", "interval_length"}, {1.0, "4.4.6", "2.3.0p1", 30.0}}
	r := read(t, source(t, c.answer))
	isScene(t, r)
	if r.Program != "Livestatus" || r.Version != "2.3.0p1" {
		t.Errorf("%s %s", r.Program, r.Version)
	}
	postgres := find(t, r, "db1", "postgres")
	if time.Duration(postgres.Interval) != 150*time.Second || !postgres.LastOK.Equal(time.Unix(1795368000, 0)) || len(postgres.Hints) != 2 || postgres.Hints[0].Port != 5433 {
		t.Errorf("%+v", postgres)
	}
}

// Nothing is never "all fine".
func TestNothingIsNotFine(t *testing.T) {
	c := captured(t)
	c.tables["services"] = c.tables["services"][:1]
	if r := read(t, source(t, c.answer)); len(r.Notes) != 1 || r.Notes[0].Code != "no-services" {
		t.Errorf("%v", r.Notes)
	}
	c.tables["hosts"] = c.tables["hosts"][:1]
	if r := read(t, source(t, c.answer)); len(r.Notes) != 1 || r.Notes[0].Code != "no-hosts" || r.Notes[0].Hint == "" {
		t.Errorf("%v", r.Notes)
	}
	c = captured(t)
	c.tables["status"] = [][]any{{"program_start", "execute_service_checks", "execute_host_checks"}, {1.0, 0.0, 0.0}}
	if r := read(t, source(t, c.answer)); len(r.Notes) != 2 || !strings.HasPrefix(r.Notes[0].Code, "checks-off") {
		t.Errorf("%v", r.Notes)
	}
}

func TestProgram(t *testing.T) {
	for _, tt := range []struct{ version, livestatus, want string }{
		{"r2.13.6-1-icinga2", "r2.13.6-1", "Icinga 2 2.13.6-1"},
		{"1.4.1-naemon", "1.4.0-naemon", "Naemon 1.4.1-naemon"},
		{"2.4.3-shinken", "1.2.4", "Shinken 2.4.3-shinken"},
		{"3.5.1", "1.2.8p25", "Livestatus 1.2.8p25"},
		{"3.5.1", "", "Livestatus 3.5.1"},
		{"", "", "Livestatus "},
	} {
		if name, number := program(tt.version, tt.livestatus); name+" "+number != tt.want {
			t.Errorf("%q, %q: %s %s", tt.version, tt.livestatus, name, number)
		}
	}
}

// Names and texts are as hostile as anything from outside.
func TestHostileTexts(t *testing.T) {
	c := captured(t)
	c.tables["services"][1][1] = "a/b\"<script>\xff\n\x1b[31m"
	c.tables["services"][1][11] = strings.Repeat("ü", 4000)
	s := source(t, c.answer)
	s.link = "https://mon.example"
	r := read(t, s)
	got := find(t, r, "db1", "a/b\"<script>\uFFFD  [31m")
	if len(got.Output) != monitor.MaxOutput || !strings.HasSuffix(got.Link, "service=a%2Fb%22%3Cscript%3E%EF%BF%BD++%5B31m") {
		t.Errorf("%d bytes, %s", len(got.Output), got.Link)
	}
}

// Every way not to be readable is told apart, with a hint.
func TestErrors(t *testing.T) {
	broken := func(string) string { return reply(200, `[["a",1],["b"`) }
	for name, tt := range map[string]struct {
		answer func(string) string
		reason monitor.Reason
		says   string
	}{
		"a web server":           {func(string) string { return "HTTP/1.1 400 Bad Request\r\n\r\n" }, monitor.NotIt, "web server"},
		"another protocol":       {func(string) string { return "SSH-2.0-OpenSSH_9.2p1" }, monitor.NotIt, "does not speak Livestatus"},
		"short nonsense":         {func(string) string { return "no" }, monitor.NotIt, "does not speak Livestatus"},
		"a negative length":      {func(string) string { return "200          -1\n[]" }, monitor.NotIt, "does not speak Livestatus"},
		"it hangs up":            {func(string) string { return "" }, monitor.NoConnection, "hangs up"},
		"no such table":          {func(string) string { return reply(404, "Table 'status' does not exist.") }, monitor.NotIt, "refuses a query"},
		"forbidden":              {func(string) string { return reply(403, "not allowed") }, monitor.NoRight, "not allowed"},
		"too large for it":       {func(string) string { return reply(413, "maximum response size reached") }, monitor.TooLarge, "max_response_size"},
		"a proxy":                {func(string) string { return reply(502, "bad gateway") }, monitor.NotRunning, "proxy"},
		"500 MB answers":         {func(string) string { return "200  9999999999\n[" }, monitor.TooLarge, "MiB"},
		"it ends too early":      {func(string) string { return "200         100\n[[1," }, monitor.NoConnection, "breaks off, 96 bytes before"},
		"broken JSON":            {broken, monitor.NotIt, "answer"},
		"no list":                {func(string) string { return reply(200, `{"a":1}`) }, monitor.NotIt, "not the JSON"},
		"nothing":                {func(string) string { return reply(200, "") }, monitor.NotIt, "with nothing"},
		"rows that are too long": {func(string) string { return reply(200, `[[1,2,3,4,5,6,7,8,9]]`) }, monitor.NotIt, "rows of 9 cells"},
		"rows that are none":     {func(string) string { return reply(200, `[1]`) }, monitor.NotIt, "not the JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := source(t, tt.answer).Read(within(t))
			var e *monitor.Error
			if !errors.As(err, &e) || e.Reason != tt.reason || !strings.Contains(err.Error(), tt.says) || e.Hint == "" {
				t.Errorf("%s: %v", monitor.ReasonOf(err), err)
			}
		})
	}
}

// Who listens nowhere, and sockets that are none.
func TestNobodyThere(t *testing.T) {
	dir := t.TempDir()
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "dead"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	for url, reason := range map[string]monitor.Reason{
		"unix://" + dir + "/none":        monitor.NotRunning,
		"unix://" + dir + "/dead":        monitor.NotRunning,
		"tcp://" + l.Addr().String():     monitor.NoConnection,
		"tcp://no-such-host.invalid:123": monitor.NoConnection,
	} {
		if _, err := at(t, monitor.Options{URL: url}).Read(within(t)); monitor.ReasonOf(err) != reason {
			t.Errorf("%s: %s: %v", url, monitor.ReasonOf(err), err)
		}
	}
}

// A connection that is reset is no matter of http or https.
func TestReset(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	_, err = at(t, monitor.Options{URL: "tcp://" + l.Addr().String()}).Read(within(t))
	if monitor.ReasonOf(err) != monitor.NoConnection || !strings.Contains(err.Error(), "hangs up") || strings.Contains(err.Error(), "http") {
		t.Error(err)
	}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		opt   monitor.Options
		field string
		at    address
	}{
		{monitor.Options{URL: "tcp://mon.example:6558"}, "", address{"tcp", "mon.example:6558"}},
		{monitor.Options{URL: "tcp://mon.example/"}, "", address{"tcp", "mon.example:6557"}},
		{monitor.Options{URL: "tcp://[::1]"}, "", address{"tcp", "[::1]:6557"}},
		{monitor.Options{URL: "unix:///run/live"}, "", address{"unix", "/run/live"}},
		{monitor.Options{URL: "tcp://mon.example", TLS: monitor.TLS{ServerName: "x"}}, "", address{"tcp", "mon.example:6557"}},
		{monitor.Options{URL: "unix:///run/live", TLS: monitor.TLS{ServerName: "x"}}, "tls", address{}},
		{monitor.Options{URL: "tcp://mon.example/path"}, "url", address{}},
		{monitor.Options{URL: "tcp://mon.example?x"}, "url", address{}},
		{monitor.Options{URL: "tcp://:6557"}, "url", address{}},
		{monitor.Options{URL: "http://mon.example"}, "url", address{}},
		{monitor.Options{URL: "unix://host/path"}, "url", address{}},
		{monitor.Options{URL: "://"}, "url", address{}},
		{monitor.Options{URL: "tcp://mon.example", User: "dotm"}, "user", address{}},
		{monitor.Options{URL: "tcp://mon.example", Password: "secret"}, "user", address{}},
	} {
		s, err := New(tt.opt)
		var e *monitor.OptionError
		switch {
		case tt.field == "" && (err != nil || s.at != tt.at):
			t.Errorf("%+v: %v", tt.opt, err)
		case tt.field != "" && (!errors.As(err, &e) || e.Field != tt.field):
			t.Errorf("%+v: %v, want an error of %s", tt.opt, err, tt.field)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("it tells the password: %v", err)
		}
	}
}

// A command is one line, whatever people write.
func TestCommand(t *testing.T) {
	for _, tt := range []struct {
		a    monitor.Acknowledgement
		want string
	}{
		{monitor.Acknowledgement{Host: "web1", Name: "Disk /var", Author: "ops", Comment: "seen; wait"}, "ACKNOWLEDGE_SVC_PROBLEM;web1;Disk /var;1;0;1;ops;seen; wait"},
		{monitor.Acknowledgement{Host: "web1", Author: "a;b\nc", Comment: "x\n[1] SHUTDOWN_PROGRAM\n\n"}, "ACKNOWLEDGE_HOST_PROBLEM;web1;1;0;1;a,b c;x [1] SHUTDOWN_PROGRAM"},
		{monitor.Acknowledgement{Host: "web1"}, "ACKNOWLEDGE_HOST_PROBLEM;web1;1;0;1;dotm;acknowledged from dotm"},
	} {
		if got := command(tt.a); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

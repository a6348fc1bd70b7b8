package zabbix

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// What a Zabbix once answered.
func TestRead(t *testing.T) {
	f := captured(t)
	s := f.source(t, nil)
	r := read(t, s)
	want := map[string]string{
		"web1!HTTP on web server fails": "OK", "web1!/var on web server is almost full": "WARNING acknowledged", "web1!clock of web server is wrong": "OK",
		"db1!PostgreSQL refuses connections": "CRITICAL open", "db1!replica is behind": "OK",
		"cache1!Redis does not answer": "OK downtime", `cache1!Größe 91% \ <b>fett</b>`: "WARNING downtime",
		"gw1!gateway is unreachable": "CRITICAL open", "edge1!edge is unreachable": "OK",
	}
	if diff := cmp.Diff(want, briefs(r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if r.Program != "Zabbix" || r.Version != "6.0.14" || r.At.Unix() != 1795369398 || r.Age != 2*time.Second || codes(r) != "" {
		t.Errorf("%s %s of %s, %s old, %s", r.Program, r.Version, r.At, r.Age, codes(r))
	}
	wantDependencies := []monitor.Dependency{
		{Host: "db1", Name: "replica is behind", ParentHost: "db1", ParentName: "PostgreSQL refuses connections"},
		{Host: "edge1", Name: "edge is unreachable", ParentHost: "gw1", ParentName: "gateway is unreachable"},
	}
	if diff := cmp.Diff(wantDependencies, r.Dependencies); diff != "" {
		t.Error(diff)
	}
	i := slices.IndexFunc(r.Hosts, func(h mapping.Host) bool { return h.Name == "web1" })
	wantHost := mapping.Host{
		Name: "web1", Display: "web server", Addresses: []string{"127.0.0.1", "web1.example.test"}, Groups: []string{"Shop"},
		Link: "https://zabbix.example/z/zabbix.php?action=problem.view&filter_set=1&hostids%5B%5D=10559",
	}
	if diff := cmp.Diff(wantHost, r.Hosts[i]); diff != "" {
		t.Error(diff)
	}
	postgres := find(t, r.Checks, "db1", "PostgreSQL refuses connections")
	wantCheck := &mapping.Check{Check: topology.Check{
		Kind: topology.ServiceCheck, Host: "db1", Name: "PostgreSQL refuses connections", Status: topology.Critical, Hard: true,
		Since: time.Unix(1795369267, 0).UTC(), Output: "PostgreSQL refuses connections: 1", Groups: []string{"service: postgres"},
		Link: "https://zabbix.example/z/tr_events.php?triggerid=23136&eventid=2",
	}}
	if diff := cmp.Diff(wantCheck, postgres); diff != "" {
		t.Error(diff)
	}
	if c := find(t, r.Checks, "web1", "HTTP on web server fails"); c.Since.Unix() != 1795369339 || c.Output != "" || c.Link != "https://zabbix.example/z/zabbix.php?action=problem.view&filter_set=1&triggerids%5B%5D=23133" {
		t.Errorf("%+v", c)
	}
	if c := find(t, r.Checks, "web1", "clock of web server is wrong"); !c.Since.IsZero() {
		t.Errorf("what never changed is so since %s", c.Since)
	}
}

// Hosts and triggers are asked for once a minute, problems each time; a problem of a
// trigger that was not there has all be asked for at once, but only once.
func TestAsksForFew(t *testing.T) {
	f := captured(t)
	s := f.source(t, nil)
	now := time.Unix(1000, 0)
	s.now = func() time.Time { now = now.Add(time.Millisecond); return now }
	asked := func(want ...string) {
		t.Helper()
		read(t, s)
		if got := f.asked(); !slices.Equal(got, want) {
			t.Errorf("asked %q\nwant  %q", got, want)
		}
	}
	few := []string{"problem.get", "unknown", "maintained", "hostinterface.get"}
	all := slices.Concat([]string{"host.get", "trigger.get", "volatile"}, few)
	asked(slices.Concat([]string{"apiinfo.version"}, all, []string{"hanode.get"})...)
	asked(append(few, "hanode.get")...)
	now = now.Add(inventoryEvery)
	asked(append(all, "hanode.get")...)

	f.say("problem.get", strings.ReplaceAll(file(t, "problem.get"), `"23136"`, `"999"`))
	asked(slices.Concat(few, all[:3], []string{"hanode.get", "trigger.get"})...) // and when the other problem ended
	asked(append(few, "hanode.get")...)
}

// A Zabbix of many hosts is asked for the triggers of some at once; what there was no
// time for is asked for the next time.
func TestGoesOn(t *testing.T) {
	f := empty("7.0.0")
	var hosts []string
	for n := range 250 {
		hosts = append(hosts, fmt.Sprintf(`{"hostid":"%d","host":"h%d","name":"h%d","hostgroups":[{"name":"g"}]}`, n+1, n, n))
	}
	f.say("host.get", result("["+strings.Join(hosts, ",")+"]"))
	var chunks []int
	broken := true
	f.do = func(c *call) (string, bool) {
		if c.kind() != "trigger.get" {
			return "", false
		}
		var p struct{ Hostids []string }
		_ = json.Unmarshal(c.Params, &p)
		if len(chunks) == 1 && broken {
			broken = false
			return "", true
		}
		chunks = append(chunks, len(p.Hostids))
		var list []string
		for _, h := range p.Hostids {
			list = append(list, fmt.Sprintf(`{"triggerid":"1%s","description":"of %s","priority":"2","hosts":[{"hostid":"%s"}]}`, h, h, h))
		}
		list = append(list, `{"triggerid":"7","description":"of all","priority":"2","hosts":[{"hostid":"1"},{"hostid":"250"},{"hostid":"999"}]}`)
		return result("[" + strings.Join(list, ",") + "]"), true
	}
	s := f.source(t, nil)
	if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.NotIt || !strings.Contains(err.Error(), "answers nothing to trigger.get") {
		t.Errorf("%v", err)
	}
	r := read(t, s)
	if !slices.Equal(chunks, []int{100, 100, 50}) || len(r.Checks) != 252 || len(r.Hosts) != 250 || !slices.Equal(r.Hosts[3].Groups, []string{"g"}) {
		t.Errorf("%v: %d hosts, %d checks", chunks, len(r.Hosts), len(r.Checks))
	}
	// One trigger of two hosts is a check of both; of a host that may not be seen it is none.
	find(t, r.Checks, "h0", "of all")
	find(t, r.Checks, "h249", "of all")
}

// Where there are so many triggers that reading them takes long, problems are read
// meanwhile by what is known of them.
func TestTakesItsTime(t *testing.T) {
	f := captured(t)
	var hosts []string
	for n := range 250 {
		hosts = append(hosts, fmt.Sprintf(`{"hostid":"%d","host":"h%d"}`, n+1, n))
	}
	f.say("host.get", result("["+strings.Join(hosts, ",")+"]"))
	f.say("problem.get", result("[]"))
	f.do = func(c *call) (string, bool) {
		var p struct{ Hostids []string }
		_ = json.Unmarshal(c.Params, &p)
		if len(p.Hostids) == 0 {
			return "", false
		}
		return result(fmt.Sprintf(`[{"triggerid":"%s","description":"t","hosts":[{"hostid":"%s"}]}]`, p.Hostids[0], p.Hostids[0])), true
	}
	s := f.source(t, nil)
	now := time.Unix(1000, 0)
	s.now = func() time.Time { now = now.Add(firstGather); return now }
	for _, want := range []string{"100 of 250 hosts", "200 of 250 hosts"} {
		if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.TooSlow || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if r := read(t, s); len(r.Checks) != 3 {
		t.Errorf("%d checks", len(r.Checks))
	}
	now = now.Add(time.Hour)
	f.say("host.get", result("["+strings.Join(hosts[:201], ",")+"]"))
	f.say("problem.get", result(`[{"eventid":"1","objectid":"101","severity":"4","clock":"1"}]`))
	f.asked()
	for n, want := range []int{250, 250, 201} {
		r := read(t, s)
		if len(r.Hosts) != want || brief(find(t, r.Checks, "h100", "t")) != "CRITICAL open" {
			t.Errorf("%d: %d hosts, %+v", n, len(r.Hosts), r.Checks)
		}
	}
	asked := 0
	for _, m := range f.asked() {
		if m == "host.get" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the hosts were asked for %d times", asked)
	}
}

// What the severities of a problem mean, and what counts where a trigger has several.
func TestProblems(t *testing.T) {
	trigger := func(id int, severity int, more string) string {
		return fmt.Sprintf(`{"triggerid":"%d","description":"t%d","priority":"%d","hosts":[{"hostid":"1"}]%s}`, id, id, severity, more)
	}
	problem := func(event, trigger, severity, clock int, more string) string {
		return fmt.Sprintf(`{"eventid":"%d","objectid":"%d","severity":"%d","clock":"%d","name":"p%d","acknowledged":"0","suppressed":"0"%s}`, event, trigger, severity, clock, event, more)
	}
	var triggers []string
	for n := range 6 {
		triggers = append(triggers, trigger(10+n, n, ""))
	}
	triggers = append(triggers,
		trigger(20, 4, ""), trigger(21, 4, ""), trigger(22, 4, ""), trigger(23, 2, ""), trigger(24, 4, `,"dependencies":[{"triggerid":"25"}]`),
		trigger(25, 4, `,"dependencies":[{"triggerid":"26"}]`), trigger(26, 4, `,"dependencies":[{"triggerid":"24"}]`), trigger(27, 4, ""), trigger(28, 4, ""))
	f := empty("6.4.2")
	f.say("host.get", result(`[{"hostid":"1","host":"h"}]`))
	f.say("trigger.get", result("["+strings.Join(triggers, ",")+"]"))
	f.say("unknown", result(`[{"triggerid":"27","error":"no data"},{"triggerid":"28","error":""},{"triggerid":"20","error":"x"},{"triggerid":"999"}]`))
	problems := []string{
		problem(1, 10, 0, 5, ""), problem(2, 11, 1, 5, ""), problem(3, 12, 2, 5, ""), problem(4, 13, 3, 5, ""), problem(5, 14, 4, 5, ""), problem(6, 15, 5, 5, ""),
		problem(7, 20, 2, 7, ""), problem(8, 20, 5, 6, `,"x":1,"acknowledged":"1"`), problem(9, 20, 3, 5, ""),
		problem(10, 21, 4, 5, ""), problem(11, 21, 4, 9, ""), problem(12, 22, 4, 5, `,"cause_eventid":"5"`), problem(13, 23, 5, 5, ""), problem(14, 24, 4, 5, ""), problem(15, 26, 4, 5, ""),
	}
	f.say("problem.get", result("["+strings.Join(problems, ",")+"]"))
	got := map[string]string{}
	for _, c := range f.read(t).Checks {
		got[c.Name] = brief(&c) + " " + c.Output
	}
	want := map[string]string{
		"t10": "UNKNOWN open p1", "t11": "OK p2", "t12": "WARNING open p3", "t13": "WARNING open p4", "t14": "CRITICAL open p5", "t15": "CRITICAL open p6",
		"t20": "WARNING open p9",                       // what nobody takes care of, then the worst
		"t21": "CRITICAL open p11",                     // the newest
		"t22": "CRITICAL suppressed p12",               // somebody says that it is a symptom
		"t23": "CRITICAL open p13",                     // somebody changed its severity
		"t24": "CRITICAL suppressed p14",               // it depends on 26 by way of 25
		"t25": "OK ", "t26": "CRITICAL suppressed p15", // in a ring, which ends
		"t27": "UNKNOWN open no data", "t28": "UNKNOWN open Zabbix can't work out whether it is a problem",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Those who want it otherwise say so in the URL.
func TestSeverities(t *testing.T) {
	f := captured(t)
	s := f.source(t, func(o *monitor.Options) { o.URL += "/?critical=warning&hide=1,5&unknown=High" })
	got := briefs(read(t, s))
	want := map[string]string{
		"web1!HTTP on web server fails": "OK", "web1!/var on web server is almost full": "CRITICAL acknowledged",
		"db1!replica is behind": "OK", "cache1!Redis does not answer": "OK downtime", `cache1!Größe 91% \ <b>fett</b>`: "CRITICAL downtime",
		"gw1!gateway is unreachable": "UNKNOWN open", "edge1!edge is unreachable": "OK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for query, says := range map[string]string{
		"?critical=6": "0 to 5", "?warning=": "0 to 5", "?hide=severe": "names", "?min=3": "nothing in its query but", "?%zz": "NAME=LIST",
	} {
		_, err := New(monitor.Options{URL: "http://h/" + query})
		if o, ok := errors.AsType[*monitor.OptionError](err); !ok || o.Field != "url" || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := New(monitor.Options{URL: "http://h/zabbix.php?action=dashboard.view"}); err != nil {
		t.Errorf("a page that somebody looked at: %v", err)
	}
}

// Before 5.4 a host has one state for all its interfaces of a type, since then each has
// its own; only those that are asked say anything.
func TestHostState(t *testing.T) {
	const i1, i2 = `"interfaceid":"1","type":"1","main":"1","useip":"1","ip":"10.0.0.1","dns":"","port":"10050"`, `"interfaceid":"2","type":"2","main":"1","useip":"0","ip":"0.0.0.0","dns":"sw.example","port":"161"`
	for name, tt := range map[string]struct {
		version, host string
		down          string
		want          string
	}{
		"nothing is asked":     {"6.0.0", `"interfaces":[{` + i1 + `,"available":"0"}]`, "", ""},
		"no interface":         {"6.0.0", `"interfaces":[]`, "", ""},
		"it answers":           {"6.0.0", `"interfaces":[{` + i1 + `,"available":"1"}]`, "", "UP "},
		"it does not":          {"6.0.0", `"interfaces":[{` + i1 + `,"available":"2","error":"old"}]`, `{"interfaceid":"1","error":"no route","errors_from":"7"}`, "DOWN no route 7"},
		"without a word":       {"6.0.0", `"interfaces":[{` + i1 + `,"available":"2"}]`, `{"interfaceid":"1","error":"","errors_from":"0"}`, "DOWN none of its interfaces answers"},
		"it did when read":     {"6.0.0", `"interfaces":[{` + i1 + `,"available":"1"}]`, `{"interfaceid":"1","error":"gone","errors_from":"7"}`, "DOWN gone 7"},
		"it does again":        {"6.0.0", `"interfaces":[{` + i1 + `,"available":"2","error":"old"}]`, "", "UP "},
		"one of two":           {"6.0.0", `"interfaces":[{` + i1 + `,"available":"1"},{` + i2 + `,"available":"2"}]`, `{"interfaceid":"2","error":"timeout","errors_from":"7"}`, "UP timeout"},
		"one, of one asked":    {"6.0.0", `"interfaces":[{` + i1 + `,"available":"0"},{` + i2 + `,"available":"2"}]`, `{"interfaceid":"2","error":"timeout","errors_from":"7"}`, "DOWN timeout 7"},
		"an active agent":      {"6.2.0", `"active_available":"1","interfaces":[{` + i1 + `,"available":"2"}]`, `{"interfaceid":"1","error":"refused"}`, "UP refused"},
		"an active one, alone": {"7.0.0", `"active_available":"2","interfaces":[]`, "", "DOWN none of its interfaces answers"},
		"before 5.4":           {"5.0.1", `"available":"1","snmp_available":"0","interfaces":[{` + i1 + `}]`, "", "UP "},
		"before 5.4, down":     {"5.0.1", `"available":"2","error":"refused","errors_from":"9","interfaces":[{` + i1 + `}]`, "", "DOWN refused 9"},
		"before 5.4, by SNMP":  {"5.2.1", `"available":"0","snmp_available":"2","snmp_error":"no answer","snmp_errors_from":"9","interfaces":[{` + i1 + `},{` + i2 + `}]`, "", "DOWN no answer 9"},
	} {
		t.Run(name, func(t *testing.T) {
			f := empty(tt.version)
			f.say("host.get", result(`[{"hostid":"1","host":"h","name":"h",`+tt.host+`}]`))
			f.say("hostinterface.get", result("["+tt.down+"]"))
			if strings.HasPrefix(tt.version, "5") {
				f.say("hostinterface.get", refused("that is not asked"))
			}
			r := f.read(t)
			got := ""
			for _, c := range r.Checks {
				got = string(c.Status) + " " + c.Output
				if !c.Since.IsZero() {
					got += fmt.Sprint(" ", c.Since.Unix())
				}
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if strings.Contains(tt.host, "sw.example") && !slices.Equal(r.Hosts[0].Addresses, []string{"10.0.0.1", "sw.example"}) {
				t.Errorf("%q", r.Hosts[0].Addresses)
			}
		})
	}
}

// Without hosts or triggers nothing is fine: it is said.
func TestNothingIsSaid(t *testing.T) {
	f := empty("6.0.1")
	if r := f.read(t); codes(r) != "no-hosts" || len(r.Checks) != 0 {
		t.Errorf("%s, %d checks", codes(r), len(r.Checks))
	}
	if got := f.asked(); slices.Contains(got, "unknown") {
		t.Errorf("of no host %q is asked", got)
	}
	f.say("host.get", result(`[{"hostid":"1","host":"h"}]`))
	if r := f.read(t); codes(r) != "no-triggers" {
		t.Errorf("%s", codes(r))
	}
}

// Triggers that are called otherwise with each value, and those of one name.
func TestNames(t *testing.T) {
	f := captured(t)
	trigger := func(id, severity int, name string) string {
		return fmt.Sprintf(`{"triggerid":"%d","description":%q,"priority":"%d","hosts":[{"hostid":"10559"}]}`, id, name, severity)
	}
	f.say("trigger.get", result("["+strings.Join([]string{
		trigger(9, 2, "Load of web1 is 7.5 (over 5)"), trigger(3, 2, "Full"), trigger(2, 4, "Full"), trigger(4, 2, "Full"), trigger(11, 2, "Full"), trigger(100, 2, "{$UNKNOWN} is left"),
	}, ",")+"]"))
	f.say("volatile", result(`[{"triggerid":"9","description":"Load of {HOST.NAME} is {ITEM.LASTVALUE1} (over {$MAX})"},{"triggerid":"999","description":"{ITEM.VALUE}"}]`))
	r := f.read(t)
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name+"|"+c.Output)
	}
	want := []string{"Full|", "Full (warning)|Full", "Full (4)|Full", "Load of web1 is … (over 5)|Load of web1 is 7.5 (over 5)", "Full (11)|Full", "{$UNKNOWN} is left|"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestSteady(t *testing.T) {
	for _, tt := range []struct{ raw, full, want string }{
		{"plain", "plain", "plain"},
		{"{HOST.NAME} is down", "web is down", "web is down"},
		{"{ITEM.VALUE}", "17", "…"},
		{"{ITEM.VALUE} of {HOST.NAME}: {ITEM.LASTVALUE2}%", "5 of web: 7%", "… of web: …%"},
		{"got {{ITEM.VALUE}.regsub(\"(.*)\", \"\\1\")} on {#IF}", "got x on eth0", "got … on eth0"},
		{"{ITEM.VALUE} (a+b)", "[*] (a+b)", "… (a+b)"},
		{"{ITEM.VALUE} over {$MAX}", "what is no match", "… over {$MAX}"}, // never two names in turns
		{"{ITEM.VALUE", "{ITEM.VALUE", "{ITEM.VALUE"},
	} {
		if got := steady(tt.raw, tt.full); got != tt.want {
			t.Errorf("%q as %q is %q, want %q", tt.raw, tt.full, got, tt.want)
		}
	}
}

// The key of an item says where it looks; nothing else of it is kept.
func TestKeys(t *testing.T) {
	for key, want := range map[string]string{
		"agent.ping":                              "agent.ping",
		"net.tcp.service[http,,8080]":             "net.tcp.service :8080",
		"net.tcp.service[ssh]":                    "net.tcp.service :22",
		"net.tcp.service.perf[tcp,10.0.0.7,5432]": "net.tcp.service.perf 10.0.0.7:5432",
		"net.tcp.service[tcp,{HOST.CONN},5432]":   "net.tcp.service",
		"net.tcp.service[tcp,,{$PORT}]":           "net.tcp.service",
		"net.udp.service[ntp]":                    "net.udp.service :123",
		"net.tcp.port[,3306]":                     "net.tcp.port :3306",
		"net.tcp.port[db.example,3306]":           "net.tcp.port db.example:3306",
		"net.tcp.listen[9000]":                    "net.tcp.listen :9000",
		"web.page.get[shop.example,/a,8443]":      "web.page.get shop.example:8443",
		"web.page.get[shop.example]":              "web.page.get shop.example:80",
		`web.page.get["https://shop.example/a"]`:  "web.page.get shop.example:443",
		"web.certificate.get[shop.example]":       "web.certificate.get shop.example:443",
		`pgsql.ping["tcp://db1:5433",u,secret]`:   "pgsql.ping db1:5433",
		`pgsql.ping["{$PG.URI}","{$PG.USER}"]`:    "pgsql.ping",
		`redis.ping["tcp://[::1]:6380"]`:          "redis.ping ::1:6380",
		"redis.ping[session]":                     "redis.ping",
		"memcached.ping[10.0.0.1:11211]":          "memcached.ping 10.0.0.1:11211",
		"mysql.ping[tcp://u:secret@db1:3306]":     "mysql.ping db1:3306",
		`x["a,\"b]", 80 ]`:                        "x",
		"net.tcp.service[http,,99999]":            "net.tcp.service",
		"net.tcp.service[\"":                      "net.tcp.service",
		"what ever":                               "",
		"":                                        "",
	} {
		w := wayOf(key)
		got := w.command
		for _, h := range w.hints {
			got += fmt.Sprintf(" %s:%d", h.Address, h.Port)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
		if strings.Contains(fmt.Sprint(w), "secret") {
			t.Errorf("%s: a secret is kept: %v", key, w)
		}
	}
}

// The port of a JMX interface is that of the program, all others are of who measures.
func TestInterfacePorts(t *testing.T) {
	f := empty("6.0.1")
	f.say("host.get", result(`[{"hostid":"1","host":"h","interfaces":[{"interfaceid":"1","type":"1","port":"10055"},{"interfaceid":"4","type":"4","port":"12345"},{"interfaceid":"5","type":"4","port":"{$JMX}"}]}]`))
	f.say("trigger.get", result(`[
	 {"triggerid":"1","description":"heap","hosts":[{"hostid":"1"}],"items":[{"key_":"jmx[\"a\",b]","interfaceid":"4"},{"key_":"jmx[c]","interfaceid":"4"}]},
	 {"triggerid":"2","description":"load","hosts":[{"hostid":"1"}],"items":[{"key_":"system.cpu.load","interfaceid":"1"}]},
	 {"triggerid":"3","description":"both","hosts":[{"hostid":"1"}],"items":[{"key_":"net.tcp.port[,80]","interfaceid":"1"},{"key_":"net.tcp.port[,81]","interfaceid":"1"},{"key_":"x","interfaceid":"5"}]}]`))
	var got []string
	for _, c := range f.read(t).Checks {
		line := c.Name + " " + c.Command
		for _, h := range c.Hints {
			line += fmt.Sprintf(" %d %s", h.Port, h.From)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{"heap jmx 12345 JMX interface", "load system.cpu.load", "both  80 item key 81 item key"}, got); diff != "" {
		t.Error(diff)
	}
}

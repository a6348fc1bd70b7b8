package zabbix

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// The severities of triggers.
const (
	notClassified = iota
	information
	warning
	average
	high
	disaster
)

// check is a trigger of the scene, on a value that is sent. It is a problem if the
// value is more than 0.
type check struct {
	host, key string // for Set: "web1/http"
	item      string // the item's key for Zabbix
	name      string
	severity  int
	needs     string // the check that hides it
	value     int    // at the start; -1 for none
	more      string // of the expression
	off       bool
}

// checks are those of the scene, in the order in which their values come.
func checks() []check {
	return []check{
		{host: "web1", key: "http", item: "net.tcp.service[http,,8080]", name: "HTTP on {HOST.NAME} fails", severity: high},
		{host: "web1", key: "disk", item: "vfs.fs.size[/var,pused]", name: "/var on {HOST.NAME} is almost full", severity: warning, value: 91},
		{host: "web1", key: "ntp", item: "ntp.offset", name: "Clock of {HOST.NAME} is off by {ITEM.LASTVALUE1} s", severity: information, value: 3},
		{host: "web1", key: "off", item: "off", name: "Nobody wants to know", severity: high, value: -1, off: true},
		{host: "db1", key: "replication", item: "pgsql.replication.lag", name: "Replica is behind", severity: average, needs: "db1/postgres", value: 900},
		{host: "db1", key: "postgres", item: `pgsql.ping["tcp://localhost:5432"]`, name: "PostgreSQL refuses connections", severity: disaster, value: 1},
		{host: "db1", key: "backup", item: "backup.age", name: "Backup is old", severity: average, more: "/last(/db1/backup.age)"}, // 0/0
		{host: "cache1", key: "redis", item: "redis.ping", name: "Redis does not answer", severity: high},
		{host: "cache1", key: "memory", item: "memory", name: `Größe 91% \ <b>fett</b>`, severity: warning, value: 1},
		{host: "gw1", key: "up", item: "icmpping", name: "{HOST.NAME} is unreachable", severity: high, value: 1},
		{host: "gw1", key: "load", item: "system.cpu.load", name: "Load is high", severity: warning},
		{host: "gw1", key: "overload", item: "system.cpu.load[all]", name: "Load is high", severity: average},
		{host: "edge1", key: "up", item: "icmpping", name: "{HOST.NAME} is unreachable", severity: high, needs: "gw1/up", value: 1},
		{host: "edge1", key: "odd", item: "odd", name: "Something is odd", severity: notClassified, value: 1},
		{host: "new1", key: "http", item: "http", name: "HTTP fails", severity: high, value: -1},
	}
}

// Set has a trigger find something else: it is a problem if the value is more than 0. It
// is named HOST/KEY: "web1/http", "db1/postgres", "gw1/up".
func (s *Server) Set(t testing.TB, what string, value int) {
	t.Helper()
	for _, c := range checks() {
		if c.host+"/"+c.key == what {
			daemon.WaitFor(t, "the server to take "+what, func() bool { return s.send(c.host, c.item, value) == nil })
			return
		}
	}
	t.Fatalf("there is no %s", what)
}

// configure makes users, hosts, items and triggers.
func (s *Server) configure(t testing.TB) {
	t.Helper()
	session, err := s.try("user.login", map[string]string{"username": Admin, "password": AdminPassword}, "")
	s.must(t, err)
	s.must(t, json.Unmarshal(session, &s.session))
	groups := map[string]string{}
	for _, name := range []string{"Shop", "Branch office", "Monitoring"} {
		groups[name] = s.create(t, "hostgroup.create", map[string]string{"name": name})
	}
	s.hosts(t, groups)
	s.users(t, groups)
}

// hosts makes the hosts with their triggers. web1 has an agent that answers, gw1 one that
// does not; new1 is disabled; cache1 is in maintenance; what measures Zabbix is on the host
// zabbix.
func (s *Server) hosts(t testing.TB, groups map[string]string) {
	t.Helper()
	closed := freePorts(t, 1)[0]
	ids := map[string]string{}
	for n, h := range []struct{ name, visible, group, agent string }{
		{"web1", "web server", "Shop", s.agent.port},
		{"db1", "database", "Shop", "10050"},
		{"cache1", "cache1", "Shop", "10050"},
		{"gw1", "gateway", "Branch office", closed},
		{"edge1", "edge", "Branch office", "10050"},
		{"new1", "new1", "Branch office", "10050"},
		{"zabbix", "zabbix", "Monitoring", "10050"},
	} {
		ids[h.name] = s.create(t, "host.create", map[string]any{
			"host": h.name, "name": h.visible, "groups": []any{map[string]string{"groupid": groups[h.group]}}, "tags": []any{},
			"interfaces": []any{map[string]any{"type": 1, "main": 1, "useip": 1, "ip": fmt.Sprintf("127.0.0.%d", n+1), "dns": h.name + ".example.test", "port": h.agent}},
		})
	}
	// An agent that is asked: on loopback all addresses are one.
	for host, port := range map[string]string{"web1": s.agent.port, "gw1": closed} {
		over := s.create(t, "hostinterface.create", map[string]any{"hostid": ids[host], "type": 1, "main": 0, "useip": 1, "ip": "127.0.0.1", "dns": "", "port": port})
		s.create(t, "item.create", map[string]any{"hostid": ids[host], "name": "agent", "key_": "agent.ping", "type": 0, "value_type": 3, "delay": "1s", "interfaceid": over})
	}
	s.create(t, "item.create", map[string]any{"hostid": ids["zabbix"], "name": "uptime", "key_": "zabbix[uptime]", "type": 5, "value_type": 3, "delay": "1s"})
	s.triggers(t, ids)
	s.create(t, "host.update", map[string]any{"hostid": ids["new1"], "status": 1})
	s.Maintain(t, ids["cache1"])
}

// Maintain has a host be in maintenance for a day.
func (s *Server) Maintain(t testing.TB, hostID string) {
	t.Helper()
	now := time.Now().Unix()
	s.create(t, "maintenance.create", map[string]any{
		"name": "it is moved " + hostID, "active_since": now - 3600, "active_till": now + 86400, "maintenance_type": 0, "hostids": []string{hostID},
		"timeperiods": []any{map[string]any{"timeperiod_type": 0, "start_date": now - 60, "period": 86400}},
	})
}

func (s *Server) triggers(t testing.TB, hosts map[string]string) {
	t.Helper()
	ids := map[string]string{}
	for _, c := range checks() {
		s.create(t, "item.create", map[string]any{"hostid": hosts[c.host], "name": c.key, "key_": c.item, "type": 2, "value_type": 3, "trapper_hosts": ""})
		last := fmt.Sprintf("last(/%s/%s)", c.host, c.item)
		trigger := map[string]any{
			"description": c.name, "expression": last + c.more + ">0", "priority": c.severity, "opdata": "{ITEM.LASTVALUE1}",
			"tags": []any{map[string]string{"tag": "service", "value": c.key}, map[string]string{"tag": "checked", "value": ""}},
		}
		if c.off {
			trigger["status"] = 1
		}
		ids[c.host+"/"+c.key] = s.create(t, "trigger.create", trigger)
	}
	for _, c := range checks() {
		if c.needs != "" {
			s.API(t, "trigger.adddependencies", []any{map[string]string{"triggerid": ids[c.host+"/"+c.key], "dependsOnTriggerid": ids[c.needs]}})
		}
	}
}

// users makes the users with their tokens.
func (s *Server) users(t testing.TB, groups map[string]string) {
	t.Helper()
	const (
		userRole = "1"
		userType = 1
		read     = 2
	)
	deaf := s.create(t, "role.create", map[string]any{"name": "no API", "type": userType, "rules": map[string]any{"api.access": 0}})
	looks := s.create(t, "role.create", map[string]any{"name": "only looks", "type": userType, "rules": map[string]any{
		"actions": []any{map[string]any{"name": "acknowledge_problems", "status": 0}},
	}})
	for _, u := range []struct {
		name, role string
		groups     []string
	}{
		{User, userRole, []string{"Shop", "Branch office", "Monitoring"}},
		{Reader, looks, []string{"Shop", "Branch office"}},
		{Guest, userRole, nil},
		{Mute, deaf, []string{"Shop"}},
	} {
		rights := make([]any, 0, len(u.groups)) // and never null
		for _, g := range u.groups {
			rights = append(rights, map[string]any{"id": groups[g], "permission": read})
		}
		group := s.create(t, "usergroup.create", map[string]any{"name": "of " + u.name, "rights": rights})
		id := s.create(t, "user.create", map[string]any{"username": u.name, "passwd": Password, "roleid": u.role, "usrgrps": []any{map[string]string{"usrgrpid": group}}})
		s.token(t, u.name, id)
	}
	s.token(t, Admin, "1")
}

func (s *Server) token(t testing.TB, name, user string) {
	t.Helper()
	id := s.create(t, "token.create", map[string]string{"name": "of " + name, "userid": user})
	var made []struct{ Token string }
	s.must(t, json.Unmarshal(s.API(t, "token.generate", []string{id}), &made))
	s.Tokens[name] = made[0].Token
}

// Problems are the names of the problems there are now.
func (s *Server) Problems(t testing.TB) (names []string) {
	t.Helper()
	var list []struct{ Name string }
	s.must(t, json.Unmarshal(s.API(t, "problem.get", map[string]any{"output": []string{"name"}, "sortfield": []string{"eventid"}}), &list))
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

// Settle has every trigger find what it is to find, somebody acknowledge that web1's
// disk is full, and waits until all of that is known.
func (s *Server) Settle(t testing.TB) {
	t.Helper()
	for _, c := range checks() {
		if c.value < 0 {
			continue
		}
		s.Set(t, c.host+"/"+c.key, c.value)
		if c.value > 0 && c.host+"/"+c.key != "edge1/up" { // which is hidden
			name := strings.NewReplacer("{HOST.NAME}", map[string]string{"web1": "web server", "gw1": "gateway"}[c.host], "{ITEM.LASTVALUE1}", "3").Replace(c.name)
			daemon.WaitFor(t, "the problem "+name, func() bool { return strings.Contains(strings.Join(s.Problems(t), "\n"), name) })
		}
	}
	s.Until(t, "trigger.get", map[string]any{"output": []string{"triggerid"}, "monitored": true, "filter": map[string]int{"state": 1}})
	s.Until(t, "hostinterface.get", map[string]any{"output": []string{"interfaceid"}, "filter": map[string]int{"available": 1}})
	s.Until(t, "hostinterface.get", map[string]any{"output": []string{"interfaceid"}, "filter": map[string]int{"available": 2}})
	s.Until(t, "problem.get", map[string]any{"output": []string{"eventid"}, "suppressed": true})
	var disk []struct{ Eventid string }
	s.must(t, json.Unmarshal(s.API(t, "problem.get", map[string]any{"output": []string{"eventid"}, "search": map[string]string{"name": "/var on"}}), &disk))
	s.API(t, "event.acknowledge", map[string]any{"eventids": disk[0].Eventid, "action": 6, "message": "cleaning up"})
}

// Until waits until a method that returns a list returns one that is not empty.
func (s *Server) Until(t testing.TB, method string, params map[string]any) {
	t.Helper()
	daemon.WaitFor(t, fmt.Sprintf("%s %v", method, params), func() bool {
		result, err := s.try(method, params, s.session)
		return err == nil && string(result) != "[]"
	})
}

// Add makes a trigger, on a value that [Server.Send] sends.
func (s *Server) Add(t testing.TB, host, key, name string) {
	t.Helper()
	s.create(t, "item.create", map[string]any{"hostid": s.host(t, host), "name": key, "key_": key, "type": 2, "value_type": 3, "trapper_hosts": ""})
	s.create(t, "trigger.create", map[string]any{"description": name, "expression": fmt.Sprintf("last(/%s/%s)>0", host, key), "priority": high})
}

// Send sends a value.
func (s *Server) Send(t testing.TB, host, key string, value int) {
	t.Helper()
	daemon.WaitFor(t, "the server to take "+key, func() bool { return s.send(host, key, value) == nil })
}

// Disable has a host not be monitored any more.
func (s *Server) Disable(t testing.TB, host string) {
	t.Helper()
	s.create(t, "host.update", map[string]any{"hostid": s.host(t, host), "status": 1})
}

// host is the ID of one.
func (s *Server) host(t testing.TB, name string) string {
	t.Helper()
	var list []struct{ Hostid string }
	s.must(t, json.Unmarshal(s.API(t, "host.get", map[string]any{"output": []string{"hostid"}, "filter": map[string]string{"host": name}}), &list))
	if len(list) != 1 {
		t.Fatalf("%s: %v", name, list)
	}
	return list[0].Hostid
}

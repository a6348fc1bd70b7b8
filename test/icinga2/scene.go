package icinga2

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// Hosts are the hosts of every server, by name, with their addresses. edge1 is
// reached through gw1, which is down; new1 was never checked. web1's http needs
// db1's postgres. web1, db1 and cache1 are the group shop-hosts, gw1 and edge1 are
// branch; http, postgres and redis are the group shop.
func Hosts() map[string]string {
	return map[string]string{
		"web1": "127.0.0.1", "db1": "127.0.0.2", "cache1": "127.0.0.3",
		"gw1": "127.0.0.4", "edge1": "127.0.0.5", "new1": "127.0.0.6",
	}
}

// Flap is a code for [Server.Set]: the check is OK and CRITICAL in turns.
const Flap = -1

// passive is the code of checks that never run.
const passive = -2

// check is one of a server's at its start; without a name it is that of the host.
type check struct {
	host, name string
	key        string // short name for [Server.Set]
	code       int
	text       string
	more       string // in its definition
}

func (c *check) file() string { return c.host + "/" + c.key }

func checks() []check {
	return []check{
		{"web1", "", "host", 0, "PING ok|rta=0.1ms", `groups = [ "shop-hosts" ]`},
		{"db1", "", "host", 0, "PING ok|rta=0.2ms", `groups = [ "shop-hosts" ]`},
		{"cache1", "", "host", 0, "PING ok|rta=0.1ms", `groups = [ "shop-hosts" ]`},
		{"gw1", "", "host", 2, "no route to gateway", `groups = [ "branch" ]`},
		{"edge1", "", "host", 2, "no answer", "groups = [ \"branch\" ]\n  address6 = \"::1\""},
		{"new1", "", "host", passive, "", ""},
		{"web1", "http", "http", 0, "HTTP/1.1 200 in 0.012s|time=0.012s;1;2;0", "groups = [ \"shop\" ]\n  vars.port = 8080"},
		{"web1", "Disk /var", "disk", 1, "/var is 91% full|used=91%;90;95;0;100", ""},
		{"web1", "ntp", "ntp", passive, "", ""},
		{"db1", "postgres", "postgres", 2, "connection refused on port 5432", `groups = [ "shop" ]`},
		{"db1", "backup", "backup", 3, "no backup information found", ""},
		{"db1", "replication", "replication", 2, "replica is 900 s behind|lag=900s;60;300", "max_check_attempts = 30000"},
		{"cache1", "redis", "redis", 0, "PONG|clients=12", `groups = [ "shop" ]`},
		{"cache1", "load", "load", Flap, "load average changes|load=1", "check_interval = 1s\n  max_check_attempts = 1\n  enable_flapping = true"},
		{"cache1", "memory", "memory", 1, `Größe 91% "voll" <b>fett</b> \ C:\temp & a` + "\ttab", ""},
		{"gw1", "ssh", "ssh", 2, "connection timed out", ""},
		{"edge1", "https", "https", 2, "connection timed out", ""},
	}
}

// checkScript finds what its file says, and says the opposite each time if that
// is to flap.
const checkScript = `#!/bin/sh
file=DIR/state/$1
[ -r "$file" ] || { echo "no file $file"; exit 3; }
read -r code text < "$file"
if [ "$code" = flap ]; then
  mark=DIR/flap/$(echo "$1" | tr / _)
  if [ -e "$mark" ]; then rm -f "$mark"; code=0; else : > "$mark"; code=2; fi
fi
printf '%s\n' "$text"
exit "$code"
`

// configuration is all that Icinga 2 is told but its hosts and checks.
func (s *Server) configuration(livestatusPort string) string {
	var b strings.Builder
	address, port, _ := net.SplitHostPort(s.place.Address)
	fmt.Fprintf(&b, `object Endpoint NodeName { }
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" { }
object NotificationComponent "notification" { }
object ApiListener "api" {
  bind_host = %q
  bind_port = %q
}
object LivestatusListener "tcp" {
  socket_type = "tcp"
  bind_host = "127.0.0.1"
  bind_port = %q
}
object LivestatusListener "unix" {
  socket_type = "unix"
  socket_path = %q
}
`, address, port, livestatusPort, strings.TrimPrefix(s.Socket, "unix://"))
	for name, rights := range logins() {
		fmt.Fprintf(&b, "object ApiUser %q {\n  password = %q\n  permissions = [ %s ]\n}\n", name, Password, rights)
	}
	return b.String()
}

// scene are the hosts of [Hosts] with their checks.
func (s *Server) scene() string {
	var b strings.Builder
	fmt.Fprintf(&b, `object CheckCommand "check_file" {
  command = [ %q, "$file$" ]
  arguments = { "-p" = "$port$" }
}
template Host "common" {
  check_command = "check_file"
  check_interval = 2s
  retry_interval = 1s
  max_check_attempts = 2
}
template Service "common" {
  check_command = "check_file"
  check_interval = 2s
  retry_interval = 1s
  max_check_attempts = 2
}
object HostGroup "shop-hosts" { display_name = "hosts of the shop" }
object HostGroup "branch" { display_name = "branch office" }
object ServiceGroup "shop" { display_name = "web shop" }
object Dependency "gateway" {
  parent_host_name = "gw1"
  child_host_name = "edge1"
  disable_checks = false
}
object Dependency "database" {
  parent_host_name = "db1"
  parent_service_name = "postgres"
  child_host_name = "web1"
  child_service_name = "http"
  disable_checks = false
}
`, filepath.Join(s.Dir, "check"))
	for _, c := range checks() {
		b.WriteString(c.definition())
	}
	return b.String()
}

// logins are the rights of each login.
func logins() map[string]string {
	quoted := func(rights ...string) string { return `"` + strings.Join(rights, `", "`) + `"` }
	return map[string]string{
		Admin: `"*"`,
		User: quoted("objects/query/Host", "objects/query/Service", "objects/query/Dependency", "status/query",
			"events/StateChange", "events/AcknowledgementSet", "events/AcknowledgementCleared", "events/DowntimeAdded",
			"events/DowntimeRemoved", "events/DowntimeStarted", "events/DowntimeTriggered", "events/Flapping",
			"events/ObjectCreated", "events/ObjectDeleted", "events/ObjectModified", "actions/acknowledge-problem"),
		Reader:   quoted("objects/query/Host", "objects/query/Service", "status/query", "events/StateChange"),
		Guest:    `{ permission = "objects/query/Host", filter = {{ host.name == "web1" }} }`,
		Observer: quoted("status/query"),
	}
}

// definition is a check in Icinga 2's language; that of a host is the host.
func (c *check) definition() string {
	var b strings.Builder
	if c.name == "" {
		fmt.Fprintf(&b, "object Host %q {\n  import \"common\"\n  display_name = %q\n  address = %q\n", c.host, "the host "+c.host, Hosts()[c.host])
	} else {
		fmt.Fprintf(&b, "object Service %q {\n  import \"common\"\n  host_name = %q\n", c.name, c.host)
	}
	fmt.Fprintf(&b, "  vars.file = %q\n", c.file())
	if c.code == passive {
		b.WriteString("  enable_active_checks = false\n")
	}
	fmt.Fprintf(&b, "  %s\n}\n", c.more)
	return b.String()
}

// Set has a check find something else from its next run on, which is within two
// seconds. It is named HOST/KEY: "web1/host", "web1/http", "web1/disk". The code
// is 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, for hosts 0 UP and 2 DOWN, or [Flap].
// Behind a "|" in the text are figures.
func (s *Server) Set(t testing.TB, check string, code int, text string) {
	t.Helper()
	if code == passive {
		return
	}
	word := strconv.Itoa(code)
	if code == Flap {
		word = "flap"
	}
	path := filepath.Join(s.Dir, "state", check)
	s.must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	s.must(t, os.WriteFile(path+".new", []byte(word+" "+text+"\n"), 0o644))
	s.must(t, os.Rename(path+".new", path))
}

// Settle waits until every check has run often enough to be believed, has somebody
// acknowledge web1's "Disk /var" and take db1's backup into a downtime of a day, and
// waits until cache1's load is known to flap.
func (s *Server) Settle(t testing.TB) {
	t.Helper()
	s.Until(t, "hosts", `host.enable_active_checks && (!host.last_check_result || host.state_type != 1)`)
	s.Until(t, "services", `service.enable_active_checks && (!service.last_check_result || (service.name != "replication" && service.state_type != 1))`)
	s.Until(t, "hosts", `host.name == "edge1" && host.last_reachable`)
	s.API(t, http.MethodPost, "/v1/actions/acknowledge-problem", map[string]any{
		"type": "Service", "filter": `service.name == "Disk /var"`, "author": "alice", "comment": "cleaning up", "sticky": true,
	})
	now := time.Now().Unix()
	s.API(t, http.MethodPost, "/v1/actions/schedule-downtime", map[string]any{
		"type": "Service", "filter": `service.name == "backup"`, "author": "bob", "comment": "moving",
		"start_time": now, "end_time": now + 86400, "fixed": true,
	})
	s.Until(t, "services", `(service.name == "Disk /var" && !service.acknowledgement) || (service.name == "backup" && !service.downtime_depth) || (service.name == "load" && !service.flapping)`)
}

// Until waits until there is no object of a type ("hosts", "services") any more
// that a filter in Icinga 2's language finds.
func (s *Server) Until(t testing.TB, objects, filter string) {
	t.Helper()
	daemon.WaitFor(t, "no "+objects+" with "+filter, func() bool {
		answer, err := s.try(http.MethodGet, "/v1/objects/"+objects, map[string]any{"attrs": []string{"name"}, "filter": filter})
		return err == nil && strings.TrimSpace(string(answer)) == `{"results":[]}`
	})
}

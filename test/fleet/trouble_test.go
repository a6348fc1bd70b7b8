//go:build linux

package fleettest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
	"github.com/devops-trouble-map/dotm/test/icinga2"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// What is promised of an incident.
const (
	namedWithin    = 15 * time.Second // after the fault
	resolvedWithin = time.Second      // after monitoring, or the sockets, told that all is fine
)

// monitored are the hosts of the site of TestTrouble, with their addresses. The shop's
// programs reach the database through app1 and app2, and people the shop through lb1.
var monitored = []struct{ name, address string }{
	{"map1", "10.77.0.10"},
	{"mon1", "10.77.0.11"},
	{"db1", "10.77.0.12"},
	{"app1", "10.77.0.13"},
	{"app2", "10.77.0.14"},
	{"lb1", "10.77.0.15"},
	{"desk1", "10.77.0.16"},
	{"web1", "10.77.0.21"},
	{"web2", "10.77.0.22"},
	{"web3", "10.77.0.23"},
}

// plugins are real checks, as the site's Icinga 2 runs them.
const plugins = `
const Plugins = "/usr/lib/nagios/plugins/"
object CheckCommand "icmp" { command = [ Plugins + "check_icmp", "-n", "1", "-H", "$address$" ] }
object CheckCommand "tcp" { command = [ Plugins + "check_tcp", "-H", "$address$", "-p", "$port$", "-w", "0.15", "-c", "0.3", "-t", "2" ] }
object CheckCommand "http" { command = [ Plugins + "check_http", "-I", "$address$", "-p", "$port$", "-t", "2" ] }
object CheckCommand "login" { command = [ "/usr/bin/pg_isready", "--host=$address$", "--port=$port$", "--timeout=1" ] }
template Host "common" {
  check_command = "icmp"
  check_interval = 2s
  retry_interval = 1s
}
template Service "common" {
  check_interval = 1s
  retry_interval = 1s
  max_check_attempts = 2
}
`

// objects is what the site's Icinga 2 checks.
func objects() string {
	var b strings.Builder
	b.WriteString(plugins)
	address := map[string]string{}
	for _, h := range monitored {
		address[h.name] = h.address
		fmt.Fprintf(&b, "object Host %q {\n  import \"common\"\n  address = %q\n}\n", h.name, h.address)
	}
	for _, c := range []struct {
		host, name, command string
		port                int
	}{
		{"db1", "postgres", "tcp", 5432},
		{"app1", "login", "login", 6432},
		{"app2", "login", "login", 6432},
		{"lb1", "shop", "http", 80},
		{"web1", "http", "http", 80},
		{"web2", "http", "http", 80},
		{"web3", "http", "http", 80},
	} {
		fmt.Fprintf(&b, "object Service %q {\n  import \"common\"\n  host_name = %q\n  check_command = %q\n  vars.port = %d\n}\n", c.name, c.host, c.command, c.port)
	}
	return b.String()
}

// shop is the site of TestTrouble.
type shop struct {
	site
	*dotm
	icinga *icinga2.Server
	db     *stage.Database
	web    map[string]*stage.Program
}

func newShop(t *testing.T) *shop {
	t.Helper()
	stage.Need(t, "check_tcp", "/usr/lib/nagios/plugins")
	var plans []stage.Plan
	for _, h := range monitored {
		plans = append(plans, stage.On("main", h.name, h.address+"/24"))
	}
	s := &shop{site: newSite(t, plans...), web: map[string]*stage.Program{}}
	h := s.Hosts
	s.db = h["db1"].Postgres(t, "10.77.0.12")
	for _, app := range []string{"app1", "app2"} {
		h[app].Haproxy(t, "tcp", "*:6432", "10.77.0.12:5432")
	}
	const checked = ":80 check inter 500ms fall 1"
	h["lb1"].Haproxy(t, "http", "*:80", "10.77.0.21"+checked, "10.77.0.22"+checked, "10.77.0.23"+checked)
	for _, web := range []string{"web1", "web2", "web3"} {
		s.serves(t, web)
	}
	s.icinga = icinga2.StartOn(t, icinga2.Place{Host: h["mon1"], Address: "10.77.0.11:5665", Objects: objects()})
	h["desk1"].Reachable(t, "10.77.0.12:5432", "10.77.0.13:6432", "10.77.0.14:6432", "10.77.0.15:80")
	rounds(t, 300*time.Millisecond, h["desk1"].Puppet(t, "till"), []string{"10.77.0.13:6432", "10.77.0.14:6432"})
	s.calls(t, "desk1", "browser", "tcp 10.77.0.15:80")
	s.dotm = s.server(t, "map1", "10.77.0.10:4849")
	s.agents(t, s.site)
	s.reads(t)
	return s
}

// serves starts the web server of a host.
func (s *shop) serves(t *testing.T, host string) {
	t.Helper()
	s.web[host] = s.Hosts[host].Nginx(t, "location / { return 200; }", "80")
}

// reads has dotm read the monitoring, and waits until everything is fine and on its
// service.
func (s *shop) reads(t *testing.T) {
	t.Helper()
	source, err := json.Marshal(&monitor.Options{
		Name: "icinga", Kind: monitor.Icinga2, URL: s.icinga.URL, User: icinga2.User, Password: icinga2.Password,
		Interval: topology.Duration(time.Second), TLS: monitor.TLS{CAFile: s.icinga.CAFile, ServerName: icinga2.NodeName},
	})
	stage.Must(t, err)
	status, body, err := s.Do(t.Context(), http.MethodPost, "/sources", "application/json", source)
	if err != nil || status/100 != 2 {
		t.Fatalf("adding the source: %d %s %v", status, body, err)
	}
	stage.Eventually(t, "everything is fine", func() error {
		for _, c := range s.said(t) {
			if c.Status.Bad() || c.Status == topology.Pending || c.Kind == topology.ServiceCheck && c.Service == "" {
				return fmt.Errorf("%s of %s is %s, about %q", c.Name, c.Host, c.Status, c.Service)
			}
		}
		if list := s.open(t); len(list) > 0 {
			return fmt.Errorf("still open: %s", list[0].Title)
		}
		return s.fine(t)
	})
}

// said are the checks of the monitoring, as dotm was told.
func (s *shop) said(t *testing.T) []topology.Check {
	t.Helper()
	var list struct{ Checks []topology.Check }
	stage.Must(t, s.Get(t.Context(), "/checks?source=icinga", &list))
	return list.Checks
}

// fine says what the monitoring told dotm that is not fine.
func (s *shop) fine(t *testing.T) error {
	t.Helper()
	list := s.said(t)
	for i := range list {
		if c := &list[i]; c.Status.Bad() {
			return fmt.Errorf("%s of %s is %s: %s", c.Name, c.Host, c.Status, c.Output)
		}
	}
	if len(list) != len(monitored)+7 {
		return fmt.Errorf("%d checks are known", len(list))
	}
	return nil
}

// open are the incidents that are.
func (d *dotm) open(t *testing.T) (list []incident.Incident) {
	t.Helper()
	var page struct{ Incidents []struct{ ID string } }
	stage.Must(t, d.Get(t.Context(), "/incidents?state=open", &page))
	for _, in := range page.Incidents {
		var one incident.Incident
		stage.Must(t, d.Get(t.Context(), "/incidents/"+in.ID, &one))
		list = append(list, one)
	}
	return list
}

// resolves waits until no incident is open: no longer than is promised.
func (d *dotm) resolves(t *testing.T, what string) {
	t.Helper()
	stage.Within(t, resolvedWithin, what+": no incident is open any more", func() error {
		if list := d.open(t); len(list) > 0 {
			return fmt.Errorf("%s: %s %+v", list[0].Title, list[0].Sentence, list[0].Timeline)
		}
		return nil
	})
}

// names is the one open incident, which names a service as the likely cause.
func (s *shop) names(t *testing.T, service string) (*incident.Incident, error) {
	t.Helper()
	list := s.open(t)
	if len(list) != 1 {
		return nil, fmt.Errorf("%d incidents are open", len(list))
	}
	in := &list[0]
	if len(in.Causes) == 0 || in.Causes[0].Service != service || in.Unclear {
		return nil, fmt.Errorf("%s: %s", in.Title, in.Sentence)
	}
	return in, nil
}

// drill is one fault.
type drill struct {
	what   string
	on     string                         // the service that has it
	begin  func(t *testing.T)             // brings it about
	end    func(t *testing.T)             // mends it
	spread []string                       // hosts of which a check fails because of it
	shows  bool                           // in the sockets, too
	holds  func(*incident.Incident) error // what else is to be told
}

// play has a fault begin and end, and looks at what is told of it.
func (s *shop) play(t *testing.T, d drill) {
	t.Helper()
	begin := time.Now()
	d.begin(t)
	stage.Within(t, namedWithin, d.what+": the incident names "+d.on, func() error {
		_, err := s.names(t, d.on)
		return err
	})
	named := time.Since(begin)
	stage.Eventually(t, d.what+": its effects are part of the incident", func() error { return s.tells(t, &d) })
	d.end(t)
	s.icinga.Until(t, "services", "service.state != 0")
	over := time.Now()
	stage.Eventually(t, d.what+": Icinga tells that it is over", func() error { return s.fine(t) })
	told := time.Now()
	s.resolves(t, d.what)
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	t.Logf("%s: named after %s; told %s after Icinga knew that it was over, and resolved %s after that", d.what, round(named), round(told.Sub(over)), round(time.Since(told)))
}

// tells says what the incident of a drill doesn't tell: its cause is still that, and all
// that fails is part of it.
func (s *shop) tells(t *testing.T, d *drill) error {
	t.Helper()
	in, err := s.names(t, d.on)
	if err != nil {
		return err
	}
	for _, host := range d.spread {
		if !slices.ContainsFunc(in.Alerts, func(m incident.Member) bool { return m.Over.IsZero() && m.Source == "icinga" && m.Host == host }) {
			return fmt.Errorf("nothing of %s is part of: %s", host, in.Title)
		}
	}
	if d.shows && !slices.ContainsFunc(in.Alerts, func(m incident.Member) bool {
		return m.Over.IsZero() && m.Source == topology.SignalSource && m.About.Service == d.on
	}) {
		return fmt.Errorf("no signal is part of: %s", in.Title)
	}
	if d.holds == nil {
		return nil
	}
	return d.holds(in)
}

// A site with a real Icinga 2 has its database stopped, slowed and cut off, and one web
// server of three killed. Each time one incident names the cause in time, holds what
// fails because of it, and is over when monitoring says so. Those who use the web servers
// are spared, as there are others.
func TestTrouble(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	db := s.Hosts["db1"]
	const database, member = "db1~tcp~5432", "web2~tcp~80"
	s.pooled(t, "web2")
	s.play(t, drill{
		what: "a member of a pool dies", on: member, shows: true,
		begin: func(*testing.T) { s.web["web2"].Kill() },
		end:   func(t *testing.T) { s.serves(t, "web2") },
		holds: spares("lb1"),
	})
	s.play(t, drill{
		what: "the database is stopped", on: database, spread: []string{"app1", "app2"}, shows: true,
		begin: func(t *testing.T) { s.db.Stop(t) },
		end:   func(t *testing.T) { s.db.Again(t) },
	})
	s.play(t, drill{
		what: "the database is slow", on: database,
		begin: func(t *testing.T) { delay(t, db, 5432) },
		end: func(t *testing.T) {
			run(t, db, stage.Need(t, "tc"), "qdisc", "del", "dev", "eth0", "root")
			run(t, db, stage.Need(t, "nft"), "delete", "table", "inet", "slow")
		},
	})
	s.play(t, drill{
		what: "the database is cut off", on: database, spread: []string{"app1", "app2"}, shows: true,
		begin: func(t *testing.T) {
			db.Rules(t, "table inet cut {\n chain in {\n type filter hook input priority 0;\n tcp dport 5432 drop;\n }\n }\n")
		},
		end: func(t *testing.T) { run(t, db, stage.Need(t, "nft"), "delete", "table", "inet", "cut") },
	})
}

// pooled waits until dotm knows that a host is one of a pool.
func (s *shop) pooled(t *testing.T, host string) {
	t.Helper()
	stage.Eventually(t, host+" is one of a pool", func() error {
		var c struct{ Pools []struct{ Members []string } }
		stage.Must(t, s.Get(t.Context(), "/roles", &c))
		for _, p := range c.Pools {
			if slices.Contains(p.Members, host) {
				return nil
			}
		}
		return fmt.Errorf("the pools are %v", c.Pools)
	})
}

// spares says that a host's services have to do with an incident as those that something
// stands in for, and in no other way.
func spares(host string) func(*incident.Incident) error {
	on := func(list []incident.Effect) bool {
		return slices.ContainsFunc(list, func(e incident.Effect) bool { return e.Node == host })
	}
	return func(in *incident.Incident) error {
		if on(in.Impact.Predicted) || on(in.Impact.Possible) || !on(in.Impact.Spared) {
			return fmt.Errorf("the impact is %+v", in.Impact)
		}
		if i := slices.IndexFunc(in.Alerts, func(m incident.Member) bool { return m.Over.IsZero() && m.About.Node == host }); i >= 0 {
			return fmt.Errorf("%s is in trouble: %s", host, in.Alerts[i].Output)
		}
		return nil
	}
}

package signal

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// monitor has a check of a service be so.
func (f *film) monitor(name, node, service string, status topology.Status) {
	id := topology.CheckID("m", node, name)
	f.checks[id] = topology.Check{ID: id, Source: "m", Kind: topology.ServiceCheck, Host: node, Name: name, Status: status, Hard: true, Node: node, Service: service}
}

// broken is the shop with a database that stopped, as monitoring knows.
func broken(t *testing.T) (f *film, id string) {
	f, id = shop(t)
	f.monitor("tcp", "db1", "db1~tcp~5432", topology.OK)
	f.pass(3, func(int) { f.edge(id).Opened += 5 })
	f.monitor("tcp", "db1", "db1~tcp~5432", topology.Critical)
	f.blocks["db1"].Services[0].State = topology.Gone
	f.pass(3, func(int) { f.edge(id).Refused += 5 })
	f.wants("50s +refused: web1 php-fpm → postgres:5432", "50s +stopped: postgres:5432")
	return f, id
}

// TestAnswersAgain: what monitoring finds to answer again is no longer said to refuse and
// to be stopped, though the sockets show nothing new, and what was refused before that is
// not told after it.
func TestAnswersAgain(t *testing.T) {
	f, id := broken(t)
	f.at = f.at.Add(time.Second)
	f.mute["web1"], f.mute["db1"] = true, true
	f.monitor("tcp", "db1", "db1~tcp~5432", topology.OK)
	f.look()
	f.wants("1m1s -refused: web1 php-fpm → postgres:5432", "1m1s -stopped: postgres:5432")
	clear(f.mute)
	f.blocks["db1"].Services[0].State = topology.Listening
	f.pass(1, func(int) { f.edge(id).Refused += 4 }) // before it was back
	f.pass(6, nil)                                   // nobody calls
	f.wants()
	f.blocks["db1"].Services[0].State = topology.Gone
	f.pass(3, func(int) { f.edge(id).Refused += 5 })
	f.wants("2m31s +refused: web1 php-fpm → postgres:5432", "2m31s +stopped: postgres:5432")
}

// TestAnswersOthers: what goes on being refused is told again, whatever monitoring says.
func TestAnswersOthers(t *testing.T) {
	f, id := broken(t)
	f.blocks["db1"].Services[0].State = topology.Listening
	f.monitor("tcp", "db1", "db1~tcp~5432", topology.OK)
	f.pass(4, func(int) { f.edge(id).Refused += 5 })
	f.wants(
		"1m10s -refused: web1 php-fpm → postgres:5432", "1m10s -stopped: postgres:5432", "1m30s +refused: web1 php-fpm → postgres:5432",
	)
}

// TestStillBad: a check that is fine says nothing while another one of the service isn't,
// nor do a stale one, one of another service, and one that was fine all the time.
func TestStillBad(t *testing.T) {
	for name, happens := range map[string]func(f *film){
		"another is bad": func(f *film) {
			f.monitor("login", "db1", "db1~tcp~5432", topology.Critical)
			f.monitor("tcp", "db1", "db1~tcp~5432", topology.OK)
		},
		"stale": func(f *film) {
			f.monitor("tcp", "db1", "db1~tcp~5432", topology.OK)
			for id, c := range f.checks {
				c.Stale = true
				f.checks[id] = c
			}
		},
		"another service":     func(f *film) { f.monitor("ssh", "db1", "db1~tcp~22", topology.OK) },
		"of the node":         func(f *film) { f.monitor("load", "db1", "", topology.OK) },
		"it is there no more": func(f *film) { clear(f.checks) },
	} {
		t.Run(name, func(t *testing.T) {
			f, id := broken(t)
			f.monitor("ssh", "db1", "db1~tcp~22", topology.Critical)
			f.monitor("load", "db1", "", topology.Critical)
			f.pass(1, func(int) { f.edge(id).Refused += 5 })
			happens(f)
			f.pass(1, func(int) { f.edge(id).Refused += 5 })
			f.wants()
		})
	}
}

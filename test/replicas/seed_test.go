package replicas

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/redis"
)

// script reads a site as a script would that was written for the original: by its
// keys, with nothing but redis-cli.
type script struct {
	t      *testing.T
	server *redis.Server
}

func (s *script) lines(args ...string) []string {
	out := s.server.CLI(s.t, args...)
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

func (s *script) nodes() []string {
	list := s.lines("LRANGE", "dotm::nodes", "0", "-1")
	slices.Sort(list)
	return list
}

// hash is HGETALL without what says when; those must be times of the last minutes.
func (s *script) hash(key string) map[string]string {
	out := map[string]string{}
	for f := range slices.Chunk(s.lines("HGETALL", key), 2) {
		if strings.HasPrefix(f[0], "last_") {
			if at, err := strconv.ParseInt(f[1], 10, 64); err != nil || time.Since(time.Unix(at, 0)) > 5*time.Minute {
				s.t.Errorf("%s of %s is %q", f[0], key, f[1])
			}
			f[1] = "lately"
		}
		out[f[0]] = f[1]
	}
	return out
}

// keys are those that begin so, without that.
func (s *script) keys(prefix string) (out []string) {
	for _, key := range s.lines("KEYS", prefix+"*") {
		out = append(out, strings.TrimPrefix(key, prefix))
	}
	slices.Sort(out)
	return out
}

func (s *script) waitFor(what string, ok func() bool) {
	s.t.Helper()
	daemon.WaitFor(s.t, what, ok)
}

// TestOldScript: a script that reads the original's keys goes on working.
func TestOldScript(t *testing.T) {
	server := redis.Start(t)
	r := start(t, server.URL())
	list := agents(2)
	web, db := list[0], list[1]
	send := func(a *agent, change func(*report.Report)) {
		t.Helper()
		x := a.report()
		change(x)
		if err := a.send(t.Context(), x, []*replica{r}); err != nil {
			t.Fatal(err)
		}
	}
	calls := func(process, peer string, port uint16, count int) report.Connection {
		return report.Connection{Direction: report.Out, Protocol: report.TCP, Process: process, Peer: netip.MustParseAddr(peer), Port: port, Count: count, Opened: uint64(count)}
	}
	webs := func(count int) func(*report.Report) {
		return func(x *report.Report) {
			x.Connections = []report.Connection{calls("php", "10.1.0.2", 5432, count), calls("php", "198.51.100.7", 443, 1), calls("php", "198.51.100.8", 9418, 2), calls("php", "fd00:1::9", 6379, 1)}
		}
	}
	dbs := func(x *report.Report) {
		x.Listeners = []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 5432, Process: "postgres"}, {Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 22, Process: "sshd"}}
		x.Connections = nil
	}
	send(db, dbs)
	send(web, webs(3))

	s := &script{t, server}
	s.waitFor("the connection", func() bool { return len(s.keys("dotm::connections::web01::")) == 1 })
	for what, tt := range map[string]struct{ got, want any }{
		"nodes":                  {s.nodes(), []string{"web00", "web01"}},
		"a node":                 {s.hash("dotm::nodes::web00"), map[string]string{"last_fetch": "lately", "fetch_status": "OK", "ips": "10.1.0.1"}},
		"its types":              {s.lines("TYPE", "dotm::nodes::web00"), []string{"hash"}},
		"an address":             {s.lines("GET", "dotm::resolver::ip_to_node::10.1.0.2"), []string{"web01"}},
		"services":               {s.keys("dotm::services::web01::"), []string{"5432"}},
		"connections":            {s.keys("dotm::connections::web00::"), []string{"443::Internet", "5432::web01", "6379::fd00:1::9", "high::Internet"}},
		"a service":              {s.hash("dotm::services::web00::80"), map[string]string{"process": "nginx", "last_seen": "lately"}},
		"what calls":             {s.hash("dotm::connections::web00::5432::web01"), map[string]string{"process": "php", "connections": "3", "direction": "out", "local_port": "high", "remote_port": "5432", "remote_host": "web01", "last_seen": "lately", "last_connection": "lately"}},
		"what is called":         {s.hash("dotm::connections::web01::5432::web00"), map[string]string{"process": "postgres", "connections": "3", "direction": "in", "local_port": "5432", "remote_port": "high", "remote_host": "web00", "last_seen": "lately", "last_connection": "lately"}},
		"IPv6":                   {s.hash("dotm::connections::web00::6379::fd00:1::9")["remote_host"], "fd00:1::9"},
		"checks":                 {s.keys("dotm::checks::"), []string(nil)},
		"setting":                {s.lines("GET", "dotm::config::service_name_whitelist"), []string{"rpc.statd,rpc.mountd"}},
		"no copies":              {s.lines("EXISTS", "dotm::history", "dotm::state::last_snapshot"), []string{"0"}},
		"setting that is a hash": {s.hash("dotm::config::aging"), map[string]string{"Services": "300", "Connections": "300"}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	// What changes, changes there.
	send(web, webs(5))
	s.waitFor("the count", func() bool {
		return s.server.Try("HGET", "dotm::connections::web00::5432::web01", "connections") == "5"
	})
	patch(t, r, map[string]any{"ignored_ports": []int{5432}, "expire_after": "48h"})
	s.waitFor("the port to be ignored", func() bool { return slices.Equal(s.keys("dotm::services::web01::"), []string{"22"}) })
	s.waitFor("its expiry", func() bool { return s.server.Try("TTL", "dotm::services::web00::80") > "1000" })
	if got := s.server.Try("HGET", "dotm::config::expire", "Services"); got != "2" {
		t.Errorf("expiry is told as %s days", got)
	}
}

// patch changes settings as the page does.
func patch(t *testing.T, r *replica, settings map[string]any) {
	t.Helper()
	body, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, r.url+"/api/v1/settings", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("changing settings: %s", resp.Status)
	}
}

// TestOldScriptAfterFailover: another server goes on with the keys of the first,
// and drops those of what went while nobody looked.
func TestOldScriptAfterFailover(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) (url string, servers []*redis.Server){
		"one Redis": func(t *testing.T) (string, []*redis.Server) { s := redis.Start(t); return s.URL(), []*redis.Server{s} },
		"a Cluster": func(t *testing.T) (string, []*redis.Server) { c := redis.StartCluster(t); return c.URL(), c.Masters() },
	} {
		t.Run(name, func(t *testing.T) {
			url, servers := begin(t)
			keys := func() (out []string) {
				for _, s := range servers {
					out = append(out, (&script{t, s}).keys("dotm::connections::web00::")...)
				}
				slices.Sort(out)
				return out
			}
			a, b := start(t, url), start(t, url)
			list := agents(3)
			once(t, list, a, b)
			agree(t, edges(list), a, b)
			daemon.WaitFor(t, "the keys", func() bool { return len(keys()) == 2 })
			leader, other := a, b
			if b.role(t) == "leading" {
				leader, other = b, a
			}
			leader.kill()
			daemon.WaitFor(t, "another leader", func() bool { return other.role(t) == "leading" })
			list[0].peers = append(list[0].peers, "10.9.7.7")
			once(t, list, other)
			want := []string{"5432::10.9.0.1", "5432::10.9.1.1", "5432::10.9.7.7"}
			daemon.WaitFor(t, "the new one", func() bool { return slices.Equal(keys(), want) })
		})
	}
}

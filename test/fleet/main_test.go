//go:build linux

// Package fleettest runs a whole site: hosts that are namespaces, joined by
// cables, with real programs on them, agents on some, and one server. What the
// chart must show is written down in testdata, one file a scene: every edge of
// it is demanded, and no other.
package fleettest

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

func TestMain(m *testing.M) { os.Exit(bed.Main(stage.Prepare, m.Run)) }

// site is one test's hosts.
type site struct{ *stage.Site }

func newSite(t *testing.T, plans ...stage.Plan) site { return site{stage.NewSite(t, plans...)} }

// listens is a puppet that serves on addresses, as in "tcp 10.77.0.1:80".
func (s site) listens(t *testing.T, host, name string, addresses ...string) *stage.Puppet {
	t.Helper()
	return s.Hosts[host].Puppet(t, name).Serves(t, addresses...)
}

// calls is a puppet that holds a connection to each address.
func (s site) calls(t *testing.T, host, name string, addresses ...string) *stage.Puppet {
	t.Helper()
	return s.Hosts[host].Puppet(t, name).Calls(t, addresses...)
}

// dotm is the server under test.
type dotm struct {
	*stage.Server
	data    string
	address string // where agents reach it
	token   string // the file of one that any number may enrol with
}

// settings that make a test short: nodes are asked as often as may be.
const settings = `{"poll_interval":"5s"}`

// server starts dotm serve on a host.
func (s site) server(t *testing.T, host, address string, args ...string) *dotm {
	t.Helper()
	h, data := s.Hosts[host], stage.OpenDir(t)
	d := &dotm{data: data, address: address}
	d.Server = h.ServeOthers(t, data, append([]string{"--listen", address}, args...)...)
	d.Set(t, settings)
	d.token = h.Token(t, data, "--uses", "0")
	return d
}

// agent starts one on a host, which reports every second.
func (d *dotm) agent(t *testing.T, h *stage.Host, args ...string) *stage.Agent {
	t.Helper()
	return d.agentAs(t, h, args)
}

// agentAs is agent, started in some other way.
func (d *dotm) agentAs(t *testing.T, h *stage.Host, args []string, opts ...bed.Option) *stage.Agent {
	t.Helper()
	args, state := append([]string{"--token-file", d.token, "--interval", "1s"}, args...), stage.OpenDir(t)
	if len(opts) > 0 { // it may be somebody else
		stage.Must(t, os.Chown(state, stage.Nobody, stage.Nobody))
	}
	return h.Agent(t, "https://"+d.address, state, args, append(opts, bed.WithEnv("HOME=/run"))...)
}

// agents start one on each host, and wait until they all report.
func (d *dotm) agents(t *testing.T, s site, args ...string) {
	t.Helper()
	for _, h := range s.Hosts {
		d.agent(t, h, args...)
	}
	d.HeardOf(t, slices.Collect(maps.Keys(s.Hosts))...)
}

// events are what happened since a moment, in order, as in "changed node db1
// state". What the server has not yet kept it tells all the same.
func (d *dotm) events(t *testing.T, since time.Time) (list []string) {
	t.Helper()
	var answer struct {
		Events []struct {
			At                time.Time
			Kind, Subject, ID string
			What              []string
		}
	}
	q := url.Values{"from": {since.UTC().Format(time.RFC3339Nano)}, "to": {time.Now().Add(time.Minute).UTC().Format(time.RFC3339Nano)}}
	stage.Must(t, d.Get(t.Context(), "/events?"+q.Encode(), &answer))
	for _, e := range answer.Events {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Kind, e.Subject, e.ID, strings.Join(e.What, " "))))
	}
	return list
}

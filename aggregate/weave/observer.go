package weave

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Who calls so many services, and hardly ever for longer than a moment, looks at
// them and does not use them.
const (
	observesFrom = 16 // services
	observesPart = 80 // per cent of them that are called for a moment only
	carries      = 10_000
)

// isObserver tells by its name whether a process is a monitoring system, a
// check, or a scanner.
func isObserver(process string) bool {
	return strings.HasPrefix(process, "check_") || slices.Contains([]string{
		"nagios", "nagios4", "naemon", "icinga", "icinga2", "zabbix_server", "zabbix_proxy", "prometheus", "blackbox_exporter",
		"blackbox_export", "smokeping", "monitoring-agent", "nmap", "masscan", "zmap", "zgrab2", "uptime-kuma",
	}, process)
}

// touch is what a process of this node calls.
type touch struct {
	edges   []*topology.Connection
	inVain  map[netip.AddrPort]bool
	lasting int  // edges that were open in the look before already, or carry data
	before  bool // it was an observer
	serves  bool // it accepts connections itself, as proxies do
}

// observe marks the edges of observers. A process becomes one by what it does,
// and stays one until most of what it calls lasts.
func (w *weaver) observe(inVain []report.Connection) {
	for process, t := range w.touches(inVain) {
		byName := isObserver(process)
		watching := byName || t.watches()
		for _, e := range t.edges {
			old := w.remembered(e.ID)
			switch {
			case byName:
				e.Observer = true
			case !watching, w.lasts(e):
				e.Observer = false
			case t.before && old != nil:
				e.Observer = old.Observer
			default:
				e.Observer = true
			}
		}
	}
}

// touches groups what those processes of this node call that may be observers.
func (w *weaver) touches(inVain []report.Connection) map[string]*touch {
	all := map[string]*touch{}
	of := func(process string) *touch {
		t := all[process]
		if t == nil {
			t = &touch{}
			all[process] = t
		}
		return t
	}
	for _, e := range w.edges {
		if e.Directed && e.Client.Process != "" && e.Client.Node == w.self.Node.Name && e.Server.Node != w.self.Node.Name {
			t := of(e.Client.Process)
			t.edges = append(t.edges, e)
		}
	}
	for i := range inVain {
		if r := &inVain[i]; r.Direction == report.Out && r.Process != "" {
			t := of(r.Process)
			if t.inVain == nil {
				t.inVain = map[netip.AddrPort]bool{}
			}
			t.inVain[netip.AddrPortFrom(r.Peer, r.Port)] = true
		}
	}
	w.recall(all)
	for process, t := range all {
		if !t.before && !isObserver(process) && (t.serves || len(t.edges)+len(t.inVain) < observesFrom) {
			delete(all, process)
			continue
		}
		for _, e := range t.edges {
			if w.lasts(e) {
				t.lasting++
			}
		}
	}
	return all
}

// recall adds what processes were, and are beside clients.
func (w *weaver) recall(all map[string]*touch) {
	for i := range w.prev.Connections {
		if c := w.prev.Connections[i]; c.Observer && all[c.Client.Process] != nil {
			all[c.Client.Process].before = true
		}
	}
	for process, t := range all {
		t.serves = w.serves(process)
	}
}

// serves tells whether a process of this node accepts connections of others.
func (w *weaver) serves(process string) bool {
	return slices.ContainsFunc(w.self.Services, func(s topology.Service) bool {
		return s.Process == process && s.State == topology.Listening && s.Scope != topology.ScopeLoopback
	})
}

// lasts tells whether an edge is more than a glance: open in two looks, or it
// carries data.
func (w *weaver) lasts(e *topology.Connection) bool {
	if h := e.Health; h != nil && h.Sent+h.Received > carries {
		return true
	}
	old := w.remembered(e.ID)
	return e.Count > 0 && old != nil && old.Count > 0
}

// watches tells whether a process looks at services rather than uses them.
func (t *touch) watches() bool {
	if t.before {
		return 2*t.lasting <= len(t.edges)
	}
	fresh := len(t.inVain)
	for _, e := range t.edges {
		if e.Status == topology.Fresh {
			fresh++
		}
	}
	return !t.serves && glances(fresh, t.lasting)
}

// glances says whether so many calls, of which so many last, are those of one who looks.
func glances(fresh, lasting int) bool {
	return fresh >= observesFrom && 100*(fresh-lasting) >= observesPart*fresh
}

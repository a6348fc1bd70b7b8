package incidents

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// remembered is for how long what a source said before this server led counts, if nothing
// is heard of that source: what it said of nodes is kept with them.
const remembered = time.Hour

// astray are the alerts on hosts that are no nodes. Each host is a place of its own, of
// which nothing is known but what monitoring says.
func (d *Desk) astray(snap *topology.Snapshot, at time.Time) (out []incident.Alert) {
	known := map[string]bool{}
	unheard := d.site.Astray(snap, func(c *topology.Check, why string) {
		a, ok := trouble.AlertOf(c, placeOf(snap, c))
		if !ok {
			return
		}
		known[c.ID] = true
		out = append(out, incident.Alert{
			Alert: a, Source: c.Source, Host: c.Host, Kind: c.Kind, Output: c.Output, How: handling(c),
			Stray: cmp.Or(why, "no node has its name"),
		})
	})
	if len(unheard) == 0 || at.Sub(d.leads) > remembered {
		return out
	}
	for _, in := range d.now.Load().list {
		if in.State != incident.Open {
			break // the open ones are first
		}
		for i := range in.Alerts {
			m := &in.Alerts[i]
			if m.Stray != "" && m.Over.IsZero() && !known[m.ID] && slices.Contains(unheard, m.Source) {
				out = append(out, m.Alert())
			}
		}
	}
	return out
}

// placeOf names the place of a host that is no node: by its name, which several sources
// may have for it, unless that means something else on the chart or on each machine.
func placeOf(snap *topology.Snapshot, c *topology.Check) string {
	local := strings.HasPrefix(strings.ToLower(c.Host), "localhost")
	if local || snap.Block(c.Host) != nil || snap.Service(c.Host) != nil {
		return c.Host + " of " + c.Source
	}
	return c.Host
}

package aggregate

import (
	"cmp"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// sources are those of a report, in order.
func sources(list []report.Source) []topology.Source {
	if len(list) == 0 {
		return nil
	}
	out := make([]topology.Source, 0, len(list))
	for _, s := range list {
		out = append(out, topology.Source{Protocol: topology.Protocol(s.Protocol), Client: s.Client, As: s.As, Server: s.Server, Count: s.Count})
	}
	slices.SortFunc(out, func(a, b topology.Source) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), a.As.Compare(b.As), a.Server.Compare(b.Server), a.Client.Compare(b.Client))
	})
	return slices.CompactFunc(out, func(a, b topology.Source) bool {
		a.Count, b.Count = 0, 0
		return a == b
	})
}

// shortages are those of a report, in order.
func shortages(list []report.Shortage) (out []topology.Shortage) {
	for _, s := range list {
		is := topology.Shortage{Kind: topology.SignalKind(s.Kind), Process: s.Process, PID: s.PID, Used: s.Used, Max: s.Max}
		if s.Server.IsValid() {
			is.Server = s.Server.String()
		}
		out = append(out, is)
	}
	slices.SortFunc(out, func(a, b topology.Shortage) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Process, b.Process), cmp.Compare(a.PID, b.PID))
	})
	return out
}

// forwards are those of a report, in order.
func forwards(list []report.Forward) []topology.Forward {
	out := make([]topology.Forward, 0, len(list))
	for _, f := range list {
		out = append(out, topology.Forward{Protocol: topology.Protocol(f.Protocol), From: f.From, To: f.To})
	}
	slices.SortFunc(out, func(a, b topology.Forward) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), a.From.Compare(b.From), a.To.Compare(b.To))
	})
	if out = slices.Compact(out); len(out) == 0 {
		return nil
	}
	return out
}

// nodeOf is the node as the statement describes it, with what is kept from
// before.
func (b *Batch) nodeOf(s statement, prev *topology.Block, now time.Time) topology.Node {
	r := s.report
	n := topology.Node{
		Name: s.node, Kind: s.kind, Zone: r.Zone, Addresses: s.addresses.Own,
		ContainerNetworks: s.addresses.Networks, OnLoopback: s.addresses.Loopback,
		State: topology.Reporting, Verdict: topology.NoVerdict,
		FirstSeen: now, LastReport: now,
		Interval: topology.Duration(time.Duration(r.IntervalMS) * time.Millisecond),
		Identity: r.Node.Identity.Kind + ":" + r.Node.Identity.Value,
		Weak:     r.Node.Identity.Weak(),
		Agent:    r.Agent.Version,
		Instance: r.Agent.Instance,
		Collect:  collectedBy(r.Agent.Method),
		Skew:     topology.Duration(r.Time.Add(time.Duration(r.LagMS) * time.Millisecond).Sub(now).Round(time.Second)),
		Cost: topology.Cost{
			CPUMillis: float64(r.Cost.CPUMicros) / 1e3, WallMillis: float64(r.Cost.WallMicros) / 1e3,
			RSSBytes: r.Cost.RSSBytes, Sockets: r.Coverage.Sockets,
		},
	}
	if s.kind == topology.Host {
		n.HiddenProcesses = r.Coverage.HiddenProcesses
		n.Shortages = shortages(r.Shortages)
		n.Forwards, n.Sources = forwards(r.Forwards), sources(r.Sources)
		for _, note := range r.Notes {
			n.Notes = append(n.Notes, topology.Note(note))
		}
	}
	if prev != nil {
		n.FirstSeen = edge.Earlier(prev.Node.FirstSeen, now)
		n.Verdict = prev.Node.Verdict
		n.Formerly, n.Twin = prev.Node.Formerly, prev.Node.Twin
	}
	return n
}

// collectedBy is the way in that reports of a method take; see
// [report.Agent].
func collectedBy(method string) string {
	switch method {
	case "text", "ssh", "import":
		return method
	}
	return "agent"
}

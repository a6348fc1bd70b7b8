package keep

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// blindAfter is how long no server may run without leaving a gap: as long as it
// may take until it says again that it runs.
const blindAfter = timesEvery + 15*time.Second

// gaps are those that begin or end between two snapshots: a node that turned
// silent was last seen at its last report, and is seen again by its next, or
// never if it is gone.
func gaps(prev, next *topology.Snapshot, events []topology.Event) (out []store.Gap) {
	for i := range events {
		e := &events[i]
		if e.Subject != topology.SubjectNode {
			continue
		}
		was, is := prev.Block(formerly(e, next)), next.Block(e.ID)
		switch {
		case silent(is) && !silent(was):
			out = append(out, store.Gap{Node: e.ID, From: is.Node.LastReport, Why: silence(&is.Node)})
		case silent(was) && !silent(is):
			out = append(out, store.Gap{Node: was.Node.Name, From: was.Node.LastReport, To: e.At, Why: silence(&was.Node)})
		}
	}
	return out
}

// formerly is the name that a node had before an event: a node that comes back
// under another name ends the gap of its old one.
func formerly(e *topology.Event, next *topology.Snapshot) string {
	if b := next.Block(e.ID); b != nil && slices.Contains(e.What, "name") && len(b.Node.Formerly) > 0 {
		return b.Node.Formerly[0].Name
	}
	return e.ID
}

// silent says of a node that it reported once and doesn't now. What never reports, as a
// network, may be stale, too: nothing of it is missing.
func silent(b *topology.Block) bool {
	return b != nil && b.Node.State.Mute() && !b.Node.LastReport.IsZero()
}

func silence(n *topology.Node) string {
	switch n.State {
	case topology.Left:
		return "the host was shut down"
	case topology.Rebooting:
		return "the host was rebooting"
	case topology.Stopped:
		return "the agent was stopped"
	case topology.Reporting, topology.Stale, topology.Unheard:
	}
	switch n.Collect {
	case "text", "ssh":
		return "the node did not answer"
	case "import":
		return "no newer file was imported"
	}
	return "the agent did not report"
}

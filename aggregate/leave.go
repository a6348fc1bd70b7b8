package aggregate

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// backWithin is how long a host may take to start again before it is silent like any
// other: longer than the slowest firmware, short enough that one which does not come up
// is missed.
const backWithin = 15 * time.Minute

// leave takes an agent's last word. Nothing but that is taken of the report: a host that
// is going down ends its services one by one, which is no news of any of them.
//
// The word is about the node that this very process of an agent reported last for, by its
// random instance: neither a clone of a host nor a process that another has followed
// can say that a node is gone. An agent that says it will be back at once is
// taken by its word: nothing changes, and if it is not back it is silent.
func (b *Batch) leave(r *report.Report, now time.Time) {
	if r.Leaving == report.LeavingRestart {
		return
	}
	state := topology.Stopped
	if down := map[report.Leaving]topology.NodeState{report.LeavingShutdown: topology.Left, report.LeavingReboot: topology.Rebooting}[r.Leaving]; down != "" {
		state = down
	}
	block := b.spokenFor(r)
	if block == nil || overtaken(block, r) {
		return
	}
	name := block.Node.Name
	for _, inside := range slices.Collect(b.edit.Inside(name)) {
		if inside.Node.Kind == topology.Container && !inside.Node.State.Mute() {
			b.say(inside, state, now)
		}
	}
	next := *block
	next.Counted = topology.Counted{Instance: r.Agent.Instance, Sequence: r.Sequence}
	b.say(&next, state, now)
}

// say puts a node into another state by its own word.
func (b *Batch) say(block *topology.Block, state topology.NodeState, now time.Time) {
	next := *block
	next.Node.State, next.Node.LastReport = state, now
	b.edit.Put(&next)
	b.edit.Touch()
}

// spokenFor is the node that the agent's process reported for last; nil if there is none.
func (b *Batch) spokenFor(r *report.Report) *topology.Block {
	if r.Agent.Instance == "" {
		return nil
	}
	id := r.Node.Identity.Kind + ":" + r.Node.Identity.Value
	for _, name := range b.edit.Identified(id) {
		if block := b.edit.Block(name); block != nil && block.Node.Instance == r.Agent.Instance && block.Node.Zone == r.Zone {
			return block
		}
	}
	return nil
}

// overtaken says that a report of a node came later than the last word of the process
// that sent it: it was on its way when that ended.
func overtaken(block *topology.Block, r *report.Report) bool {
	return block != nil && block.Node.State.OnPurpose() && r.Agent.Instance != "" &&
		block.Counted.Instance == r.Agent.Instance && r.Sequence <= block.Counted.Sequence
}

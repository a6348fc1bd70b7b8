package aggregate

import "github.com/devops-trouble-map/dotm/topology"

// Checks replaces the checks of a node, and derives what they say of it and of its
// services. A node that is not there has none.
func (b *Batch) Checks(node string, checks []topology.Check) {
	block := b.edit.Block(node)
	if block == nil || topology.SameChecks(block.Checks, checks) {
		return
	}
	next := block.Clone()
	next.SetChecks(checks)
	b.edit.Put(next)
	b.edit.Touch()
}

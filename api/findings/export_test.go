package findings

import (
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/topology"
)

// Of are the findings of a node.
func Of(n *topology.Node, revoked map[string]time.Time, silence func(*topology.Node, map[string]time.Time) string) []NodeFinding {
	return (&routes{Options{Silence: silence}}).findingsOf(n, revoked)
}

// Clones are those of agents.
func Clones(agents *auth.Agents) []NodeFinding { return (&routes{Options{Agents: agents}}).clones() }

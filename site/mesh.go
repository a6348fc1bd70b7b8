package site

import (
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// mesh is what agents of it are on every host, and talks what they say to each other:
// gossip over connections that last.
var (
	mesh  = program{"consul", "consul", "consul.service", "", "", 8301, report.TCP}
	talks = traffic{open: 1, rtt: 250, sent: 300, got: 300, steady: true}
)

// connectMesh links each host with so many of those planned next to it, which are mostly
// of its own product, that reports have as many rows as the options ask for.
func (s *Site) connectMesh() {
	n, rows := len(s.hosts), 0
	for _, h := range s.hosts {
		for _, l := range slices.Concat(h.in, h.out) {
			if l.period == 0 && l.to == 0 { // else it is seldom there
				rows++
			}
		}
	}
	lacking := s.opt.Connections*n - rows
	if lacking <= 0 {
		return
	}
	each := min((lacking+2*n-1)/(2*n), (n-1)/2) // a link is a row at both ends
	agents := make([]*process, n)
	for i, h := range s.hosts {
		agents[i] = s.run(h, mesh)
	}
	for i, a := range agents {
		for k := range each {
			s.connect(a, agents[(i+k+1)%n], talks)
		}
	}
}

package server

import "github.com/devops-trouble-map/dotm/recent"

// Recent tells the numbers of a node's last hour, as far as this server saw them;
// false if it saw nothing, or there is no such node.
func (s *Server) Recent(node string) (recent.Hour, bool) { return s.sampler.Recent(node) }

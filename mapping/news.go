package mapping

// News is what is new of a source of checks: what a topology is told of it.
type News struct {
	Source string `json:"source"`
	// Hosts replace those that are known of it; nil if they are the same.
	Hosts []Host `json:"hosts,omitempty"`
	// Checks are results, Gone the checks that are no more: of these only host and
	// name count.
	Checks []Check `json:"checks,omitempty"`
	Gone   []Check `json:"gone,omitempty"`
}

// Empty says that nothing is.
func (n *News) Empty() bool { return n.Hosts == nil && len(n.Checks)+len(n.Gone) == 0 }

package phrase

import "fmt"

// Need is the edge that a predicted effect hangs on.
type Need struct {
	// Server is what people call what is needed.
	Server string
	// On says that the component sits on it, and doesn't call it.
	On bool
	// Pooled says that it is of a pool, of which Called members are called; Living of
	// them are not affected.
	Pooled         bool
	Called, Living int
	// Idle says that it wasn't called for long.
	Idle bool
	// Failed counts the times that it failed before, Followed those of them in which
	// the component went bad too.
	Failed, Followed int
}

// Why says why a component fails, or is spared if something lives that stands in.
func Why(n Need) string {
	switch {
	case n.On:
		return "sits on " + n.Server
	case n.Living > 0:
		return fmt.Sprintf("calls %d members of the pool of %s, %d of them not affected", n.Called, n.Server, n.Living)
	}
	s := "calls " + n.Server
	switch {
	case n.Called > 1:
		s = fmt.Sprintf("calls %d members of the pool of %s, all of them affected", n.Called, n.Server)
	case n.Pooled:
		s += " and no other member of its pool"
	}
	if n.Idle {
		s += ", but not lately"
	}
	if n.Failed > 0 {
		s += fmt.Sprintf("; went bad with it %d of %d times before", n.Followed, n.Failed)
	}
	return s
}

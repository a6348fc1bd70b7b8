package fold

import (
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// tuples are the smallest hashes of a row's connections, ascending. They take no
// memory beside the row's, whatever the number of its sockets.
type tuples struct {
	least [report.MaxTuples]uint64
	n     int
}

// add takes an open TCP connection. One that stays on its host needs none: its
// addresses mean one thing.
func (t *tuples) add(s *Socket) {
	if s.Protocol != report.TCP || s.Remote.Addr().IsLoopback() {
		return
	}
	t.put(report.Tuple(s.Protocol, s.Local, s.peer()))
}

func (t *tuples) put(h uint64) {
	if t.n == len(t.least) && h >= t.least[t.n-1] {
		return
	}
	i, there := slices.BinarySearch(t.least[:t.n], h)
	if there {
		return
	}
	t.n = min(t.n+1, len(t.least))
	copy(t.least[i+1:t.n], t.least[i:])
	t.least[i] = h
}

func (t *tuples) list() []uint64 {
	if t.n == 0 {
		return nil
	}
	return slices.Clone(t.least[:t.n])
}

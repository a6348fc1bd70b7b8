package aggregate

import (
	"slices"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
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

// least are the smallest of two ends' hashes together.
func least(a, b []uint64) []uint64 {
	if len(b) == 0 {
		return a
	}
	var t tuples
	for _, list := range [][]uint64{a, b} {
		for _, h := range list {
			t.put(h)
		}
	}
	return t.list()
}

// compareTuples confirms an edge whose two ends name the same connection. What
// was confirmed stays so: connections come and go, and ends tell of them at
// different times.
func compareTuples(e *topology.Evidence) {
	e.Confirmed = e.Confirmed || meet(e.ClientTuples, e.ServerTuples)
}

// retold tells whether an end of an edge that is not confirmed yet names other
// connections than before.
func retold(before, now []topology.Connection) bool {
	for i := range now {
		x, y := &before[i].Evidence, &now[i].Evidence
		if !y.Confirmed && (!slices.Equal(x.ClientTuples, y.ClientTuples) || !slices.Equal(x.ServerTuples, y.ServerTuples)) {
			return true
		}
	}
	return false
}

// meet tells whether two ends name a connection that is the same.
func meet(a, b []uint64) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			return true
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return false
}

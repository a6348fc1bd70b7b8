package report

import "net/netip"

// Carry adds the counters of a report that was not delivered to the one that
// takes its place. Rows that are in the older one alone come along with no
// open socket, as far as the limits allow; what doesn't fit is counted in
// Coverage.Truncated.
func Carry(undelivered, next *Report) {
	at := make(map[rowID]int, len(next.Connections))
	for i := range next.Connections {
		at[idOf(&next.Connections[i])] = i
	}
	room := MaxRows - len(next.Listeners) - len(next.Connections)
	moved := namespaces(undelivered, next)
	for i := range undelivered.Connections {
		old := undelivered.Connections[i]
		ns, still := moved[old.Namespace]
		if !old.Tried() || !still {
			continue
		}
		old.Namespace = ns
		if j, ok := at[idOf(&old)]; ok {
			next.Connections[j].AddTries(&old)
			continue
		}
		if room <= 0 {
			next.Coverage.Truncated++
			continue
		}
		room--
		old.Count, old.PID = 0, 0
		next.Connections = append(next.Connections, old)
	}
}

// namespaces maps the indices of one report's namespaces to those that the same
// containers have in the next; containers that are gone are left out.
func namespaces(from, to *Report) map[int]int {
	at := map[string]int{}
	for i, ns := range to.Namespaces {
		at[ns.Container] = i + 1
	}
	moved := map[int]int{0: 0}
	for i, ns := range from.Namespaces {
		if j := at[ns.Container]; j != 0 {
			moved[i+1] = j
		}
	}
	return moved
}

// rowID is what makes two rows of different reports the same.
type rowID struct {
	namespace int
	direction Direction
	protocol  Protocol
	process   string
	user      string
	peer      netip.Addr
	port      uint16
	local     netip.Addr
	localPort uint16
}

func idOf(c *Connection) rowID {
	return rowID{c.Namespace, c.Direction, c.Protocol, c.Process, c.User, c.Peer, c.Port, c.Local, c.LocalPort}
}

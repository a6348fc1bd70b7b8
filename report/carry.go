package report

import "net/netip"

// Carry adds the counters of a report that was not delivered to the one that
// takes its place. Rows that are in the older one alone come along with no
// open socket, as far as the limits allow; what doesn't fit is counted in
// Coverage.Truncated.
func Carry(undelivered, next *Report) {
	carryDrops(undelivered, next)
	newest := carryMeasured(undelivered, next)
	at := make(map[rowID]int, len(next.Connections))
	for i := range next.Connections {
		at[idOf(&next.Connections[i])] = i
	}
	room := MaxRows - len(next.Listeners) - len(next.Connections)
	moved := namespaces(undelivered, next)
	inside := containers(undelivered, next)
	for i := range undelivered.Connections {
		old := undelivered.Connections[i]
		ns, still := moved[old.Namespace]
		if !still {
			continue
		}
		old.Namespace, old.Container = ns, inside[old.Container]
		if j, ok := at[idOf(&old)]; ok {
			next.Connections[j].AddCounts(&old)
			if newest {
				next.Connections[j].takeMeans(old.Health)
			}
			continue
		}
		if !old.Tried() {
			continue
		}
		if room <= 0 {
			next.Coverage.Truncated++
			continue
		}
		room--
		next.Connections = append(next.Connections, closed(old))
	}
}

// carryMeasured says of the next report over what time its counters of health
// count, with those of the older one. The means of the older one are the newest
// if only that was measured.
func carryMeasured(undelivered, next *Report) (newest bool) {
	if undelivered.Unmeasured {
		return false
	}
	newest, next.Unmeasured = next.Unmeasured, false
	next.HealthMS += undelivered.HealthMS
	return newest
}

// takeMeans takes over the means of an older row.
func (c *Connection) takeMeans(old *Health) {
	if old == nil || old.Measured == 0 {
		return
	}
	h := Health{}
	if c.Health != nil {
		h = *c.Health
	}
	h.Measured, h.RTT, h.RTTVar = old.Measured, old.RTT, old.RTTVar
	c.Health = &h
}

// closed is a row of an older report without what was true at its time only.
func closed(c Connection) Connection {
	c.Count, c.PID = 0, 0
	counts := Connection{}
	counts.AddCounts(&c)
	c.Health = counts.Health
	return c
}

// carryDrops adds what listeners turned away.
func carryDrops(undelivered, next *Report) {
	type bind struct {
		namespace int
		protocol  Protocol
		address   netip.AddrPort
	}
	moved := namespaces(undelivered, next)
	drops := map[bind]uint64{}
	for i := range undelivered.Listeners {
		l := &undelivered.Listeners[i]
		if ns, still := moved[l.Namespace]; still && l.Drops > 0 {
			drops[bind{ns, l.Protocol, netip.AddrPortFrom(l.Address, l.Port)}] = l.Drops
		}
	}
	for i := range next.Listeners {
		l := &next.Listeners[i]
		l.Drops += drops[bind{l.Namespace, l.Protocol, netip.AddrPortFrom(l.Address, l.Port)}]
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

// containers maps the indices of one report's containers to those that they
// have in the next; the others have none there.
func containers(from, to *Report) map[int]int {
	at := make(map[Container]int, len(to.Containers))
	for i, c := range to.Containers {
		at[c] = i + 1
	}
	moved := make(map[int]int, len(from.Containers))
	for i, c := range from.Containers {
		moved[i+1] = at[c]
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
	unit      string
	container int
	peer      netip.Addr
	port      uint16
	local     netip.Addr
	localPort uint16
	via       netip.AddrPort
}

func idOf(c *Connection) rowID {
	return rowID{c.Namespace, c.Direction, c.Protocol, c.Process, c.User, c.Unit, c.Container, c.Peer, c.Port, c.Local, c.LocalPort, c.Via}
}

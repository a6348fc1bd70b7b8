package fold

import "github.com/devops-trouble-map/dotm/report"

// health sums up what the kernel measures on the sockets of one row.
type health struct {
	report.Health
	rtt, rttvar uint64 // sums over the measured sockets
}

// add takes an open socket. before is what the look before knew of it; without
// that everything counts that happened since it opened, if whole says so.
func (h *health) add(s *Socket, before *memory, whole bool) {
	if s.RTT > 0 {
		h.Measured++
		h.rtt += uint64(s.RTT)
		h.rttvar += uint64(s.RTTVar)
	}
	if before == nil {
		if !whole {
			return
		}
		before = &memory{}
	}
	h.Segments += uint64(s.Segments - before.segments)
	h.Retransmits += uint64(s.Retransmits - before.retransmits)
	h.Sent += grown(s.Sent, before.sent)
	h.Received += grown(s.Received, before.received)
}

// grown is by how much a counter grew; one that shrank belongs to another
// socket.
func grown(now, before uint64) uint64 {
	if now < before {
		return 0
	}
	return now - before
}

// connecting takes a socket that waits for an answer. It waits for a second at
// least with each time that it asked again (RFC 6298, section 2).
func (h *health) connecting(s *Socket, age int64) {
	h.Connecting++
	h.ConnectingMS = max(h.ConnectingMS, age, int64(s.Retries)*1000)
}

// closeWait takes a socket that the peer closed.
func (h *health) closeWait(age int64) {
	h.CloseWait++
	h.CloseWaitMS = max(h.CloseWaitMS, age)
}

// sum gives the row's health; nil if nothing was measured.
func (h *health) sum() *report.Health {
	out := h.Health
	if n := uint64(out.Measured); n > 0 {
		out.RTT, out.RTTVar = uint32(h.rtt/n), uint32(h.rttvar/n)
	}
	if out == (report.Health{}) {
		return nil
	}
	return &out
}

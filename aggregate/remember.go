package aggregate

import "time"

// past is what a Folder remembers of the sockets of the look before. The
// kernel lists sockets in much the same order each time, so that most are
// found right behind the one found before.
type past struct {
	looks int
	last  []memory // in the order of that look
	now   []memory // of this look
	next  int      // where the next socket is expected in last
	at    map[uint64]int32
	built bool // at holds last
	// forgetful says that there will be no next look.
	forgetful bool
}

// memory is what is remembered of one socket.
type memory struct {
	cookie                       uint64
	sent, received               uint64
	segments, retransmits, drops uint32
	state                        State
	since                        int64 // when it was first seen in this state, Unix milliseconds
}

// met tells whether a connection was seen: a socket that only asked for one, or
// had no peer, was none yet.
func (m *memory) met() bool { return m != nil && m.state != SynSent && m.state != Close }

// turn begins a look.
func (p *past) turn() {
	p.looks++
	p.last, p.now = p.now, p.last[:0]
	p.next, p.built = 0, false
}

// recall finds a socket in the look before, and remembers it for the next. nil
// means that it was not there, or can't be told from others. What was not
// measured stays as it was.
func (p *past) recall(s *Socket, now time.Time, measured bool) (before *memory, since int64) {
	since = sinceAtMost(s, now)
	if s.Cookie == 0 || p.forgetful {
		return nil, since
	}
	before = p.find(s.Cookie)
	m := memory{s.Cookie, s.Sent, s.Received, s.Segments, s.Retransmits, s.Drops, s.State, since}
	if before != nil {
		if before.state == s.State {
			m.since = min(since, before.since)
		}
		if !measured {
			m.sent, m.received = before.sent, before.received
			m.segments, m.retransmits = before.segments, before.retransmits
		}
	}
	p.now = append(p.now, m)
	return before, m.since
}

// sinceAtMost is when a socket came into its state at the latest: one that the
// peer closed, when that was last heard; others now.
func sinceAtMost(s *Socket, now time.Time) int64 {
	if s.State == CloseWait {
		return now.UnixMilli() - int64(s.Idle)
	}
	return now.UnixMilli()
}

func (p *past) find(cookie uint64) *memory {
	if p.next < len(p.last) && p.last[p.next].cookie == cookie {
		p.next++
		return &p.last[p.next-1]
	}
	if !p.built {
		p.index()
	}
	i, ok := p.at[cookie]
	if !ok {
		return nil
	}
	p.next = int(i) + 1
	return &p.last[i]
}

func (p *past) index() {
	if p.at == nil {
		p.at = make(map[uint64]int32, len(p.last))
	}
	clear(p.at)
	for i := range p.last {
		p.at[p.last[i].cookie] = int32(i)
	}
	p.built = true
}

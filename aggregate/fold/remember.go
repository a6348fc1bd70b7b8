package fold

import "time"

// past is what a Folder remembers of the sockets of the look before. The
// kernel lists sockets in much the same order each time, so that most are
// found right behind the one found before: each socket's place leads to that of
// the one that came next.
type past struct {
	looks  uint32
	places []memory
	free   []int32 // places without a socket
	first  int32   // of the look before
	last   int32   // of this look, so far
	next   int32   // where the next socket is expected
	was    memory  // what was known of the socket that was asked for
	at     map[uint64]int32
	built  bool // at holds the places
	// forgetful says that there will be no next look.
	forgetful bool
}

// memory is what is remembered of one socket.
type memory struct {
	cookie                       uint64
	sent, received               uint64
	since                        int64 // when it was first seen in this state, Unix milliseconds
	segments, retransmits, drops uint32
	look                         uint32 // when it was last seen; 0: the place is free
	next                         int32  // the place of the socket behind it; nowhere: it was the last
	state                        State
}

// nowhere is no place.
const nowhere = -1

// met tells whether a connection was seen: a socket that only asked for one, or
// had no peer, was none yet.
func (m *memory) met() bool { return m != nil && m.state != SynSent && m.state != Close }

// turn begins a look at about so many sockets: what the look before didn't see
// is forgotten.
func (p *past) turn(sockets int) {
	if p.places == nil && !p.forgetful {
		p.places = make([]memory, 0, sockets)
	}
	for i := range p.places {
		if m := &p.places[i]; m.look != 0 && m.look != p.looks {
			*m = memory{}
			p.free = append(p.free, int32(i))
		}
	}
	if p.looks == 0 {
		p.first = nowhere
	}
	p.looks++
	p.next, p.first, p.last, p.built = p.first, nowhere, nowhere, false
}

// recall finds a socket in the look before, and remembers it for the next. nil
// means that it was not there, or can't be told from others; what is returned
// holds until the next call. What was not measured stays as it was.
func (p *past) recall(s *Socket, now time.Time, measured bool) (before *memory, since int64) {
	since = sinceAtMost(s, now)
	if s.Cookie == 0 || p.forgetful {
		return nil, since
	}
	i, known := p.find(s.Cookie)
	if known {
		p.was, p.next = p.places[i], p.places[i].next
		before = &p.was
	} else {
		i = p.place()
	}
	m := memory{s.Cookie, s.Sent, s.Received, since, s.Segments, s.Retransmits, s.Drops, p.looks, nowhere, s.State}
	if known {
		if before.state == s.State {
			m.since = min(since, before.since)
		}
		if !measured {
			m.sent, m.received = before.sent, before.received
			m.segments, m.retransmits = before.segments, before.retransmits
		}
	}
	p.places[i] = m
	p.follow(i)
	return before, m.since
}

// follow puts a place behind the last one of this look.
func (p *past) follow(i int32) {
	if p.last == nowhere {
		p.first = i
	} else {
		p.places[p.last].next = i
	}
	p.last = i
}

// place is one for a socket that is new.
func (p *past) place() int32 {
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return i
	}
	p.places = append(p.places, memory{})
	return int32(len(p.places) - 1)
}

// sinceAtMost is when a socket came into its state at the latest: one that the
// peer closed, when that was last heard; others now.
func sinceAtMost(s *Socket, now time.Time) int64 {
	if s.State == CloseWait {
		return now.UnixMilli() - int64(s.Idle)
	}
	return now.UnixMilli()
}

// find gives the place of a socket of the look before that this one has not seen
// yet.
func (p *past) find(cookie uint64) (int32, bool) {
	if p.next != nowhere {
		if m := &p.places[p.next]; m.cookie == cookie && m.look != p.looks {
			return p.next, true
		}
	}
	if !p.built {
		p.index()
	}
	i, ok := p.at[cookie]
	return i, ok && p.places[i].look != p.looks
}

func (p *past) index() {
	if p.at == nil {
		p.at = make(map[uint64]int32, len(p.places))
	}
	clear(p.at)
	for i := range p.places {
		if m := &p.places[i]; m.look != 0 && m.look != p.looks {
			p.at[m.cookie] = int32(i)
		}
	}
	p.built = true
}

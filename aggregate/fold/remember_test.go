package fold

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

// naive does what a Folder does with the sockets that it remembers, with a map
// and nothing clever.
type naive struct {
	looks int
	last  map[uint64]known
}

// known is a socket as it was in the look before.
type known struct {
	state State
	since time.Time
	m     Measures
}

// remember is what is known of a socket after a look, in which it was measured
// or not.
func remember(now time.Time, s *Socket, was known, met, measured bool) known {
	k := known{s.State, now, s.Measures}
	if s.State == CloseWait {
		k.since = now.Add(-time.Duration(s.Idle) * time.Millisecond)
	}
	if met && was.state == s.State && was.since.Before(k.since) {
		k.since = was.since
	}
	if !measured {
		k.m = was.m
	}
	return k
}

// look gives what the sockets of each process must add up to.
func (n *naive) look(now time.Time, sockets []Socket, measured bool) map[string]report.Connection {
	n.looks++
	this, rows, rtt, rttvar := map[uint64]known{}, map[string]report.Connection{}, map[string]uint64{}, map[string]uint64{}
	for _, s := range sockets {
		was, met := n.last[s.Cookie]
		k := remember(now, &s, was, met, measured)
		if s.Cookie != 0 {
			this[s.Cookie] = k
		} else {
			met, was = false, known{}
		}
		r := rows[s.Owner.Process]
		if r.Health == nil {
			r.Health = &report.Health{}
		}
		if s.State.ends() {
			if !met && n.looks > 1 {
				r.Opened++
			}
			rows[s.Owner.Process] = r
			continue
		}
		h, age := r.Health, now.Sub(k.since).Milliseconds()
		if s.State == SynSent {
			h.Connecting++
			h.ConnectingMS = max(h.ConnectingMS, age, int64(s.Retries)*1000)
			rows[s.Owner.Process] = r
			continue
		}
		r.Count++
		if !met && n.looks > 1 && s.Cookie != 0 {
			r.Opened++
		}
		if s.State == CloseWait {
			h.CloseWait++
			h.CloseWaitMS = max(h.CloseWaitMS, age)
		}
		if s.RTT > 0 {
			h.Measured++
			rtt[s.Owner.Process] += uint64(s.RTT)
			rttvar[s.Owner.Process] += uint64(s.RTTVar)
			h.RTT, h.RTTVar = uint32(rtt[s.Owner.Process]/uint64(h.Measured)), uint32(rttvar[s.Owner.Process]/uint64(h.Measured))
		}
		if measured && (met || n.looks > 1) {
			h.Segments += uint64(s.Segments - was.m.Segments)
			h.Retransmits += uint64(s.Retransmits - was.m.Retransmits)
			h.Sent += s.Sent - min(was.m.Sent, s.Sent)
			h.Received += s.Received - min(was.m.Received, s.Received)
		}
		rows[s.Owner.Process] = r
	}
	n.last = this
	return rows
}

// flux is a host's sockets as they come, change and go.
type flux struct {
	sockets map[uint64]*Socket
	owners  []*Owner
}

func newFlux() *flux {
	f := &flux{sockets: map[uint64]*Socket{}}
	for i := range 3 {
		f.owners = append(f.owners, ptr(owned(i+1, fmt.Sprintf("p%d", i))))
	}
	return f
}

// look moves on, and lists the sockets in any order.
func (f *flux) look(t *rapid.T) []Socket {
	var list []Socket
	for cookie := range uint64(rapid.IntRange(1, 40).Draw(t, "sockets")) {
		if rapid.IntRange(0, 3).Draw(t, "fate") == 0 {
			delete(f.sockets, cookie+1)
		}
		s := f.next(t, cookie+1)
		list = append(list, *s)
	}
	for range rapid.IntRange(0, 2).Draw(t, "without cookie") {
		s := *f.next(t, 1000)
		s.Cookie = 0
		if s.State.ends() || s.State == SynSent {
			s.State = Established
		}
		list = append(list, s)
	}
	if rapid.Bool().Draw(t, "in order") {
		return list
	}
	return rapid.Permutation(list).Draw(t, "list")
}

// next is what became of one socket. Every fourth one is stuck in SYN-SENT.
func (f *flux) next(t *rapid.T, cookie uint64) *Socket {
	s := f.sockets[cookie]
	if s == nil {
		s = &Socket{State: Established}
		f.sockets[cookie] = s
	}
	o := f.owners[cookie%3]
	ends := sock(report.TCP, s.State, fmt.Sprintf("10.0.0.1:%d", 40000+cookie), "10.0.0.9:80", nobody)
	s.Protocol, s.Local, s.Remote, s.Owner, s.Cookie = ends.Protocol, ends.Local, ends.Remote, o, cookie
	switch {
	case cookie%4 == 0:
		s.State = SynSent
	case s.State == Established:
		s.State = rapid.SampledFrom([]State{Established, Established, CloseWait, FinWait1, TimeWait}).Draw(t, "state")
	case s.State == FinWait1:
		s.State = TimeWait
	}
	s.Measures = Measures{
		RTT: rapid.Uint32Range(0, 300).Draw(t, "rtt"), RTTVar: rapid.Uint32Range(0, 30).Draw(t, "rttvar"),
		Segments: rapid.Uint32().Draw(t, "segments"), Retransmits: rapid.Uint32().Draw(t, "retransmits"),
		Sent: rapid.Uint64Range(0, 1<<40).Draw(t, "sent"), Received: rapid.Uint64Range(0, 1<<40).Draw(t, "received"),
		Idle: rapid.Uint32Range(0, 90_000).Draw(t, "idle"), Retries: rapid.Uint8Range(0, 6).Draw(t, "retries"),
	}
	return s
}

// TestMemory lets sockets come, change and go in any order, and asks that the
// rows say what the naive model says.
func TestMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folder, model, sockets, host := NewFolder(), naive{}, newFlux(), thisHost
		host.Now = start
		for i := range rapid.IntRange(1, 5).Draw(t, "looks") {
			host.Now = host.Now.Add(time.Duration(rapid.IntRange(1, 60_000).Draw(t, "ms")) * time.Millisecond)
			list := sockets.look(t)
			if host.Unmeasured = i > 0 && rapid.Bool().Draw(t, "unmeasured"); host.Unmeasured {
				for j := range list {
					list[j].Measures = Measures{Retries: list[j].Retries}
				}
			}
			want := map[string]report.Connection{}
			for process, r := range model.look(host.Now, list, !host.Unmeasured) {
				if *r.Health == (report.Health{}) {
					r.Health = nil
				}
				if r.Made() || r.Health != nil {
					want[process] = r
				}
			}
			got := map[string]report.Connection{}
			for _, c := range folder.Fold(host, list, nil).Connections {
				got[c.Process] = report.Connection{Count: c.Count, Opened: c.Opened, Health: c.Health}
			}
			if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
				t.Fatalf("%d sockets (-model +folder):\n%s", len(list), diff)
			}
		}
	})
}

// TestDeltasAddUp: all that a socket counted since the first look comes to be
// told, once, though its counters wrap.
func TestDeltasAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folder := NewFolder()
		s := numbered(7, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", owned(1, "curl")))
		s.Measures = Measures{Segments: 1<<32 - 50, Retransmits: 1<<32 - 3, Sent: 1 << 40, Received: 7}
		var want, told report.Health
		look := func() {
			if h := folder.Fold(thisHost, []Socket{s}, nil).Connections[0].Health; h != nil {
				told.Segments += h.Segments
				told.Retransmits += h.Retransmits
				told.Sent += h.Sent
				told.Received += h.Received
			}
		}
		look()
		for range rapid.IntRange(1, 12).Draw(t, "looks") {
			more := Measures{
				Segments: rapid.Uint32Range(0, 40).Draw(t, "segments"), Retransmits: rapid.Uint32Range(0, 2).Draw(t, "retransmits"),
				Sent: rapid.Uint64Range(0, 1<<50).Draw(t, "sent"), Received: rapid.Uint64Range(0, 9).Draw(t, "received"),
			}
			s.Segments += more.Segments
			s.Retransmits += more.Retransmits
			s.Sent += more.Sent
			s.Received += more.Received
			want.Segments += uint64(more.Segments)
			want.Retransmits += uint64(more.Retransmits)
			want.Sent += more.Sent
			want.Received += more.Received
			look()
		}
		if told != want {
			t.Fatalf("told %+v, want %+v", told, want)
		}
	})
}

// TestMemoryIsOfOneLook: what was not there in the look before is forgotten.
func TestMemoryIsOfOneLook(t *testing.T) {
	var p past
	s := called(7, "curl")
	p.turn(1)
	if before, _ := p.recall(&s, start, true); before != nil {
		t.Error("a socket was known before the first look")
	}
	p.turn(1)
	if before, since := p.recall(&s, start.Add(time.Second), true); before == nil || since != start.UnixMilli() {
		t.Errorf("got %v since %d, want it known since %d", before, since, start.UnixMilli())
	}
	p.turn(1)
	p.turn(1)
	if before, since := p.recall(&s, start, true); before != nil || since != start.UnixMilli() {
		t.Errorf("got %v since %d, want it forgotten", before, since)
	}
}

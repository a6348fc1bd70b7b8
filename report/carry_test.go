package report

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outRow is a row to 10.0.0.n:80.
func outRow(n byte, count int, opened uint64) Connection {
	return Connection{
		Direction: Out, Protocol: TCP, Process: "curl", PID: 7, User: "u",
		Peer: netip.AddrFrom4([4]byte{10, 0, 0, n}), Port: 80, Count: count, Opened: opened,
	}
}

func in(namespace int, c Connection) Connection { c.Namespace = namespace; return c }

// closedRow is a row that comes along from an older report.
func closedRow(c Connection) Connection { c.Count, c.PID = 0, 0; return c }

func TestCarry(t *testing.T) {
	named := func(names ...string) (list []Namespace) {
		for _, n := range names {
			list = append(list, Namespace{Container: n})
		}
		return list
	}
	otherProcess := outRow(1, 1, 5)
	otherProcess.Process = "wget"
	for _, tt := range []struct {
		name            string
		oldNS, newNS    []Namespace
		old, next, want []Connection
	}{
		{name: "nothing", want: nil},
		{
			name: "counters add up, the newer numbers stand",
			old:  []Connection{outRow(1, 9, 3)}, next: []Connection{outRow(1, 2, 4)},
			want: []Connection{outRow(1, 2, 7)},
		},
		{
			name: "rows that are gone come along closed",
			old:  []Connection{outRow(1, 9, 3), outRow(2, 1, 1)}, next: []Connection{outRow(3, 1, 0)},
			want: []Connection{outRow(3, 1, 0), closedRow(outRow(1, 0, 3)), closedRow(outRow(2, 0, 1))},
		},
		{
			name: "rows that opened nothing don't",
			old:  []Connection{outRow(1, 9, 0)}, next: []Connection{outRow(2, 1, 1)},
			want: []Connection{outRow(2, 1, 1)},
		},
		{
			name: "processes stay apart",
			old:  []Connection{otherProcess}, next: []Connection{outRow(1, 1, 1)},
			want: []Connection{outRow(1, 1, 1), closedRow(otherProcess)},
		},
		{
			name:  "a container keeps its rows when others come before it",
			oldNS: named("web"), newNS: named("cache", "web"),
			old: []Connection{in(1, outRow(1, 1, 3))}, next: []Connection{in(1, outRow(1, 1, 1)), in(2, outRow(1, 1, 2))},
			want: []Connection{in(1, outRow(1, 1, 1)), in(2, outRow(1, 1, 5))},
		},
		{
			name:  "rows of a container that is gone are gone",
			oldNS: named("web"), newNS: named("cache"),
			old: []Connection{in(1, outRow(1, 1, 3))}, next: nil,
			want: nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, next := minimal(), minimal()
			old.Namespaces, next.Namespaces = tt.oldNS, tt.newNS
			old.Connections, next.Connections = tt.old, tt.next
			Carry(old, next)
			if diff := cmp.Diff(tt.want, next.Connections, sameAddresses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err := next.Validate(noon); err != nil {
				t.Errorf("no longer valid: %v", err)
			}
		})
	}
}

func TestCarryAtTheLimit(t *testing.T) {
	old, next := minimal(), minimal()
	old.Connections = []Connection{outRow(1, 1, 1), outRow(2, 1, 1), outRow(3, 1, 1)}
	next.Connections = make([]Connection, MaxRows-1)
	next.Coverage.Truncated = 4
	Carry(old, next)
	if len(next.Connections) != MaxRows || next.Coverage.Truncated != 6 {
		t.Errorf("%d rows and %d truncated, want %d and 6", len(next.Connections), next.Coverage.Truncated, MaxRows)
	}
}

// TestCarryHealth: counters of health add up, also on rows that opened nothing;
// what was true of its moment only stays behind.
func TestCarryHealth(t *testing.T) {
	healthy := func(c Connection, h Health) Connection { c.Health = &h; return c }
	undelivered := &Report{Connections: []Connection{
		healthy(outRow(1, 1, 0), Health{Measured: 1, RTT: 10, Segments: 5, Retransmits: 1, Sent: 100, Received: 200, CloseWait: 1, CloseWaitMS: 7}),
		healthy(outRow(2, 1, 1), Health{Measured: 1, RTT: 10, Segments: 5, Sent: 3, Connecting: 1}),
		healthy(outRow(3, 1, 1), Health{Measured: 1, RTT: 10}),
	}}
	next := &Report{Connections: []Connection{healthy(outRow(1, 2, 0), Health{Measured: 2, RTT: 20, Segments: 7, Sent: 1})}}
	Carry(undelivered, next)
	want := []Connection{
		healthy(outRow(1, 2, 0), Health{Measured: 2, RTT: 20, Segments: 12, Retransmits: 1, Sent: 101, Received: 200}),
		healthy(closedRow(outRow(2, 0, 1)), Health{Segments: 5, Sent: 3}),
		closedRow(outRow(3, 0, 1)),
	}
	if diff := cmp.Diff(want, next.Connections, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCarryMeasured: what was measured last is what the next report tells, over
// the time that it counts for, whichever of the two was measured.
func TestCarryMeasured(t *testing.T) {
	healthy := func(c Connection, h *Health) Connection { c.Health = h; return c }
	full := Health{Measured: 1, RTT: 10, RTTVar: 2, Segments: 5, CloseWait: 1}
	for _, tt := range []struct {
		name      string
		old, next Report
		health    Health
		ms        int64
		un        bool
	}{
		{"both", Report{HealthMS: 30}, Report{HealthMS: 20}, Health{Measured: 2, RTT: 20, Segments: 12}, 50, false},
		{"the older", Report{HealthMS: 30}, Report{Unmeasured: true}, Health{Measured: 1, RTT: 10, RTTVar: 2, Segments: 5}, 30, false},
		{"the newer", Report{Unmeasured: true}, Report{HealthMS: 20}, Health{Measured: 2, RTT: 20, Segments: 7}, 20, false},
		{"none", Report{Unmeasured: true}, Report{Unmeasured: true}, Health{}, 0, true},
	} {
		old, next := full, &Health{Measured: 2, RTT: 20, Segments: 7}
		if tt.old.Unmeasured {
			old = Health{CloseWait: 1}
		}
		if tt.next.Unmeasured {
			next = nil
		}
		tt.old.Connections = []Connection{healthy(outRow(1, 1, 0), &old)}
		tt.next.Connections = []Connection{healthy(outRow(1, 2, 0), next)}
		Carry(&tt.old, &tt.next)
		want := outRow(1, 2, 0)
		if tt.health != (Health{}) {
			want.Health = &tt.health
		}
		if diff := cmp.Diff([]Connection{want}, tt.next.Connections, sameAddresses); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if tt.next.HealthMS != tt.ms || tt.next.Unmeasured != tt.un {
			t.Errorf("%s: unmeasured %t, over %d ms", tt.name, tt.next.Unmeasured, tt.next.HealthMS)
		}
	}
}

// TestCarryDrops: a listener's drops add up, a vanished one's are lost.
func TestCarryDrops(t *testing.T) {
	listener := func(port uint16, drops uint64) Listener {
		return Listener{Protocol: TCP, Address: netip.IPv4Unspecified(), Port: port, Drops: drops}
	}
	next := &Report{Listeners: []Listener{listener(80, 1), listener(81, 0)}}
	Carry(&Report{Listeners: []Listener{listener(80, 2), listener(82, 9)}}, next)
	if want := []Listener{listener(80, 3), listener(81, 0)}; !cmp.Equal(want, next.Listeners, sameAddresses) {
		t.Errorf("got %+v, want %+v", next.Listeners, want)
	}
}

// TestCarryContainers: rows follow their container to its new index.
func TestCarryContainers(t *testing.T) {
	inside := func(container int, c Connection) Connection { c.Container = container; return c }
	web, db := Container{Name: "web", ID: "1"}, Container{Name: "db", ID: "2"}
	next := &Report{Containers: []Container{db, web}, Connections: []Connection{inside(2, outRow(1, 1, 1))}}
	Carry(&Report{
		Containers:  []Container{web, {Name: "gone", ID: "3"}},
		Connections: []Connection{inside(1, outRow(1, 1, 4)), inside(2, outRow(2, 1, 4))},
	}, next)
	want := []Connection{inside(2, outRow(1, 1, 5)), closedRow(outRow(2, 0, 4))}
	if diff := cmp.Diff(want, next.Connections, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

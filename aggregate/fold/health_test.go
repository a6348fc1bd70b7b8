package fold

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
)

// with is a socket on which the kernel measures m.
func with(m Measures, s Socket) Socket { s.Measures = m; return s }

// healthOf folds looks that are ten seconds apart, and gives the health of the
// last one's only row.
func healthOf(t *testing.T, f *Folder, looks ...[]Socket) *report.Health {
	t.Helper()
	host := thisHost
	host.Now = start
	var last Look
	for i, sockets := range looks {
		host.Now = start.Add(time.Duration(i) * 10 * time.Second)
		last = f.Fold(host, sockets, nil)
	}
	if len(last.Connections) != 1 {
		t.Fatalf("%d rows, want 1: %q", len(last.Connections), lines(last))
	}
	return last.Connections[0].Health
}

func TestHealth(t *testing.T) {
	open := func(cookie uint64, m Measures) Socket { return with(m, called(cookie, "curl")) }
	closing := func(cookie uint64, m Measures) Socket { return in(CloseWait, open(cookie, m)) }
	asking := func(cookie uint64, m Measures) Socket { return in(SynSent, open(cookie, m)) }
	before := Measures{Segments: 100, Retransmits: 10, Sent: 1000, Received: 2000}
	for _, tt := range []struct {
		name  string
		looks [][]Socket // ten seconds apart
		want  *report.Health
	}{
		{"nothing measured", [][]Socket{{open(7, Measures{})}}, nil},
		{"means", [][]Socket{{open(7, Measures{RTT: 100, RTTVar: 10}), open(8, Measures{RTT: 201, RTTVar: 30})}}, &report.Health{Measured: 2, RTT: 150, RTTVar: 20}},
		{"means of those that were answered", [][]Socket{{open(7, Measures{RTT: 100, RTTVar: 10}), open(8, Measures{RTTVar: 250_000})}}, &report.Health{Measured: 1, RTT: 100, RTTVar: 10}},
		{"means beyond 32 bits", [][]Socket{{open(7, Measures{RTT: 1<<32 - 1, RTTVar: 1<<32 - 1}), open(8, Measures{RTT: 1<<32 - 3, RTTVar: 1<<32 - 1})}}, &report.Health{Measured: 2, RTT: 1<<32 - 2, RTTVar: 1<<32 - 1}},
		{"the means of now", [][]Socket{{open(7, Measures{RTT: 100})}, {open(7, Measures{RTT: 300})}}, &report.Health{Measured: 1, RTT: 300}},

		{"counters of before the first look", [][]Socket{{open(7, before)}}, nil},
		{"counters that stand", [][]Socket{{open(7, before)}, {open(7, before)}}, nil},
		{
			"counters since the look before",
			[][]Socket{{open(7, Measures{})}, {open(7, before)}, {open(7, Measures{Segments: 107, Retransmits: 11, Sent: 1500, Received: 2003})}},
			&report.Health{Segments: 7, Retransmits: 1, Sent: 500, Received: 3},
		},
		{"counters of a socket that is new", [][]Socket{nil, {open(7, before)}}, &report.Health{Segments: 100, Retransmits: 10, Sent: 1000, Received: 2000}},
		{
			"counters of a new one beside an older one",
			[][]Socket{{open(7, before)}, {open(7, before), open(8, Measures{Segments: 1, Retransmits: 2, Sent: 3, Received: 4})}},
			&report.Health{Segments: 1, Retransmits: 2, Sent: 3, Received: 4},
		},
		{"counters of a socket without cookie", [][]Socket{{}, {open(0, Measures{Sent: 5})}, {open(0, Measures{Sent: 7})}}, &report.Health{Sent: 7}},
		{
			"counters that wrapped",
			[][]Socket{{open(7, Measures{Segments: 1<<32 - 2, Retransmits: 1<<32 - 1})}, {open(7, Measures{Segments: 3, Retransmits: 4})}},
			&report.Health{Segments: 5, Retransmits: 5},
		},
		{
			"long counters that shrank",
			[][]Socket{{open(7, Measures{Sent: 1000, Received: 1 << 60})}, {open(7, Measures{Sent: 999, Received: 1})}},
			nil,
		},
		{
			"long counters that shrank count anew",
			[][]Socket{{open(7, Measures{Sent: 1000})}, {open(7, Measures{Sent: 10})}, {open(7, Measures{Sent: 15})}},
			&report.Health{Sent: 5},
		},

		{"closed by the peer, just now", [][]Socket{{open(7, Measures{})}, {closing(7, Measures{})}}, &report.Health{CloseWait: 1}},
		{"closed by the peer, two looks ago", [][]Socket{{closing(7, Measures{})}, {closing(7, Measures{})}, {closing(7, Measures{})}}, &report.Health{CloseWait: 1, CloseWaitMS: 20_000}},
		{"closed by the peer before the first look", [][]Socket{{closing(7, Measures{Idle: 90_000})}}, &report.Health{CloseWait: 1, CloseWaitMS: 90_000}},
		{"heard later than closed", [][]Socket{{closing(7, Measures{})}, {closing(7, Measures{Idle: 300})}}, &report.Health{CloseWait: 1, CloseWaitMS: 10_000}},
		{"the oldest that the peer closed", [][]Socket{
			{closing(7, Measures{})},
			{closing(8, Measures{Idle: 15_000}), closing(7, Measures{}), open(9, Measures{Idle: 99_000})},
		}, &report.Health{CloseWait: 2, CloseWaitMS: 15_000}},
		{"closed by the peer, and measured", [][]Socket{{open(7, before)}, {closing(7, Measures{RTT: 5, Segments: 101, Retransmits: 10, Sent: 1000, Received: 2000})}}, &report.Health{Measured: 1, RTT: 5, Segments: 1, CloseWait: 1}},

		{"asking, just now", [][]Socket{{asking(7, Measures{})}}, &report.Health{Connecting: 1}},
		{"asking since the look before", [][]Socket{{asking(7, Measures{})}, {asking(7, Measures{})}}, &report.Health{Connecting: 1, ConnectingMS: 10_000}},
		{"asking again and again", [][]Socket{{asking(7, Measures{Retries: 4})}}, &report.Health{Connecting: 1, ConnectingMS: 4000}},
		{"asked again less than it waited", [][]Socket{{asking(7, Measures{})}, {asking(7, Measures{Retries: 3})}}, &report.Health{Connecting: 1, ConnectingMS: 10_000}},
		{"another one asks", [][]Socket{{asking(7, Measures{})}, {asking(8, Measures{})}}, &report.Health{Connecting: 1}},
		{"the oldest that asks", [][]Socket{{asking(7, Measures{})}, {asking(8, Measures{Retries: 2}), asking(7, Measures{})}}, &report.Health{Connecting: 2, ConnectingMS: 10_000}},
		{"asking is not measured", [][]Socket{nil, {asking(7, Measures{RTT: 5, Segments: 6, Sent: 7, Idle: 99_000})}}, &report.Health{Connecting: 1}},
		{"asking beside an open one", [][]Socket{{asking(7, Measures{}), open(8, Measures{RTT: 5})}}, &report.Health{Measured: 1, RTT: 5, Connecting: 1}},
		{"answered", [][]Socket{{asking(7, Measures{Retries: 9})}, {open(7, Measures{RTT: 5, Retries: 9})}}, &report.Health{Measured: 1, RTT: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, healthOf(t, NewFolder(), tt.looks...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestHealthOnce: the only look of a program tells what happened since the
// sockets opened.
func TestHealthOnce(t *testing.T) {
	s := with(Measures{RTT: 100, RTTVar: 5, Segments: 9, Retransmits: 2, Sent: 1000, Received: 2000}, called(7, "curl"))
	s.Cookie = 0
	want := &report.Health{Measured: 1, RTT: 100, RTTVar: 5, Segments: 9, Retransmits: 2, Sent: 1000, Received: 2000}
	if diff := cmp.Diff(want, Once(thisHost, []Socket{s}).Connections[0].Health); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestHealthOfRows: each row has its own, and keeps it though a connection that
// ended, or was counted by the kernel, is added to it.
func TestHealthOfRows(t *testing.T) {
	web := listening("0.0.0.0:80", owned(10, "nginx"))
	served := numbered(6, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", owned(11, "worker")))
	sockets := []Socket{
		web, with(Measures{RTT: 1}, called(7, "curl")), with(Measures{RTT: 3}, called(8, "curl")), with(Measures{RTT: 5}, called(9, "wget")), with(Measures{RTT: 7}, served),
	}
	want := map[string]uint32{"curl": 2, "wget": 5, "nginx": 7}
	check := func(name string, look Look) {
		t.Helper()
		got := map[string]uint32{}
		for _, c := range look.Connections {
			got[c.Process] = c.Health.RTT
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f := NewFolder()
	check("first", f.Fold(thisHost, sockets, nil))
	check("with an ended one", f.Fold(thisHost, append(sockets, ended(5)), nil))
	check("with counted ones", f.Fold(thisHost, sockets, &Opens{Edges: []Open{
		{Active: true, Peer: called(7, "").Remote.Addr(), Port: 80, Owner: Owner{Process: "curl", User: "u"}, Opened: 2},
	}}))
}

// TestUnmeasured: a look without measures tells what waits, and the next with
// them counts for it too, sockets that were met in between included.
func TestUnmeasured(t *testing.T) {
	f, host := NewFolder(), thisHost
	look := func(seconds int, measured bool, sockets ...Socket) *report.Health {
		t.Helper()
		host.Now, host.Unmeasured = start.Add(time.Duration(seconds)*time.Second), !measured
		return f.Fold(host, sockets, nil).Connections[0].Health
	}
	open := func(cookie uint64, m Measures) Socket { return with(m, called(cookie, "curl")) }
	shut := func(m Measures) Socket { return in(CloseWait, open(7, m)) }
	for i, tt := range []struct{ got, want *report.Health }{
		{look(0, true, open(7, Measures{RTT: 5, Sent: 100, Segments: 10})), &report.Health{Measured: 1, RTT: 5}},
		{look(10, false, open(7, Measures{}), open(8, Measures{})), nil},
		{look(20, false, in(SynSent, open(9, Measures{Retries: 2})), shut(Measures{}), open(8, Measures{})), &report.Health{Connecting: 1, ConnectingMS: 2000, CloseWait: 1}},
		{
			look(30, true, shut(Measures{RTT: 7, Sent: 150, Segments: 11, Idle: 25_000}), open(8, Measures{RTT: 9, Sent: 30, Segments: 2})),
			&report.Health{Measured: 2, RTT: 8, Sent: 80, Segments: 3, CloseWait: 1, CloseWaitMS: 25_000},
		},
		{look(40, false, shut(Measures{})), &report.Health{CloseWait: 1, CloseWaitMS: 35_000}},
		{look(50, true, shut(Measures{RTT: 7, Sent: 151, Segments: 11})), &report.Health{Measured: 1, RTT: 7, Sent: 1, CloseWait: 1, CloseWaitMS: 45_000}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("look %d (-want +got):\n%s", i, diff)
		}
	}
}

package fold

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
)

// numbered gives a socket the cookie that tells it from others.
func numbered(cookie uint64, s Socket) Socket { s.Cookie = cookie; return s }

// counted spells the rows of a look with what they count and belong to.
func counted(look Look) (out []string) {
	for i := range look.Connections {
		c := &look.Connections[i]
		s := line(c)
		if c.Opened > 0 {
			s += fmt.Sprintf(" opened %d", c.Opened)
		}
		if c.Via.IsValid() {
			s += " via " + c.Via.String()
		}
		if c.Unit != "" {
			s += " unit " + c.Unit
		}
		if c.Container > 0 {
			s += fmt.Sprintf(" box %d", c.Container)
		}
		if c.Namespace > 0 {
			s = fmt.Sprintf("%d: %s", c.Namespace, s)
		}
		out = append(out, s)
	}
	return out
}

// called is an open socket of a process that calls 10.0.0.9:80.
func called(cookie uint64, process string) Socket {
	return numbered(cookie, sock(report.TCP, Established, fmt.Sprintf("10.0.0.1:%d", 40000+cookie), "10.0.0.9:80", owned(int(cookie), process)))
}

// ended is what is left of a connection to 10.0.0.9:80: no process holds it.
func ended(cookie uint64) Socket {
	return numbered(cookie, sock(report.TCP, TimeWait, fmt.Sprintf("10.0.0.1:%d", 40000+cookie), "10.0.0.9:80", nobody))
}

func in(state State, s Socket) Socket { s.State = state; return s }

func TestEnded(t *testing.T) {
	web := listening("0.0.0.0:80", owned(10, "nginx"))
	hidden := listening("0.0.0.0:80", nobody)
	served := numbered(7, sock(report.TCP, TimeWait, "10.0.0.1:80", "10.0.0.9:40000", nobody))
	serving := numbered(8, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40001", owned(10, "nginx")))
	vague := numbered(7, sock(report.TCP, TimeWait, "10.0.0.1:1000", "10.0.0.9:2000", nobody))
	halfClosed := numbered(7, sock(report.TCP, FinWait2, "10.0.0.1:40007", "10.0.0.9:80", owned(5, "curl")))
	for _, tt := range []struct {
		name  string
		looks [][]Socket
		want  []string // rows of the last look
	}{
		{"since the look before", [][]Socket{nil, {ended(7)}}, []string{"out  10.0.0.9:80 x0 opened 1"}},
		{"several", [][]Socket{nil, {ended(7), ended(8), ended(9)}}, []string{"out  10.0.0.9:80 x0 opened 3"}},
		{"once only", [][]Socket{nil, {ended(7)}, {ended(7)}}, nil},
		{"once only, in another state", [][]Socket{nil, {in(FinWait1, ended(7))}, {ended(7)}}, nil},
		{"forgotten, then another", [][]Socket{nil, {ended(7)}, nil, {ended(8)}}, []string{"out  10.0.0.9:80 x0 opened 1"}},
		{"open in the look before", [][]Socket{nil, {called(7, "curl")}, {ended(7)}}, nil},
		{"half closed in the look before", [][]Socket{nil, {in(CloseWait, called(7, "curl"))}, {in(LastAck, ended(7))}}, nil},
		{"open in the first look", [][]Socket{{called(7, "curl")}, {ended(7)}}, nil},
		{"the first look", [][]Socket{{ended(7)}}, nil},
		{"left from before the first look", [][]Socket{{ended(7)}, {ended(7)}}, nil},
		{"beside its process", [][]Socket{{called(8, "curl")}, {called(8, "curl"), ended(7)}}, []string{"out curl 10.0.0.9:80 x1 opened 1"}},
		{"beside a process that closes it", [][]Socket{{called(8, "curl")}, {in(CloseWait, called(8, "curl")), ended(7)}}, []string{"out curl 10.0.0.9:80 x1 opened 1"}},
		{"beside a process that only tries", [][]Socket{nil, {in(SynSent, called(8, "curl")), ended(7)}}, []string{"out curl 10.0.0.9:80 x0 opened 1"}},
		{"beside several processes", [][]Socket{
			{called(8, "wget"), called(9, "curl")},
			{called(8, "wget"), called(9, "curl"), ended(6), ended(7)},
		}, []string{"out curl 10.0.0.9:80 x1 opened 2", "out wget 10.0.0.9:80 x1"}},
		{"beside a process at another port", [][]Socket{nil, {
			numbered(0, sock(report.TCP, Established, "10.0.0.1:40001", "10.0.0.9:443", owned(1, "curl"))), ended(7),
		}}, []string{"out  10.0.0.9:80 x0 opened 1", "out curl 10.0.0.9:443 x1"}},
		{"beside a process of another namespace", [][]Socket{{inNamespace(1, called(8, "curl"))}, {inNamespace(1, called(8, "curl")), ended(7)}}, []string{
			"out  10.0.0.9:80 x0 opened 1", "1: out curl 10.0.0.9:80 x1",
		}},
		{"held by a process still", [][]Socket{nil, {halfClosed}}, []string{"out curl 10.0.0.9:80 x0 opened 1"}},
		{"held by a process still, beside its row", [][]Socket{{called(8, "curl")}, {called(8, "curl"), halfClosed}}, []string{"out curl 10.0.0.9:80 x1 opened 1"}},
		{"held by another process still", [][]Socket{{called(8, "wget")}, {called(8, "wget"), halfClosed}}, []string{
			"out curl 10.0.0.9:80 x0 opened 1", "out wget 10.0.0.9:80 x1",
		}},
		{"at the server's end", [][]Socket{{web}, {web, served}}, []string{"in nginx 10.0.0.9:80 x0 at 0.0.0.0 opened 1"}},
		{"at the server's end, beside its row", [][]Socket{{web, serving}, {web, serving, served}}, []string{"in nginx 10.0.0.9:80 x1 at 0.0.0.0 opened 1"}},
		{"at the server's end, hidden", [][]Socket{{hidden}, {hidden, served}}, []string{"in  10.0.0.9:80 x0 at 0.0.0.0 opened 1"}},
		{"without direction", [][]Socket{nil, {vague}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFolder()
			var last Look
			for _, sockets := range tt.looks {
				last = f.Fold(thisHost, sockets, nil)
			}
			if diff := cmp.Diff(tt.want, counted(last)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, sockets := range tt.looks {
				slices.Reverse(sockets)
			}
			f = NewFolder()
			for _, sockets := range tt.looks {
				last = f.Fold(thisHost, sockets, nil)
			}
			if diff := cmp.Diff(tt.want, counted(last)); diff != "" {
				t.Errorf("in the reverse order (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEndedStates: what its process closed is not open, and proves that it was.
func TestEndedStates(t *testing.T) {
	for state := range State(16) {
		f := NewFolder()
		f.Fold(thisHost, nil, nil)
		look := f.Fold(thisHost, []Socket{in(state, ended(7))}, nil)
		var want []string
		sockets := 1
		switch state {
		case FinWait1, FinWait2, TimeWait, LastAck, Closing:
			want, sockets = []string{"out  10.0.0.9:80 x0 opened 1"}, 0
		case Established, CloseWait:
			want = []string{"out  10.0.0.9:80 x1 opened 1"}
		case SynSent:
			want = []string{"out  10.0.0.9:80 x0"}
		case Close, Listen:
		default:
			continue // never asked for
		}
		if diff := cmp.Diff(want, counted(look)); diff != "" || look.Coverage.Sockets != sockets {
			t.Errorf("state %d, %d sockets, want %d (-want +got):\n%s", state, look.Coverage.Sockets, sockets, diff)
		}
	}
}

// TestEndedWhereTheKernelCounts: sockets that ended were counted as they opened,
// and are not counted later either, when the kernel no longer counts.
func TestEndedWhereTheKernelCounts(t *testing.T) {
	f := NewFolder()
	f.Fold(thisHost, nil, &Opens{})
	if got := counted(f.Fold(thisHost, []Socket{ended(7)}, &Opens{})); got != nil {
		t.Errorf("got %q", got)
	}
	if got := counted(f.Fold(thisHost, []Socket{ended(7)}, nil)); got != nil {
		t.Errorf("then got %q", got)
	}
	want := []string{"out  10.0.0.9:80 x0 opened 1"}
	if got := counted(f.Fold(thisHost, []Socket{ended(7), ended(8)}, nil)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFoldOnce: the only look of a program counts what the kernel still
// remembers, but no open socket as opened: it may be as old as the host.
func TestFoldOnce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sockets []Socket
		want    []string
	}{
		{"open", []Socket{called(8, "curl")}, []string{"out curl 10.0.0.9:80 x1"}},
		{"ended", []Socket{ended(7), ended(6)}, []string{"out  10.0.0.9:80 x0 opened 2"}},
		{"ended, of unknown cookie", []Socket{ended(0), ended(0)}, []string{"out  10.0.0.9:80 x0 opened 2"}},
		{"both", []Socket{ended(7), called(8, "curl")}, []string{"out curl 10.0.0.9:80 x1 opened 1"}},
		{"without direction", []Socket{numbered(7, sock(report.TCP, TimeWait, "10.0.0.1:1000", "10.0.0.9:2000", nobody))}, nil},
	} {
		if diff := cmp.Diff(tt.want, counted(Once(thisHost, tt.sockets))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestEndedHidesNobody: an ended socket has no process, which is not a process
// that could not be seen.
func TestEndedHidesNobody(t *testing.T) {
	f := NewFolder()
	f.Fold(thisHost, nil, nil)
	if got := f.Fold(thisHost, []Socket{ended(7)}, nil).Coverage; got != (report.Coverage{}) {
		t.Errorf("coverage %+v, want none", got)
	}
}

package fold

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
)

// waiting spells what waits at a look's listeners, and what they turned away.
func waiting(look Look) (out []string) {
	for i := range look.Listeners {
		l := &look.Listeners[i]
		out = append(out, fmt.Sprintf("%s %d/%d drops %d", listenerLine(l), l.Queue, l.QueueMax, l.Drops))
	}
	return out
}

func TestQueues(t *testing.T) {
	o := owned(10, "nginx")
	tcp := func(cookie uint64, m Measures) Socket { return with(m, numbered(cookie, listening("0.0.0.0:80", o))) }
	udp := func(cookie uint64, m Measures) Socket {
		return with(m, numbered(cookie, sock(report.UDP, Close, "0.0.0.0:53", "", o)))
	}
	drops := func(n uint32) Measures { return Measures{Drops: n} }
	for _, tt := range []struct {
		name  string
		looks [][]Socket
		want  []string
	}{
		{"one socket", [][]Socket{{tcp(1, Measures{Queue: 3, QueueMax: 128})}}, []string{"tcp 0.0.0.0:80 nginx 10 3/128 drops 0"}},
		{"of now only", [][]Socket{{tcp(1, Measures{Queue: 3, QueueMax: 128})}, {tcp(1, Measures{Queue: 1, QueueMax: 64})}}, []string{"tcp 0.0.0.0:80 nginx 10 1/64 drops 0"}},
		{"several sockets", [][]Socket{{tcp(1, Measures{Queue: 3, QueueMax: 128}), tcp(2, Measures{Queue: 4, QueueMax: 128})}}, []string{"tcp 0.0.0.0:80 nginx 10 7/256 drops 0"}},
		{"several binds", [][]Socket{{
			tcp(1, Measures{Queue: 3, QueueMax: 128}), inNamespace(1, tcp(2, Measures{Queue: 4, QueueMax: 8})),
			with(Measures{Queue: 5, QueueMax: 9}, listening("127.0.0.1:80", o)), with(Measures{Queue: 6, QueueMax: 9}, listening("[fe80::1%eth0]:80", o)),
		}}, []string{
			"tcp 0.0.0.0:80 nginx 10 3/128 drops 0", "tcp 127.0.0.1:80 nginx 10 5/9 drops 0", "tcp [fe80::1]:80 nginx 10 6/9 drops 0",
			"1: tcp 0.0.0.0:80 nginx 10 4/8 drops 0",
		}},
		{"drops of before the first look", [][]Socket{{tcp(1, drops(9))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 0"}},
		{"drops since the look before", [][]Socket{{tcp(1, drops(9))}, {tcp(1, drops(11))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 2"}},
		{"drops are told once", [][]Socket{{tcp(1, drops(9))}, {tcp(1, drops(11))}, {tcp(1, drops(11))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 0"}},
		{"drops that wrapped", [][]Socket{{tcp(1, drops(1<<32-2))}, {tcp(1, drops(3))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 5"}},
		{"drops of several sockets", [][]Socket{{tcp(1, drops(9)), tcp(2, drops(100))}, {tcp(2, drops(101)), tcp(1, drops(11))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 3"}},
		{"drops of one that left", [][]Socket{{tcp(1, drops(9)), tcp(2, drops(100))}, {tcp(1, drops(10))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 1"}},
		{"drops of one that came", [][]Socket{{tcp(1, drops(9))}, {tcp(1, drops(9)), tcp(2, drops(4))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 4"}},
		{"drops of one in the place of another", [][]Socket{{tcp(1, drops(9))}, {tcp(2, drops(3))}}, []string{"tcp 0.0.0.0:80 nginx 10 0/0 drops 3"}},
		{"UDP has no such queue", [][]Socket{{udp(1, Measures{Queue: 3, QueueMax: 4, Drops: 5})}, {udp(1, Measures{Queue: 3, QueueMax: 4, Drops: 7})}}, []string{"udp 0.0.0.0:53 nginx 10 0/0 drops 2"}},
		{"UDP, one peer's socket counts for itself", [][]Socket{{udp(1, drops(5))}, {
			udp(1, drops(5)), with(drops(8), numbered(2, sock(report.UDP, Established, "10.0.0.1:53", "10.0.0.9:40000", o))),
		}}, []string{"udp 0.0.0.0:53 nginx 10 0/0 drops 0"}},
		{"a socket that accepts nothing", [][]Socket{nil, {
			with(drops(8), numbered(1, sock(report.UDP, Close, "10.0.0.1:40000", "", o))), with(drops(9), numbered(2, sock(report.TCP, Close, "10.0.0.1:80", "", o))),
		}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // also in the reverse order
				f := NewFolder()
				var last Look
				for _, sockets := range tt.looks {
					last = f.Fold(thisHost, sockets, nil)
					slices.Reverse(sockets)
				}
				if diff := cmp.Diff(tt.want, waiting(last)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestQueuesOnce: the only look of a program tells all drops since the sockets
// opened.
func TestQueuesOnce(t *testing.T) {
	look := Once(thisHost, []Socket{with(Measures{Queue: 1, QueueMax: 2, Drops: 9}, listening("0.0.0.0:80", owned(10, "nginx")))})
	if got, want := waiting(look), []string{"tcp 0.0.0.0:80 nginx 10 1/2 drops 9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestListenersBelong: a listener is of the unit and container of the process
// that stands for it.
func TestListenersBelong(t *testing.T) {
	first := Owner{PID: 9, Process: "nginx", User: "www", Unit: "web.service", Container: 2}
	second := Owner{PID: 10, Process: "nginx", User: "root", Unit: "other.service", Container: 3}
	for _, sockets := range [][]Socket{
		{listening("0.0.0.0:80", first), listening("0.0.0.0:80", second)},
		{listening("0.0.0.0:80", second), listening("0.0.0.0:80", first)},
		{listening("0.0.0.0:80", nobody), listening("0.0.0.0:80", first)},
	} {
		l := NewFolder().Fold(thisHost, sockets, nil).Listeners[0]
		if l.PID != 9 || l.User != "www" || l.Unit != "web.service" || l.Container != 2 {
			t.Errorf("got %+v", l)
		}
	}
}

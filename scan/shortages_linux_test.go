package scan

import (
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
)

// TestPortsTaken: what counts is how many ports are taken for one address.
func TestPortsTaken(t *testing.T) {
	narrow := fold.PortRange{Low: 40000, High: 40099}
	socket := func(server string, local uint16) fold.Socket {
		return fold.Socket{Protocol: report.TCP, Local: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), local), Remote: netip.MustParseAddrPort(server)}
	}
	var list []fold.Socket
	for i := range uint16(49) {
		list = append(list, socket("10.0.0.2:5432", 40000+i), socket("10.0.0.3:5432", 40000+i), socket("10.0.0.4:80", 80+i))
	}
	if got := portsTaken(list, narrow); len(got) != 0 {
		t.Errorf("there is room for each, and short are %+v", got)
	}
	list = append(list, socket("10.0.0.3:5432", 40098))
	got := portsTaken(list, narrow)
	want := report.Shortage{Kind: report.Ports, Server: netip.MustParseAddrPort("10.0.0.3:5432"), Used: 50, Max: 100}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestDescriptorsOpen: a process that has most of its descriptors open is told, by name.
func TestDescriptorsOpen(t *testing.T) {
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := syscall.Rlimit{Cur: 700, Max: limit.Max}
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	t.Cleanup(func() { must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) })
	s := &Scanner{proc: "/proc"}
	r := &report.Report{Listeners: []report.Listener{{PID: os.Getpid(), Process: "greedy"}, {PID: 1 << 30}, {}}}
	if got := s.descriptorsOpen(r); len(got) != 0 {
		t.Errorf("there is room, and short are %+v", got)
	}
	for range 600 {
		f, err := os.Open("/dev/null")
		must(t, err)
		defer f.Close()
	}
	if info, err := os.Stat("/proc/self/fd"); err == nil && info.Size() == 0 {
		t.Skip("this kernel does not count descriptors (Linux 6.2 does)")
	}
	got := s.descriptorsOpen(r)
	if len(got) != 1 || got[0].Process != "greedy" || got[0].Used < 600 || got[0].Used > 660 || got[0].Max != 700 {
		t.Errorf("got %+v", got)
	}
}

func TestOpenFiles(t *testing.T) {
	for text, want := range map[string]uint64{
		"Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files     \n": 1024,
		"Max open files            unlimited            unlimited            files\n":                                            0,
		"Max processes             12                   12                   processes\nMax open files":                          0,
		"": 0,
	} {
		if got := openFiles([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

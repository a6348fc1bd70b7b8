package scan

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// load opens n loopback connections, 2n sockets, between several processes.
func load(b *testing.B, n int) (client, server *peer) {
	b.Helper()
	ownNetwork(b)
	const pairs = 5
	for i := range pairs {
		server, client = startPeer(b, fmt.Sprint("server", i), 0), startPeer(b, fmt.Sprint("client", i), 0)
		address := fmt.Sprintf("127.0.0.1:%d", 8080+i)
		server.do("listen", "tcp4", address)
		for left := n / pairs; left > 0; left -= 100 { // below the backlog
			client.do("dial", "tcp4", address, min(left, 100))
			server.do("accept", min(left, 100))
		}
	}
	return client, server
}

// measure runs one look per iteration, and reports the CPU time that the whole
// program took for it, garbage collection included.
func measure(b *testing.B, take func() *report.Report) {
	b.Helper()
	take()
	b.ReportAllocs()
	before := programCPU(b)
	var r *report.Report
	for b.Loop() {
		r = take()
	}
	b.ReportMetric(float64((programCPU(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(r.Coverage.Sockets), "sockets")
	b.ReportMetric(float64(r.Cost.RSSBytes)/(1<<20), "rss-MiB")
}

func programCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var loads = []int{1000, 10_000}

// BenchmarkScan is a warm look: nothing changed since the one before.
func BenchmarkScan(b *testing.B) {
	for _, n := range loads {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			load(b, n)
			s := newScanner(b, Options{})
			measure(b, func() *report.Report { return look(b, s) })
		})
	}
}

// BenchmarkScanChanged is a look after a connection opened: its owners are
// searched.
func BenchmarkScanChanged(b *testing.B) {
	for _, n := range loads {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			client, _ := load(b, n)
			other := startPeer(b, "other", 0)
			other.do("listen", "tcp4", "127.0.0.1:9090")
			s := newScanner(b, Options{})
			measure(b, func() *report.Report {
				other.do("close-all")
				other.do("listen", "tcp4", "127.0.0.1:9090")
				client.do("dial", "tcp4", "127.0.0.1:9090", 1)
				return look(b, s)
			})
		})
	}
}

// BenchmarkScanOnce is the only look of a program, as of dotm scan.
func BenchmarkScanOnce(b *testing.B) {
	for _, n := range loads {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			load(b, n)
			measure(b, func() *report.Report {
				s, err := New(Options{OneLook: true})
				must(b, err)
				defer func() { must(b, s.Close()) }()
				return look(b, s)
			})
		})
	}
}

// BenchmarkScanProc is a warm look without sock_diag.
func BenchmarkScanProc(b *testing.B) {
	for _, n := range loads {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			load(b, n)
			s := newScanner(b, Options{sockets: methodProc})
			measure(b, func() *report.Report { return look(b, s) })
		})
	}
}

// BenchmarkSockets is the part of a look that asks the kernel and reads its
// answer.
func BenchmarkSockets(b *testing.B) {
	for _, n := range loads {
		for name, m := range methods {
			b.Run(fmt.Sprint(n, "/", name), func(b *testing.B) {
				load(b, n)
				s := newScanner(b, Options{sockets: m})
				m := startMeter()
				must(b, s.readNetworks(context.Background(), &m))
				b.ReportAllocs()
				for b.Loop() {
					must(b, s.readNetworks(context.Background(), &m))
				}
			})
		}
	}
}

package redis_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
	real "github.com/devops-trouble-map/dotm/test/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

// info is a number of INFO.
func info(b *testing.B, s *real.Server, field string) float64 {
	b.Helper()
	for line := range strings.Lines(s.Try("INFO", "everything")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("no %s", field)
	return 0
}

// benchServer runs without a disk, whose speed is another question.
func benchServer(b *testing.B, compat redis.Compat) (*real.Server, *redis.Store) {
	b.Helper()
	server := real.Start(b, "--appendonly", "no")
	s, err := redis.Open(b.Context(), server.URL(), redis.Options{Compat: compat})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return server, s
}

// benchBlock is a node that serves two ports and calls a hundred of others.
func benchBlock(n, of int, count int) *topology.Block {
	name := func(i int) string { return fmt.Sprintf("web%05d", i) }
	block := &topology.Block{Node: topology.Node{
		Name: name(n), Kind: topology.Host, State: topology.Reporting, FirstSeen: time.Unix(1e9, 0), LastReport: time.Now(),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})},
	}}
	for _, port := range []uint16{80, 5432} {
		block.Services = append(block.Services, topology.Service{
			ID: topology.ServiceID(name(n), "tcp", port, netip.Addr{}), Node: name(n), Protocol: "tcp", Port: port, Process: "nginx", State: topology.Listening,
		})
	}
	for i := range 100 {
		to := name((n*7 + i) % of)
		c := topology.Connection{
			Client: topology.Client{Node: name(n), Process: "php-fpm"}, Server: topology.Server{Node: to, Port: 5432, Service: topology.ServiceID(to, "tcp", 5432, netip.Addr{})},
			Protocol: "tcp", Count: count, Directed: true, FirstSeen: time.Unix(1e9, 0), LastSeen: time.Unix(1e9, 0), Status: topology.Fresh,
			Evidence: topology.Evidence{BothEnds: true, ClientAddress: "10.0.0.1", ServerAddress: "10.0.0.2", ServerResolved: "address of " + to},
		}
		c.ID = topology.ConnectionID(&c)
		block.Connections = append(block.Connections, &c)
	}
	return block
}

// BenchmarkWrite is one write of blocks with a hundred connections each, of which
// a number changed.
func BenchmarkWrite(b *testing.B) {
	for _, compat := range []redis.Compat{redis.CompatOff, redis.CompatKeys} {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("compat=%s/blocks=%d", compat, n), func(b *testing.B) {
				server, s := benchServer(b, compat)
				variants := [2]store.Change{}
				for v := range variants {
					variants[v].Revision = topology.Revision{Epoch: "e", Number: 1}
					for i := range n {
						variants[v].Put = append(variants[v].Put, benchBlock(i, max(2, n), 3))
						variants[v].Put[i].Connections[0].Count += v
					}
				}
				for i := range 4 { // all of it, once
					if err := s.Write(b.Context(), variants[i%2]); err != nil {
						b.Fatal(err)
					}
				}
				before := info(b, server, "total_reads_processed")
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Write(b.Context(), variants[i%2]); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric((info(b, server, "total_reads_processed")-before-2)/float64(b.N), "reads/op")
			})
		}
	}
}

// BenchmarkAppend is one write of 1,000 events, and what an event takes.
func BenchmarkAppend(b *testing.B) {
	server, s := benchServer(b, redis.CompatOff)
	before, n := info(b, server, "used_memory"), 0
	for b.Loop() {
		var c store.Change
		for range 1000 {
			n++
			c.Append = append(c.Append, topology.Event{
				At: time.Now(), ID: "5f2c9a7d01e4b388", Revision: "k3f9zq-" + strconv.Itoa(n), Kind: topology.Appeared, Subject: topology.SubjectConnection, Node: "web00042", Holder: "web00042",
			})
		}
		if err := s.Write(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((info(b, server, "used_memory")-before)/float64(n), "bytes/event")
}

// BenchmarkMemory is what a site of 300 nodes takes up, by node.
func BenchmarkMemory(b *testing.B) {
	const nodes = 300
	for _, compat := range []redis.Compat{redis.CompatOff, redis.CompatKeys} {
		b.Run("compat="+string(compat), func(b *testing.B) {
			server, s := benchServer(b, compat)
			before := info(b, server, "used_memory")
			c := store.Change{Revision: topology.Revision{Epoch: "e", Number: 1}}
			for i := range nodes {
				c.Put = append(c.Put, benchBlock(i, nodes, 3))
			}
			for b.Loop() {
				for range 10 {
					if err := s.Write(b.Context(), c); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric((info(b, server, "used_memory")-before)/nodes, "bytes/node")
		})
	}
}

// Package redis starts real Redis servers for tests: one, one with a replica and
// sentinels, or a Cluster of six. They live on free ports of loopback and in a
// folder of the test, and end with it.
package redis

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/need"
)

// Server is one redis-server, or a sentinel. It can be killed ([Server.Kill]),
// started again ([Server.Again]), both ([Server.Restart]), and made to hang.
type Server struct {
	daemon.Daemon
	Addr string // host:port
	Dir  string // of its files: log, what it keeps, a sentinel's configuration
	args []string
}

// Start starts a server that keeps what it is given on disk; args are more of its
// options, each with its value. It ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := unstarted(t)
	_, port, _ := net.SplitHostPort(s.Addr)
	s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always"}, args...)
	s.Again(t)
	return s
}

// unstarted is a server with an address and a folder. What it logged is shown if
// the test fails.
func unstarted(t testing.TB) *Server {
	t.Helper()
	need.Programs(t, "redis-server", "redis-cli")
	s := &Server{Addr: freeAddr(t), Dir: t.TempDir()}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s\n%s", s.Addr, s.Log())
		}
	})
	return s
}

// freeAddr is an address on loopback where nobody listens, and neither 10,000 ports above,
// where members of a Cluster meet. Both lie below the ports that the kernel gives to clients
// (ip(7), ip_local_port_range): nobody takes them by chance before they are used.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.N(10_000)
		if isFree(port) && isFree(port+10_000) {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatal("no ports are free")
	return ""
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Again starts the server, also after Kill, with what it kept.
func (s *Server) Again(t testing.TB) {
	t.Helper()
	s.Run(t, exec.Command("redis-server", s.args...), filepath.Join(s.Dir, "log"), nil)
	daemon.WaitFor(t, "redis-server at "+s.Addr, func() bool {
		return strings.Contains(s.Try("PING"), "PONG") || strings.Contains(s.Try("PING"), "NOAUTH")
	})
}

// Restart kills the server and starts it again, with what it kept.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	s.Again(t)
}

// URL is the server's for dotm.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Try runs redis-cli and returns what it prints, errors included.
func (s *Server) Try(args ...string) string {
	host, port, _ := net.SplitHostPort(s.Addr)
	out, _ := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	return string(bytes.TrimSpace(out))
}

// CLI runs redis-cli and fails the test if it fails.
func (s *Server) CLI(t testing.TB, args ...string) string {
	t.Helper()
	out := s.Try(args...)
	if strings.HasPrefix(out, "(error)") || strings.HasPrefix(out, "ERR ") || strings.Contains(out, "Could not connect") {
		t.Fatalf("redis-cli %s: %s", strings.Join(args, " "), out)
	}
	return out
}

// Cluster is six servers, three of them masters.
type Cluster struct{ Servers []*Server }

// StartCluster starts a Cluster.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	args := append(make([]string, 0, 11), "--cluster", "create") // and six addresses, and three more words
	for range 6 {
		s := Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-replica-validity-factor", "0")
		c.Servers = append(c.Servers, s)
		args = append(args, s.Addr)
	}
	out, err := exec.Command("redis-cli", append(args, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput()
	if err != nil {
		t.Fatalf("making the Cluster: %v\n%s", err, out)
	}
	daemon.WaitFor(t, "the Cluster", func() bool {
		for _, s := range c.Servers {
			if !strings.Contains(s.Try("CLUSTER", "INFO"), "cluster_state:ok") || !strings.Contains(s.Try("CLUSTER", "INFO"), "cluster_known_nodes:6") {
				return false
			}
			if info := s.Try("INFO", "replication"); strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
				return false // it could not take over
			}
		}
		return len(c.Masters()) == 3
	})
	return c
}

// URL names all of the Cluster.
func (c *Cluster) URL() string {
	return "redis+cluster://" + addresses(c.Servers)
}

// Masters are those that are one now.
func (c *Cluster) Masters() (out []*Server) {
	for _, s := range c.Servers {
		if strings.HasPrefix(s.Try("ROLE"), "master") {
			out = append(out, s)
		}
	}
	return out
}

// Sentinel is a master with a replica, and three sentinels.
type Sentinel struct {
	Servers   []*Server // the first one is the master at first
	Sentinels []*Server
}

// StartSentinel starts a master "main", its replica and its sentinels.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	master := Start(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	s := &Sentinel{Servers: []*Server{master, Start(t, "--replicaof", host+" "+port)}}
	daemon.WaitFor(t, "the replica", func() bool { return strings.Contains(master.Try("INFO", "replication"), "state=online") })
	for range 3 {
		s.Sentinels = append(s.Sentinels, startSentinel(t, host, port))
	}
	for _, sentinel := range s.Sentinels {
		daemon.WaitFor(t, "the sentinel", func() bool {
			out := sentinel.Try("SENTINEL", "MASTER", "main")
			return strings.Contains(out, "num-other-sentinels\n2") && strings.Contains(out, "num-slaves\n1")
		})
	}
	return s
}

// startSentinel starts one that watches a master.
func startSentinel(t testing.TB, host, port string) *Server {
	t.Helper()
	s := unstarted(t)
	_, own, _ := net.SplitHostPort(s.Addr)
	conf := filepath.Join(s.Dir, "sentinel.conf") // sentinels write into it what they find out
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor main %s %s 2\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n", own, s.Dir, host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{conf, "--sentinel"}
	s.Again(t)
	return s
}

// Master is the server that the sentinels call master now; nil if they name none
// of the two.
func (s *Sentinel) Master() *Server {
	for _, sentinel := range s.Sentinels {
		host, port, _ := strings.Cut(sentinel.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"), "\n")
		for _, server := range s.Servers {
			if server.Addr == net.JoinHostPort(host, port) {
				return server
			}
		}
	}
	return nil
}

// URL names the sentinels and the master.
func (s *Sentinel) URL() string {
	return "redis+sentinel://" + addresses(s.Sentinels) + "/main"
}

func addresses(servers []*Server) string {
	list := make([]string, 0, len(servers))
	for _, s := range servers {
		list = append(list, s.Addr)
	}
	return strings.Join(list, ",")
}

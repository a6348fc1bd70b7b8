package redis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
	"github.com/devops-trouble-map/dotm/test/daemon"
	real "github.com/devops-trouble-map/dotm/test/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

// soon is how long any call may take, whatever Redis does: its timeouts, twice.
const soon = 15 * time.Second

// change is a write as a server makes it: a node, an event, a document.
func change(n int) store.Change {
	name := fmt.Sprintf("node%03d", n)
	return store.Change{
		Revision: topology.Revision{Epoch: "e", Number: uint64(n)},
		Put:      []*topology.Block{{Node: topology.Node{Name: name, Kind: topology.Host}}},
		Append:   []topology.Event{{At: time.Now(), ID: name, Kind: topology.Appeared, Subject: topology.SubjectNode, Node: name}},
		Keep:     []store.Document{{Kind: "test", Key: name, Value: []byte("v")}},
	}
}

// inTime fails the test if a call takes too long; it returns what the call does.
func inTime(t *testing.T, what string, call func(ctx context.Context) error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call(t.Context()) }()
	select {
	case err := <-done:
		return err
	case <-time.After(soon):
		t.Fatalf("%s hangs", what)
		return nil
	}
}

// fails are all calls; each must say in time that it failed, and on which Redis.
func fails(t *testing.T, s *redis.Store, want string) {
	t.Helper()
	var wg sync.WaitGroup
	for what, call := range map[string]func(context.Context) error{
		"Load":    func(ctx context.Context) error { _, err := s.Load(ctx); return err },
		"Write":   func(ctx context.Context) error { return s.Write(ctx, change(999)) },
		"Lease":   func(ctx context.Context) error { _, err := s.Lease(ctx, "l", "me", time.Second); return err },
		"Publish": func(ctx context.Context) error { _, err := s.Publish(ctx, "t", store.Message{}); return err },
		"Tail": func(ctx context.Context) error {
			return s.Tail(ctx, "t", "", func(store.Message) bool { return false })
		},
		"Events": func(ctx context.Context) error {
			return s.Events(ctx, time.Time{}, time.Now(), func(topology.Event) bool { return true })
		},
		"Extent": func(ctx context.Context) error { _, err := s.Extent(ctx); return err },
	} {
		wg.Go(func() {
			if err := inTime(t, what, call); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		})
	}
	wg.Wait()
}

// works waits until a write goes through again, by itself, and checks that what
// was acknowledged is there.
func works(t *testing.T, s *redis.Store, n int, acknowledged ...int) {
	t.Helper()
	begin := time.Now()
	var err error
	for err = s.Write(t.Context(), change(n)); err != nil; err = s.Write(t.Context(), change(n)) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("it does not recover: %v", err)
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Logf("recovered after %s", time.Since(begin).Round(10*time.Millisecond))
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, b := range state.Blocks {
		there[b.Node.Name] = true
	}
	for _, d := range state.Documents {
		there["document "+d.Key] = true
	}
	for _, n := range append(acknowledged, n) {
		name := fmt.Sprintf("node%03d", n)
		if !there[name] || !there["document "+name] {
			t.Errorf("%s is lost", name)
		}
	}
}

func begin(t *testing.T, url string) *redis.Store {
	t.Helper()
	s := open(t, url)
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Write(t.Context(), change(1)); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKilled: a Redis that is killed and comes back has all that was acknowledged,
// if it keeps that on disk.
func TestKilled(t *testing.T) {
	server := real.Start(t)
	s := begin(t, server.URL())
	server.Kill()
	fails(t, s, server.URL())
	server.Again(t)
	works(t, s, 2, 1)
}

// TestForgetful: one that keeps nothing is ours again with the next write.
func TestForgetful(t *testing.T) {
	server := real.Start(t, "--appendonly", "no")
	s := begin(t, server.URL())
	server.Kill()
	server.Again(t)
	if n := s.Lapses(); n != 0 {
		t.Errorf("%d lapses before anybody could notice", n)
	}
	works(t, s, 2)
	if n := s.Lapses(); n != 1 {
		t.Errorf("%d lapses were noticed", n)
	}
	works(t, s, 3, 2)
	if n := s.Lapses(); n != 1 {
		t.Errorf("%d lapses after all was well again", n)
	}
	if got := server.CLI(t, "LRANGE", "dotm::nodes", "0", "-1"); got != "node002\nnode003" {
		t.Errorf("an old script reads %q", got)
	}
	again := open(t, server.URL())
	defer again.Close()
	works(t, again, 4, 2, 3)
}

// TestNoLapse: neither a write that failed nor another writer is one.
func TestNoLapse(t *testing.T) {
	server := real.Start(t)
	s := begin(t, server.URL())
	server.Hang()
	if err := s.Write(t.Context(), change(2)); err == nil { // and yet it may go through, later
		t.Error("a write went through a Redis that hangs")
	}
	server.Resume()
	works(t, s, 3, 1)
	other := open(t, server.URL())
	defer other.Close()
	c := change(1)
	c.Revision.Epoch = "f"
	if err := other.Write(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Revision = topology.Revision{Epoch: "g", Number: 4}
	if err := s.Write(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if n, m := s.Lapses(), other.Lapses(); n != 0 || m != 0 {
		t.Errorf("%d and %d lapses", n, m)
	}
}

// TestHangs: one that hangs holds nobody up for longer than the timeouts.
func TestHangs(t *testing.T) {
	server := real.Start(t)
	s := begin(t, server.URL())
	server.Hang()
	fails(t, s, server.URL())
	server.Resume()
	works(t, s, 2, 1)
}

// TestHangsShortly: a hiccup that is shorter than the timeouts is borne.
func TestHangsShortly(t *testing.T) {
	server := real.Start(t)
	s := begin(t, server.URL())
	server.Hang()
	timer := time.AfterFunc(time.Second, server.Resume)
	defer timer.Stop()
	if err := inTime(t, "Write", func(ctx context.Context) error { return s.Write(ctx, change(2)) }); err != nil {
		t.Error(err)
	}
	works(t, s, 3, 1, 2)
}

// TestFull: a Redis out of memory says so, with what to do, and keeps what it has.
func TestFull(t *testing.T) {
	server := real.Start(t)
	s := begin(t, server.URL())
	server.CLI(t, "CONFIG", "SET", "maxmemory", "1mb")
	err := inTime(t, "Write", func(ctx context.Context) error { return s.Write(ctx, change(2)) })
	if err == nil || !strings.Contains(err.Error(), "maxmemory") || !strings.Contains(err.Error(), "raise") {
		t.Errorf("out of memory: %v", err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
	server.CLI(t, "CONFIG", "SET", "maxmemory", "0")
	works(t, s, 3, 1)
}

// TestReadOnly: a replica is none to write to.
func TestReadOnly(t *testing.T) {
	s := real.StartSentinel(t)
	_, err := redis.Open(t.Context(), s.Servers[1].URL(), redis.Options{})
	if err == nil || !strings.Contains(err.Error(), "name the master, or the sentinels") {
		t.Errorf("opening a replica: %v", err)
	}
	st := begin(t, s.Servers[0].URL())
	_, port, _ := strings.Cut(s.Servers[1].Addr, ":")
	s.Servers[1].CLI(t, "REPLICAOF", "NO", "ONE")
	s.Servers[0].CLI(t, "REPLICAOF", "127.0.0.1", port)
	err = inTime(t, "Write", func(ctx context.Context) error { return st.Write(ctx, change(2)) })
	if err == nil || !strings.Contains(err.Error(), "name the master, or the sentinels") {
		t.Errorf("a master that became a replica: %v", err)
	}
}

// TestDiskFull: one that can't save refuses, and says why.
func TestDiskFull(t *testing.T) {
	server := real.Start(t, "--appendonly", "no", "--save", "1 1", "--enable-protected-configs", "yes")
	s := begin(t, server.URL())
	if err := os.Mkdir(filepath.Join(server.Dir, "nowhere"), 0o700); err != nil {
		t.Fatal(err)
	}
	server.CLI(t, "CONFIG", "SET", "dir", filepath.Join(server.Dir, "nowhere"))
	if err := os.Remove(filepath.Join(server.Dir, "nowhere")); err != nil {
		t.Fatal(err)
	}
	daemon.WaitFor(t, "a save that fails", func() bool {
		_ = server.Try("BGSAVE")
		return strings.Contains(server.Try("INFO", "persistence"), "rdb_last_bgsave_status:err")
	})
	err := inTime(t, "Write", func(ctx context.Context) error { return s.Write(ctx, change(2)) })
	if err == nil || !strings.Contains(err.Error(), "can't save to its disk") {
		t.Errorf("a disk that is full: %v", err)
	}
	server.CLI(t, "CONFIG", "SET", "dir", server.Dir)
	daemon.WaitFor(t, "a save", func() bool {
		_ = server.Try("BGSAVE")
		return strings.Contains(server.Try("INFO", "persistence"), "rdb_last_bgsave_status:ok")
	})
	works(t, s, 3, 1)
}

// TestSentinelFailsOver: the replica that takes over has what WAIT waited for.
func TestSentinelFailsOver(t *testing.T) {
	c := real.StartSentinel(t)
	s := begin(t, c.URL())
	acknowledged := writes(t, s, 2, 50)
	c.Servers[0].Kill()
	works(t, s, 100, acknowledged...)
}

// TestClusterFailsOver: the state goes on with one master less, and then with a
// replica in its place.
func TestClusterFailsOver(t *testing.T) {
	c := real.StartCluster(t)
	s := begin(t, c.URL())
	writes(t, s, 2, 50)
	c.Masters()[0].Kill()
	works(t, s, 100)
	if n := len(c.Masters()); n != 3 {
		t.Errorf("%d masters", n)
	}
}

func writes(t *testing.T, s *redis.Store, from, to int) (acknowledged []int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := s.Write(t.Context(), change(n)); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, n)
	}
	return acknowledged
}

// TestForeign: an original's database is not overwritten, nor is another's format.
func TestForeign(t *testing.T) {
	server := real.Start(t)
	server.CLI(t, "RPUSH", "dotm::nodes", "web1")
	_, err := redis.Open(t.Context(), server.URL(), redis.Options{})
	if !errors.Is(err, store.ErrForeign) || !strings.Contains(err.Error(), "dotm import redis") {
		t.Errorf("an original's: %v", err)
	}
	if got := server.CLI(t, "KEYS", "*"); got != "dotm::nodes" {
		t.Errorf("left are %q", got)
	}
	s := open(t, server.URL()+"/1")
	defer s.Close()
	works(t, s, 1)
}

// TestReplaceDropsTheOriginalsKeys of what is replaced, and is no lapse.
func TestReplaceDropsTheOriginalsKeys(t *testing.T) {
	for _, compat := range []redis.Compat{redis.CompatKeys, redis.CompatFull} {
		server := real.Start(t)
		s, err := redis.Open(t.Context(), server.URL(), redis.Options{Compat: compat})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		works(t, s, 5)
		err = s.Replace(t.Context(), func(fresh store.Store) error { return fresh.Write(t.Context(), change(3)) })
		if err != nil {
			t.Fatal(err)
		}
		works(t, s, 4, 3)
		if got := server.CLI(t, "KEYS", "dotm::nodes::*"); strings.Contains(got, "node005") || !strings.Contains(got, "node003") || !strings.Contains(got, "node004") {
			t.Errorf("left are %q", got)
		}
		if n := s.Lapses(); n != 0 {
			t.Errorf("%d lapses", n)
		}
	}
}

// TestSeedTrouble: what is wrong with the original's keys is told, and keeps
// nothing else from being written.
func TestSeedTrouble(t *testing.T) {
	server := real.Start(t)
	log := &told{}
	s, err := redis.Open(t.Context(), server.URL(), redis.Options{Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	works(t, s, 1)
	server.CLI(t, "DEL", "dotm::nodes")
	server.CLI(t, "SET", "dotm::nodes", "mine")
	works(t, s, 2, 1)
	if got := log.String(); !strings.Contains(got, "not being written") || !strings.Contains(got, "dotm::nodes") || !strings.Contains(got, "WRONGTYPE") {
		t.Errorf("told is %q", got)
	}
}

// told is a log.
type told struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *told) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *told) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

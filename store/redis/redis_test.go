package redis_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	goredis "github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
	"github.com/devops-trouble-map/dotm/store/storetest"
	real "github.com/devops-trouble-map/dotm/test/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

func open(t *testing.T, url string) *redis.Store {
	t.Helper()
	s, err := redis.Open(t.Context(), url, redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// suite runs the conformance suite; every test has the whole database.
func suite(t *testing.T, url string, whole bool, flush func(t *testing.T)) {
	storetest.Run(t, storetest.Promises{Whole: whole}, func(t *testing.T) storetest.Opener {
		flush(t)
		return func(t *testing.T) store.Store { return open(t, url) }
	})
	flush(t)
	storetest.RunShared(t, func(t *testing.T) storetest.Sharing {
		s := open(t, url)
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestStandalone(t *testing.T) {
	server := real.Start(t)
	suite(t, server.URL(), true, func(t *testing.T) { server.CLI(t, "FLUSHALL") })
}

func TestCluster(t *testing.T) {
	c := real.StartCluster(t)
	suite(t, c.URL(), false, func(t *testing.T) {
		for _, m := range c.Masters() {
			m.CLI(t, "FLUSHALL")
		}
	})
}

// TestClusterIsRecognised without its scheme.
func TestClusterIsRecognised(t *testing.T) {
	c := real.StartCluster(t)
	s := open(t, c.Servers[0].URL())
	defer s.Close()
	for i := range 20 { // names of all slots
		if err := s.Write(t.Context(), store.Change{Keep: []store.Document{{Kind: "a", Key: strings.Repeat("x", i+1), Value: []byte("v")}}, Append: nil}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Lease(t.Context(), "some {name}", "me", 1e9); err != nil {
		t.Error(err)
	}
}

func TestSentinel(t *testing.T) {
	s := real.StartSentinel(t)
	suite(t, s.URL(), true, func(t *testing.T) { s.Servers[0].CLI(t, "FLUSHALL") })
}

func TestOpenRefuses(t *testing.T) {
	server := real.Start(t)
	for _, tt := range []struct{ url, want string }{
		{"http://host", "must begin with redis://"},
		{"redis://", "must have a host"},
		{"redis://host/abc", `must have a number as its database, has "abc"`},
		{"redis+sentinel://host", "must name the master"},
		{"redis://us%er:secret@host", "must be a URL"},
		{"redis://127.0.0.1:1", "is it running, and may this host reach it?"},
		{"redis://user:secret@" + server.Addr, "WRONGPASS"},
	} {
		_, err := redis.Open(t.Context(), tt.url, redis.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tt.url, err)
		}
	}
	server.CLI(t, "SET", "dotm::v2::format", "3")
	if _, err := redis.Open(t.Context(), server.URL(), redis.Options{}); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "update dotm") {
		t.Errorf("a newer format: %v", err)
	}
	server.CLI(t, "SET", "dotm::v2::format", "x")
	if _, err := redis.Open(t.Context(), server.URL(), redis.Options{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("no format: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := redis.Open(ctx, server.URL(), redis.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
}

// TestNodesOfFormat1: those that an earlier version wrote as JSON are read, and become
// bytes when they are written again; then no server of before opens the store.
func TestNodesOfFormat1(t *testing.T) {
	server := real.Start(t)
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr})
	defer client.Close()
	for _, name := range []string{"db", "web"} {
		raw := z.EncodeAll([]byte(`{"node":{"name":"`+name+`","kind":"host","zone":"","addresses":["10.0.0.7"],"state":"stale","first_seen":"2026-03-04T12:00:00.000000001Z"},"services":null,"connections":null}`), nil)
		if err := client.Set(t.Context(), "dotm::v2::node::"+name, raw, 0).Err(); err != nil {
			t.Fatal(err)
		}
		server.CLI(t, "SADD", "dotm::v2::nodes", name)
	}
	server.CLI(t, "SET", "dotm::v2::format", "1")
	s := open(t, server.URL())
	state, err := s.Load(t.Context())
	if err != nil || len(state.Blocks) != 2 {
		t.Fatalf("%d nodes, %v", len(state.Blocks), err)
	}
	if err := s.Write(t.Context(), store.Change{Put: state.Blocks[:1]}); err != nil {
		t.Fatal(err)
	}
	again, err := s.Load(t.Context())
	if diff := cmp.Diff(state, again, cmpopts.EquateComparable(netip.Addr{}), cmpopts.SortSlices(func(a, b *topology.Block) bool { return a.Node.Name < b.Node.Name })); err != nil || diff != "" {
		t.Errorf("after one was written: %v (-before +after):\n%s", err, diff)
	}
	s.Close()
	if got := server.CLI(t, "GET", "dotm::v2::format"); strings.TrimSpace(got) != "2" {
		t.Errorf("the format is %q", got)
	}
}

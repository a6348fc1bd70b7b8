package grouping

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestPoolNames(t *testing.T) {
	for _, tt := range []struct {
		members []string
		main    string
		want    string
	}{
		{[]string{"web01", "web02", "web24"}, "nginx", "web"},
		{[]string{"web01.example.com", "web02.example.com"}, "nginx", "web"},
		{[]string{"shop-web-a", "shop-web-b", "shop-web-c"}, "nginx", "shop-web"},
		{[]string{"dc1-web-01", "dc2-web-01"}, "nginx", "dc-web"},
		{[]string{"web01", "web02", "web03", "pluto"}, "nginx", "web"},
		{[]string{"mars", "pluto", "venus"}, "nginx", "nginx"},
		{[]string{"ip-10-0-0-1", "ip-10-0-0-2"}, "nginx", "nginx"},
		{[]string{"10.0.0.1", "10.0.0.2"}, "", "pool"},
		{[]string{"dock1/web-7d9f8b6c5-x2x9z", "dock2/web-7d9f8b6c5-abcde"}, "node", "web"},
		{[]string{"b1", "b2", "c1", "c2"}, "", "pool"},
	} {
		m := Memory{nodes: map[string]*remembered{}}
		for _, n := range tt.members {
			m.nodes[n] = &remembered{main: tt.main}
		}
		if got := m.poolName(tt.members); got != tt.want {
			t.Errorf("%v are called %q, want %q", tt.members, got, tt.want)
		}
	}
	var m Memory
	if got := m.poolName([]string{"x", "y"}); got != "pool" {
		t.Errorf("nodes that nobody knows are called %q", got)
	}
}

// TestGroupNames: by the beginning of most names; else by the front.
func TestGroupNames(t *testing.T) {
	p := newPlan()
	p.internet(p.product("shop", 3, 2), "443")
	for _, k := range []string{"a", "b"} { // two of one kind, without a name in common
		web, app := p.hosts(k+"web", 2, "nginx:80"), p.hosts("app"+k, 2, "java:8080")
		p.all(web, "nginx", app, "8080")
	}
	p.host("cron", "crond:0")
	p.host("rocket", "java:8080")
	p.call("cron", "curl", "rocket", "8080")
	var m Memory
	r := m.Advance(p.snapshot(t), nil, noon)
	for node, want := range map[string]string{"shop-db01": "shop", "appa01": "aweb", "appb01": "bweb", "rocket": "cron"} {
		if g := r.Group(r.GroupOf(node)); g == nil || g.Name != want {
			t.Errorf("%s is in %+v, want %s", node, g, want)
		}
	}
}

// TestNamesStick: a name stays though all members have others by now, and over a
// restart; a person's comes and goes.
func TestNamesStick(t *testing.T) {
	s := begin(t, false)
	pool := s.now(0).PoolOf("wiki-web01")
	for round := range 3 {
		for i := range 3 {
			n := fmt.Sprintf("front%d%d", round, i)
			s.host(n, "nginx:80")
			s.call("wiki-lb01", "haproxy", n, "80")
			s.all([]string{n}, "nginx", []string{"wiki-app01", "wiki-app02", "wiki-app03", "wiki-app04"}, "8080")
		}
		s.now(time.Minute)
		for i := range 2 {
			s.remove(fmt.Sprintf("wiki-web%02d", 2*round+i+1))
		}
		s.now(time.Minute)
	}
	text, _ := json.Marshal(&s.m)
	s.m = Memory{}
	if err := json.Unmarshal(text, &s.m); err != nil {
		t.Fatal(err)
	}
	if p := s.now(time.Hour).PoolOf("front00"); p == nil || p.ID != pool.ID || p.Name != "wiki-web" {
		t.Errorf("the pool is %+v, want %s called wiki-web", p, pool.ID)
	}
	s.c.Names = map[string]string{pool.ID: "Wiki front"}
	if p := s.now(time.Minute).Pool(pool.ID); p.Name != "Wiki front" {
		t.Errorf("the pool is called %q, not as chosen", p.Name)
	}
	s.c.Names = nil
	if p := s.now(time.Minute).Pool(pool.ID); p.Name != "wiki-web" {
		t.Errorf("without a choice the pool is called %q", p.Name)
	}
}

// FuzzMemory: whatever is read, roles are as promised.
func FuzzMemory(f *testing.F) {
	p := newPlan()
	p.product("shop", 3, 2)
	snap, names := p.snapshot(f), p.names()
	var m Memory
	m.Advance(snap, nil, noon)
	text, err := json.Marshal(&m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1,"nodes":{"shop-web01":{"pool":{"in":"*","next":"x","since":"2026-03-01T12:00:00Z"},"place":{"in":"*"}},"shop-web02":{"pool":{"in":"*"}}},"names":{"*":"","x":"y"}}`))
	f.Add([]byte(`{"version":1,"nodes":{"shop-db01":{"place":{"in":"shop-web01"},"gone":"2026-01-01T00:00:00Z"},"shop-db02":{"pool":{"in":"shop-web01"}}},"decided":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Memory
		if json.Unmarshal(text, &m) != nil {
			return
		}
		for i := range 3 {
			sound(t, names, m.Advance(snap, nil, noon.Add(time.Duration(i)*Settle)))
		}
	})
}

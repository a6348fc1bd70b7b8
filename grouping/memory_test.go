package grouping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// story is a site over time.
type story struct {
	*plan
	t  *testing.T
	m  Memory
	c  Choices
	at time.Time
}

func begin(t *testing.T, hubs bool) *story {
	s := &story{plan: newPlan(), t: t, at: noon}
	for _, n := range []string{"blog", "shop", "wiki"} {
		s.internet(s.product(n, 6, 4), "443")
	}
	if hubs {
		s.hubs()
	}
	return s
}

// now is what is in force after some time.
func (s *story) now(later time.Duration) *Roles {
	s.t.Helper()
	s.at = s.at.Add(later)
	return s.m.Advance(s.snapshot(s.t), &s.c, s.at)
}

func (s *story) remove(name string) {
	delete(s.blocks, name)
	for _, b := range s.blocks {
		b.Connections = slices.DeleteFunc(b.Connections, func(c *topology.Connection) bool { return c.Server.Node == name || c.Client.Node == name })
	}
}

// rewire makes the web servers of one product call the programs of another.
func (s *story) rewire(from, to string) {
	for name, b := range s.blocks {
		if strings.HasPrefix(name, from+"-web") {
			b.Connections = nil
			s.all([]string{name}, "nginx", []string{to + "-app01", to + "-app02", to + "-app03", to + "-app04"}, "8080")
		}
	}
	lb := s.blocks[from+"-lb01"]
	lb.Connections = slices.DeleteFunc(lb.Connections, func(c *topology.Connection) bool { return c.Server.Port == 80 })
	for i := range 6 {
		s.call(to+"-lb01", "haproxy", fmt.Sprintf("%s-web%02d", from, i+1), "80")
	}
}

func TestSettles(t *testing.T) {
	s := begin(t, false)
	first := s.now(0)
	shop, blog := first.GroupOf("shop-db01"), first.GroupOf("blog-db01")
	s.rewire("blog", "shop")
	for range 9 {
		if got := s.now(time.Minute).GroupOf("blog-web01"); got != blog {
			t.Fatalf("after %v the web servers are in %s already, want %s", s.at.Sub(noon), got, blog)
		}
	}
	if due := s.m.Due(); !due.Equal(noon.Add(11 * time.Minute)) {
		t.Errorf("the change is due at %v, want it 10 minutes after it was seen", due)
	}
	if got := s.now(2 * time.Minute).GroupOf("blog-web01"); got != shop {
		t.Errorf("after ten minutes the web servers are in %s, want %s", got, shop)
	}
}

func TestDoesNotFlap(t *testing.T) {
	s := begin(t, false)
	first := s.now(0)
	calm := s.blocks
	for i := range 20 { // every four minutes another site
		s.blocks = map[string]*topology.Block{}
		for n, b := range calm {
			s.blocks[n] = b.Clone()
		}
		if i%2 == 0 {
			s.rewire("blog", "shop")
		}
		if got := s.now(4 * time.Minute); tell(got) != tell(first) {
			t.Fatalf("round %d: roles are\n%s\nwant\n%s", i, tell(got), tell(first))
		}
	}
}

func TestNewcomers(t *testing.T) {
	s := begin(t, true)
	first := s.now(0)
	pool := first.PoolOf("shop-web01")
	s.host("shop-web07", "nginx:80")
	s.call("shop-lb01", "haproxy", "shop-web07", "80")
	s.all([]string{"shop-web07"}, "nginx", []string{"shop-app01", "shop-app02"}, "8080")
	r := s.now(time.Second)
	if got := r.PoolOf("shop-web07"); got == nil || got.ID != pool.ID || len(got.Members) != 7 || r.GroupOf("shop-web07") != pool.Group {
		t.Errorf("a newcomer is in %+v, want %s of %s", got, pool.ID, pool.Group)
	}
	if len(pool.Members) != 6 {
		t.Error("roles that were handed out have changed")
	}
	s.product("zine", 3, 2)
	r = s.now(time.Second)
	if g := r.Group(r.GroupOf("zine-db01")); g == nil || g.Name != "zine" || len(g.Members) != 10 {
		t.Errorf("a new product is the group %+v", g)
	}
	s.host("dns2", "named:53/udp")
	s.call("zine-db01", "any", "dns2", "53/udp")
	if r = s.now(time.Second); !r.IsShared("dns2") {
		t.Error("a new name server is not shared")
	}
}

func TestFills(t *testing.T) {
	whole := begin(t, true)
	want := tell(whole.now(0))
	names := whole.names()
	s := &story{plan: newPlan(), t: t, at: noon}
	for i := range names { // a host a second, in an order that mixes all
		n := names[i*23%len(names)]
		s.blocks[n] = whole.blocks[n]
		s.now(time.Second)
	}
	if got := tell(s.now(Settle)); got != want {
		t.Errorf("after ten minutes\n%s\nwant\n%s", got, want)
	}
}

func TestIDsStick(t *testing.T) {
	s := begin(t, false)
	first := s.now(0)
	pool, group := first.PoolOf("shop-web01"), first.GroupOf("shop-web01")
	for i := range 3 {
		s.remove(fmt.Sprintf("shop-web%02d", i+1))
	}
	r := s.now(time.Minute)
	if p := r.PoolOf("shop-web04"); p == nil || p.ID != pool.ID || p.Name != pool.Name || len(p.Members) != 3 {
		t.Fatalf("after half of it went the pool is %+v, want %s", p, pool.ID)
	}
	for i := range 3 {
		n := fmt.Sprintf("shop-web%02d", i+11)
		s.host(n, "nginx:80")
		s.call("shop-lb01", "haproxy", n, "80")
		s.all([]string{n}, "nginx", []string{"shop-app01", "shop-app02", "shop-app03"}, "8080")
	}
	s.now(time.Minute)
	for i := range 3 {
		s.remove(fmt.Sprintf("shop-web%02d", i+4))
	}
	r = s.now(Settle)
	if p := r.PoolOf("shop-web11"); p == nil || p.ID != pool.ID || r.GroupOf("shop-web11") != group {
		t.Errorf("after all were replaced the pool is %+v of %s, want %s of %s", p, r.GroupOf("shop-web11"), pool.ID, group)
	}
}

func TestComesBack(t *testing.T) {
	s := begin(t, false)
	first := s.now(0)
	gone := s.blocks["shop-db01"]
	delete(s.blocks, "shop-db01")
	s.remove("shop-db02")
	if p := s.now(time.Hour).PoolOf("shop-db01"); p != nil {
		t.Errorf("a node that is gone is in %+v", p)
	}
	s.blocks["shop-db01"] = gone
	s.host("shop-db02", "postgres:5432")
	s.all([]string{"shop-app01", "shop-app02", "shop-app03", "shop-app04"}, "java", []string{"shop-db01", "shop-db02"}, "5432")
	if got, want := s.now(time.Hour).PoolOf("shop-db01"), first.PoolOf("shop-db01"); got == nil || got.ID != want.ID {
		t.Errorf("who comes back is in %+v, want %+v", got, want)
	}
	s.remove("shop-db01")
	s.now(time.Minute)
	s.host("x")
	s.now(Forget)
	s.host("y")
	s.now(time.Minute)
	if s.m.nodes["shop-db01"] != nil {
		t.Error("a node that is gone for a week is still remembered")
	}
}

func TestRestart(t *testing.T) {
	s := begin(t, true)
	first := s.now(0)
	s.rewire("blog", "shop")
	s.now(time.Minute)
	text, err := json.Marshal(&s.m)
	if err != nil {
		t.Fatal(err)
	}
	s.m = Memory{}
	if err := json.Unmarshal(text, &s.m); err != nil {
		t.Fatal(err)
	}
	if got := s.now(5 * time.Minute); tell(got) != tell(first) || got.PoolOf("wiki-web01").ID != first.PoolOf("wiki-web01").ID {
		t.Errorf("after a restart\n%s\nwant\n%s", tell(got), tell(first))
	}
	if got := s.now(5 * time.Minute); got.GroupOf("blog-web01") != first.GroupOf("shop-web01") {
		t.Error("evidence from before the restart doesn't count")
	}
	again, err := json.Marshal(&s.m)
	if err != nil {
		t.Fatal(err)
	}
	var m Memory
	if err := json.Unmarshal(again, &m); err != nil {
		t.Fatal(err)
	}
	if twice, _ := json.Marshal(&m); string(twice) != string(again) {
		t.Error("a memory that is read and written is another one")
	}
}

// TestRestartWhileFilling: a server that starts with a memory and no nodes yet.
func TestRestartWhileFilling(t *testing.T) {
	s := begin(t, true)
	first := s.now(0)
	all := s.blocks
	s.now(time.Hour)
	text, _ := json.Marshal(&s.m)
	s.m, s.blocks = Memory{}, map[string]*topology.Block{}
	if err := json.Unmarshal(text, &s.m); err != nil {
		t.Fatal(err)
	}
	for n, b := range all {
		s.blocks[n] = b
		s.now(time.Second)
	}
	if got := s.now(time.Second); tell(got) != tell(first) || got.GroupOf("shop-web01") != first.GroupOf("shop-web01") {
		t.Errorf("after the start\n%s\nwant\n%s", tell(got), tell(first))
	}
}

func TestReadMemory(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":2}`: "version must be 1 to 1, is 2",
		`{}`:            "version must be 1 to 1, is 0",
		`[]`:            "read roles: json: cannot unmarshal",
		`{"version":1,"nodes":{"a":{"first":1}}}`: "read roles: ",
	} {
		s := begin(t, false)
		before := tell(s.now(0))
		if err := json.Unmarshal([]byte(text), &s.m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", text, err, want)
		}
		if got := tell(s.now(time.Minute)); got != before {
			t.Errorf("%s: a refused memory changed roles", text)
		}
	}
}

func TestUnchangedIsTheSame(t *testing.T) {
	s := begin(t, true)
	snap := s.snapshot(t)
	first := s.m.Advance(snap, nil, noon)
	if s.m.Advance(snap, &Choices{}, noon.Add(time.Second)) != first {
		t.Error("the same snapshot gives other roles")
	}
	for _, b := range s.blocks { // numbers change
		for i := range b.Connections {
			b.Write(i).Count++
		}
	}
	found := s.m.found
	if s.m.Advance(s.snapshot(t), nil, noon.Add(time.Minute)) != first || !s.m.found.Equal(found) {
		t.Error("other numbers make another finding")
	}
	s.m.Advance(s.snapshot(t), nil, noon.Add(25*time.Hour))
	if s.m.found.Equal(found) {
		t.Error("a day later there is no other finding, though connections fade")
	}
}

// TestRests: where a finding costs much, there is not one for every snapshot.
func TestRests(t *testing.T) {
	s := begin(t, true)
	s.now(0)
	edges := time.Duration(0)
	for _, b := range s.blocks {
		edges += time.Duration(len(b.Connections))
	}
	if pause := s.m.free.Sub(noon); pause <= 0 || pause > edges*rest {
		t.Fatalf("after %d connections it rests for %v", edges, pause)
	}
	s.host("late", "nginx:80")
	s.now(time.Microsecond)
	if !s.m.found.Equal(noon) || !s.m.Due().Equal(s.m.free) {
		t.Errorf("found at %v, due at %v, want a rest until %v", s.m.found, s.m.Due(), s.m.free)
	}
	if s.now(time.Second); s.m.found.Equal(noon) {
		t.Error("there is no other finding after the rest")
	}
}

func TestFades(t *testing.T) {
	s := begin(t, false)
	s.now(0)
	for _, b := range s.blocks {
		for i := range b.Connections {
			b.Write(i)
			b.Connections[i].Count, b.Connections[i].Status = 0, topology.Old
		}
	}
	if r := s.now(6 * 24 * time.Hour); len(r.Groups) != 3 {
		t.Errorf("after six idle days there are %d groups, want 3", len(r.Groups))
	}
	s.now(2 * 24 * time.Hour)
	if r := s.now(Settle); len(r.Groups) != 0 {
		t.Errorf("after eight idle days there are %d groups, want none", len(r.Groups))
	}
}

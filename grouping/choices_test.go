package grouping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	many := map[string]string{}
	for i := range MaxChoices + 1 {
		many[fmt.Sprint(i)] = "x"
	}
	long := strings.Repeat("x", MaxText+1)
	for _, tt := range []struct {
		name    string
		choices Choices
		want    string
	}{
		{"nothing", Choices{}, ""},
		{"all", Choices{
			Names: map[string]string{"pool~1": "Wëb"}, Pool: map[string]string{"a": "", "b": "pool~mine"},
			Group: map[string]string{"group~1": "group~2", "a": ""}, Shared: map[string]bool{"dns": true},
		}, ""},
		{"an empty name", Choices{Names: map[string]string{"pool~1": ""}}, `names[pool~1] must not be empty, is ""`},
		{"a long name", Choices{Names: map[string]string{"pool~1": long}}, `names[pool~1] must be at most 255 bytes, is "` + long[:100] + `"`},
		{"a control character", Choices{Pool: map[string]string{"a": "x\ny"}}, `pool[a] must hold no control characters, is "x\ny"`},
		{"no UTF-8", Choices{Group: map[string]string{"a": "\xff"}}, `group[a] must be UTF-8`},
		{"an empty node", Choices{Shared: map[string]bool{"": true}}, `shared[] has a key that must not be empty, is ""`},
		{"a long node", Choices{Group: map[string]string{long: ""}}, `has a key that must be at most 255 bytes`},
		{"too many", Choices{Pool: many}, `pool must have at most 100000 entries, is "100001"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.choices.Validate()
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var refused *ChoiceError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}

func TestChoicesWin(t *testing.T) {
	const mine = "group~mine"
	id := func(r *Roles, node string) string { return r.PoolOf(node).ID }
	for _, tt := range []struct {
		name   string
		choose func(c *Choices, r *Roles)
		check  func(r, before *Roles) string // what is wrong
	}{
		{"a name for a pool and a group", func(c *Choices, r *Roles) {
			c.Names = map[string]string{id(r, "shop-web01"): "Front", r.GroupOf("shop-web01"): "The shop"}
		}, func(r, _ *Roles) string {
			return wrong(r.PoolOf("shop-web01").Name == "Front" && r.Group(r.GroupOf("shop-web01")).Name == "The shop")
		}},
		{"alone", func(c *Choices, _ *Roles) { c.Pool = map[string]string{"shop-web01": ""} }, func(r, b *Roles) string {
			return wrong(r.PoolOf("shop-web01") == nil && len(r.PoolOf("shop-web02").Members) == 5 && r.GroupOf("shop-web01") == b.GroupOf("shop-web01"))
		}},
		{"a pool that was not found", func(c *Choices, _ *Roles) {
			c.Pool = map[string]string{"shop-lb01": "pool~edge", "shop-web01": "pool~edge"}
		}, func(r, _ *Roles) string {
			return wrong(slices.Equal(r.Pool("pool~edge").Members, []string{"shop-lb01", "shop-web01"}) && r.Pool("pool~edge").Name == "shop")
		}},
		{"a pool of one is none", func(c *Choices, _ *Roles) { c.Pool = map[string]string{"shop-lb01": "pool~edge"} }, func(r, _ *Roles) string {
			return wrong(r.Pool("pool~edge") == nil && r.PoolOf("shop-lb01") == nil && r.Box("shop-lb01") == "shop-lb01")
		}},
		{"into a pool of another group", func(c *Choices, r *Roles) { c.Pool = map[string]string{"wiki-web01": id(r, "shop-web01")} }, func(r, b *Roles) string {
			return wrong(len(r.PoolOf("wiki-web01").Members) == 7 && r.GroupOf("wiki-web01") == b.GroupOf("shop-web01"))
		}},
		{"groups are merged", func(c *Choices, r *Roles) {
			c.Group = map[string]string{r.GroupOf("blog-db01"): mine, r.GroupOf("shop-db01"): mine}
		}, func(r, _ *Roles) string {
			return wrong(len(r.Groups) == 2 && len(r.Group(mine).Members) == 30 && r.PoolOf("blog-web01").Group == mine)
		}},
		{"a circle of groups", func(c *Choices, r *Roles) {
			a, b := r.GroupOf("blog-db01"), r.GroupOf("shop-db01")
			c.Group = map[string]string{a: b, b: a}
		}, func(r, _ *Roles) string { return wrong(r.GroupOf("wiki-db01") != "" && r.GroupOf("blog-db01") != "") }},
		{"a pool into a group", func(c *Choices, r *Roles) {
			c.Group = map[string]string{id(r, "blog-db01"): r.GroupOf("shop-db01")}
		}, func(r, b *Roles) string {
			return wrong(r.PoolOf("blog-db01").Group == b.GroupOf("shop-db01") && r.GroupOf("blog-web01") == b.GroupOf("blog-web01"))
		}},
		{"a member into a group leaves its pool", func(c *Choices, r *Roles) { c.Group = map[string]string{"blog-db01": r.GroupOf("shop-db01")} }, func(r, b *Roles) string {
			return wrong(r.PoolOf("blog-db01") == nil && r.GroupOf("blog-db01") == b.GroupOf("shop-db01") && r.GroupOf("blog-db02") == b.GroupOf("blog-db02"))
		}},
		{"all members into a group", func(c *Choices, _ *Roles) { c.Group = map[string]string{"blog-db01": mine, "blog-db02": mine} }, func(r, b *Roles) string {
			return wrong(r.PoolOf("blog-db01").ID == b.PoolOf("blog-db01").ID && r.PoolOf("blog-db01").Group == mine && len(r.Group(mine).Members) == 2)
		}},
		{"no group", func(c *Choices, r *Roles) { c.Group = map[string]string{id(r, "blog-db01"): ""} }, func(r, _ *Roles) string {
			return wrong(r.GroupOf("blog-db01") == "" && r.PoolOf("blog-db01").Group == "")
		}},
		{"a pool is shared", func(c *Choices, _ *Roles) { c.Shared = map[string]bool{"blog-db01": true, "blog-db02": true} }, func(r, b *Roles) string {
			return wrong(r.IsShared("blog-db01") && r.IsShared("blog-db02") && r.GroupOf("blog-db01") == "" && id(r, "blog-db01") == id(b, "blog-db01"))
		}},
		{"a member is shared", func(c *Choices, _ *Roles) { c.Shared = map[string]bool{"blog-web01": true} }, func(r, b *Roles) string {
			return wrong(r.IsShared("blog-web01") && r.PoolOf("blog-web01") == nil && !r.IsShared("blog-web02") && len(r.PoolOf("blog-web02").Members) == 5)
		}},
		{"a hub is none", func(c *Choices, _ *Roles) { c.Shared = map[string]bool{"log1": false} }, func(r, _ *Roles) string {
			return wrong(!r.IsShared("log1") && r.IsShared("dns1"))
		}},
		{"who isn't there", func(c *Choices, _ *Roles) {
			c.Pool, c.Group = map[string]string{"nobody": "pool~x"}, map[string]string{"nobody": "group~x"}
			c.Shared, c.Names = map[string]bool{"nobody": true}, map[string]string{"group~x": "Nobody"}
		}, func(r, b *Roles) string { return wrong(tell(r) == tell(b)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := begin(t, true)
			before := s.now(0)
			tt.choose(&s.c, before)
			r := s.now(time.Millisecond)
			if tt.check(r, before) != "" {
				t.Errorf("roles are\n%s\nby %+v", tell(r), s.c)
			}
			sound(t, s.names(), r)
			if later := s.now(time.Hour); tt.check(later, before) != "" {
				t.Errorf("an hour later roles are\n%s", tell(later))
			}
			s.c = Choices{}
			if got := s.now(2 * Settle); tt.name != "a hub is none" && tell(got) != tell(before) && tell(s.now(Settle)) != tell(before) {
				t.Errorf("without choices roles are\n%s\nwant\n%s", tell(got), tell(before))
			}
		})
	}
}

func wrong(right bool) string {
	if right {
		return ""
	}
	return "wrong"
}

// sound checks what always holds.
func sound(t interface {
	Helper()
	Errorf(string, ...any)
}, names []string, r *Roles,
) {
	t.Helper()
	pools, groups := map[string]string{}, map[string]string{}
	for i, p := range r.Pools {
		if len(p.Members) < 2 || !slices.IsSorted(p.Members) || p.Name == "" || i > 0 && r.Pools[i-1].ID >= p.ID {
			t.Errorf("pool %+v is not as promised", p)
		}
		for _, m := range p.Members {
			if pools[m] != "" || !slices.Contains(names, m) {
				t.Errorf("%s is in %s and %s, of %v", m, pools[m], p.ID, names)
			}
			pools[m] = p.ID
			if r.GroupOf(m) != p.Group || r.IsShared(m) != r.IsShared(p.Members[0]) || r.Box(m) != p.ID || r.PoolOf(m) != r.Pool(p.ID) {
				t.Errorf("%s is in group %q, its pool %s in %q", m, r.GroupOf(m), p.ID, p.Group)
			}
		}
	}
	for i, g := range r.Groups {
		if len(g.Members) == 0 || !slices.IsSorted(g.Members) || g.Name == "" || i > 0 && r.Groups[i-1].ID >= g.ID {
			t.Errorf("group %+v is not as promised", g)
		}
		for _, m := range g.Members {
			if groups[m] != "" || r.IsShared(m) || !slices.Contains(names, m) || r.GroupOf(m) != g.ID {
				t.Errorf("%s is in %s and %s, shared %v", m, groups[m], g.ID, r.IsShared(m))
			}
			groups[m] = g.ID
		}
	}
	for _, n := range names {
		if pools[n] == "" && (r.PoolOf(n) != nil || r.Box(n) != n) || groups[n] == "" && r.GroupOf(n) != "" {
			t.Errorf("%s is in no pool or group, but found there", n)
		}
	}
}

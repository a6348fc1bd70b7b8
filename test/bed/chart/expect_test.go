package chart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shop is a chart of two hosts: web1's shop calls db1's redis, and both agents the
// server.
const shop = `{
	"nodes": [
		{"name": "web1", "kind": "host", "state": "reporting"},
		{"name": "db1", "kind": "host", "state": "reporting"},
		{"name": "10.0.0.9", "kind": "inferred", "state": "inferred"}
	],
	"services": [
		{"id": "s1", "node": "db1", "protocol": "tcp", "port": 6379, "process": "redis-server", "addresses": ["10.0.0.2"], "state": "listening"},
		{"id": "s2", "node": "web1", "protocol": "tcp", "port": 4849, "process": "dotm", "state": "listening", "own": true}
	],
	"connections": [
		{"id": "c1", "client": {"node": "web1", "process": "shop"}, "server": {"node": "db1", "port": 6379, "process": "redis-server", "service": "s1"},
			"protocol": "tcp", "count": 2, "directed": true, "status": "fresh", "evidence": {"both_ends": true}},
		{"id": "c2", "client": {"node": "10.0.0.9"}, "server": {"node": "web1", "port": 4849, "process": "dotm", "service": "s2"},
			"protocol": "tcp", "count": 1, "directed": true, "status": "fresh", "own": true}
	]
}`

// altered is that chart with texts replaced, in pairs.
func altered(t *testing.T, pairs ...string) *Chart {
	t.Helper()
	c := &Chart{Server: "web1"}
	if err := json.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(shop)), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// What a chart shows is right; and each way in which it may be wrong is told.
func TestDifferences(t *testing.T) {
	scene := Scene{
		Nodes:    []string{"web1 host reporting", "db1 host reporting", "10.0.0.9 inferred inferred"},
		Services: []string{"db1 redis-server tcp/6379 listening 10.0.0.2"},
		Edges:    []string{"web1/shop → db1/redis-server:6379/tcp ×2 both"},
	}
	graph := Graph{Nodes: Reporting("web1", "db1"), Edges: []Edge{{"web1", "shop", "db1", "redis-server", "tcp", 6379}}}
	edge := func(text string) []string { // another edge in place of the right one
		return []string{"missing edge: web1/shop → db1/redis-server 6379/tcp", "unexpected edge: " + text}
	}
	const one = `{"id": "c1",`
	i := strings.Index(shop, one)
	again := shop[i : strings.Index(shop[i:], "}},")+i+3]
	for _, c := range []struct {
		name         string
		change       []string
		scene, graph []string
	}{
		{"right", nil, nil, nil},
		{
			"another count",
			[]string{`"count": 2`, `"count": 3`},
			[]string{"missing edge: web1/shop → db1/redis-server:6379/tcp ×2 both", "unexpected edge: web1/shop → db1/redis-server:6379/tcp ×3 both"},
			nil,
		},
		{
			"no arrow",
			[]string{`"count": 2, "directed": true`, `"count": 2, "directed": false`},
			[]string{"missing edge: web1/shop → db1/redis-server:6379/tcp ×2 both", "unexpected edge: web1/shop — db1/redis-server:6379/tcp ×2 both"},
			edge("web1/shop → db1/redis-server 6379/tcp without direction"),
		},
		{
			"no process",
			[]string{`, "process": "shop"`, ""},
			[]string{"missing edge: web1/shop → db1/redis-server:6379/tcp ×2 both", "unexpected edge: web1 → db1/redis-server:6379/tcp ×2 both"},
			edge("web1/- → db1/redis-server 6379/tcp"),
		},
		{
			"there twice",
			[]string{again, again + again},
			[]string{"unexpected edge: web1/shop → db1/redis-server:6379/tcp ×2 both", "connection c1 is there twice: web1/shop → db1/redis-server:6379/tcp ×2 both"},
			[]string{"unexpected edge: web1/shop → db1/redis-server 6379/tcp", "connection c1 is there twice: web1/shop → db1/redis-server:6379/tcp ×2 both"},
		},
		{
			"silent",
			[]string{`"db1", "kind": "host", "state": "reporting"`, `"db1", "kind": "host", "state": "stale"`},
			[]string{"missing node: db1 host reporting", "unexpected node: db1 host stale"},
			[]string{"missing node: db1 host reporting", "unexpected node: db1 host stale"},
		},
		{
			"wrongly own",
			[]string{`"count": 1, "directed": true, "status": "fresh", "own": true`, `"count": 1, "directed": true, "status": "fresh", "own": false`},
			[]string{"unexpected edge: 10.0.0.9 → web1/dotm:4849/tcp ×1"},
			[]string{"unexpected edge: 10.0.0.9/- → web1/dotm 4849/tcp", "unexpected node: 10.0.0.9 inferred inferred"},
		},
		{
			"a service that is not there",
			[]string{`"service": "s1"`, `"service": "s9"`},
			[]string{"connection with a service that is not there, s9: web1/shop → db1/redis-server:6379/tcp ×2 both"},
			[]string{"connection with a service that is not there, s9: web1/shop → db1/redis-server:6379/tcp ×2 both"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for want, texts := range map[Expectation][]string{&scene: c.scene, &graph: c.graph} {
				var got []string
				for _, d := range want.Differences(altered(t, c.change...)) {
					got = append(got, d.What)
				}
				if !slices.Equal(got, texts) {
					t.Errorf("%T differs by\n%s\nwant\n%s", want, strings.Join(got, "\n"), strings.Join(texts, "\n"))
				}
			}
		})
	}
}

func TestReadEdges(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "x.tsv"), []byte("# remark\n\nweb1\tshop\tdb1\t-\tudp\t53\tasks for names\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []Edge{{"web1", "shop", "db1", "-", "udp", 53}}
	if got := ReadEdges(t, "x.tsv"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

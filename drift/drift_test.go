package drift

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// TestGolden: what comes of the shop, in every format, twice the same.
func TestGolden(t *testing.T) {
	d := parsed(t, "site.yaml")
	for _, f := range []Format{Text, JSON, JUnit, Markdown} {
		got := written(t, Compare(d, shop(), Options{}), f)
		if !bytes.Equal(got, written(t, Compare(d, shop(), Options{}), f)) {
			t.Errorf("%s: two answers differ", f)
		}
		golden.Check(t, "site."+string(f), got)
		if bytes.ContainsRune(got, 0x1b) {
			t.Errorf("%s has a control character", f)
		}
	}
	if err := Compare(d, shop(), Options{}).Write(io.Discard, "pdf"); err == nil {
		t.Error("an unknown format is written")
	}
}

// lines are an answer in short.
func lines(a *Answer) (out []string) {
	for i := range a.Unexpected {
		u := &a.Unexpected[i]
		out = append(out, "unexpected "+u.ends()+": "+u.because(false))
	}
	for i := range a.Forbidden {
		u := &a.Forbidden[i]
		out = append(out, "forbidden "+u.ends()+": "+u.because(true))
	}
	for i := range a.Missing {
		out = append(out, "missing "+a.Missing[i].String()+": "+a.Missing[i].because())
	}
	for i := range a.Unknown {
		out = append(out, "unknown "+a.Unknown[i].String()+": "+a.Unknown[i].because())
	}
	for i := range a.Matching {
		out = append(out, fmt.Sprintf("match %s: %d", a.Matching[i].String(), a.Matching[i].Connections))
	}
	return out
}

func want(t *testing.T, a *Answer, list ...string) {
	t.Helper()
	if diff := cmp.Diff(list, lines(a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if drift := len(a.Unexpected)+len(a.Forbidden)+len(a.Missing) > 0; drift != a.Drift {
		t.Errorf("drift is %t", a.Drift)
	}
}

func TestCompare(t *testing.T) {
	a := Compare(parsed(t, "site.yaml"), shop(), Options{})
	want(
		t, a,
		"unexpected db1 – web2 tcp: no rule allows it",
		"unexpected web1 php�[31m|<b> → 10.0.0.77 tcp/9000: no rule allows it",
		"unexpected web2 curl → db1 postgres tcp/5433: no rule allows it",
		"forbidden Internet → db1 postgres tcp/5432: denied by site.yaml:31: nobody reaches a database from outside",
		"missing site.yaml:20: nothing on the chart is its server",
		"missing site.yaml:27: neither end is on the chart",
		"match site.yaml:8: 1", "match site.yaml:11: 2", "match site.yaml:15: 1", "match site.yaml:23: 1",
	)
	if a.Connections != 9 || a.Outside != 1 {
		t.Errorf("%d judged, %d outside", a.Connections, a.Outside)
	}
}

// TestRules: each kind of sentence, for and against.
func TestRules(t *testing.T) {
	near := "unexpected web2 curl → db1 postgres tcp/5433: "
	for _, c := range []struct{ name, text, want string }{
		{"other ports", "allow: [{from: web2, to: db1, port: [1, 5432]}]", near + "allowed at 1,5432 only, by inline.yaml:1"},
		{"another protocol", "allow: [{from: web2, to: db1, protocol: udp}]", near + "allowed at udp only, by inline.yaml:1"},
		{"a range", "allow: [{from: web2, to: db1, port: 5000-6000}]", ""},
		{"denied, whatever is allowed", "allow: [{from: '*', to: '*'}]\ndeny: [{from: process:curl, to: db1}]", "forbidden web2 curl → db1 postgres tcp/5433: denied by inline.yaml:2"},
		{"by process", "allow: [{from: {node: web?, process: cu*}, to: '*'}]", ""},
		{"another process", "allow: [{from: {node: web?, process: wget}, to: '*'}]", near + "no rule allows it"},
		{"by address", "allow: [{from: 'address:10.0.0.0/24', to: address:10.0.0.9}]", ""},
		{"by a pattern of addresses", "allow: [{from: 'address:10.0.0.*', to: '*'}]", ""},
		{"by pool", "allow: [{from: pool:web, to: '*'}]", ""},
		{"by the id of a pool", "allow: [{from: pool:pool~1, to: '*'}]", ""},
		{"by group", "allow: [{from: group:shop, to: group:sh*}]", ""},
		{"by zone and kind", "allow: [{from: {zone: default, kind: host}, to: '*'}]", ""},
		{"by whatever name", "allow: [{from: name:web, to: name:postgres}]", ""},
		{"one of many", "allow: [{from: [a, b, web2], to: [c, db1]}]", ""},
		{"a sign escaped", `allow: [{from: 'web\*', to: '*'}]`, near + "no rule allows it"},
		{"a set", "sets: {x: [web1, web2], y: [$x]}\nallow: [{from: $y, to: db1}]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := shop()
			o.Topology.Connections = o.Topology.Connections[3:4]
			a := Compare(inline(t, c.text), o, Options{})
			got := ""
			for _, l := range lines(a) {
				if !strings.HasPrefix(l, "match") && !strings.HasPrefix(l, "missing") {
					got += l
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestUndirected: an edge without direction is allowed if either direction is, and
// denied by what knows its port alone.
func TestUndirected(t *testing.T) {
	o := shop()
	o.Topology.Connections = o.Topology.Connections[6:7]
	want(t, Compare(inline(t, "allow: [{from: web2, to: db1, port: 5432}]"), o, Options{}), "match inline.yaml:1: 1")
	want(t, Compare(inline(t, "allow: [{from: '*', to: '*'}]\ndeny: [{from: web2, to: db1, port: 22}]"), o, Options{}), "match inline.yaml:1: 1")
	want(t, Compare(inline(t, "allow: [{from: '*', to: '*', optional: true}]\ndeny: [{from: web2, to: db1}]"), o, Options{}),
		"forbidden db1 – web2 tcp: denied by inline.yaml:2", "match inline.yaml:1: 1")
}

// TestBlind: what nobody could see is not missing; what was seen too long ago is.
func TestBlind(t *testing.T) {
	o := shop()
	silent := host("quiet", "", "")
	silent.State = topology.Stale
	o.Topology.Nodes = append(o.Topology.Nodes, silent)
	o.Topology.Connections = o.Topology.Connections[7:8]
	d := inline(t, "allow:\n- {from: quiet, to: 10.0.0.77}\n- {from: jump1, to: web1}\n- {from: web1, to: web2}\n- {from: {node: quiet, process: x}, to: '10.0.0.7?'}\n")
	want(
		t, Compare(d, o, Options{Within: time.Hour}),
		"missing inline.yaml:3: no connection was open within 1h0m0s, last 2026-02-28 12:00 UTC",
		"missing inline.yaml:4: both ends are on the chart, no connection was seen",
		"unknown inline.yaml:2: neither end reports, so that nobody could see it",
		"unknown inline.yaml:5: neither end reports, so that nobody could see it",
	)
	if a := Compare(d, o, Options{Within: 25 * time.Hour}); len(a.Matching) != 1 {
		t.Errorf("%+v", a.Matching)
	}
}

func container(name string) view.Node {
	n := host("docker1/"+name, "", "")
	n.Kind = topology.Container
	return n
}

func TestCompose(t *testing.T) {
	web, api, db, cache := "docker1/shop-web-1", "docker1/shop_api_2", "docker1/shop_database", "docker1/shop-cache-1"
	o := Observed{Topology: &view.Topology{
		At: noon, Level: view.LevelService,
		Nodes: []view.Node{host("docker1", "", ""), container("shop-web-1"), container("shop_api_2"), container("shop_database"), container("shop-cache-1")},
		Connections: []view.Connection{
			calls("docker1", "chrome", web, "nginx", 80), calls(web, "nginx", api, "gunicorn", 8001), calls(api, "gunicorn", db, "postgres", 5432),
			calls(api, "gunicorn", cache, "redis", 6380), calls(web, "nginx", db, "postgres", 5432), calls(web, "nginx", api, "gunicorn", 9100),
			calls(api, "gunicorn", "Internet", "", 443), calls("docker1", "curl", api, "gunicorn", 8000),
		},
	}}
	want(
		t, Compare(parsed(t, "compose.yaml"), o, Options{}),
		"unexpected docker1 curl → docker1/shop_api_2 gunicorn tcp/8000: no rule allows it",
		"unexpected docker1/shop-web-1 nginx → docker1/shop_api_2 gunicorn tcp/9100: allowed at tcp/8000,8001-8002 only, by compose.yaml:10",
		"unexpected docker1/shop-web-1 nginx → docker1/shop_database postgres tcp/5432: no rule allows it",
		"unexpected docker1/shop_api_2 gunicorn → docker1/shop-cache-1 redis tcp/6380: allowed at tcp/6379 only, by compose.yaml:15",
		"missing compose.yaml:15: both ends are on the chart, no connection was seen (api depends on cache)",
		"match compose.yaml:10: 1", "match compose.yaml:11: 1", "match compose.yaml:15: 1", "match compose.yaml:16: 1",
	)
	if d, err := Parse("c.yaml", "My Shop", []byte("services: {a: {}}")); err != nil || d.Scope.String() != "services of myshop" {
		t.Errorf("%v %v", d, err)
	}
}

func TestBackstage(t *testing.T) {
	o := shop()
	o.Topology.Connections = append(o.Topology.Connections, calls("web1", "nginx", "web2", "nginx", 80)) // within an entity
	want(
		t, Compare(parsed(t, "catalog.yaml"), o, Options{}),
		"missing catalog.yaml:12: nothing on the chart is its server (web depends on cache)",
		"unknown catalog.yaml:12: web depends on component:other/elsewhere, which is no component or resource of this catalog",
		"match catalog.yaml:1: 1", "match catalog.yaml:11: 3",
	)
}

func TestDependencies(t *testing.T) {
	party := func(host, name, node, service string) Party { return Party{host, name, node, service} }
	d := OfDependencies("icinga", []Dependency{
		{party("web-a", "http", "web2", "web2~tcp~80"), party("db-main", "pg", "db1", "db1~tcp~5432")},
		{party("web-a", "", "web2", ""), party("router", "", "", "")},
		{party("web-a", "", "web2", ""), party("web-a", "disk", "web2", "")},
		{party("web-b", "", "web1", ""), party("web-a", "", "web2", "")},
	})
	want(
		t, Compare(d, shop(), Options{}),
		"unexpected db1 – web2 tcp: no rule allows it",
		"unexpected web1 nginx → db1 postgres tcp/5432: no rule allows it",
		"unexpected web2 curl → db1 postgres tcp/5433: no rule allows it",
		"missing icinga: web-b depends on web-a: both ends are on the chart, no connection was seen (web-b depends on web-a)",
		"unknown icinga: web-a depends on router, and one of them is no node",
		"match icinga: web-a http depends on db-main pg: 1",
	)
}

// TestErrors: what is wrong is named by line, field, rule and value.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "f.yaml: must hold a declaration, is empty"},
		{"a: [", "f.yaml:2: must be YAML: did not find expected node content"},
		{"a: 1", "f.yaml:1: must be rules of dotm (allow:), a Compose file (services:) or a Backstage catalog (apiVersion:, kind:)"},
		{"- a", "f.yaml:1: must be keys with values"},
		{"version: 2\nallow: []", `f.yaml:1: version must be 1, is "2"`},
		{"allow: []\nallows: []", "f.yaml:2: allows is not known here: keys are version, sets, scope, allow, deny"},
		{"allow: []\nallow: []", "f.yaml:2: allow must stand there once"},
		{"allow: x", `f.yaml:1: allow must be a list, is "x"`},
		{"allow:\n- from: a", `f.yaml:2: allow[0].to must be there ("*" is everything)`},
		{"allow:\n- from: a\n  to: b\n  port: 0", `f.yaml:4: allow[0].port must be a port from 1 to 65535, a range like 8000-8099, or a list of them, is "0"`},
		{"allow:\n- from: a\n  to: b\n  port: [80, 90-80]", `f.yaml:4: allow[0].port must be a port from 1 to 65535, a range like 8000-8099, or a list of them, is "90-80"`},
		{"allow:\n- from: a\n  to: b\n  protocol: sctp", `f.yaml:4: allow[0].protocol must be tcp or udp, is "sctp"`},
		{"allow:\n- from: $a\n  to: b", `f.yaml:2: allow[0].from must name a set that stands before it under sets, is "$a"`},
		{"sets: {a: [$a]}\nallow: []", `f.yaml:1: sets.a[0] must name a set that stands before it under sets, is "$a"`},
		{"allow:\n- from: []\n  to: b", `f.yaml:2: allow[0].from must name something ("*" is everything)`},
		{"allow:\n- from: {nodes: a}\n  to: b", "f.yaml:2: allow[0].from.nodes is not known here: keys are node, process, unit, container, service, pool, group, address, zone, kind, name"},
		{"allow:\n- from: {kind: server}\n  to: b", `f.yaml:2: allow[0].from.kind must be one of [host container inferred virtual network internet], is "server"`},
		{"allow:\n- from: address:10.0.0.0/99\n  to: b", `f.yaml:2: allow[0].from must be an address, a network like 10.0.0.0/8, or a pattern like 10.0.0.*, is "address:10.0.0.0/99"`},
		{"allow:\n- from: a\n  to: b\n  optional: maybe", `f.yaml:4: allow[0].optional must be true or false, is "maybe"`},
		{"allow: []\n---\nallow: []", "f.yaml:3: must be one document: only a Backstage catalog has several"},
		{"services: {}", "f.yaml: services must name a service"},
		{"services:\n  a:\n    depends_on: [b]", `f.yaml:3: services.a.depends_on must name a service of this file, is "b"`},
		{"services:\n  a:\n    ports: [x]", `f.yaml:3: services.a.ports[0] must be a port, as in 8080:80, 127.0.0.1:8080:80/tcp or {target: 80}, is "x"`},
		{"apiVersion: backstage.io/v1alpha1\nkind: Component", "f.yaml:1: metadata.name must be there, and kind, too"},
		{"apiVersion: b\nkind: API\nmetadata: {name: a}", "f.yaml: must hold a Component or a Resource"},
		{"apiVersion: b\nkind: Component\nmetadata: {name: a}\n---\napiVersion: b\nkind: Component\nmetadata: {name: A}", `f.yaml:5: metadata.name must be there once for a kind and namespace, is "component:default/a"`},
		{"apiVersion: b\nkind: Component\nmetadata:\n  name: a\n  annotations:\n    devops-trouble-map/select: '*'", `f.yaml:6: metadata.annotations.devops-trouble-map/select must mean less than everything, is "*"`},
		{"allow: []\nsets: &a [*a]", "f.yaml:2: sets must be keys with values"},
		{strings.Repeat("#", MaxBytes+1), fmt.Sprintf("f.yaml: must be at most %d bytes, has %d", MaxBytes, MaxBytes+1)},
		{"allow:\n" + strings.Repeat("- {from: a, to: b}\n", maxRules+1), fmt.Sprintf("f.yaml:%d: allow[%d] is too much: a file has at most %d rules", maxRules+2, maxRules, maxRules)},
		{"sets:\n  a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\nallow: []", "f.yaml:2: sets.a[0] must be a name, a pattern, or keys with values like {node: web*, process: nginx}"},
	} {
		_, err := Parse("f.yaml", "f", []byte(c.text))
		var wrong *Error
		if err == nil || !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q:\n %v, want\n %s", short(c.text), err, c.want)
		}
	}
}

// TestAllErrors: everything that is wrong with a file is told at once, in the order of its
// lines, and what follows from something that was told is not; no more than a person reads.
func TestAllErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{
			"allow:\n- from: {nodes: a, kind: x}\n  port: [0, 80, http]\n- from: $none\n  to: $bad\n  protocol: sctp\n  whey: x\n- {from: a, to: b}\nsets:\n  bad: []\nscope: ''\n",
			`f.yaml has 10 errors:
  f.yaml:2: allow[0].from.nodes is not known here: keys are node, process, unit, container, service, pool, group, address, zone, kind, name
  f.yaml:2: allow[0].from.kind must be one of [host container inferred virtual network internet], is "x"
  f.yaml:2: allow[0].to must be there ("*" is everything)
  f.yaml:3: allow[0].port must be a port from 1 to 65535, a range like 8000-8099, or a list of them, is "0"
  f.yaml:3: allow[0].port must be a port from 1 to 65535, a range like 8000-8099, or a list of them, is "http"
  f.yaml:4: allow[1].from must name a set that stands before it under sets, is "$none"
  f.yaml:6: allow[1].protocol must be tcp or udp, is "sctp"
  f.yaml:7: allow[1].whey is not known here: keys are from, to, port, protocol, why, optional
  f.yaml:10: sets.bad must name something ("*" is everything)
  f.yaml:11: scope must not be empty ("*" is everything)`,
		},
		{
			"name: [x]\nservices:\n  a:\n    depends_on: [b, c, d]\n    ports: [x, {target: y}, 80]\n  b: 7\n",
			`f.yaml has 6 errors:
  f.yaml:1: name must be text
  f.yaml:4: services.a.depends_on must name a service of this file, is "c"
  f.yaml:4: services.a.depends_on must name a service of this file, is "d"
  f.yaml:5: services.a.ports[0] must be a port, as in 8080:80, 127.0.0.1:8080:80/tcp or {target: 80}, is "x"
  f.yaml:5: services.a.ports[1] must be a port, as in 8080:80, 127.0.0.1:8080:80/tcp or {target: 80}
  f.yaml:6: services.b must be keys with values, is "7"`,
		},
		{
			"apiVersion: b\nkind: Component\nmetadata: {name: a, annotations: {devops-trouble-map/select: 'kind:x'}}\nspec: {dependsOn: [1, {}]}\n---\napiVersion: b\nkind: Component\n",
			`f.yaml has 3 errors:
  f.yaml:3: metadata.annotations.devops-trouble-map/select must be one of [host container inferred virtual network internet], is "kind:x"
  f.yaml:4: spec.dependsOn[1] must be text
  f.yaml:6: metadata.name must be there, and kind, too`,
		},
	} {
		_, err := Parse("f.yaml", "f", []byte(c.text))
		if diff := cmp.Diff(c.want, fmt.Sprint(err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	_, err := Parse("f.yaml", "f", []byte("allow:\n"+strings.Repeat("- {from: a, too: b}\n", 30)))
	var all *Errors
	if !errors.As(err, &all) || len(all.List) != maxErrors || all.More != 40 || !strings.HasSuffix(err.Error(), "\n  and 40 more") {
		t.Errorf("many are %v", err)
	}
	_, err = Parse("f.yaml", "f", []byte("allow:\n"+strings.Repeat("- 1\n", 5000)))
	if !errors.As(err, &all) || len(all.List)+all.More != maxNoted {
		t.Errorf("very many are %v", err)
	}
}

// TestLaughs: aliases of aliases of aliases end.
func TestLaughs(t *testing.T) {
	text := "services: {a: {}}\nx0: &x0 {k: v}\n"
	for i := 1; i < 30; i++ {
		text += fmt.Sprintf("x%d: &x%d {<<: [*x%d, *x%d, *x%d], k: v}\n", i, i, i-1, i-1, i-1)
	}
	text = strings.Replace(text, "services: {a: {}}", "", 1) + "services: {a: *x29}\n"
	if _, err := Parse("f.yaml", "f", []byte(text)); err == nil || !strings.Contains(err.Error(), "a file holds at most") && !strings.Contains(err.Error(), "levels") {
		t.Errorf("it is read: %v", err)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"web*", "web", true},
		{"web*", "xweb", false},
		{"*.x", "a.x.x", true},
		{"w?b", "web", true},
		{"w?b", "wb", false},
		{"?", "ü", true},
		{`a\*`, "a*", true},
		{`a\*`, "ab", false},
		{`a\`, `a\`, true},
		{`\a`, "a", true},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"[a]", "a", false},
		{"*a", "b", false},
		{"**", "x", true},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("%q as %q: %t", c.text, c.pattern, got)
		}
	}
}

// someChart is any chart that there could be.
func someChart(t *rapid.T) Observed {
	name := rapid.OneOf(rapid.SampledFrom([]string{"web1", "web2", "db1", "a*b?", `c\d`, "true", "1.5", "é\n'", `"`, ": #", "10.0.0.1", "h/c", "$x", "&a"}), rapid.StringN(1, 12, -1))
	names := rapid.SliceOfNDistinct(name, 1, 8, rapid.ID).Draw(t, "nodes")
	o := Observed{Topology: &view.Topology{At: noon, Level: view.LevelService}, Titles: map[string]string{"pool~1": rapid.SampledFrom([]string{"", "web", "pool~2"}).Draw(t, "title"), "pool~2": "web"}}
	for _, n := range names {
		o.Topology.Nodes = append(o.Topology.Nodes, host(n, rapid.SampledFrom([]string{"", "pool~1", "pool~2"}).Draw(t, "pool"), ""))
	}
	for range rapid.IntRange(0, 12).Draw(t, "edges") {
		c := calls(rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom([]string{"", "p", "*", "q q"}).Draw(t, "process"),
			rapid.SampledFrom(names).Draw(t, "to"), rapid.SampledFrom([]string{"", "s", "-"}).Draw(t, "server"), uint16(rapid.IntRange(0, 3).Draw(t, "port")))
		c.Protocol, c.Directed = rapid.SampledFrom([]topology.Protocol{"tcp", "udp"}).Draw(t, "protocol"), rapid.Bool().Draw(t, "directed")
		o.Topology.Connections = append(o.Topology.Connections, c)
	}
	return o
}

// TestInitialHasNoDrift: what is written of a chart is borne out by it, is the same
// whatever the order, and is noticed to be too little when a sentence is taken away.
func TestInitialHasNoDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, exact := someChart(t), rapid.Bool().Draw(t, "exact")
		var text, again bytes.Buffer
		if err := Initial(&text, o, exact); err != nil {
			t.Fatal(err)
		}
		d, err := Parse("f.yaml", "f", text.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, &text)
		}
		if a := Compare(d, o, Options{}); a.Drift || len(a.Unknown) > 0 || a.Outside > 0 {
			t.Fatalf("%v\n%s", lines(a), &text)
		}
		if exact && len(d.Rules) > 0 {
			d.Rules = nil
			if a := Compare(d, o, Options{}); len(a.Unexpected) != len(o.Topology.Connections) {
				t.Fatalf("without rules: %v", lines(a))
			}
		}
		slices.Reverse(o.Topology.Connections)
		slices.Reverse(o.Topology.Nodes)
		if err := Initial(&again, o, exact); err != nil || again.String() != text.String() {
			t.Fatalf("in another order:\n%s\n%s", &text, &again)
		}
	})
}

func TestInitial(t *testing.T) {
	var text bytes.Buffer
	if err := Initial(&text, shop(), false); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "initial.yaml", text.Bytes())
	if err := Initial(&text, Observed{Topology: &view.Topology{}}, false); err != nil || !strings.HasSuffix(text.String(), "allow: []\n") {
		t.Errorf("nothing: %v\n%s", err, &text)
	}
}

// FuzzParse: whatever stands in a file, it is read or refused by name and rule, and what
// is read can be held against a chart, in every format.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"site.yaml", "compose.yaml", "catalog.yaml", "initial.yaml"} {
		d := parsed(f, name)
		if len(d.Rules) == 0 {
			f.Fatal(name)
		}
	}
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse("f.yaml", "folder", raw)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) || wrong.File != "f.yaml" || wrong.Rule == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		a := Compare(d, shop(), Options{})
		if a.Connections+a.Outside != len(shop().Topology.Connections) {
			t.Fatalf("%d judged, %d outside", a.Connections, a.Outside)
		}
		readable(t, a)
	})
}

// FuzzWords: whatever hosts call themselves, answers are what they should be.
func FuzzWords(f *testing.F) {
	f.Add("<script>|`\x1b]]>", "why\n")
	f.Add("\xff\x00\u202e", "@team [x](http://a)")
	f.Fuzz(func(t *testing.T, name, why string) {
		o := shop()
		o.Topology.Connections[3].Client.Process, o.Topology.Connections[3].Client.Node = name, name
		d := parsed(t, "site.yaml")
		d.Of, d.Rules[5].Why = name, why
		readable(t, Compare(d, o, Options{}))
	})
}

// readable reads what is written of an answer.
func readable(t *testing.T, a *Answer) {
	t.Helper()
	var back Answer
	if err := json.Unmarshal(written(t, a, JSON), &back); err != nil || len(back.Unexpected) != len(a.Unexpected) {
		t.Fatalf("JSON: %v", err)
	}
	var junit suites
	raw := written(t, a, JUnit)
	if err := xml.Unmarshal(raw, &junit); err != nil {
		t.Fatalf("JUnit: %v\n%s", err, raw)
	}
	failed := 0
	for _, c := range junit.Suite.Cases {
		if c.Failure != nil {
			failed++
		}
	}
	if failed != junit.Suite.Failures || len(junit.Suite.Cases) != junit.Suite.Tests || (failed > 0) != a.Drift {
		t.Fatalf("%d of %d tests failed, said are %d of %d", failed, len(junit.Suite.Cases), junit.Suite.Failures, junit.Suite.Tests)
	}
	for _, line := range strings.Split(string(written(t, a, Markdown)), "\n") {
		bare := strings.ReplaceAll(line, `\|`, "")
		if strings.ContainsAny(line, "<\x1b") || strings.HasPrefix(line, "|") && strings.Count(bare, "|") != 4 {
			t.Fatalf("Markdown: %q", line)
		}
	}
	if n := strings.Count(string(written(t, a, Text)), "\nUNEXPECTED  "); n != len(a.Unexpected) {
		t.Fatalf("%d of %d are told", n, len(a.Unexpected))
	}
}

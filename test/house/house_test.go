// Package house checks that the house stays a house: imports go downwards
// only, and what a package must not know it doesn't import.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/devops-trouble-map/dotm"

// floors is the house of docs/architecture.md: a package imports packages of
// lower floors only. Leaves stand on the floor of their parent and may import
// it, never each other; rooms stand there too.
var floors = map[string]int{
	"cmd/dotm":                  5,
	"cmd/dotm/chart":            5,
	"cmd/dotm/client":           5,
	"cmd/dotm/console":          5,
	"cmd/dotm/flags":            5,
	"cmd/dotm/look":             5,
	"cmd/dotm/manage":           5,
	"cmd/dotm/table":            5,
	"config":                    4,
	"server":                    3,
	"server/keep":               3,
	"server/past":               3,
	"server/replica":            3,
	"server/roles":              3,
	"server/sampler":            3,
	"server/charts":             3,
	"server/incidents":          3,
	"server/watch":              3,
	"server/signals":            3,
	"server/tell":               3,
	"api":                       3,
	"api/agents":                3,
	"api/archive":               3,
	"api/caller":                3,
	"api/chart":                 3,
	"api/coding":                3,
	"api/declaration":           3,
	"api/door":                  3,
	"api/files":                 3,
	"api/findings":              3,
	"api/geo":                   3,
	"api/incidents":             3,
	"api/journal":               3,
	"api/metrics":               3,
	"api/monitoring":            3,
	"api/nodes":                 3,
	"api/page":                  3,
	"api/past":                  3,
	"api/problem":               3,
	"api/read":                  3,
	"api/settings":              3,
	"api/stream":                3,
	"api/views":                 3,
	"agent":                     3,
	"agent/ending":              3,
	"relay":                     3,
	"scan":                      2,
	"scan/kernel":               2,
	"scan/sockdiag":             2,
	"scan/workload":             2,
	"scan/conntrack":            2,
	"scan/explain":              2,
	"scan/netlink":              2,
	"scan/networks":             2,
	"scan/owners":               2,
	"scan/procfs":               2,
	"collect":                   2,
	"collect/push":              2,
	"collect/ssh/hostkey":       2,
	"scan/workload/hostfs":      2,
	"collect/ssh":               2,
	"collect/text":              2,
	"auth":                      2,
	"auth/people":               2,
	"auth/htpasswd":             2,
	"auth/oidc":                 2,
	"auth/pki":                  2,
	"auth/uplink":               2,
	"recording":                 2,
	"drift":                     2,
	"export":                    2,
	"export/path":               2,
	"export/route":              2,
	"resolve":                   2,
	"store":                     2,
	"store/bolt":                2,
	"store/redis":               2,
	"store/storetest":           2,
	"web":                       2,
	"audit":                     1,
	"aggregate":                 1,
	"aggregate/fold":            1,
	"aggregate/weave":           1,
	"aggregate/virtual":         1,
	"aggregate/inference":       1,
	"aggregate/identity":        1,
	"aggregate/address":         1,
	"aggregate/service":         1,
	"aggregate/edge":            1,
	"grouping":                  1,
	"grouping/census":           1,
	"grouping/lane":             1,
	"grouping/role":             1,
	"history":                   1,
	"history/wire":              1,
	"layout":                    1,
	"layout/keep":               1,
	"layout/cluster":            1,
	"layout/page":               1,
	"layout/rank":               1,
	"layout/layers":             1,
	"layout/measure":            1,
	"layout/graph":              1,
	"recent":                    1,
	"plaintext":                 1,
	"proctext":                  1,
	"proctext/listing":          1,
	"proctext/printout":         1,
	"proctext/listing/endpoint": 1,
	"view":                      1,
	"view/merge":                1,
	"site":                      1,
	"mapping":                   1,
	"mapping/inventory":         1,
	"mapping/lexicon":           1,
	"mapping/pattern":           1,
	"mapping/proposal":          1,
	"mapping/roster":            1,
	"mapping/gap":               1,
	"trouble":                   1,
	"trouble/graph":             1,
	"trouble/phrase":            1,
	"trouble/casefile":          1,
	"trouble/chart":             1,
	"limit":                     2,
	"notify":                    2,
	"notify/webhook":            2,
	"notify/alertmanager":       2,
	"notify/email":              2,
	"trouble/signal":            1,
	"trouble/incident":          1,
	"monitor":                   2,
	"monitor/icinga":            2,
	"monitor/nagios":            2,
	"monitor/icinga2":           2,
	"monitor/alertmanager":      2,
	"monitor/livestatus":        2,
	"monitor/zabbix":            2,
	"topology":                  0,
	"report":                    0,
}

// rooms are packages that their parent imports, and nobody else: it is too large
// for one. They stand on storeys, the highest first: a room imports those of lower
// storeys, and neither its parent nor its neighbours.
var rooms = map[string][][]string{
	"cmd/dotm": {
		{"chart", "look", "manage"},
		{"client", "table"},
		{"console", "flags"},
	},
	"api": {
		{"agents", "archive", "chart", "declaration", "door", "files", "findings", "geo", "incidents", "monitoring", "nodes", "page", "past", "settings", "stream"},
		{"journal", "views"},
		{"read"},
		{"caller", "coding", "metrics", "problem"},
	},
	"server": {
		{"charts", "incidents", "keep", "past", "replica", "roles", "sampler", "signals", "tell", "watch"},
	},
	"agent": {
		{"ending"},
	},
	"scan": {
		{"kernel", "sockdiag", "workload", "conntrack", "owners", "explain", "networks"},
		{"netlink", "procfs"},
	},
	"aggregate": {
		{"weave", "virtual"},
		{"inference", "identity"},
		{"address", "service", "edge"},
	},
	"grouping": {
		{"role"},
		{"census", "lane"},
	},
	"history": {
		{"wire"},
	},
	"view": {
		{"merge"},
	},
	"export": {
		{"path", "route"},
	},
	"layout": {
		{"keep"},
		{"page"},
		{"rank", "layers", "cluster"},
		{"measure"},
		{"graph"},
	},
	"collect/ssh": {
		{"hostkey"},
	},
	"scan/workload": {
		{"hostfs"},
	},
	"proctext/listing": {
		{"endpoint"},
	},
	"mapping": {
		{"roster", "inventory"},
		{"lexicon", "pattern"},
	},
	"trouble": {
		{"graph", "phrase"},
	},
}

// outside are the folders beside the house.
var outside = []string{"test", "bench", "packaging"}

// only says which packages a third-party module may be imported by.
var only = map[string][]string{
	"github.com/alecthomas/kong":           {"cmd/dotm"},
	"go.yaml.in/yaml":                      {"config", "cmd/dotm", "drift"},
	"github.com/danielgtaylor/huma":        {"api", "api/agents", "api/chart", "api/declaration", "api/door", "api/files", "api/findings", "api/geo", "api/incidents", "api/journal", "api/monitoring", "api/nodes", "api/past", "api/problem", "api/read", "api/settings", "api/stream", "api/views"},
	"github.com/prometheus":                {"api/metrics"},
	"go.etcd.io/bbolt":                     {"store/bolt"},
	"github.com/redis/go-redis":            {"store/redis"},
	"github.com/wneessen/go-mail":          {"notify/email"},
	"golang.org/x/sys":                     {"scan", "scan/kernel", "scan/sockdiag", "scan/workload", "scan/workload/hostfs", "scan/conntrack", "scan/netlink", "scan/owners", "scan/procfs", "scan/explain", "scan/networks"},
	"github.com/cilium/ebpf":               {"scan/kernel"},
	"golang.org/x/sync":                    {"cmd/dotm"},
	"golang.org/x/crypto/ssh":              {"collect/ssh", "collect/ssh/hostkey"},
	"golang.org/x/crypto/argon2":           {"auth/people"},
	"golang.org/x/crypto/bcrypt":           {"auth/htpasswd"},
	"github.com/coreos/go-oidc":            {"auth/oidc"},
	"golang.org/x/oauth2":                  {"auth/oidc"},
	"github.com/zitadel/oidc":              {},
	"github.com/oschwald/maxminddb-golang": {"resolve"},
	"github.com/klauspost/compress":        {"api/coding", "server/replica", "store", "store/bolt", "store/redis", "history", "recording"},
	"github.com/google/go-cmp":             {},
	"pgregory.net/rapid":                   {},
	"github.com/rogpeppe/go-internal":      {},
}

// never lists what single packages, or all below one (/...), must not import,
// with the reason.
var never = []struct{ pkg, banned, why string }{
	{"agent", "net/http/pprof", "the agent listens nowhere unless told"},
	{"agent", module + "/server", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/collect", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/store", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/aggregate", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/topology", "an agent is small: scan and report below it, nothing else"},
	{"agent", "os/exec", "nothing from the server is ever executed"},
	{"collect/ssh/...", "os/exec", "the server runs no programs"},
	{"agent", module + "/auth", "an agent is small: its way to the server is given to it"},
	{"auth", "net/http", "who may is decided beside HTTP"},
	{"auth/people", "net/http", "who may is decided beside HTTP"},
	{"auth/htpasswd", "net/http", "a file is read"},
	{"audit", "os", "floor 1 is pure"},
	{"audit", "net/http", "floor 1 is pure"},
	{"auth/pki", "net/http", "certificates are made, not served"},
	{"drift", "os", "who has a file gives its bytes"},
	{"drift", "net/http", "who asks a server is cmd"},
	{"plaintext", "os", "floor 1 is pure"},
	{"recording", "os", "who has a file gives it as a reader or writer"},
	{"recording", "net/http", "recordings are files"},
	{"relay", module + "/server", "a relay opens no report"},
	{"scan/...", "os/exec", "a look runs no programs"},
	{"scan", "net/http", "a look talks to the kernel only"},
	{"topology", module, "the words import nothing of the house"},
	{"report", module, "the format imports nothing of the house"},
	{"aggregate/...", "os", "floor 1 is pure"},
	{"grouping/...", "os", "floor 1 is pure"},
	{"grouping/...", "net/http", "floor 1 is pure"},
	{"grouping/...", module + "/report", "roles are found in a topology alone"},
	{"history/...", "os", "floor 1 is pure"},
	{"aggregate", module + "/aggregate/fold", "reports are all that the topology is made of"},
	{"aggregate/fold", module + "/aggregate", "the agent knows no topology"},
	{"aggregate/fold", module + "/topology", "the agent knows no topology"},
	{"layout/...", "os", "floor 1 is pure"},
	{"recent", "os", "floor 1 is pure"},
	{"mapping/...", "os", "floor 1 is pure"},
	{"mapping/...", "net/http", "floor 1 is pure"},
	{"trouble/...", "os", "floor 1 is pure"},
	{"trouble/...", "net/http", "floor 1 is pure"},
	{"view", "os", "floor 1 is pure"},
	{"site", "os", "floor 1 is pure"},
	{"site", "net/http", "floor 1 is pure"},
	{"view", "net/http", "floor 1 is pure"},
	{"proctext/...", "os", "floor 1 is pure"},
	{"topology", "os", "floor 0 does no I/O"},
	{"report", "os", "floor 0 does no I/O"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func local(path string) (string, bool) {
	rel, ok := strings.CutPrefix(path, module+"/")
	return rel, ok
}

func isOutside(rel string) bool {
	top, _, _ := strings.Cut(rel, "/")
	return slices.Contains(outside, top)
}

// storey is how far below its parent a room is; false for what is no room.
func storey(rel string) (level int, ok bool) {
	for i, s := range rooms[path.Dir(rel)] {
		if slices.Contains(s, path.Base(rel)) {
			return i, true
		}
	}
	return 0, false
}

// wrong says why a package of the house must not import another; empty if it may.
func wrong(rel, target string) string {
	from, inRoom := storey(rel)
	to, isRoom := storey(target)
	switch home := path.Dir(target); {
	case isOutside(target):
		return "which is outside the house"
	case isRoom && rel == home:
		return ""
	case isRoom && inRoom && path.Dir(rel) == home:
		if to > from {
			return ""
		}
		return "which is no storey below it: rooms import downwards only"
	case isRoom:
		return "a room of " + home + ", which nobody else enters"
	case strings.HasPrefix(rel, target+"/") && (!inRoom || target != path.Dir(rel)):
		return "" // a leaf knows its parent, and so do its rooms
	case floors[target] >= floors[rel]:
		return fmt.Sprintf("on floor %d, from floor %d: imports go downwards only", floors[target], floors[rel])
	}
	return ""
}

func TestImportsGoDownwards(t *testing.T) {
	for _, p := range packages(t) {
		rel, _ := local(p.ImportPath)
		if isOutside(rel) {
			continue
		}
		if _, ok := floors[rel]; !ok {
			t.Errorf("package %s has no floor: give it one here and in docs/architecture.md", rel)
			continue
		}
		for _, imp := range p.Imports {
			if target, ok := local(imp); ok {
				if why := wrong(rel, target); why != "" {
					t.Errorf("%s imports %s, %s", rel, target, why)
				}
			}
		}
	}
}

// TestRules: the rules that the house is held to tell right from wrong.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rel, target string
		may         bool
	}{
		{"server", "aggregate", true},
		{"aggregate", "server", false},
		{"aggregate", "layout", false},
		{"store/bolt", "store", true},
		{"store", "store/bolt", false},
		{"scan", "aggregate/fold", true},
		{"scan/owners", "aggregate/fold", true},
		{"scan", "scan/owners", true},
		{"scan", "scan/procfs", true},
		{"scan/owners", "scan/procfs", true},
		{"scan/procfs", "scan/owners", false},
		{"scan/owners", "scan/kernel", false},
		{"scan/owners", "scan", false},
		{"agent", "scan/owners", false},
		{"aggregate", "aggregate/weave", true},
		{"aggregate", "aggregate/edge", true},
		{"aggregate/weave", "aggregate/inference", true},
		{"aggregate/weave", "aggregate/edge", true},
		{"aggregate/weave", "aggregate/virtual", false},
		{"aggregate/inference", "aggregate/virtual", false},
		{"aggregate/edge", "aggregate/service", false},
		{"aggregate/weave", "aggregate", false},
		{"server", "aggregate/weave", false},
		{"aggregate", "test/bed", false},
		{"proctext/listing", "proctext", true},
		{"proctext/listing", "proctext/listing/endpoint", true},
		{"proctext/listing/endpoint", "proctext", true},
		{"proctext/listing/endpoint", "proctext/listing", false},
		{"proctext/printout", "proctext/listing", false},
		{"proctext", "proctext/listing", false},
		{"collect", "proctext/listing/endpoint", false},
		{"grouping", "grouping/lane", true},
		{"grouping/role", "grouping/census", true},
		{"grouping/role", "grouping/lane", true},
		{"grouping/census", "grouping/lane", false},
		{"mapping/gap", "mapping", true},
		{"mapping/roster", "mapping/pattern", true},
		{"mapping/gap", "mapping/lexicon", false},
		{"mapping/inventory", "mapping/roster", false},
		{"trouble/casefile", "trouble", true},
		{"trouble/casefile", "trouble/graph", false},
		{"trouble/phrase", "trouble/graph", false},
		{"trouble", "mapping", false},
		{"api", "api/read", true},
		{"api/nodes", "api/views", true},
		{"api/nodes", "api/findings", false},
		{"api/journal", "api/views", false},
		{"api/read", "api/journal", false},
		{"server", "api/read", false},
	} {
		if why := wrong(tt.rel, tt.target); (why == "") != tt.may {
			t.Errorf("%s imports %s: %q", tt.rel, tt.target, why)
		}
	}
}

// TestEveryRoomHasAParent: what is called a room has a floor, that of its parent.
func TestEveryRoomHasAParent(t *testing.T) {
	for home, storeys := range rooms {
		for _, room := range slices.Concat(storeys...) {
			if floor, ok := floors[home+"/"+room]; !ok || floor != floors[home] {
				t.Errorf("room %s of %s is not on its floor", room, home)
			}
		}
	}
}

func TestEveryFloorHasItsPackage(t *testing.T) {
	there := map[string]bool{}
	for _, p := range packages(t) {
		rel, _ := local(p.ImportPath)
		there[rel] = true
	}
	for rel := range floors {
		if !there[rel] {
			t.Errorf("package %s has a floor and does not exist", rel)
		}
	}
}

func TestVendorsStayInTheirRooms(t *testing.T) {
	for _, p := range packages(t) {
		rel, _ := local(p.ImportPath)
		if isOutside(rel) || rel == "store/storetest" {
			continue
		}
		for _, imp := range p.Imports {
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") || strings.HasPrefix(imp, module) {
				continue
			}
			if places, known := placesOf(imp); !known {
				t.Errorf("%s imports %s: name it in this test, with the rooms it may be used in", rel, imp)
			} else if !slices.Contains(places, rel) {
				t.Errorf("%s imports %s, which belongs into %v only", rel, imp, places)
			}
		}
	}
}

func placesOf(imp string) ([]string, bool) {
	for prefix, places := range only {
		if imp == prefix || strings.HasPrefix(imp, prefix+"/") {
			return places, true
		}
	}
	return nil, false
}

func TestBans(t *testing.T) {
	for _, p := range packages(t) {
		rel, _ := local(p.ImportPath)
		for _, n := range never {
			if !concerns(n.pkg, rel) {
				continue
			}
			for _, imp := range p.Imports {
				if imp == n.banned || (n.banned == module && strings.HasPrefix(imp, module)) || strings.HasPrefix(imp, n.banned+"/") && n.banned != "os" {
					t.Errorf("%s imports %s: %s", rel, imp, n.why)
				}
			}
		}
	}
}

// concerns tells whether a rule for a package, or all below one, is for this one.
func concerns(rule, rel string) bool {
	tree, all := strings.CutSuffix(rule, "/...")
	return rel == tree || all && strings.HasPrefix(rel, tree+"/")
}

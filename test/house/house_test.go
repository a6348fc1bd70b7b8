// Package house checks that the house stays a house: imports go downwards
// only, and what a package must not know it doesn't import.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
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
// it, never each other.
var floors = map[string]int{
	"cmd/dotm":        5,
	"config":          4,
	"server":          3,
	"server/keep":     3,
	"server/past":     3,
	"server/replica":  3,
	"api":             3,
	"agent":           3,
	"relay":           3,
	"scan":            2,
	"scan/kernel":     2,
	"scan/sockdiag":   2,
	"scan/workload":   2,
	"scan/conntrack":  2,
	"scan/explain":    2,
	"scan/netlink":    2,
	"scan/networks":   2,
	"scan/owners":     2,
	"scan/procfs":     2,
	"collect":         2,
	"collect/push":    2,
	"collect/ssh":     2,
	"collect/text":    2,
	"auth":            2,
	"auth/pki":        2,
	"auth/uplink":     2,
	"resolve":         2,
	"store":           2,
	"store/bolt":      2,
	"store/storetest": 2,
	"web":             2,
	"aggregate":       1,
	"history":         1,
	"aggregate/fold":  1,
	"layout":          1,
	"proctext":        1,
	"topology":        0,
	"report":          0,
}

// rooms are packages that their parent imports, and nobody else: it is too large
// for one. They import neither it nor each other.
var rooms = []string{"server/past", "server/keep", "server/replica", "scan/kernel", "scan/sockdiag", "scan/workload", "scan/conntrack", "scan/owners", "scan/explain", "scan/networks"}

// cellars are below the rooms of their parent, which import them as their parent
// does, and nobody else. They import none of these.
var cellars = []string{"scan/netlink", "scan/procfs"}

// outside are the folders beside the house.
var outside = []string{"test", "bench", "packaging"}

// only says which packages a third-party module may be imported by.
var only = map[string][]string{
	"github.com/alecthomas/kong":           {"cmd/dotm"},
	"go.yaml.in/yaml":                      {"config", "cmd/dotm"},
	"github.com/danielgtaylor/huma":        {"api"},
	"github.com/prometheus":                {"api"},
	"go.etcd.io/bbolt":                     {"store/bolt"},
	"golang.org/x/sys":                     {"scan", "scan/kernel", "scan/sockdiag", "scan/workload", "scan/conntrack", "scan/netlink", "scan/owners", "scan/procfs", "scan/explain", "scan/networks"},
	"github.com/cilium/ebpf":               {"scan/kernel"},
	"golang.org/x/sync":                    {"cmd/dotm"},
	"golang.org/x/crypto/ssh":              {"collect/ssh"},
	"golang.org/x/crypto/argon2":           {"auth"},
	"github.com/oschwald/maxminddb-golang": {"resolve"},
	"github.com/klauspost/compress":        {"server/replica", "store", "history"},
	"github.com/google/go-cmp":             {},
	"pgregory.net/rapid":                   {},
	"github.com/rogpeppe/go-internal":      {},
}

// never lists what single packages must not import, with the reason.
var never = []struct{ pkg, banned, why string }{
	{"agent", "net/http/pprof", "the agent listens nowhere unless told"},
	{"agent", module + "/server", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/collect", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/store", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/aggregate", "an agent is small: scan and report below it, nothing else"},
	{"agent", module + "/topology", "an agent is small: scan and report below it, nothing else"},
	{"agent", "os/exec", "nothing from the server is ever executed"},
	{"collect/ssh", "os/exec", "the server runs no programs"},
	{"agent", module + "/auth", "an agent is small: its way to the server is given to it"},
	{"auth", "net/http", "who may is decided beside HTTP"},
	{"auth/pki", "net/http", "certificates are made, not served"},
	{"relay", module + "/server", "a relay opens no report"},
	{"scan", "os/exec", "a look runs no programs"},
	{"scan", "net/http", "a look talks to the kernel only"},
	{"topology", module, "the words import nothing of the house"},
	{"report", module, "the format imports nothing of the house"},
	{"aggregate", "os", "floor 1 is pure"},
	{"history", "os", "floor 1 is pure"},
	{"aggregate", module + "/aggregate/fold", "reports are all that the topology is made of"},
	{"aggregate/fold", "os", "floor 1 is pure"},
	{"aggregate/fold", module + "/aggregate", "the agent knows no topology"},
	{"aggregate/fold", module + "/topology", "the agent knows no topology"},
	{"layout", "os", "floor 1 is pure"},
	{"proctext", "os", "floor 1 is pure"},
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

func TestImportsGoDownwards(t *testing.T) {
	for _, p := range packages(t) {
		rel, _ := local(p.ImportPath)
		if isOutside(rel) {
			continue
		}
		floor, ok := floors[rel]
		if !ok {
			t.Errorf("package %s has no floor: give it one here and in docs/architecture.md", rel)
			continue
		}
		for _, imp := range p.Imports {
			target, ok := local(imp)
			if !ok {
				continue
			}
			parentOf := strings.HasPrefix(rel, target+"/") && !slices.Contains(rooms, rel)
			ownRoom := strings.HasPrefix(target, rel+"/") && slices.Contains(rooms, target)
			cellar := slices.Contains(cellars, target)
			above := rel == path.Dir(target) || slices.Contains(rooms, rel) && path.Dir(rel) == path.Dir(target)
			if cellar && !above {
				t.Errorf("%s imports %s: cellars are for the rooms above them", rel, target)
			}
			if to := floors[target]; to >= floor && !parentOf && !ownRoom && !cellar {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports go downwards only", rel, floor, target, to)
			}
			if isOutside(target) {
				t.Errorf("%s imports %s, which is outside the house", rel, target)
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
			if rooms, known := roomsOf(imp); !known {
				t.Errorf("%s imports %s: name it in this test, with the rooms it may be used in", rel, imp)
			} else if !slices.Contains(rooms, rel) {
				t.Errorf("%s imports %s, which belongs into %v only", rel, imp, rooms)
			}
		}
	}
}

func roomsOf(imp string) ([]string, bool) {
	for prefix, rooms := range only {
		if imp == prefix || strings.HasPrefix(imp, prefix+"/") {
			return rooms, true
		}
	}
	return nil, false
}

func TestBans(t *testing.T) {
	for _, p := range packages(t) {
		rel, _ := local(p.ImportPath)
		for _, n := range never {
			if n.pkg != rel {
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

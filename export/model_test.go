package export

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestStill: what moves by itself is in no model, so that a file under version control
// changes when the site does.
func TestStill(t *testing.T) {
	later := small()
	later.At, later.Revision = later.At.Add(3600e9), "e-8"
	later.Connections[0].Count, later.Connections[0].LastSeen = 7, later.At
	later.Nodes[0].LastReport, later.Nodes[1].Verdict = later.At, verdict(topology.OK)
	later.Alerts = nil
	for _, f := range []Format{PlantUML, Structurizr, Backstage, NetBox} {
		if was, is := written(t, f, small()), written(t, f, later); !bytes.Equal(was, is) {
			t.Errorf("%s changed", f)
		}
	}
	one := small()
	one.Nodes = slices.Delete(one.Nodes, 1, 2) // db1
	gone := strings.Split(string(written(t, PlantUML, one)), "\n")
	for _, line := range gone {
		if !strings.Contains(string(written(t, PlantUML, small())), line) {
			t.Errorf("without db1 there is a line %q", line)
		}
	}
}

func TestSlugs(t *testing.T) {
	got := slugs([]string{"web-1", "web.1", "db1", "DB1", "", "..", "a/b", "pool~7", "ü", strings.Repeat("x", 300), "web-1"}, "-._")
	seen := map[string]bool{}
	for name, s := range got {
		if seen[strings.ToLower(s)] || !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,100}$`).MatchString(s) {
			t.Errorf("%q is %q", name, s)
		}
		seen[strings.ToLower(s)] = true
	}
	if got["db1"] != "db1" || got["web.1"] != "web.1" || got["pool~7"] != "pool-7" {
		t.Errorf("%v", got)
	}
	if got := slugs([]string{"a-b", "a.b"}, "_"); got["a-b"] == got["a.b"] {
		t.Errorf("%v", got)
	}
}

// catalog reads a catalog and says what is wrong with it: names, what must be there,
// references to nobody.
func catalog(t testing.TB, raw []byte) (refs map[string]bool) {
	t.Helper()
	loader, err := yaml.NewLoader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	type entity struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct {
			Name, Title, Description string
			Annotations              map[string]string
		}
		Spec struct {
			Type, Lifecycle, Owner, System string
			DependsOn                      []string `yaml:"dependsOn"`
		}
	}
	refs = map[string]bool{}
	var all []entity
	for {
		var e entity
		if err := loader.Load(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		ref := strings.ToLower(e.Kind) + ":" + e.Metadata.Name
		if !regexp.MustCompile(`^[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*$`).MatchString(e.Metadata.Name) || len(e.Metadata.Name) > 63 || refs[ref] {
			t.Errorf("an entity is called %q", ref)
		}
		if e.APIVersion == "" || e.Spec.Owner == "" || e.Kind != "System" && e.Spec.Type == "" || e.Kind == "Component" && e.Spec.Lifecycle == "" {
			t.Errorf("%s lacks something", ref)
		}
		refs[ref] = true
		all = append(all, e)
	}
	for _, e := range all {
		for _, ref := range e.Spec.DependsOn {
			if !refs[ref] {
				t.Errorf("%s depends on nobody: %q", e.Metadata.Name, ref)
			}
		}
		if s := e.Spec.System; s != "" && !refs["system:"+s] {
			t.Errorf("%s is of no system: %q", e.Metadata.Name, s)
		}
	}
	return refs
}

func TestBackstageCatalog(t *testing.T) {
	if refs := catalog(t, written(t, Backstage, small())); len(refs) != 6 || !refs["component:web"] || !refs["resource:internet-57e8a431"] {
		t.Errorf("%v", refs)
	}
}

// structure says whether a workspace is one: tokens end on their line, what is opened
// is closed, what is named was declared.
func structure(t testing.TB, text string) {
	t.Helper()
	depth, known := 0, map[string]bool{}
	token := regexp.MustCompile(`"[^"\\]*"`)
	for _, line := range strings.Split(text, "\n") {
		bare := strings.TrimSpace(token.ReplaceAllString(line, "T"))
		words := strings.Fields(bare)
		switch {
		case strings.ContainsAny(bare, `"\$`):
			t.Fatalf("%q", line)
		case len(words) > 2 && words[1] == "=":
			known[words[0]] = true
		case len(words) > 2 && words[1] == "->" && (!known[words[0]] || !known[words[2]]):
			t.Fatalf("%q is between what was not declared", line)
		}
		depth += strings.Count(bare, "{") - strings.Count(bare, "}")
		if depth < 0 {
			t.Fatalf("%q closes nothing", line)
		}
	}
	if depth != 0 {
		t.Fatalf("%d are open", depth)
	}
}

// diagram is the same of PlantUML.
func diagram(t testing.TB, text string) {
	t.Helper()
	line := regexp.MustCompile(`^(@startuml|@enduml|left to right direction|title .*|frame "[^"]*" \{|\}|  ?(node|cloud|collections) "[^"]*" as n_\w+|(node|cloud|collections) "[^"]*" as n_\w+|n_\w+ --?>? n_\w+( : .*)?|)$`)
	for _, l := range strings.Split(text, "\n") {
		if !line.MatchString(l) || strings.ContainsAny(regexp.MustCompile(`<U\+[0-9A-F]{4}>`).ReplaceAllString(l, ""), `<%~\!*_[]`+"`") && !strings.Contains(l, "n_") {
			t.Fatalf("%q", l)
		}
	}
}

func TestNetBox(t *testing.T) {
	c := small()
	_, second := serves("db1", "postgres", 5433, topology.OK)
	_, nasty := serves("db1", "=cmd", 1, topology.OK)
	c.Services = append(c.Services, second, nasty)
	rows, err := csv.NewReader(bytes.NewReader(written(t, NetBox, c))).ReadAll()
	if err != nil || len(rows) != 3 || !slices.Equal(rows[2][:5], []string{"dcim.device", "db1", "postgres", "tcp", "5432,5433"}) || rows[1][2] != "'=cmd" {
		t.Errorf("%v %v", rows, err)
	}
}

// FuzzModels: whatever hosts call themselves, models are what they should be.
func FuzzModels(f *testing.F) {
	f.Add(nasty, "x", "${HOME}")
	f.Add("end", "%getenv(\"HOME\")", "}\n!include /etc/passwd")
	f.Add("\x00\"\\", "\xff@team #1 http://x.example", "a: b # c")
	f.Fuzz(func(t *testing.T, name, process, title string) {
		c := small()
		c.Nodes[4].Name, c.Connections[3].Client.Node, c.Connections[3].Client.Process = name, name, process
		c.Services[0].Process, c.Nodes[3].KnownAs = process, title
		c.Lanes[1].Title, c.Focus, c.Hops, c.Pools[0].Title = title, name, 2, title
		structure(t, string(written(t, Structurizr, c)))
		diagram(t, string(written(t, PlantUML, c)))
		catalog(t, written(t, Backstage, c))
		if _, err := csv.NewReader(bytes.NewReader(written(t, NetBox, c))).ReadAll(); err != nil {
			t.Error(err)
		}
	})
}

// TestPlantUML has the real thing draw a diagram, where it is installed: it needs Java,
// which is too much for CI.
func TestPlantUML(t *testing.T) {
	program, err := exec.LookPath("plantuml")
	if err != nil {
		t.Skip("plantuml is not installed")
	}
	cmd := exec.CommandContext(t.Context(), program, "-tsvg", "-pipe")
	cmd.Stdin = bytes.NewReader(written(t, PlantUML, small()))
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("shop")) || bytes.Contains(out, []byte("Syntax Error")) {
		t.Errorf("plantuml: %v\n%s", err, out)
	}
}

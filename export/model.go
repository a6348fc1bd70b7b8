package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/plaintext"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// The formats of this file are models that people keep under version control: what
// moves by itself (times, counts, states) is in none of them, and names stay when
// others come and go.

// slug is a name in letters that identifiers and files have everywhere: a to z, digits
// and the signs. What can't be told apart then gets a part of a hash.
func slug(name, signs string) string {
	const most = 80
	lower := strings.ToLower(name)
	lossy := lower != name
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune(signs, r):
			return r
		case strings.ContainsRune("-._~", r):
			return rune(signs[0])
		}
		lossy = true
		return rune(signs[0])
	}, lower)
	if len(out) > most {
		out, lossy = out[:most], true
	}
	if out == "" || strings.ContainsRune(signs, rune(out[0])) {
		out, lossy = "x"+out, true
	}
	if lossy {
		return out + string(signs[0]) + digest(name)
	}
	return out
}

func digest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}

// slugs gives each of these names one of its own.
func slugs(names []string, signs string) map[string]string {
	by := map[string][]string{}
	for _, n := range names {
		s := slug(n, signs)
		if !slices.Contains(by[s], n) {
			by[s] = append(by[s], n)
		}
	}
	out := map[string]string{}
	for s, list := range by {
		for _, n := range list {
			if out[n] = s; len(list) > 1 {
				out[n] = s + string(signs[0]) + digest(n)
			}
		}
	}
	return out
}

// boxIDs are identifiers of all boxes.
func (c *Chart) boxIDs() map[string]string {
	boxes := c.boxes()
	names := make([]string, 0, len(boxes))
	for _, n := range boxes {
		names = append(names, n.Name)
	}
	return slugs(names, "_")
}

// still is what a model says of itself: what it is of, but for the moment.
func (c *Chart) still() string {
	text := c.heading()
	if c.Past {
		text += ", the past"
	}
	return strings.Join(append([]string{text}, c.marks()...), ", ")
}

// relation is that one box uses another at some ports.
type relation struct {
	from, to string // boxes
	directed bool
	ports    []string
}

// relations are the connections between boxes, each pair once, by their names.
func (c *Chart) relations() []relation {
	type ends struct {
		from, to string
		directed bool
	}
	there := map[string]bool{}
	for _, n := range c.boxes() {
		there[n.Name] = true
	}
	by := map[ends]map[string]bool{}
	for i := range c.Connections {
		e := &c.Connections[i]
		if !there[e.Client.Node] || !there[e.Server.Node] {
			continue
		}
		k := ends{e.Client.Node, e.Server.Node, e.Directed}
		if by[k] == nil {
			by[k] = map[string]bool{}
		}
		if e.Server.Port != 0 {
			by[k][fmt.Sprintf("%s/%d", e.Protocol, e.Server.Port)] = true
		}
	}
	out := make([]relation, 0, len(by))
	for k, ports := range by {
		r := relation{from: k.from, to: k.to, directed: k.directed}
		for p := range ports {
			r.ports = append(r.ports, p)
		}
		slices.Sort(r.ports)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b relation) int {
		return cmp.Or(strings.Compare(a.from, b.from), strings.Compare(a.to, b.to), strings.Compare(strconv.FormatBool(b.directed), strconv.FormatBool(a.directed)))
	})
	return out
}

// text lists the ports, a few of them.
func (r *relation) text() string {
	const most = 4
	if len(r.ports) > most {
		return strings.Join(r.ports[:most], ", ") + fmt.Sprintf(" and %d more", len(r.ports)-most)
	}
	return strings.Join(r.ports, ", ")
}

// title is what a box is called in a model, with how many stand in it.
func boxTitle(n *view.Node) string {
	if len(n.Members) > 0 {
		return titleOf(n) + " (" + string(n.Kind) + ")"
	}
	return titleOf(n)
}

// quotePlantUML makes a text one that PlantUML draws as that text
// (https://plantuml.com/unicode): whatever could be its markup, a call of its
// preprocessor or the end of the string is a number.
func quotePlantUML(text string) string {
	last := ' '
	return `"` + quoteAll(text, func(r rune) string {
		plain := isAlnum(r) || strings.ContainsRune(" ,()", r) || strings.ContainsRune("-.:/", r) && isAlnum(last)
		if last = r; plain || r > 0xFFFF {
			return ""
		}
		return fmt.Sprintf("<U+%04X>", r)
	}) + `"`
}

// writePlantUML writes a component diagram (https://plantuml.com/component-diagram).
func writePlantUML(w *writer, c *Chart) {
	w.put("@startuml\ntitle ", strings.Trim(quotePlantUML(c.still()), `"`), "\nleft to right direction\n")
	ids, all := c.boxIDs(), c.byLane()
	box := func(n *view.Node, indent string) {
		shape := "node"
		switch n.Kind {
		case topology.Internet, topology.Network:
			shape = "cloud"
		case topology.Pool, topology.Group:
			shape = "collections"
		default:
		}
		w.put(indent, shape, " ", quotePlantUML(boxTitle(n)), " as n_", ids[n.Name], "\n")
	}
	for i := range c.Lanes {
		w.put("frame ", quotePlantUML(laneName(&c.Lanes[i])), " {\n")
		for _, n := range all[i] {
			box(n, "  ")
		}
		w.put("}\n")
	}
	for _, n := range all[len(c.Lanes)] {
		box(n, "")
	}
	for _, r := range c.relations() {
		arrow := " --> "
		if !r.directed {
			arrow = " -- "
		}
		w.put("n_", ids[r.from], arrow, "n_", ids[r.to])
		if text := r.text(); text != "" {
			w.put(" : ", strings.Trim(quotePlantUML(text), `"`))
		}
		w.put("\n")
	}
	w.put("@enduml\n")
}

// quoteStructurizr makes a text a token of Structurizr's DSL
// (https://docs.structurizr.com/dsl/basics): a quote, a backslash and what would be
// filled in are written as what looks like them.
func quoteStructurizr(text string) string {
	return `"` + strings.NewReplacer(`"`, "'", `\`, "/", "${", "$ {").Replace(text) + `"`
}

// writeStructurizr writes a workspace of the C4 model: boxes are software systems, their
// services containers of them.
func writeStructurizr(w *writer, c *Chart) {
	w.put("workspace ", quoteStructurizr("dotm"), " ", quoteStructurizr(c.still()), " {\n  model {\n")
	ids, all := c.boxIDs(), c.byLane()
	s := &structurizr{writer: w, Chart: c, ids: ids, taken: map[string]bool{}, services: map[string][]*view.Service{}}
	for i := range c.Services {
		s.services[c.Services[i].Node] = append(s.services[c.Services[i].Node], &c.Services[i])
	}
	for i := range c.Lanes {
		w.put("    group ", quoteStructurizr(laneName(&c.Lanes[i])), " {\n")
		for _, n := range all[i] {
			s.box(n, "      ")
		}
		w.put("    }\n")
	}
	for _, n := range all[len(c.Lanes)] {
		s.box(n, "    ")
	}
	for _, r := range c.relations() {
		if r.from == r.to {
			continue
		}
		text := r.text()
		if !r.directed {
			text = strings.TrimSpace(text + " (direction not known)")
		}
		w.put("    n_", ids[r.from], " -> n_", ids[r.to], " ", quoteStructurizr(text), "\n")
	}
	w.put("  }\n  views {\n    systemLandscape \"chart\" {\n      include *\n      autoLayout lr\n    }\n  }\n}\n")
}

type structurizr struct {
	*writer
	*Chart
	ids      map[string]string
	taken    map[string]bool // names, which must differ
	services map[string][]*view.Service
}

// free is a name that nothing has yet.
func (s *structurizr) free(name, within string) string {
	out := name
	for n := 2; s.taken[within+"\x00"+strings.ToLower(out)]; n++ {
		out = fmt.Sprintf("%s %d", name, n)
	}
	s.taken[within+"\x00"+strings.ToLower(out)] = true
	return out
}

func (s *structurizr) box(n *view.Node, indent string) {
	what := string(n.Kind)
	s.put(indent, "n_", s.ids[n.Name], " = softwareSystem ", s.quote(boxTitle(n), ""), " ", quoteStructurizr(what))
	if len(s.services[n.Name]) == 0 {
		s.put("\n")
		return
	}
	s.put(" {\n")
	for _, one := range s.services[n.Name] {
		at := fmt.Sprintf("%s/%d", one.Protocol, one.Port)
		s.put(indent, "  container ", s.quote(process(one.Process)+" "+at, n.Name), " \"\" ", quoteStructurizr(at), "\n")
	}
	s.put(indent, "}\n")
}

func (s *structurizr) quote(name, within string) string {
	return quoteStructurizr(s.free(name, within))
}

// backstageName is an identifier as Backstage takes it: at most 63 letters.
func backstageName(id string) string {
	const most = 63
	id = strings.Trim(strings.ReplaceAll(id, "_", "-"), "-")
	for strings.Contains(id, "--") {
		id = strings.ReplaceAll(id, "--", "-")
	}
	if len(id) > most {
		id = id[:most-9] + "-" + digest(id)
	}
	return id
}

// backstage writes a catalog.
type backstage struct {
	*writer
	*Chart
	names map[string]string // by box
	kinds map[string]string
}

// writeBackstage writes a catalog of Backstage, in YAML of several documents
// (https://backstage.io/docs/features/software-catalog/descriptor-format): groups are
// systems, boxes components, and what doesn't report resources. Owners are not known
// here. The annotation devops-trouble-map/select says what an entity is, for dotm drift.
func writeBackstage(w *writer, c *Chart) {
	b := &backstage{w, c, map[string]string{}, map[string]string{}}
	taken := map[string]bool{}
	ids := c.boxIDs()
	for _, n := range c.boxes() { // in their order: underscores and dashes may fall together
		name := backstageName(cmp.Or(readableID(n), ids[n.Name]))
		if taken[name] {
			name = backstageName(name[:min(len(name), 50)] + "-" + digest(n.Name))
		}
		taken[name], b.names[n.Name], b.kinds[n.Name] = true, name, kindOf(n)
	}
	w.put("# ", strings.ReplaceAll(c.still(), "\n", " "), ". Generated by dotm: owners are not known to it.\n")
	systems := map[string]string{}
	for i := range c.Lanes {
		if l := &c.Lanes[i]; l.ID != "" && slices.ContainsFunc(c.boxes(), func(n *view.Node) bool { return n.Group == l.ID }) {
			systems[l.ID] = backstageName(slug(strings.ToLower(laneName(l)), "-") + "-" + digest(l.ID))
			b.entity("System", systems[l.ID], laneName(l), "", [][2]string{{"owner", "unknown"}}, nil)
		}
	}
	needs := map[string][]string{}
	for _, r := range c.relations() {
		if r.directed && r.from != r.to {
			needs[r.from] = append(needs[r.from], b.reference(r.to))
		}
	}
	for _, n := range c.boxes() {
		spec := [][2]string{{"type", string(n.Kind)}}
		if kindOf(n) == "Component" {
			spec = append(spec, [2]string{"lifecycle", "production"})
		}
		spec = append(spec, [2]string{"owner", "unknown"})
		if s := systems[n.Group]; s != "" {
			spec = append(spec, [2]string{"system", s})
		}
		b.entity(kindOf(n), b.names[n.Name], boxTitle(n), selectorOf(n), spec, needs[n.Name])
	}
}

// readableID is the title of a pool or group as an identifier, if it is one.
func readableID(n *view.Node) string {
	if n.Title == "" || slug(n.Title, "-") != n.Title {
		return ""
	}
	return n.Title
}

// kindOf says what a box is in a catalog.
func kindOf(n *view.Node) string {
	if n.State == topology.Unheard || n.Kind == topology.Internet || n.Kind == topology.Network || n.Kind == topology.Virtual {
		return "Resource"
	}
	return "Component"
}

func (b *backstage) reference(box string) string {
	return strings.ToLower(b.kinds[box]) + ":" + b.names[box]
}

// selectorOf is what a box is to dotm drift.
func selectorOf(n *view.Node) string {
	what := "node"
	if n.Kind == topology.Pool || n.Kind == topology.Group {
		what = string(n.Kind)
	}
	return what + ":" + strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(n.Name)
}

// entity writes one document.
func (b *backstage) entity(kind, name, title, selector string, spec [][2]string, needs []string) {
	b.put("---\napiVersion: backstage.io/v1alpha1\nkind: ", kind, "\nmetadata:\n  name: ", plaintext.YAML(name), "\n  title: ", plaintext.YAML(title), "\n")
	if selector != "" {
		b.put("  annotations:\n    devops-trouble-map/select: ", plaintext.YAML(selector), "\n")
	}
	if marks := b.marks(); len(marks) > 0 {
		b.put("  description: ", plaintext.YAML(strings.Join(marks, ", ")), "\n")
	}
	b.put("spec:\n")
	for _, s := range spec {
		b.put("  ", s[0], ": ", plaintext.YAML(s[1]), "\n")
	}
	slices.Sort(needs)
	if needs = slices.Compact(needs); len(needs) > 0 {
		b.put("  dependsOn:\n")
	}
	for _, n := range needs {
		b.put("    - ", plaintext.YAML(n), "\n")
	}
}

// writeNetBox writes the services of hosts as NetBox 4.3 and later import them in bulk
// (https://netboxlabs.com/docs/netbox/models/ipam/service/): a line for what one process
// serves on one host. That the device is there is NetBox's to say.
func writeNetBox(w *writer, c *Chart) {
	out := csv.NewWriter(w)
	put := func(row ...string) {
		if err := out.Write(row); err != nil && w.err == nil {
			w.err = err
		}
	}
	put("parent_object_type", "parent", "name", "protocol", "ports", "description")
	said := "seen by dotm"
	if c.Past {
		said += ", the past"
	}
	said = strings.Join(append([]string{said}, c.marks()...), ", ")
	type row struct{ node, name, protocol string }
	ports := map[row][]uint16{}
	hosts := map[string]bool{}
	for i := range c.Nodes {
		hosts[c.Nodes[i].Name] = c.Nodes[i].Kind == topology.Host
	}
	for i := range c.Services {
		s := &c.Services[i]
		if !hosts[s.Node] || s.State == topology.Gone || s.Own {
			continue
		}
		name := s.Process
		if name == "" {
			name = fmt.Sprintf("port %d", s.Port)
		}
		k := row{s.Node, name, string(s.Protocol)}
		ports[k] = append(ports[k], s.Port)
	}
	rows := make([]row, 0, len(ports))
	for k := range ports {
		rows = append(rows, k)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.node, b.node), strings.Compare(a.name, b.name), strings.Compare(a.protocol, b.protocol))
	})
	for _, k := range rows {
		list := make([]string, 0, len(ports[k]))
		slices.Sort(ports[k])
		for _, p := range slices.Compact(ports[k]) {
			list = append(list, strconv.Itoa(int(p)))
		}
		put("dcim.device", safeCell(k.node), cut(safeCell(k.name), 100), safeCell(k.protocol), strings.Join(list, ","), said)
	}
	if out.Flush(); w.err == nil {
		w.err = out.Error()
	}
}

// cut is a text of at most so many runes.
func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}

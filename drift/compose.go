package drift

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/topology"
)

// service is one of a Compose file.
type composeService struct {
	Place
	name, container string
	needs           []need
	published       []Rule // ports that everybody may reach
	exposed         []Rule // ports that the other services may reach
}

type need struct {
	Place
	of string
}

// compose reads a Compose file (https://github.com/compose-spec/compose-spec): which
// service needs which (depends_on, links), and at which ports services are to be
// reached (ports, expose). A service is the containers that Compose makes of it, or
// the one that container_name names.
//
// It speaks of connections to its services: from each other as they depend on each
// other, at the ports that they say if they say any, and from elsewhere at published
// ones.
func compose(folder string, doc field) (*Declaration, error) {
	top, err := doc.entries()
	if err != nil {
		return nil, err
	}
	project := projectOf(folder)
	var services []*composeService
	for _, e := range top {
		switch e.key {
		case "name":
			project, err = e.text(maxPattern)
		case "services":
			services, err = composeServices(e.field)
		default:
			continue
		}
		doc.note(err)
	}
	return composed(doc.file, project, services)
}

// projectOf is what Compose calls the project of a file without a name: the folder, in
// lower case, of letters, digits, - and _ alone.
func projectOf(folder string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return -1
	}, strings.ToLower(folder))
}

func composeServices(f field) ([]*composeService, error) {
	list, err := f.entries()
	if err != nil {
		return nil, err
	}
	if len(list) > maxEntities {
		return nil, f.refuse(fmt.Sprintf("must have at most %d entries, has %d", maxEntities, len(list)))
	}
	out := make([]*composeService, 0, len(list))
	for _, e := range list {
		s := &composeService{Place: e.place(), name: e.key}
		out = append(out, s)
		keys, err := e.entries()
		f.note(err)
		for _, k := range keys {
			f.note(s.read(k))
		}
	}
	return out, nil
}

func (s *composeService) read(e entry) (err error) {
	switch e.key {
	case "container_name":
		s.container, err = e.text(maxPattern)
	case "depends_on", "links":
		err = s.readNeeds(e.field)
	case "ports":
		s.published, err = e.composePorts()
	case "expose":
		s.exposed, err = e.composePorts()
	}
	return err
}

// readNeeds reads a list of services, or keys of services with conditions. A link is
// SERVICE:ALIAS.
func (s *composeService) readNeeds(f field) error {
	if f.node.Kind == yaml.MappingNode {
		keys, err := f.entries()
		if err != nil {
			return err
		}
		for _, k := range keys {
			s.needs = append(s.needs, need{k.place(), k.key})
		}
		return nil
	}
	list, err := f.list()
	if err != nil {
		return f.refuse("must be a list of services, or services with conditions")
	}
	for _, one := range list {
		text, err := one.text(maxPattern)
		if f.note(err) {
			continue
		}
		of, _, _ := strings.Cut(text, ":")
		s.needs = append(s.needs, need{one.place(), of})
	}
	return nil
}

// composePorts reads the ports inside the containers: of the short form
// [[IP:]PUBLISHED:]TARGET[/PROTOCOL], and target and protocol of the long one.
func (f field) composePorts() ([]Rule, error) {
	list, err := f.list()
	if err != nil {
		return nil, err
	}
	if len(list) > maxPorts {
		return nil, f.refuse(fmt.Sprintf("must have at most %d entries, has %d", maxPorts, len(list)))
	}
	out := make([]Rule, 0, len(list))
	for _, one := range list {
		target, protocol := "", "tcp"
		if one.node.Kind == yaml.MappingNode {
			keys, err := one.entries()
			f.note(err)
			for _, k := range keys {
				switch k.key {
				case "target":
					target = k.node.Value
				case "protocol":
					protocol = k.node.Value
				}
			}
		} else if target, err = one.text(maxPattern); f.note(err) {
			continue
		}
		if before, after, is := strings.Cut(target, "/"); is {
			target, protocol = before, after
		}
		if strings.Contains(target, "$") {
			continue // filled in from the environment, which nobody here knows
		}
		p, ok := parsePorts(target[strings.LastIndexByte(target, ':')+1:])
		if !ok {
			f.note(one.refuse("must be a port, as in 8080:80, 127.0.0.1:8080:80/tcp or {target: 80}"))
			continue
		}
		out = append(out, Rule{Place: one.place(), Ports: []Ports{p}, Protocol: topology.Protocol(protocol)})
	}
	return out, nil
}

// ends are the containers of a service.
func (s *composeService) ends(project string) Ends {
	ends := Ends{text: s.name}
	if s.container != "" {
		ends.any = []Selector{{{what: "container", pattern: literal(s.container)}}}
		return ends
	}
	for _, sign := range []string{"-", "_"} { // of Compose 2, of Compose 1
		ends.any = append(ends.any, Selector{{what: "container", pattern: literal(project) + sign + literal(s.name) + sign + "*"}})
	}
	return ends
}

func composed(f *file, project string, services []*composeService) (*Declaration, error) {
	d := &Declaration{Of: f.name, Form: "compose", Reach: ServerEnd, Scope: Ends{text: "services of " + project}}
	by := map[string]*composeService{}
	for _, s := range services {
		by[s.name] = s
		d.Scope.any = append(d.Scope.any, s.ends(project).any...)
	}
	if len(services) == 0 && len(f.wrong.List) == 0 {
		return nil, &Error{Place{File: f.name}, "services", "must name a service", ""}
	}
	for _, s := range services {
		for _, n := range s.needs {
			to := by[n.of]
			if to == nil {
				f.note(&Error{n.Place, "services." + s.name + ".depends_on", "must name a service of this file", short(n.of)})
				continue
			}
			d.add(to.allowed(Rule{Place: n.Place, From: s.ends(project), To: to.ends(project), Why: s.name + " depends on " + n.of})...)
		}
		for _, r := range s.published {
			r.To, r.Optional, r.Why = s.ends(project), true, "published by "+s.name
			d.add(r)
		}
		for _, r := range s.exposed {
			r.From, r.To, r.Optional, r.Why = d.Scope, s.ends(project), true, "exposed by "+s.name
			d.add(r)
		}
	}
	if len(d.Rules) > maxRules {
		return nil, &Error{Place{File: f.name}, "services", fmt.Sprintf("must declare at most %d connections, declares %d", maxRules, len(d.Rules)), ""}
	}
	return d, nil
}

func (d *Declaration) add(list ...Rule) { d.Rules = append(d.Rules, list...) }

// allowed narrows a dependency on a service to the ports that it says it has.
func (s *composeService) allowed(r Rule) []Rule {
	all := append(append([]Rule{}, s.exposed...), s.published...)
	if len(all) == 0 {
		return []Rule{r}
	}
	by := map[topology.Protocol][]Ports{}
	var order []topology.Protocol
	for _, p := range all {
		if by[p.Protocol] == nil {
			order = append(order, p.Protocol)
		}
		by[p.Protocol] = append(by[p.Protocol], p.Ports...)
	}
	out := make([]Rule, 0, len(order))
	for i, protocol := range order {
		one := r
		one.Protocol, one.Ports, one.Optional = protocol, by[protocol], r.Optional || i > 0
		out = append(out, one)
	}
	return out
}

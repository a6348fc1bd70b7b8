package drift

import (
	"fmt"
	"strings"
)

// SelectAnnotation is the annotation of an entity that says what it is on the chart, as
// a selector: "pool:web", "node:db*", "process:nginx". Without it everything is meant
// that is called as the entity is.
const SelectAnnotation = "devops-trouble-map/select"

// entity is one of a Backstage catalog.
type entity struct {
	Place
	ref      string // component:default/web
	name     string
	chosen   string
	at       field // of the annotation
	needs    []need
	provides []string
}

// backstage reads a catalog (https://backstage.io/docs/features/software-catalog/descriptor-format):
// dependsOn, and consumesApis of those who provide them. It speaks of connections
// between its entities.
func (f *file) backstage(docs []field) (*Declaration, error) {
	var list []*entity
	for _, doc := range docs {
		if doc.null() {
			continue
		}
		e, err := readEntity(doc)
		if !f.note(err) {
			list = append(list, e)
		}
	}
	return f.related(list)
}

func readEntity(doc field) (*entity, error) {
	top, err := doc.entries()
	if err != nil {
		return nil, err
	}
	e := &entity{Place: doc.place()}
	kind, space := "", "default"
	for _, k := range top {
		switch k.key {
		case "kind":
			kind, err = k.text(maxPattern)
		case "metadata":
			space, err = e.metadata(k.field, space)
		case "spec":
			// its references are relative to kind and namespace, which may stand below
		}
		doc.note(err)
	}
	if kind == "" || e.name == "" {
		return nil, &Error{e.Place, "metadata.name", "must be there, and kind, too", ""}
	}
	e.ref = reference(kind+":"+space+"/"+e.name, "", "")
	for _, k := range top {
		if k.key == "spec" {
			doc.note(e.spec(k.field, space))
		}
	}
	return e, nil
}

func (e *entity) metadata(f field, space string) (string, error) {
	list, err := f.entries()
	if err != nil {
		return space, err
	}
	for _, k := range list {
		switch k.key {
		case "name":
			e.name, err = k.text(maxPattern)
		case "namespace":
			space, err = k.text(maxPattern)
		case "annotations":
			err = e.annotations(k.field)
		}
		f.note(err)
	}
	return space, nil
}

func (e *entity) annotations(f field) error {
	list, err := f.entries()
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.key == SelectAnnotation {
			e.at = k.field
			if e.chosen, err = k.text(maxPattern); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *entity) spec(f field, space string) error {
	list, err := f.entries()
	if err != nil {
		return err
	}
	for _, k := range list {
		var kind string
		switch k.key {
		case "dependsOn":
			kind = "component"
		case "consumesApis", "providesApis":
			kind = "api"
		default:
			continue
		}
		refs, err := k.list()
		f.note(err)
		for _, one := range refs {
			text, err := one.text(maxPattern)
			if f.note(err) {
				continue
			}
			ref := reference(text, kind, space)
			if k.key == "providesApis" {
				e.provides = append(e.provides, ref)
			} else {
				e.needs = append(e.needs, need{one.place(), ref})
			}
		}
	}
	return nil
}

// reference is an entity reference, [KIND:][NAMESPACE/]NAME, with all of its parts and
// in lower case.
func reference(text, kind, space string) string {
	text = strings.ToLower(text)
	if before, after, is := strings.Cut(text, ":"); is {
		kind, text = before, after
	}
	if before, after, is := strings.Cut(text, "/"); is {
		space, text = before, after
	}
	return kind + ":" + strings.ToLower(space) + "/" + text
}

// ends is what an entity is on the chart.
func (e *entity) ends() (Ends, error) {
	if e.chosen == "" {
		return Ends{any: []Selector{{{what: "name", pattern: literal(e.name)}}}, text: e.name}, nil
	}
	before := len(e.at.noted)
	found, err := (&ruleBook{}).ends(e.at)
	if err == nil && len(found.any) == 0 && len(e.at.noted) == before {
		err = e.at.refuse("must mean less than everything")
	}
	found.text = e.name
	return found, err
}

func (f *file) related(list []*entity) (*Declaration, error) {
	d := &Declaration{Of: f.name, Form: "backstage", Reach: BothEnds, Scope: Ends{text: "entities of the catalog"}}
	by, ends := map[string]*entity{}, map[*entity]Ends{}
	providers := map[string][]*entity{}
	for _, e := range list {
		if by[e.ref] != nil {
			f.note(&Error{e.Place, "metadata.name", "must be there once for a kind and namespace", e.ref})
			continue
		}
		by[e.ref] = e
		for _, api := range e.provides {
			providers[api] = append(providers[api], e)
		}
		if strings.HasPrefix(e.ref, "component:") || strings.HasPrefix(e.ref, "resource:") {
			found, err := e.ends()
			f.note(err)
			ends[e] = found
			d.add(Rule{Place: e.Place, From: found, To: found, Optional: true, Why: "within " + e.name})
			d.Scope.any = append(d.Scope.any, found.any...)
		}
	}
	for _, e := range list {
		for _, n := range e.needs {
			targets := providers[n.of]
			if by[n.of] != nil && len(targets) == 0 {
				targets = []*entity{by[n.of]}
			}
			d.depend(e, n, targets, ends)
		}
	}
	switch {
	case len(ends) == 0 && len(f.wrong.List) == 0:
		return nil, &Error{Place{File: f.name}, "", "must hold a Component or a Resource", ""}
	case len(d.Rules) > maxRules:
		return nil, &Error{Place{File: f.name}, "", fmt.Sprintf("must declare at most %d dependencies, declares %d", maxRules, len(d.Rules)), ""}
	}
	return d, nil
}

// depend adds what one entity needs.
func (d *Declaration) depend(e *entity, n need, targets []*entity, ends map[*entity]Ends) {
	from, is := ends[e]
	if !is {
		return
	}
	found := false
	for _, t := range targets {
		if to, is := ends[t]; is {
			found = true
			d.add(Rule{Place: n.Place, From: from, To: to, Why: e.name + " depends on " + t.name})
		}
	}
	if !found {
		d.Loose = append(d.Loose, Loose{n.Place, fmt.Sprintf("%s depends on %s, which is no component or resource of this catalog", e.name, n.of)})
	}
}

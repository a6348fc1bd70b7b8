package watch

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

// shelf has the checks of one source, by name, and by what they are asked for: so that
// looking at what changed takes no look at all the others. Who changes a check's status or
// node calls sort.
type shelf struct {
	byKey  map[key]*check
	byHost map[string][]*check
	bad    map[*check]struct{} // those that are trouble
	nodes  map[string][]*check // the board's: those of all sources, by node
}

func newShelf(nodes map[string][]*check) shelf {
	return shelf{map[key]*check{}, map[string][]*check{}, map[*check]struct{}{}, nodes}
}

// check is a result and where it belongs.
type check struct {
	mapping.Check
	seen  bool   // it was told in the reading that is taken in
	under string // the node that it is sorted under
}

// get finds a check; nil if there is none.
func (s *shelf) get(k key) *check { return s.byKey[k] }

// all are the checks in no particular order.
func (s *shelf) all() iter.Seq[*check] { return maps.Values(s.byKey) }

func (s *shelf) len() int { return len(s.byKey) }

// put adds a check that there is none of.
func (s *shelf) put(c *check) {
	s.byKey[key{c.Host, c.Name}] = c
	s.byHost[c.Host] = append(s.byHost[c.Host], c)
	s.sort(c)
}

// drop removes a check.
func (s *shelf) drop(c *check) {
	delete(s.byKey, key{c.Host, c.Name})
	without(s.byHost, c.Host, c)
	without(s.nodes, c.under, c)
	delete(s.bad, c)
}

// sort puts a check where it belongs.
func (s *shelf) sort(c *check) {
	if c.under != c.Node {
		without(s.nodes, c.under, c)
		if c.under = c.Node; c.under != "" {
			s.nodes[c.under] = append(s.nodes[c.under], c)
		}
	}
	if c.Status.Bad() {
		s.bad[c] = struct{}{}
	} else {
		delete(s.bad, c)
	}
}

// clear drops all checks.
func (s *shelf) clear() {
	for _, c := range s.byKey {
		without(s.nodes, c.under, c)
	}
	*s = newShelf(s.nodes)
}

// without takes a check off a list of a map.
func without(lists map[string][]*check, name string, c *check) {
	list := lists[name]
	i := slices.Index(list, c)
	switch {
	case i < 0:
	case len(list) == 1:
		delete(lists, name)
	default:
		last := len(list) - 1
		list[i], list[last] = list[last], nil
		lists[name] = list[:last]
	}
}

// share keeps the texts of before where they are the same, as nodes and the source
// hold these.
func (c *check) share(old *check) {
	for _, text := range [...][2]*string{
		{&c.Source, &old.Source}, {&c.Host, &old.Host}, {&c.Name, &old.Name}, {&c.Output, &old.Output}, {&c.Link, &old.Link}, {&c.Command, &old.Command},
	} {
		if *text[0] == *text[1] {
			*text[0] = *text[1]
		}
	}
	if slices.Equal(c.Groups, old.Groups) {
		c.Groups = old.Groups
	}
	if slices.Equal(c.Hints, old.Hints) {
		c.Hints = old.Hints
	}
}

// hasList says whether a block has just these checks, of which it sorts the list by id.
func hasList(block *topology.Block, list []*check) bool {
	slices.SortFunc(list, func(x, y *check) int { return cmp.Compare(x.ID, y.ID) })
	if len(block.Checks) != len(list) {
		return false
	}
	for i, c := range list {
		if !topology.SameCheck(&block.Checks[i], &c.Check.Check) {
			return false
		}
	}
	return true
}

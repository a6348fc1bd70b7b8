package role

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/grouping/census"
)

// trait is one thing that a node serves or does.
type trait uint64

// The kinds of trait, above their value.
const (
	serves  trait = 1 << 32 // a process, by word
	listens trait = 2 << 32 // a key
	runs    trait = 3 << 32 // a process that calls others, by word
	calls   trait = 4 << 32 // a key that it calls

	kindOfTrait trait = 7 << 32
)

const (
	// alike is how much two sets of traits have in common that are of one class,
	// where one of them is a single node: it may serve one thing more or less.
	alike = 0.5
	// same is that for sets of several nodes each: what they all have more is no
	// accident.
	same = 0.75
	// busy is from how many callers an agent's process is there for others; it
	// must be as many times what is usual.
	busy = 4
)

// classify puts nodes that serve the same into classes. Nodes that serve nothing
// are told apart by what they do: by their processes, and, with links, by what
// they call.
func (s *site) classify(linked bool) {
	usual := s.usualCallers()
	for i := range s.Nodes {
		s.traits[i] = s.servedBy(int32(i), usual)
	}
	s.addDeeds(linked)
	sets := s.distinct()
	leaders := lead(sets)
	s.classes = 0
	for i := range s.class {
		s.class[i] = -1
	}
	number := map[int]int32{}
	s.leader = s.leader[:0]
	for k, set := range sets {
		c, ok := number[leaders[k]]
		if !ok {
			c = int32(s.classes)
			number[leaders[k]] = c
			s.classes++
			s.leader = append(s.leader, sets[leaders[k]].traits)
		}
		for _, v := range set.nodes {
			s.class[v] = c
		}
	}
}

// usualCallers is the median of how many call an agent's service, over all nodes
// that report: 0 for one that most don't have.
func (s *site) usualCallers() map[int32]int {
	counts, hosts := map[int32][]int{}, 0
	for i := range s.Nodes {
		if s.Nodes[i].Reports {
			hosts++
		}
		for _, v := range s.Nodes[i].Services {
			if s.agents[v.Word] {
				counts[v.Word] = append(counts[v.Word], s.callers.of(int32(i), v.Key))
			}
		}
	}
	out := make(map[int32]int, len(counts))
	for w, list := range counts {
		slices.Sort(list)
		if k := len(list) - hosts/2 - 1; k >= 0 {
			out[w] = list[k]
		}
	}
	return out
}

// servedBy are the traits of what a node serves. An agent's service counts where
// it has many more callers than is usual: that of the host that all log to.
func (s *site) servedBy(i int32, usual map[int32]int) []trait {
	n := &s.Nodes[i]
	if n.Kind == census.Outside || n.Kind == census.Virtual {
		return nil
	}
	var out []trait
	plain := s.doesMore(n)
	for _, v := range n.Services {
		if s.agents[v.Word] {
			if called := s.callers.of(i, v.Key); called < busy || called < busy*usual[v.Word] {
				continue
			}
		} else if plain && !s.called[s.label(v)] {
			continue
		}
		if v.Word != 0 {
			out = append(out, serves|trait(v.Word))
		}
		if v.Key.Port() != 0 {
			out = append(out, listens|trait(v.Key))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// doesMore says whether a node is there for something that is known: it serves
// what is called somewhere, or calls others. What nobody calls anywhere says
// little then.
func (s *site) doesMore(n *census.Node) bool {
	for _, v := range n.Services {
		if !s.agents[v.Word] && s.called[s.label(v)] {
			return true
		}
	}
	for _, w := range n.Clients {
		if !s.agents[w] {
			return true
		}
	}
	return false
}

// label is what a service goes by: its process, or its port if that is unknown.
func (s *site) label(v census.Service) trait {
	if v.Word != 0 {
		return serves | trait(v.Word)
	}
	return listens | trait(v.Key)
}

// markCalled notes which services are called somewhere.
func (s *site) markCalled() {
	for i := range s.Nodes {
		for _, v := range s.Nodes[i].Services {
			if s.callers.of(int32(i), v.Key) > 0 {
				s.called[s.label(v)] = true
			}
		}
	}
}

// addDeeds gives traits to nodes that serve nothing.
func (s *site) addDeeds(linked bool) {
	idle := make([]bool, len(s.Nodes))
	for i := range s.Nodes {
		n := &s.Nodes[i]
		idle[i] = len(s.traits[i]) == 0 && (n.Kind == census.Host || n.Kind == census.Container)
		if !idle[i] {
			continue
		}
		for _, w := range n.Clients {
			if !s.agents[w] {
				s.traits[i] = append(s.traits[i], runs|trait(w))
			}
		}
	}
	if linked {
		for i := range s.Edges {
			if e := &s.Edges[i]; idle[e.From] && !e.Undirected && s.binds(e) {
				s.traits[e.From] = append(s.traits[e.From], calls|trait(e.Key))
			}
		}
	}
	for i := range s.Nodes {
		if idle[i] {
			slices.Sort(s.traits[i])
			s.traits[i] = slices.Compact(s.traits[i])
		}
	}
}

// traitSet is nodes of exactly the same traits.
type traitSet struct {
	contained bool // containers are no hosts
	traits    []trait
	nodes     []int32
}

// distinct are the sets of traits that there are, the most frequent first.
func (s *site) distinct() []traitSet {
	var out []traitSet
	index := map[string]int{}
	var buf []byte
	for i, list := range s.traits {
		if len(list) == 0 {
			continue
		}
		contained := s.Nodes[i].Kind == census.Container
		buf = append(buf[:0], 0)
		if contained {
			buf[0] = 1
		}
		for _, t := range list {
			buf = append(buf, byte(t), byte(t>>8), byte(t>>16), byte(t>>24), byte(t>>32))
		}
		k, ok := index[string(buf)]
		if !ok {
			k = len(out)
			index[string(buf)] = k
			out = append(out, traitSet{contained: contained, traits: list})
		}
		out[k].nodes = append(out[k].nodes, int32(i))
	}
	slices.SortStableFunc(out, func(a, b traitSet) int { return cmp.Compare(len(b.nodes), len(a.nodes)) })
	return out
}

// lead gives each set the first one that it is alike, itself if there is none.
// Sets come the most frequent first.
func lead(sets []traitSet) []int {
	leaders := make([]int, len(sets))
	having := map[trait][]int{} // the leaders that have a trait
	for k := range sets {
		leaders[k] = k
		best := 0.0
		for _, t := range sets[k].traits {
			for _, l := range having[t] {
				if j := likeness(&sets[k], &sets[l]); j > best {
					best, leaders[k] = j, l
				}
			}
		}
		if leaders[k] == k {
			for _, t := range sets[k].traits {
				having[t] = append(having[t], k)
			}
		}
	}
	return leaders
}

// likeness is what two sets have in common, from 0 to 1; 0 if that is not
// enough. Where the processes of one are not known, ports must do.
func likeness(a, b *traitSet) float64 {
	if a.contained != b.contained {
		return 0
	}
	x, y := a.traits, b.traits
	if !knowsProcesses(x) || !knowsProcesses(y) {
		x, y = onlyPorts(x), onlyPorts(y)
	}
	both := 0
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] < y[j]:
			i++
		case x[i] > y[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	union := len(x) + len(y) - both
	need := alike
	if len(a.nodes) > 1 && len(b.nodes) > 1 {
		need = same
	}
	if union == 0 || float64(both) < need*float64(union) {
		return 0
	}
	return float64(both) / float64(union)
}

func knowsProcesses(list []trait) bool {
	return len(list) > 0 && (list[0]&kindOfTrait == serves || list[0]&kindOfTrait >= runs)
}

// onlyPorts are the traits of ports; a sorted list has them in one piece.
func onlyPorts(list []trait) []trait {
	from, _ := slices.BinarySearch(list, listens)
	to, _ := slices.BinarySearch(list, runs)
	return list[from:to]
}

// main is the process that each node is there for: of those that it serves by,
// the one with most callers, else one that calls.
func (s *site) main() []int32 {
	out := make([]int32, len(s.Nodes))
	for i := range s.Nodes {
		most := -1
		for _, v := range s.Nodes[i].Services {
			if !slices.Contains(s.traits[i], serves|trait(v.Word)) {
				continue
			}
			if called := s.callers.of(int32(i), v.Key); called > most {
				most, out[i] = called, v.Word
			}
		}
		if most < 0 {
			if k := slices.IndexFunc(s.traits[i], func(t trait) bool { return t&kindOfTrait == runs }); k >= 0 {
				out[i] = int32(s.traits[i][k] & 0xffffffff)
			}
		}
	}
	return out
}

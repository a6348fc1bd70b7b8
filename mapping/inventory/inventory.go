// Package inventory lists what runs on a node as checks may mean it: its services,
// those in containers on it, and what of these is to be had at a port of the node.
package inventory

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/lexicon"
	"github.com/devops-trouble-map/dotm/topology"
)

// Item is a service as a check of a host may mean it.
type Item struct {
	*topology.Service
	Program
	// At is the port where the host's node offers it: another than the service's own,
	// if address translation leads there; Forwarded says that it does.
	At        uint16
	Forwarded bool
}

// Program is what a service's names tell.
type Program struct {
	Kind *lexicon.Kind // nil if nobody knows
	// Names are what it goes by: tokens of its process, unit and container, joined.
	Names []string
}

// Inventory is what runs on a node, made ready for looking things up.
type Inventory struct {
	// Items are the node's own services and those that it forwards to, sorted by
	// port; Inside are those of the containers on it.
	Items, Inside []Item

	named map[string][]Item // by the names they go by, if they are many
}

// maxPrograms is how many programs are remembered.
const maxPrograms = 50_000

// Stock makes inventories, and keeps them until they are forgotten. It is for one
// goroutine at a time.
type Stock struct {
	words    *lexicon.Lexicon
	programs map[programKey]Program
	nodes    map[string]*Inventory
}

// New is a stock with room for a number of nodes.
func New(words *lexicon.Lexicon, nodes int) *Stock {
	return &Stock{words, map[programKey]Program{}, make(map[string]*Inventory, nodes)}
}

// Forget forgets a node's inventory, because it changed.
func (k *Stock) Forget(node string) { delete(k.nodes, node) }

// Of is the inventory of a node; it is empty if there is no such node.
func (k *Stock) Of(snap *topology.Snapshot, node string) *Inventory {
	if v := k.nodes[node]; v != nil {
		return v
	}
	v := &Inventory{}
	if b := snap.Block(node); b != nil {
		v.Items = k.items(b)
		if b.Node.Kind == topology.Host {
			k.lookInside(snap, v, &b.Node)
		}
	}
	k.nodes[node] = v
	return v
}

func (k *Stock) items(b *topology.Block) []Item {
	out := make([]Item, 0, len(b.Services))
	for i := range b.Services {
		if s := &b.Services[i]; s.State != topology.Gone || !succeeded(b.Services, s) {
			out = append(out, Item{Service: s, Program: k.program(s), At: s.Port})
		}
	}
	sortByPort(out)
	return out
}

func sortByPort(items []Item) {
	slices.SortStableFunc(items, func(a, b Item) int { return int(a.At) - int(b.At) })
}

// maxSuccessors bounds the search for successors: who has so many services, most of
// them gone, has them on ports that change all the time.
const maxSuccessors = 2000

// succeeded says whether a service that is gone has a successor: another that its
// process brought up since, or that took over its port. What fails must not take
// its checks to another service just then; only one that came later tells that it
// moved.
func succeeded(all []topology.Service, gone *topology.Service) bool {
	if len(all) > maxSuccessors {
		return true
	}
	return slices.ContainsFunc(all, func(s topology.Service) bool {
		if s.State == topology.Gone || s.Protocol != gone.Protocol {
			return false
		}
		return s.Port == gone.Port || s.Process != "" && s.Process == gone.Process && s.Unit == gone.Unit && s.Container == gone.Container &&
			!s.FirstSeen.Before(gone.LastSeen)
	})
}

// lookInside adds what runs in containers with a network of their own, and what of
// it is to be had at a port of the host.
func (k *Stock) lookInside(snap *topology.Snapshot, v *Inventory, host *topology.Node) {
	for b := range snap.Inside(host.Name) {
		in := k.items(b)
		v.Inside = append(v.Inside, in...)
		for i := range in {
			if from, ok := forwardedFrom(host, &b.Node, in[i].Service); ok {
				v.Items = append(v.Items, Item{Service: in[i].Service, Program: in[i].Program, At: from, Forwarded: true})
			}
		}
	}
	sortByPort(v.Items)
}

// forwardedFrom is the port of the host that leads to a service in a container.
func forwardedFrom(host, container *topology.Node, s *topology.Service) (uint16, bool) {
	for _, f := range host.Forwards {
		if f.Protocol == s.Protocol && f.To.Port() == s.Port && slices.Contains(container.Addresses, f.To.Addr().Unmap()) {
			return f.From.Port(), true
		}
	}
	return 0, false
}

// program is what a service's names tell; the same names are read once.
func (k *Stock) program(s *topology.Service) Program {
	key := programKey{s.Process, s.Unit, s.Container, s.Image, s.Pod, s.Node[strings.LastIndexByte(s.Node, '/')+1:]}
	if key.inside == s.Node {
		key.inside = ""
	}
	p, ok := k.programs[key]
	if !ok {
		if len(k.programs) >= maxPrograms {
			clear(k.programs)
		}
		p = Program{k.words.Program(s.Process, s.Unit, s.Container, s.Image), key.names()}
		k.programs[key] = p
	}
	return p
}

// programKey are a service's names; inside is that of a container with a network of
// its own.
type programKey struct{ process, unit, container, image, pod, inside string }

// names are what a service goes by.
func (k *programKey) names() (out []string) {
	_, instance, _ := strings.Cut(strings.TrimSuffix(k.unit, ".service"), "@")
	for _, name := range []string{k.process, lexicon.UnitName(k.unit), instance, k.container, k.inside, k.pod[strings.LastIndexByte(k.pod, '/')+1:]} {
		tokens := lexicon.Tokens(name)
		for len(tokens) > 1 && tokens[len(tokens)-1].Digits {
			tokens = tokens[:len(tokens)-1] // shop-api-1 goes by shop-api
		}
		for len(tokens) > 1 && tokens[0].Digits {
			tokens = tokens[1:] // and 15-main by main
		}
		if joined := lexicon.Join(tokens); joined != "" && !slices.Contains(out, joined) {
			out = append(out, joined)
		}
	}
	return out
}

// At are the services at a port; see [Among].
func (v *Inventory) At(port uint16, protocol topology.Protocol, address netip.Addr) []Item {
	lo, _ := slices.BinarySearchFunc(v.Items, port, func(it Item, port uint16) int { return int(it.At) - int(port) })
	hi := lo
	for hi < len(v.Items) && v.Items[hi].At == port {
		hi++
	}
	return Among(v.Items[lo:hi], protocol, address)
}

// Among are those services at one port that are meant. What is forwarded goes before
// the host's own, which is but the runtime's proxy; of the others, those that listen
// at the address go before the rest, and those that others can reach before those
// that they can't. Without a protocol TCP goes before UDP.
func Among(found []Item, protocol topology.Protocol, address netip.Addr) []Item {
	if protocol != "" {
		found = Matching(found, func(it *Item) bool { return it.Protocol == protocol })
	}
	if len(found) < 2 {
		return found
	}
	found = Prefer(found, func(it *Item) bool { return it.Protocol == "tcp" })
	found = Prefer(found, func(it *Item) bool { return it.Forwarded })
	if address.IsValid() {
		found = Prefer(found, func(it *Item) bool { return slices.Contains(it.Addresses, address) })
	}
	return Prefer(found, func(it *Item) bool { return it.Scope != topology.ScopeLoopback })
}

// Matching are the items that fit. The list itself is returned if all do.
func Matching(items []Item, fits func(*Item) bool) []Item {
	for i := range items {
		if !fits(&items[i]) {
			out := slices.Clone(items[:i])
			for i++; i < len(items); i++ {
				if fits(&items[i]) {
					out = append(out, items[i])
				}
			}
			return out
		}
	}
	return items
}

// Prefer are the items that fit, if any does; else all.
func Prefer(items []Item, fits func(*Item) bool) []Item {
	if len(items) < 2 {
		return items
	}
	if some := Matching(items, fits); len(some) > 0 {
		return some
	}
	return items
}

// few is up to how many items a list is as fast as a map.
const fewItems = 64

// Called are the items that go by a name.
func (v *Inventory) Called(name string) (out []Item) {
	if len(v.Items)+len(v.Inside) > fewItems {
		return v.byNames()[name]
	}
	for _, list := range [][]Item{v.Items, v.Inside} {
		for i := range list {
			if slices.Contains(list[i].Names, name) && !Has(out, list[i].ID) {
				out = append(out, list[i])
			}
		}
	}
	return out
}

// Has says whether a service is among items.
func Has(items []Item, id string) bool {
	return slices.ContainsFunc(items, func(it Item) bool { return it.ID == id })
}

func (v *Inventory) byNames() map[string][]Item {
	if v.named != nil {
		return v.named
	}
	v.named = map[string][]Item{}
	forwarded := map[string]bool{}
	for i, it := range slices.Concat(v.Items, v.Inside) {
		if i >= len(v.Items) && forwarded[it.ID] {
			continue
		}
		forwarded[it.ID] = it.Forwarded
		for _, name := range it.Names {
			v.named[name] = append(v.named[name], it)
		}
	}
	return v.named
}

package wire

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Fields are those of one record.
type Fields struct {
	Text string
	At   time.Time // of the record, to the millisecond
}

// Decoder reads what [Whole] and [Patch] wrote. It is for one goroutine, and keeps
// room for the next node: about what one takes.
type Decoder struct {
	patched patched
	known   []string
	names   []string
	texts   texts
	// The lists of the whole record of a chain.
	services    []topology.Service
	connections []topology.Connection
	checks      []topology.Check
	changed     []topology.Connection // by its patches
}

// mostChanged is for how many edges that patches change there is a room.
const mostChanged = 64

// mostKept is of how many edges, and texts, the room is kept.
const mostKept = 4096

// room is where the patches of a chain are gathered.
func (d *Decoder) room(n *topology.Node) *patched {
	p := &d.patched
	if p.connections == nil {
		p.services, p.connections, p.checks = map[string]*topology.Service{}, map[string]*topology.Connection{}, map[string]*topology.Check{}
	}
	p.node = n
	return p
}

// tidy lets go of what was read, but not of the room that it took.
func (d *Decoder) tidy(in *decoder) {
	d.known, d.names = in.known, in.names
	clear(d.names[:cap(d.names)])
	clear(d.patched.services)
	clear(d.patched.connections)
	clear(d.patched.checks)
	d.patched.node = nil
	clear(d.services)
	clear(d.connections)
	clear(d.checks)
	clear(d.changed)
	if cap(d.known) > mostKept || cap(d.names) > mostKept {
		d.known, d.names = nil, nil
	}
	if cap(d.connections) > mostKept || cap(d.services) > mostKept || cap(d.checks) > mostKept {
		d.services, d.connections, d.checks, d.patched = nil, nil, nil, patched{}
	}
}

// Read reads a node, of whose fields all are of one version, and the patches on it in
// their order. The verdicts are left out: they follow from the checks. The texts are
// those of all of them, and good until the next node is read.
func (d *Decoder) Read(version byte, whole Fields, patches []Fields) (b *topology.Block, texts []string, err error) {
	in := &decoder{known: d.known[:0], version: version, names: d.names[:0], texts: &d.texts}
	in.begin(whole.Text, whole.At)
	defer d.tidy(in)
	b = new(topology.Block)
	in.node(&b.Node)
	if len(patches) == 0 {
		connections := in.lists(b, new(Decoder))
		b.Connections = pointers(connections)
		return b, in.known, in.end(b, connections)
	}
	// Only what is left after the patches is kept, so the rest has a room of its own.
	connections := in.lists(b, d)
	d.services, d.connections, d.checks = b.Services, connections, b.Checks
	if err := in.end(b, connections); err != nil {
		return nil, nil, err
	}
	if d.changed == nil {
		d.changed = make([]topology.Connection, mostChanged)
	}
	p := d.room(&b.Node)
	in.spare = d.changed
	for i := range patches {
		if err := in.patch(p, &patches[i], i+1); err != nil {
			return nil, nil, err
		}
	}
	b.Services = merge(b.Services, p.services, serviceID)
	connections = merge(connections, p.connections, connectionID)
	b.Connections = pointers(connections)
	b.Checks = merge(b.Checks, p.checks, checkID)
	return b, in.known, in.end(b, connections)
}

// lists reads what a node holds, into the room that there is, and returns its
// connections.
func (d *decoder) lists(b *topology.Block, room *Decoder) (connections []topology.Connection) {
	b.Services = decodeItems(d, room.services, minService, (*decoder).service)
	if d.version < 3 {
		connections = decodeItems(d, room.connections, minConnection1, (*decoder).connection1)
	} else {
		connections = d.connections(room.connections)
	}
	if d.version > 1 {
		b.Checks = decodeItems(d, room.checks, minCheck, (*decoder).check)
		d.signals(b.Checks)
	}
	return connections
}

// patched is what the patches of a chain changed so far: by id, nil for what is
// gone.
type patched struct {
	node        *topology.Node
	services    map[string]*topology.Service
	connections map[string]*topology.Connection
	checks      map[string]*topology.Check
}

// ErrMissing is what a patch on other records makes of its reading.
var ErrMissing = fmt.Errorf("%w: a record before it is missing", ErrCut)

// patch reads the next record of a chain, of which it has a place.
func (d *decoder) patch(p *patched, f *Fields, place int) error {
	d.begin(f.Text, f.At)
	if got := d.uint(); d.err == nil && got != uint64(place) {
		return ErrMissing
	}
	if d.byte() != 0 {
		*p.node = topology.Node{}
		d.node(p.node)
	}
	removed := d.strings()
	patchItems(p.services, serviceID, removed, decodeItems(d, nil, minService, (*decoder).service))
	removed = d.removed()
	if d.version < 3 {
		patchItems(p.connections, connectionID, removed, decodeItems(d, nil, minConnection1, (*decoder).connection1))
	} else {
		changed := d.connections(d.spare)
		if len(changed) <= len(d.spare) {
			d.spare = d.spare[len(changed):]
		}
		patchItems(p.connections, connectionID, removed, changed)
	}
	if d.version > 1 {
		removed = d.removed()
		changed := decodeItems(d, nil, minCheck, (*decoder).check)
		d.signals(changed)
		patchItems(p.checks, checkID, removed, changed)
	}
	return d.err
}

// removed reads the ids of what is gone.
func (d *decoder) removed() []string {
	n := d.count(1)
	if d.version < 3 {
		return d.plainIDs(n)
	}
	return slices.Clone(d.ids(n))
}

// end refuses what no encoder writes of a node and its connections.
func (d *decoder) end(b *topology.Block, connections []topology.Connection) error {
	switch {
	case d.err != nil:
		return d.err
	case b.Node.Name == "":
		return fmt.Errorf("%w: the node has no name", ErrCut)
	case !ascend(b.Services, serviceID) || !ascend(connections, connectionID) || !ascend(b.Checks, checkID):
		return fmt.Errorf("%w: it is out of order", ErrCut)
	}
	return nil
}

// pointers are the places of a list's connections.
func pointers(list []topology.Connection) []*topology.Connection {
	if len(list) == 0 {
		return nil
	}
	out := make([]*topology.Connection, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

func ascend[T any](list []T, id func(*T) string) bool {
	for i := 1; i < len(list); i++ {
		if id(&list[i-1]) >= id(&list[i]) {
			return false
		}
	}
	return true
}

// items is a list as long as what follows says, in a room for it if that is large
// enough.
func items[T any](d *decoder, room []T, size int) []T {
	n := d.count(size)
	if cap(room) < n {
		return make([]T, n)
	}
	return room[:n]
}

// decodeItems reads a list, into a room for it if there is one.
func decodeItems[T any](d *decoder, room []T, size int, read func(*decoder, *T)) []T {
	list := items(d, room, size)
	for i := range list {
		if read(d, &list[i]); d.err != nil {
			return nil
		}
	}
	return list
}

// patchItems takes in what one patch says of a list.
func patchItems[T any](into map[string]*T, id func(*T) string, removed []string, changed []T) {
	for _, name := range removed {
		into[name] = nil
	}
	for i := range changed {
		into[id(&changed[i])] = &changed[i]
	}
}

// merge copies a list that is sorted by id, with what changed in it.
func merge[T any](list []T, changed map[string]*T, id func(*T) string) []T {
	ids := slices.Sorted(maps.Keys(changed))
	n := merged(list, ids, changed, id)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for len(ids) > 0 {
		n := 0
		for n < len(list) && id(&list[n]) < ids[0] {
			n++
		}
		out, list = append(out, list[:n]...), list[n:]
		if len(list) > 0 && id(&list[0]) == ids[0] {
			list = list[1:]
		}
		if item := changed[ids[0]]; item != nil {
			out = append(out, *item)
		}
		ids = ids[1:]
	}
	return append(out, list...)
}

// merged is how many items [merge] makes.
func merged[T any](list []T, ids []string, changed map[string]*T, id func(*T) string) int {
	n := len(list)
	for _, name := range ids {
		_, was := sort.Find(len(list), func(i int) int { return strings.Compare(name, id(&list[i])) }) // without copying items
		switch is := changed[name] != nil; {
		case is && !was:
			n++
		case was && !is:
			n--
		}
	}
	return n
}

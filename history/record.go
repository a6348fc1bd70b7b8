// Package history says how the past is kept: what a record of a node's state
// looks like, when one is written, how a topology is put together from records,
// who used a service, and how two moments differ. It does no I/O and has no
// clock.
//
// A record is whole or a patch. A whole one is a node with all of its services
// and connections. The patches that follow it, a chain of them, each have what
// changed in structure since the record before; of the rest, numbers and times
// are those of the whole one. The last record of a node that is gone says so.
//
// The data of a record is one byte for the version, one for the kind, and then
// the fields in the order of the functions of codec.go: of a whole one compressed
// (RFC 8878), of a patch as they are, as they refer to the texts of those before,
// after its place in the chain. What follows the fields that a reader knows is
// left alone, so that later versions may add to the end, without new texts.
package history

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/topology"
)

// Record is one node as it was from a moment on, until its next record.
type Record struct {
	Node string
	At   time.Time // to the millisecond
	// Base is the time of the whole record of the same node with which the chain
	// begins that ends with this one; zero if it stands by itself.
	Base time.Time
	Data []byte
}

// version is the first byte of a record's data. A decoder refuses others.
const version = 1

// The kinds of record.
const (
	whole = 'W'
	patch = 'P'
	gone  = 'G'
)

// The sizes of a record's fields, unpacked. What a damaged record can claim is
// bounded by what it takes up itself: no two edges are so much alike that a real
// one is packed to a hundredth.
const (
	maxRecord = 256 << 20
	maxRatio  = 100
	smallest  = 64 << 10 // any record may unpack to that
	keepRoom  = 1 << 20  // a larger buffer is not kept for the next record
)

// coder compresses and decompresses; it is made when it is first needed.
type coder struct {
	once sync.Once
	buf  []byte // what was decompressed last
	enc  *zstd.Encoder
	dec  *zstd.Decoder
}

func (c *coder) get() *coder {
	c.once.Do(func() {
		var err, err2 error
		c.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(64<<10), zstd.WithEncoderCRC(true))
		c.dec, err2 = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecord), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
		if err != nil || err2 != nil {
			panic(fmt.Sprint("history: ", err, err2)) // the options are constant
		}
	})
	return c
}

func (c *coder) seal(fields []byte) []byte {
	return c.get().enc.EncodeAll(fields, []byte{version, whole})
}

// open checks what a record's data begins with, and decompresses a whole one.
func (c *coder) open(data []byte) (kind byte, fields string, err error) {
	switch {
	case len(data) < 2:
		return 0, "", errCut
	case data[0] != version:
		return 0, "", wrongVersion(data[0])
	case data[1] != whole:
		return data[1], "", nil
	}
	size, err := unpacked(data[2:])
	if err != nil {
		return 0, "", err
	}
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	raw, err := c.get().dec.DecodeAll(data[2:], c.buf[:0:size])
	if cap(c.buf) > keepRoom {
		c.buf = nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("%w: %w", errCut, err)
	}
	return data[1], string(raw), nil
}

// unpacked is how many bytes a frame holds at most.
func unpacked(frame []byte) (int, error) {
	var h zstd.Header
	switch err := h.Decode(frame); {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", errCut, err)
	case !h.HasFCS: // a small one does not say
		return smallest, nil
	case h.FrameContentSize > maxRecord || h.FrameContentSize > uint64(max(smallest, maxRatio*len(frame))):
		return 0, fmt.Errorf("%w: %d bytes claim to hold %d", errCut, len(frame), h.FrameContentSize)
	}
	return int(h.FrameContentSize), nil
}

// encodeWhole writes a block.
func (c *coder) encodeWhole(b *topology.Block, at time.Time) []byte {
	return c.seal(fieldsOf(b, at))
}

// fieldsOf are the fields of a whole record, not compressed.
func fieldsOf(b *topology.Block, at time.Time) []byte {
	e := newEncoder(at)
	e.node(&b.Node)
	e.uint(uint64(len(b.Services)))
	for i := range b.Services {
		e.service(&b.Services[i])
	}
	e.uint(uint64(len(b.Connections)))
	for i := range b.Connections {
		e.connection(&b.Connections[i])
	}
	return e.buf
}

// encodePatch writes what changed in structure from one state to the next. place
// counts the records before it in its chain, known are the texts of all of them.
func encodePatch(before, b *topology.Block, at time.Time, place int, known map[string]uint64) []byte {
	e := &encoder{buf: []byte{version, patch}, at: at.UnixMilli(), known: known}
	e.uint(uint64(place))
	changed := !topology.SameNode(&before.Node, &b.Node)
	e.bool(changed)
	if changed {
		e.node(&b.Node)
	}
	encodeItems(e, before.Services, b.Services, serviceID, sameService, e.service, e.string)
	encodeItems(e, before.Connections, b.Connections, connectionID, sameConnection, e.connection, e.id)
	return e.buf
}

// Same says whether two states of a node differ in numbers and times only, so that
// a patch from one to the other would be empty. It finds more than there are
// events for: evidence, owners, notes, the status that checks give.
func Same(a, b *topology.Block) bool {
	return a == b || (topology.SameNode(&a.Node, &b.Node) &&
		sameItems(a.Services, b.Services, sameService) && sameItems(a.Connections, b.Connections, sameConnection))
}

func sameItems[T any](a, b []T, same func(a, b *T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if &a[i] != &b[i] && !same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

func serviceID(s *topology.Service) string       { return s.ID }
func connectionID(c *topology.Connection) string { return c.ID }

// encodeItems writes the ids of what is gone, and then what is new or changed.
func encodeItems[T any](e *encoder, a, b []T, id func(*T) string, same func(a, b *T) bool, put func(*T), drop func(string)) {
	var removed []string
	var changed []*T
	topology.Walk(a, b, id, func(was, is *T) {
		switch {
		case is == nil:
			removed = append(removed, id(was))
		case was == nil || !same(was, is):
			changed = append(changed, is)
		}
	})
	e.uint(uint64(len(removed)))
	for _, r := range removed {
		drop(r)
	}
	e.uint(uint64(len(changed)))
	for _, item := range changed {
		put(item)
	}
}

// sameService says whether two states of a service differ in numbers and times
// only.
func sameService(a, b *topology.Service) bool {
	x, y := *a, *b
	for _, s := range []*topology.Service{&x, &y} {
		s.Clients, s.Queue, s.QueueMax, s.Drops = 0, 0, 0, 0
		if s.LastConnection = (time.Time{}); s.State != topology.Gone {
			s.LastSeen = time.Time{}
		}
		s.LastSeen = time.UnixMilli(s.LastSeen.UnixMilli())
		s.FirstSeen = time.UnixMilli(s.FirstSeen.UnixMilli())
	}
	return topology.SameService(&x, &y)
}

// sameConnection is [sameService] for connections.
func sameConnection(a, b *topology.Connection) bool {
	x, y := *a, *b
	for _, c := range []*topology.Connection{&x, &y} {
		c.Count, c.Opened, c.Refused, c.TimedOut, c.Failed, c.Peers, c.Health = 0, 0, 0, 0, 0, 0, nil
		if c.Status != topology.Old {
			c.LastSeen = time.Time{}
		}
		c.LastSeen = time.UnixMilli(c.LastSeen.UnixMilli())
		c.FirstSeen = time.UnixMilli(c.FirstSeen.UnixMilli())
	}
	return x.Directed == y.Directed && topology.SameConnection(&x, &y)
}

// Decoder reads records. It is for one goroutine, and keeps room for the next
// one: about what a node takes.
type Decoder struct {
	coder
	patched patched
	known   []string
	// The lists of the whole record of a chain.
	services    []topology.Service
	connections []topology.Connection
}

// mostKept is of how many edges, and texts, the room is kept.
const mostKept = 4096

// room is where the patches of a chain are gathered.
func (d *Decoder) room(n *topology.Node) *patched {
	p := &d.patched
	if p.connections == nil {
		p.services, p.connections = map[string]*topology.Service{}, map[string]*topology.Connection{}
	}
	p.node = n
	return p
}

// tidy lets go of what was read, but not of the room that it took.
func (d *Decoder) tidy(in *decoder) {
	d.known = in.known
	clear(d.patched.services)
	clear(d.patched.connections)
	d.patched.node = nil
	clear(d.services)
	clear(d.connections)
	if cap(d.known) > mostKept {
		d.known = nil
	}
	if cap(d.connections) > mostKept || cap(d.services) > mostKept {
		d.services, d.connections, d.patched = nil, nil, patched{}
	}
}

// Decode returns the node as the last record of a chain tells it; nil if it is
// gone. A chain is one record that stands by itself and the patches on it, in
// their order. Records of other chains may lie between them: they do where the
// clock was set back.
func (d *Decoder) Decode(chain []Record) (*topology.Block, error) {
	if len(chain) == 0 {
		return nil, errors.New("a chain of no records")
	}
	b, _, err := d.decode(chain)
	if err != nil {
		last := &chain[len(chain)-1]
		return nil, fmt.Errorf("record of %s at %s: %w", last.Node, last.At.UTC().Format(time.RFC3339), err)
	}
	return b, nil
}

// decode also returns the texts of the chain, which are good until the next one
// is decoded.
func (d *Decoder) decode(chain []Record) (*topology.Block, []string, error) {
	kind, fields, err := d.open(chain[0].Data)
	switch {
	case err != nil:
		return nil, nil, err
	case kind == gone && len(chain) == 1:
		return nil, nil, nil
	case kind != whole:
		return nil, nil, fmt.Errorf("%w: the whole record that it builds on is missing", errCut)
	}
	return d.build(fields, chain)
}

// build reads the fields of a whole record, and the patches on it.
func (d *Decoder) build(fields string, chain []Record) (*topology.Block, []string, error) {
	in := &decoder{known: d.known[:0]}
	in.begin(fields, chain[0].At)
	defer d.tidy(in)
	b := new(topology.Block)
	in.node(&b.Node)
	if len(chain) == 1 {
		b.Services = decodeItems(in, nil, minService, (*decoder).service)
		b.Connections = decodeItems(in, nil, minConnection, (*decoder).connection)
		return b, in.known, in.end(b)
	}
	// Only what is left after the patches is kept, so the rest has a room of its own.
	d.services = decodeItems(in, d.services, minService, (*decoder).service)
	d.connections = decodeItems(in, d.connections, minConnection, (*decoder).connection)
	b.Services, b.Connections = d.services, d.connections
	if err := in.end(b); err != nil {
		return nil, nil, err
	}
	p := d.room(&b.Node)
	place, last := 0, len(chain)-1
	for i := range chain {
		r := &chain[i]
		if i == 0 || (i < last && !r.Base.Equal(chain[0].At)) {
			continue
		}
		if !r.Base.Equal(chain[0].At) {
			return nil, nil, errMissing
		}
		place++
		if err := in.patch(p, r, place); err != nil {
			return nil, nil, err
		}
	}
	b.Services = merge(b.Services, p.services, serviceID)
	b.Connections = merge(b.Connections, p.connections, connectionID)
	return b, in.known, in.end(b)
}

// patched is what the patches of a chain changed so far: by id, nil for what is
// gone.
type patched struct {
	node        *topology.Node
	services    map[string]*topology.Service
	connections map[string]*topology.Connection
}

// errMissing is what a patch on other records makes of its reading.
var errMissing = fmt.Errorf("%w: a record before it is missing", errCut)

// patch reads the next record of a chain, of which it has a place.
func (d *decoder) patch(p *patched, r *Record, place int) error {
	switch {
	case len(r.Data) < 2:
		return errCut
	case r.Data[0] != version:
		return wrongVersion(r.Data[0])
	case r.Data[1] != patch:
		return fmt.Errorf("%w: it is of kind %q", errCut, r.Data[1])
	}
	d.begin(string(r.Data[2:]), r.At)
	if got := d.uint(); d.err == nil && got != uint64(place) {
		return errMissing
	}
	if d.byte() != 0 {
		*p.node = topology.Node{}
		d.node(p.node)
	}
	patchItems(d, p.services, minService, serviceID, (*decoder).string, (*decoder).service)
	patchItems(d, p.connections, minConnection, connectionID, (*decoder).id, (*decoder).connection)
	return d.err
}

func wrongVersion(v byte) error {
	return fmt.Errorf("it is of version %d, this dotm reads %d: update dotm", v, version)
}

// end refuses what no encoder writes.
func (d *decoder) end(b *topology.Block) error {
	switch {
	case d.err != nil:
		return d.err
	case b.Node.Name == "":
		return fmt.Errorf("%w: the node has no name", errCut)
	case !ascend(b.Services, serviceID) || !ascend(b.Connections, connectionID):
		return fmt.Errorf("%w: it is out of order", errCut)
	}
	return nil
}

func ascend[T any](list []T, id func(*T) string) bool {
	for i := 1; i < len(list); i++ {
		if id(&list[i-1]) >= id(&list[i]) {
			return false
		}
	}
	return true
}

// decodeItems reads a list, into a room for it if there is one.
func decodeItems[T any](d *decoder, room []T, size int, read func(*decoder, *T)) []T {
	n := d.count(size)
	if n == 0 {
		return room[:0]
	}
	if cap(room) < n {
		room = make([]T, n)
	}
	room = room[:n]
	for i := range room {
		if read(d, &room[i]); d.err != nil {
			return nil
		}
	}
	return room
}

// patchItems reads what one patch says of a list.
func patchItems[T any](d *decoder, into map[string]*T, size int, id func(*T) string, name func(*decoder) string, read func(*decoder, *T)) {
	for range d.count(1) {
		into[name(d)] = nil
	}
	changed := decodeItems(d, nil, size, read)
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

// Snapshot puts the blocks of one moment together. Nodes that reported then are
// taken to have done so at that moment, so that what was open reads as open.
func Snapshot(at time.Time, blocks []*topology.Block) (*topology.Snapshot, error) {
	blocks = slices.DeleteFunc(blocks, func(b *topology.Block) bool { return b == nil })
	slices.SortFunc(blocks, func(a, b *topology.Block) int { return strings.Compare(a.Node.Name, b.Node.Name) })
	for _, b := range blocks {
		if b.Node.State == topology.Reporting {
			b.Node.LastReport = at
		}
	}
	s, err := topology.FromBlocks(Revision(at), at, blocks)
	if err != nil {
		return nil, fmt.Errorf("the topology of %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	return s, nil
}

// Revision names the topology of a past moment.
func Revision(at time.Time) topology.Revision {
	return topology.Revision{Epoch: "at", Number: uint64(max(0, at.UnixMilli()))}
}

package history

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// patchShare is how much smaller than a whole record a patch must be: beyond a
// quarter of it the next record is whole.
const patchShare = 4

// Recorder makes records of nodes as they change. It remembers of each its last
// whole record, compressed: some kilobytes for a node of a hundred connections.
// It is for one goroutine.
type Recorder struct {
	coder
	nodes map[string]*Record
}

// NewRecorder makes a recorder that has recorded nothing.
func NewRecorder() *Recorder { return &Recorder{nodes: map[string]*Record{}} }

// Record returns a record of a node that changed in structure.
func (r *Recorder) Record(b *topology.Block, at time.Time) Record {
	at = at.Truncate(time.Millisecond)
	if base := r.nodes[b.Node.Name]; base != nil && base.At.Before(at) {
		if rec, ok := r.patch(base, b, at); ok {
			return rec
		}
	}
	return r.Whole(b, at)
}

func (r *Recorder) patch(base *Record, b *topology.Block, at time.Time) (Record, bool) {
	_, fields, err := r.open(base.Data)
	if err != nil {
		return Record{}, false
	}
	before, err := decodeWhole(fields, base.At)
	if err != nil {
		return Record{}, false
	}
	rec := Record{Node: b.Node.Name, At: at, Base: base.At, Data: r.encodePatch(before, b, at)}
	return rec, len(rec.Data) < len(base.Data)/patchShare
}

// Whole returns a record of a node with all of its numbers: a key frame.
func (r *Recorder) Whole(b *topology.Block, at time.Time) Record {
	at = at.Truncate(time.Millisecond)
	rec := Record{Node: b.Node.Name, At: at, Data: r.encodeWhole(b, at)}
	r.nodes[b.Node.Name] = &rec
	return rec
}

// Gone returns a record of a node that is no more.
func (r *Recorder) Gone(node string, at time.Time) Record {
	delete(r.nodes, node)
	return Record{Node: node, At: at.Truncate(time.Millisecond), Data: []byte{version, gone}}
}

// Framed is when the last whole record of a node was made; zero if none was.
func (r *Recorder) Framed(node string) time.Time {
	if base := r.nodes[node]; base != nil {
		return base.At
	}
	return time.Time{}
}

// Forget drops what it knows of a node, because the store doesn't have it.
func (r *Recorder) Forget(node string) { delete(r.nodes, node) }

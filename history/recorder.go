package history

import (
	"time"

	"github.com/devops-trouble-map/dotm/history/wire"
	"github.com/devops-trouble-map/dotm/topology"
)

// The lengths of chains: a patch must be much smaller than a whole record, and a
// moment must not take too many of them to tell: all of a chain take no more than
// the whole one.
const (
	patchShare = 3 // a patch of a third of the whole one's size or more makes a whole one
	maxChain   = 128
)

// Recorder makes records of nodes as they change. It remembers of each the chain
// that it is writing: some kilobytes for a node of a hundred connections. It is
// for one goroutine.
type Recorder struct {
	Decoder
	out   wire.Encoder
	nodes map[string][]Record
}

// NewRecorder makes a recorder that has recorded nothing.
func NewRecorder() *Recorder { return &Recorder{nodes: map[string][]Record{}} }

// Record returns a record of a node that changed in structure.
func (r *Recorder) Record(b *topology.Block, at time.Time) Record {
	at = at.Truncate(time.Millisecond)
	chain := r.nodes[b.Node.Name]
	if n := len(chain); n > 0 && n < maxChain && chain[n-1].At.Before(at) {
		if rec, ok := r.patch(chain, b, at); ok {
			r.nodes[b.Node.Name] = append(chain, rec)
			return rec
		}
	}
	return r.Whole(b, at)
}

func (r *Recorder) patch(chain []Record, b *topology.Block, at time.Time) (Record, bool) {
	before, texts, err := r.decode(chain)
	if err != nil {
		return Record{}, false
	}
	data := append([]byte{wire.Version, patch}, wire.Patch(before, b, at, len(chain), texts)...)
	rec := Record{Node: b.Node.Name, At: at, Base: chain[0].At, Data: data}
	size := len(rec.Data)
	for i := range chain[1:] {
		size += len(chain[i+1].Data)
	}
	return rec, len(rec.Data) < len(chain[0].Data)/patchShare && size <= len(chain[0].Data)
}

// Whole returns a record of a node with all of its numbers: a key frame.
func (r *Recorder) Whole(b *topology.Block, at time.Time) Record {
	at = r.spare(b.Node.Name, at.Truncate(time.Millisecond))
	rec := Record{Node: b.Node.Name, At: at, Data: r.seal(r.out.Whole(b, at))}
	r.nodes[b.Node.Name] = []Record{rec}
	return rec
}

// Gone returns a record of a node that is no more.
func (r *Recorder) Gone(node string, at time.Time) Record {
	at = r.spare(node, at.Truncate(time.Millisecond))
	delete(r.nodes, node)
	return Record{Node: node, At: at, Data: []byte{wire.Version, gone}}
}

// spare is a moment, or a little later, at which a record replaces none that
// others build on. Where the clock was set back there may be such.
func (r *Recorder) spare(node string, at time.Time) time.Time {
	chain := r.nodes[node]
	for i := range max(0, len(chain)-1) {
		if chain[i].At.Equal(at) {
			at = at.Add(time.Millisecond)
		}
	}
	return at
}

// Framed is when the last whole record of a node was made; zero if none was.
func (r *Recorder) Framed(node string) time.Time {
	if chain := r.nodes[node]; len(chain) > 0 {
		return chain[0].At
	}
	return time.Time{}
}

// Forget drops what it knows of a node, because the store doesn't have it.
func (r *Recorder) Forget(node string) { delete(r.nodes, node) }

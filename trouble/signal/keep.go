package signal

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"

	"github.com/devops-trouble-map/dotm/topology"
)

// kept is what is written of edges: by node, [record] bytes of each.
type kept struct {
	Version int               `json:"version"`
	Nodes   map[string]string `json:"nodes"` // base64
}

// version is that of the records. Others are not read: what is usual is learned anew.
const version = 1

// record is how many bytes are kept of an edge: the beginning of its id's hash, then
// its fields, all little endian.
const record = 8 + 4 + 4 + 2 + 4 + 4 + 4

// memories are what was kept of a node's edges, by their hash.
type memories map[uint64]edge

// of are the edges of connections, with what was kept of them.
func (k memories) of(connections []*topology.Connection) []edge {
	out := make([]edge, len(connections))
	for i := range connections {
		if len(k) > 0 {
			out[i] = k[hashOf(connections[i].ID)]
		}
	}
	return out
}

func hashOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum64()
}

// Shard is the part of the memory that a node is kept in, of so many.
func Shard(node string, of int) int { return int(hashOf(node) % uint64(of)) }

// Save is one part of what is to be remembered over a restart, of so many: what is usual
// on edges. Which signals there are is told by the snapshot. It is nil if there is nothing.
func (m *Memory) Save(shard, of int) ([]byte, error) {
	out := kept{version, map[string]string{}}
	for name, n := range m.nodes {
		if Shard(name, of) != shard {
			continue
		}
		var raw []byte
		for i := range n.edges {
			if e := &n.edges[i]; e.trip.n > 0 || e.covered > 0 {
				raw = e.append(raw, n.block.Connections[i].ID)
			}
		}
		if raw != nil {
			out.Nodes[name] = base64.StdEncoding.EncodeToString(raw)
		}
	}
	if len(out.Nodes) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(&out)
	if err != nil {
		return nil, fmt.Errorf("writing what is usual on edges: %w", err)
	}
	return text, nil
}

func (e *edge) append(raw []byte, id string) []byte {
	raw = binary.LittleEndian.AppendUint64(raw, hashOf(id))
	raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(e.trip.mid))
	raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(e.trip.dev))
	raw = binary.LittleEndian.AppendUint16(raw, e.trip.n)
	raw = binary.LittleEndian.AppendUint32(raw, e.covered)
	raw = binary.LittleEndian.AppendUint32(raw, e.open)
	return binary.LittleEndian.AppendUint32(raw, e.closed)
}

// errKept refuses what [Memory.Save] doesn't write.
var errKept = errors.New("what is usual on edges is kept in a form that this dotm doesn't read; it is learned anew")

// Load takes in what [Memory.Save] wrote. It is for the nodes that are seen first
// after that.
func (m *Memory) Load(text []byte) error {
	var in kept
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("%w: %w", errKept, err)
	}
	if in.Version != version {
		return fmt.Errorf("%w: version %d", errKept, in.Version)
	}
	for name, text := range in.Nodes {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw)%record != 0 {
			return fmt.Errorf("%w: node %q", errKept, name)
		}
		k := make(memories, len(raw)/record)
		for ; len(raw) > 0; raw = raw[record:] {
			id, e := parse(raw)
			if e.sane() {
				k[id] = e
			}
		}
		m.kept[name] = k
	}
	return nil
}

func parse(raw []byte) (id uint64, e edge) {
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(raw[at:]) }
	e.trip = usual{math.Float32frombits(number(8)), math.Float32frombits(number(12)), binary.LittleEndian.Uint16(raw[16:])}
	e.covered, e.open, e.closed = number(18), number(22), number(26)
	return binary.LittleEndian.Uint64(raw), e
}

// sane says that an edge may be so.
func (e *edge) sane() bool {
	most := uint32(2 * longest.Seconds())
	return e.trip.mid >= -1 && e.trip.mid <= 64 && e.trip.dev >= 0 && e.trip.dev <= 64 && e.open <= e.covered && e.covered <= most && e.closed <= most
}

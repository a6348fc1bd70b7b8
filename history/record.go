// Package history says how the past is kept: what a record of a node's state
// looks like, when one is written, how a topology is put together from records,
// who used a service, and how two moments differ. It does no I/O and has no
// clock.
//
// A record is whole or a patch. A whole one is a node with all of its services,
// connections and checks. The patches that follow it, a chain of them, each have what
// changed in structure since the record before; of the rest, numbers and times
// are those of the whole one. The last record of a node that is gone says so.
//
// The data of a record is one byte for the version, one for the kind, and then
// the fields of package wire: of a whole one compressed
// (RFC 8878), of a patch as they are, as they refer to the texts of those before,
// after its place in the chain.
package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/history/wire"
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
	fast *zstd.Encoder // of states, which are written again and again: a fifteenth larger in half of the time
	dec  *zstd.Decoder
}

func (c *coder) get() *coder {
	c.once.Do(func() {
		var err, err2, err3 error
		c.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(64<<10), zstd.WithEncoderCRC(true))
		c.dec, err2 = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecord), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
		c.fast, err3 = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithNoEntropyCompression(true), zstd.WithWindowSize(64<<10), zstd.WithEncoderCRC(true))
		if err != nil || err2 != nil || err3 != nil {
			panic(fmt.Sprint("history: ", err, err2, err3)) // the options are constant
		}
	})
	return c
}

func (c *coder) seal(fields []byte) []byte {
	return c.get().enc.EncodeAll(fields, []byte{wire.Version, whole})
}

// open checks what a record's data begins with, and decompresses a whole one.
func (c *coder) open(data []byte) (kind byte, fields string, err error) {
	switch {
	case len(data) < 2:
		return 0, "", wire.ErrCut
	case wire.Readable(data[0]) != nil:
		return 0, "", wire.Readable(data[0])
	case data[1] != whole && data[1] != state:
		return data[1], "", nil
	}
	size, err := unpacked(data[2:], data[1])
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
		return 0, "", fmt.Errorf("%w: %w", wire.ErrCut, err)
	}
	return data[1], string(raw), nil
}

// unpacked is how many bytes a frame of a kind holds at most.
func unpacked(frame []byte, kind byte) (int, error) {
	var h zstd.Header
	switch err := h.Decode(frame); {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", wire.ErrCut, err)
	case !h.HasFCS: // a small one does not say
		return smallest, nil
	case h.FrameContentSize > maxRecord || kind != state && h.FrameContentSize > uint64(max(smallest, maxRatio*len(frame))):
		return 0, fmt.Errorf("%w: %d bytes claim to hold %d", wire.ErrCut, len(frame), h.FrameContentSize)
	}
	return int(h.FrameContentSize), nil
}

// Decoder reads records. It is for one goroutine, and keeps room for the next
// one: about what a node takes.
type Decoder struct {
	coder
	fields  wire.Decoder
	patches []wire.Fields
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
	if b != nil {
		b.Judge()
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
		return nil, nil, fmt.Errorf("%w: the whole record that it builds on is missing", wire.ErrCut)
	}
	if err := d.gather(chain); err != nil {
		return nil, nil, err
	}
	defer clear(d.patches)
	return d.fields.Read(chain[0].Data[0], wire.Fields{Text: fields, At: chain[0].At}, d.patches)
}

// gather finds the patches of a chain among the records that follow its first.
func (d *Decoder) gather(chain []Record) error {
	d.patches = d.patches[:0]
	last := len(chain) - 1
	for i := range chain[1:] {
		r := &chain[i+1]
		switch {
		case !r.Base.Equal(chain[0].At) && i+1 < last:
		case !r.Base.Equal(chain[0].At):
			return wire.ErrMissing
		case len(r.Data) < 2:
			return wire.ErrCut
		case r.Data[0] != chain[0].Data[0]:
			return fmt.Errorf("%w: it is of version %d, what it builds on of %d", wire.ErrCut, r.Data[0], chain[0].Data[0])
		case r.Data[1] != patch:
			return fmt.Errorf("%w: it is of kind %q", wire.ErrCut, r.Data[1])
		default:
			d.patches = append(d.patches, wire.Fields{Text: string(r.Data[2:]), At: r.At})
		}
	}
	return nil
}

// Same says whether two states of a node differ in numbers and times only, so that
// a patch from one to the other would be empty. It finds more than there are
// events for: evidence, owners, notes, what a check is mapped on.
func Same(a, b *topology.Block) bool { return wire.Same(a, b) }

// EncodeEvent writes an event but for its time and its holder. It never begins with a
// brace, as JSON does.
func EncodeEvent(e *topology.Event) []byte { return wire.EncodeEvent(e) }

// DecodeEvent reads what [EncodeEvent] wrote, now or in an earlier version, of an event
// at a time.
func DecodeEvent(raw []byte, at time.Time) (topology.Event, error) { return wire.DecodeEvent(raw, at) }

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

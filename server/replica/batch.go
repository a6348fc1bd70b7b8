package replica

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// entry is one thing that a member tells; a message on the bus holds many.
type entry struct {
	kind string
	to   string // a member's name; empty for all
	ref  uint64 // joins an answer to its question
	data []byte
	// sent is called once it is on the bus, unsent if it could not be told; both
	// may be nil.
	sent, unsent func()
}

// Bounds of a message.
const (
	maxMessage = 64 << 20 // unpacked
	maxBatch   = 4 << 20  // beyond it no more entries join a message
)

var errCut = errors.New("message is cut")

// packing compresses messages (RFC 8878). Each member has its own.
type packing struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newPacking() packing {
	return packing{
		must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))),
		must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxMessage), zstd.WithDecoderConcurrency(1))),
	}
}

// must is for options that are constant.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pack writes entries one after the other, each field with its length as a
// varint before it, and compresses that.
func (p packing) pack(entries []entry) []byte {
	var raw []byte
	for i := range entries {
		e := &entries[i]
		raw = appendField(raw, e.kind)
		raw = appendField(raw, e.to)
		raw = binary.AppendUvarint(raw, e.ref)
		raw = appendField(raw, e.data)
	}
	return p.enc.EncodeAll(raw, nil)
}

func appendField[T string | []byte](raw []byte, field T) []byte {
	return append(binary.AppendUvarint(raw, uint64(len(field))), field...)
}

// unpack reads what pack wrote.
func (p packing) unpack(data []byte) (out []entry, err error) {
	raw, err := p.dec.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking message: %w", err)
	}
	for len(raw) > 0 {
		var e entry
		var kind, to []byte
		if kind, raw, err = cutField(raw); err != nil {
			return nil, err
		}
		if to, raw, err = cutField(raw); err != nil {
			return nil, err
		}
		ref, n := binary.Uvarint(raw)
		if n <= 0 {
			return nil, errCut
		}
		if e.data, raw, err = cutField(raw[n:]); err != nil {
			return nil, err
		}
		e.kind, e.to, e.ref = string(kind), string(to), ref
		out = append(out, e)
	}
	return out, nil
}

func cutField(raw []byte) (field, rest []byte, err error) {
	size, n := binary.Uvarint(raw)
	if n <= 0 || size > uint64(len(raw)-n) {
		return nil, nil, errCut
	}
	raw = raw[n:]
	return raw[:size:size], raw[size:], nil
}

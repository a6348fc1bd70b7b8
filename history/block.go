package history

import (
	"encoding/json"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/history/wire"
	"github.com/devops-trouble-map/dotm/topology"
)

// state is the kind of what [BlockCoder] writes, beside those of records.
const state = 'S'

// BlockCoder writes nodes as a store keeps the newest state of each, and reads them: one
// byte for the version, one for the kind, and the fields of package wire, compressed
// (RFC 8878). Nothing of a block is lost but what is never kept. It is for one goroutine,
// and keeps room for the next block.
type BlockCoder struct {
	coder
	out    []byte
	fields wire.Encoder
	from   wire.Decoder
	old    *zstd.Decoder // of blocks as they were before
}

// Encode writes a block. What it returns is the caller's.
func (c *BlockCoder) Encode(b *topology.Block) []byte {
	c.out = c.get().fast.EncodeAll(c.fields.State(b), append(c.out[:0], wire.Version, state))
	return append(make([]byte, 0, len(c.out)), c.out...) // as long as it is: many wait for one write
}

// The first bytes of blocks as they were kept before: JSON, and that compressed.
const (
	firstOfJSON = '{'
	firstOfZstd = 0x28 // RFC 8878, 3.1.1
)

// Decode reads a block, as it is written now or ever was.
func (c *BlockCoder) Decode(data []byte) (*topology.Block, error) {
	switch {
	case len(data) < 2:
		return nil, wire.ErrCut
	case data[0] == firstOfJSON:
		return c.json(data)
	case data[0] == firstOfZstd:
		raw, err := c.unpack(data)
		if err != nil {
			return nil, err
		}
		return c.json(raw)
	}
	kind, fields, err := c.open(data)
	switch {
	case err != nil:
		return nil, err
	case kind != state:
		return nil, fmt.Errorf("%w: it is of kind %q", wire.ErrCut, kind)
	}
	return c.from.State(data[0], fields)
}

func (*BlockCoder) json(raw []byte) (*topology.Block, error) {
	b := new(topology.Block)
	if err := json.Unmarshal(raw, b); err != nil {
		return nil, err
	}
	return b, nil
}

// unpack decompresses a block in JSON, which may be packed to far less than a hundredth.
func (c *BlockCoder) unpack(data []byte) ([]byte, error) {
	if c.old == nil {
		var err error
		if c.old, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecord)); err != nil {
			return nil, err
		}
	}
	return c.old.DecodeAll(data, nil)
}

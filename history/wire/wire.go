// Package wire writes the state of a node, what changes in it, and events, as bytes,
// and reads them. What follows the fields that a reader knows is left alone, so that
// later versions may add to the end, without new texts.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// ErrCut is what a record or event that ends too early, or says nonsense, makes of
// its reading.
var ErrCut = errors.New("it is cut or damaged")

// encoder writes the fields of one record. Numbers are varints (see package
// encoding/binary). A string that was written before is a reference to it. Times
// are milliseconds before or after the record's own, but in what [Encoder.State]
// writes.
type encoder struct {
	buf     []byte
	at      int64 // ms since 1970
	known   map[string]uint64
	fine    bool // times are moments
	moments moments
	places  places
	scratch []byte
}

func newEncoder(at time.Time) *encoder {
	return &encoder{at: at.UnixMilli(), known: make(map[string]uint64, 64)}
}

func (e *encoder) uint(v uint64) { e.buf = binary.AppendUvarint(e.buf, v) }
func (e *encoder) int(v int64)   { e.buf = binary.AppendVarint(e.buf, v) }
func (e *encoder) byte(v byte)   { e.buf = append(e.buf, v) }
func (e *encoder) float(v float64) {
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(v))
}

// string writes twice the index of one that was written before, or an odd number
// that tells the length of a new one. It returns the index.
func (e *encoder) string(s string) uint64 {
	if i, ok := e.known[s]; ok {
		e.uint(i << 1)
		return i
	}
	i := uint64(len(e.known))
	e.known[s] = i
	e.id(s)
	return i
}

// text is string of bytes that are written over.
func (e *encoder) text(b []byte) uint64 {
	if i, ok := e.known[string(b)]; ok {
		e.uint(i << 1)
		return i
	}
	return e.string(string(b))
}

func (e *encoder) bytes(b []byte) {
	e.uint(uint64(len(b))<<1 | 1)
	e.buf = append(e.buf, b...)
}

// time writes 0 for none.
func (e *encoder) time(t time.Time) {
	switch {
	case t.IsZero():
		e.uint(0)
		return
	case e.fine:
		e.moment(t)
		return
	}
	d := t.UnixMilli() - e.at
	e.uint(uint64(d<<1) ^ uint64(d>>63) + 1)
}

// id writes a name that occurs once, as it is.
func (e *encoder) id(id string) {
	e.uint(uint64(len(id))<<1 | 1)
	e.buf = append(e.buf, id...)
}

func (e *encoder) addrs(list []netip.Addr) {
	e.uint(uint64(len(list)))
	for _, a := range list {
		e.scratch, _ = a.AppendBinary(e.scratch[:0]) // never fails
		e.text(e.scratch)
	}
}

// decoder reads what an encoder wrote. Its first error stays; after it all
// fields are empty.
type decoder struct {
	text  string // the record, of which its strings are parts
	pos   int    // how far it was read
	at    int64
	known []string
	err   error

	fine    bool // times are moments
	moments moments

	version byte     // of the record
	names   []string // those that were read last
	texts   *texts
	spare   []topology.Connection // for what patches change

	sightings []topology.Sighting // room for the next ones
	healths   []topology.Health
}

// room cuts n items from a slab, and makes a new slab where it is used up.
func room[T any](slab *[]T, n int) []T {
	if n > len(*slab) {
		*slab = make([]T, max(n, 64))
	}
	cut := (*slab)[:n:n]
	*slab = (*slab)[n:]
	return cut
}

// begin turns to the next text of the chain.
func (d *decoder) begin(text string, at time.Time) {
	d.text, d.pos, d.at = text, 0, at.UnixMilli()
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = ErrCut
	}
	d.pos = len(d.text)
}

// uint reads most numbers in its first lines: they are small.
func (d *decoder) uint() uint64 {
	if d.pos < len(d.text) {
		if b := d.text[d.pos]; b < 0x80 {
			d.pos++
			return uint64(b)
		}
	}
	return d.long()
}

func (d *decoder) long() uint64 {
	var v uint64
	rest := d.text[d.pos:]
	for i := 0; i < len(rest) && i < binary.MaxVarintLen64; i++ {
		b := rest[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.pos += i + 1
			return v
		}
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) byte() byte {
	if d.pos >= len(d.text) {
		d.fail()
		return 0
	}
	b := d.text[d.pos]
	d.pos++
	return b
}

func (d *decoder) take(n uint64) string {
	if n > uint64(len(d.text)-d.pos) {
		d.fail()
		return ""
	}
	s := d.text[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return s
}

func (d *decoder) float() float64 {
	raw := d.take(8)
	if raw == "" {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64([]byte(raw)))
}

func (d *decoder) string() string {
	n := d.uint()
	if n&1 == 0 {
		if d.err != nil || n>>1 >= uint64(len(d.known)) {
			d.fail()
			return ""
		}
		return d.known[n>>1]
	}
	s := d.take(n >> 1)
	d.known = append(d.known, s)
	return s
}

func (d *decoder) bytes() string {
	n := d.uint()
	if n&1 == 0 {
		d.fail()
		return ""
	}
	return d.take(n >> 1)
}

func (d *decoder) time() time.Time {
	v := d.uint()
	switch {
	case v == 0:
		return time.Time{}
	case d.fine:
		return d.moment(v)
	}
	v--
	return time.UnixMilli(d.at + (int64(v>>1) ^ -int64(v&1))).UTC()
}

func (d *decoder) id() string { return d.bytes() }

// count reads how many items follow, of which each takes at least size bytes.
func (d *decoder) count(size int) int {
	n := d.uint()
	if n > uint64((len(d.text)-d.pos)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) addrs() []netip.Addr {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]netip.Addr, n)
	for i := range list {
		raw := d.string()
		if err := list[i].UnmarshalBinary([]byte(raw)); err != nil {
			d.err = fmt.Errorf("%w: address: %w", ErrCut, err)
			d.fail()
			return nil
		}
	}
	return list
}

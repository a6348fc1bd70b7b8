package history

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/history/wire"
	"github.com/devops-trouble-map/dotm/topology"
)

// states are nodes of all kinds, with times between milliseconds, verdicts that don't
// follow from any checks, and what is out of order.
func states() []*topology.Block {
	odd := full(3)
	odd.Counted = topology.Counted{Instance: "k3f9zq", Sequence: 1 << 40}
	odd.Node.Verdict = topology.Verdict{Status: topology.Down, OpenStatus: "new", StatusStale: true, Checks: -1, Open: 2, Handled: 3, StatusChanged: noon.Add(1)}
	odd.Services[0].Verdict, odd.Services[1].Verdict = topology.NoVerdict, topology.Verdict{}
	fine := typical("web", 40)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range fine.Connections {
		c := fine.Write(i)
		c.FirstSeen, c.LastSeen = noon.Add(time.Duration(r.Int64N(1e15))), noon.Add(-time.Duration(r.Int64N(1e15)))
		c.LastConnection = c.FirstSeen
	}
	fine.Write(0).FirstSeen = time.Unix(0, 0).UTC()
	fine.Write(1).FirstSeen = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	fine.Write(2).FirstSeen = time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)
	unordered := typical("app", 3)
	unordered.Connections[0], unordered.Connections[1] = unordered.Connections[1], unordered.Connections[0]
	return []*topology.Block{unordered, {Node: topology.Node{Name: "empty"}}, full(1), odd, fine, checked(typical("db", 100), 10), typical("host/web", 2)}
}

func TestBlock(t *testing.T) {
	var c BlockCoder // one for all: nothing of a block gets into the next
	for range 2 {
		for _, b := range states() {
			got, err := c.Decode(c.Encode(b))
			if err != nil {
				t.Errorf("%s: %v", b.Node.Name, err)
			}
			if diff := cmp.Diff(b, got, equal); diff != "" {
				t.Errorf("%s (-written +read):\n%s", b.Node.Name, diff)
			}
		}
	}
}

// TestBlocksOfBefore: those that were kept as JSON are read.
func TestBlocksOfBefore(t *testing.T) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	var c BlockCoder
	for _, b := range states() {
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		for what, data := range map[string][]byte{"JSON": raw, "compressed JSON": z.EncodeAll(raw, nil)} {
			got, err := c.Decode(data)
			if diff := cmp.Diff(b, got, equal); err != nil || diff != "" {
				t.Errorf("%s as %s: %v (-written +read):\n%s", b.Node.Name, what, err, diff)
			}
		}
	}
}

func TestBrokenBlocks(t *testing.T) {
	var c BlockCoder
	good := c.Encode(typical("web", 3))
	seal := func(fields []byte) []byte {
		return c.get().fast.EncodeAll(fields, []byte{wire.Version, state})
	}
	fields := new(wire.Encoder).State(typical("web", 3))
	for _, tt := range []struct {
		what string
		data []byte
		want string
	}{
		{"nothing", nil, "cut or damaged"},
		{"a newer version", append([]byte{wire.Version + 1}, good[1:]...), "update dotm"},
		{"a record", NewRecorder().Whole(typical("web", 3), noon).Data, `of kind 'W'`},
		{"one that is cut", good[:len(good)-1], "cut or damaged"},
		{"one with a flipped bit", append(append([]byte{}, good[:40]...), append([]byte{good[40] ^ 1}, good[41:]...)...), "cut or damaged"},
		{"one that ends early", seal(fields[:len(fields)/2]), "cut or damaged"},
		{"half of JSON", []byte(`{"node":{"na`), "JSON"},
		{"half of what is compressed", []byte{0x28, 0xb5, 0x2f, 0xfd, 1}, "EOF"},
	} {
		b, err := c.Decode(tt.data)
		if b != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s is read as %v, %v; want an error with %q", tt.what, b, err, tt.want)
		}
	}
}

// FuzzBlock reads any data as a block, and any fields.
func FuzzBlock(f *testing.F) {
	var c BlockCoder
	for _, b := range states() {
		f.Add(c.Encode(b))
		f.Add(new(wire.Encoder).State(b))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := c.Decode(data)
		if err == nil && b == nil {
			t.Error("nothing is read, and no error")
		}
		got, err := c.from.State(wire.Version, string(data))
		if err != nil {
			if !errors.Is(err, wire.ErrCut) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		again, err := c.Decode(c.Encode(got))
		if diff := cmp.Diff(got, again, equal); err != nil || diff != "" {
			t.Errorf("what was read is written otherwise: %v\n%s", err, diff)
		}
	})
}

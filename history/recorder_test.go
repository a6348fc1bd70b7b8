package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/history/wire"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestChainsEnd: however often a node changes, little is remembered of it, and little
// is to be read to tell a moment: of a small node by the size of its patches, of a
// large one by their number.
func TestChainsEnd(t *testing.T) {
	for _, connections := range []int{100, 1000} {
		r := NewRecorder()
		b := typical("web", connections)
		longest := 0
		for i := range maxChain + 5 {
			b = b.Clone()
			c := b.Connections[i%len(b.Connections)]
			c.Status = map[topology.ConnectionStatus]topology.ConnectionStatus{topology.Fresh: topology.Old, topology.Old: topology.Fresh}[c.Status]
			rec := r.Record(b, noon.Add(time.Duration(i)*time.Second))
			chain := r.nodes["web"]
			if rec.Base.IsZero() != (len(chain) == 1) {
				t.Fatalf("record %d builds on %s", i, rec.Base)
			}
			size := 0
			for _, p := range chain[1:] {
				size += len(p.Data)
			}
			if size > len(chain[0].Data) {
				t.Fatalf("the patches take %d bytes, the whole record %d", size, len(chain[0].Data))
			}
			longest = max(longest, len(chain))
		}
		if longest > maxChain || longest < 30 || (connections == 1000) != (longest == maxChain) {
			t.Errorf("of %d connections the longest chain has %d records", connections, longest)
		}
	}
}

// TestLargePatch: what changed in most of its parts is recorded whole.
func TestLargePatch(t *testing.T) {
	r := NewRecorder()
	b := typical("web", 100)
	r.Record(b, noon)
	b = b.Clone()
	for i := range b.Connections {
		b.Write(i).Evidence.ServerResolved = fmt.Sprintf("name of 192.168.%d.%d", i, i)
	}
	if rec := r.Record(b, noon.Add(time.Second)); !rec.Base.IsZero() {
		t.Errorf("a patch of %d bytes", len(rec.Data))
	}
}

func TestFramed(t *testing.T) {
	r := NewRecorder()
	if at := r.Framed("web"); !at.IsZero() {
		t.Errorf("of a node that was never recorded: %s", at)
	}
	b := typical("web", 100)
	r.Record(b, noon)
	r.Record(typical("db", 1), noon.Add(time.Minute))
	b = b.Clone()
	b.Node.State = topology.Stale
	r.Record(b, noon.Add(time.Hour))
	if at := r.Framed("web"); !at.Equal(noon) {
		t.Errorf("after a patch: %s", at)
	}
	r.Whole(b, noon.Add(2*time.Hour))
	if at := r.Framed("web"); !at.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("after a key frame: %s", at)
	}
	if r.Forget("web"); !r.Framed("web").IsZero() || r.Framed("db").IsZero() {
		t.Error("the wrong node is forgotten")
	}
	if rec := r.Record(b, noon.Add(3*time.Hour)); !rec.Base.IsZero() {
		t.Error("a node that was forgotten has a patch")
	}
}

// site plays some nodes that change, go and come back, and remembers how they
// were at each time.
type site struct {
	filler
	r       *Recorder
	now     []*topology.Block
	records map[string][]Record
	past    []map[string]*topology.Block
}

func (s *site) step(at time.Time) {
	i := s.IntN(len(s.now))
	name := fmt.Sprintf("n%d", i)
	var rec Record
	switch b := s.now[i]; {
	case b == nil:
		s.now[i] = typical(name, 20+s.IntN(20))
		rec = s.r.Record(s.now[i], at)
	case s.IntN(12) == 0:
		s.now[i] = nil
		rec = s.r.Gone(name, at)
	default:
		b = b.Clone()
		b.Node.Agent = fmt.Sprint(len(s.past))
		j := s.IntN(len(b.Connections))
		if s.IntN(2) == 0 {
			b.Write(j).Status = topology.Old
		} else {
			b.Connections[j] = connection(s.filler, name, 1000+len(s.past))
			sortConnections(b)
		}
		s.now[i] = b
		if s.IntN(20) == 0 {
			rec = s.r.Whole(b, at)
		} else {
			rec = s.r.Record(b, at)
		}
	}
	s.records[name] = append(s.records[name], rec)
	shown := map[string]*topology.Block{}
	for _, b := range s.now {
		if b != nil {
			shown[b.Node.Name] = b
		}
	}
	s.past = append(s.past, shown)
}

// chains are what an engine gives of a moment, see store.History.
func (s *site) chains(at time.Time) (out [][]Record) {
	for _, list := range s.records {
		n := 0
		for n < len(list) && !list[n].At.After(at) {
			n++
		}
		if n == 0 {
			continue
		}
		from := n - 1
		if base := list[n-1].Base; !base.IsZero() {
			from = slices.IndexFunc(list, func(r Record) bool { return r.At.Equal(base) })
		}
		out = append(out, list[from:n])
	}
	return out
}

// TestAnyMoment: each moment of a site is told as it was, by one decoder.
func TestAnyMoment(t *testing.T) {
	s := &site{filler: filler{rand.New(rand.NewPCG(4, 5))}, r: NewRecorder(), now: make([]*topology.Block, 5), records: map[string][]Record{}}
	const steps = 600
	for i := range steps {
		s.step(noon.Add(time.Duration(i) * time.Second))
	}
	var d Decoder
	for i := 0; i < steps; i += 7 {
		at := noon.Add(time.Duration(i)*time.Second + time.Millisecond)
		var blocks []*topology.Block
		for _, chain := range s.chains(at) {
			b, err := d.Decode(chain)
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, b)
		}
		snap := snapshot(t, at, blocks...)
		if snap.Len() != len(s.past[i]) {
			t.Fatalf("step %d: %d nodes are told, want %d", i, snap.Len(), len(s.past[i]))
		}
		for got := range snap.Blocks() {
			want := s.past[i][got.Node.Name].Clone()
			want.Node.LastReport = at
			if string(new(wire.Encoder).Whole(want, noon)) != string(new(wire.Encoder).Whole(got, noon)) {
				t.Fatalf("step %d (-was +told):\n%s", i, cmp.Diff(want, got, equal))
			}
		}
	}
}

// TestRoom: what one chain had is not left over in the next.
func TestRoom(t *testing.T) {
	chainOf := func(b *topology.Block) []Record {
		r := NewRecorder()
		first := r.Record(b, noon)
		b = b.Clone()
		b.Node.Agent = "2.0"
		return []Record{first, r.Record(b, noon.Add(time.Second))}
	}
	rich, bare := typical("rich", 60), typical("bare", 50)
	for i := range rich.Connections {
		rich.Write(i)
		rich.Connections[i].Client.Unit, rich.Connections[i].Peers = "nginx.service", 3
		rich.Services[i%4].Image = "nginx:1"
	}
	for i := range bare.Connections {
		c := bare.Write(i)
		c.Health, c.Evidence.SeenBy = nil, nil
	}
	var d Decoder
	if _, err := d.Decode(chainOf(rich)); err != nil {
		t.Fatal(err)
	}
	got, err := d.Decode(chainOf(bare))
	if err != nil {
		t.Fatal(err)
	}
	bare.Node.Agent = "2.0"
	if diff := cmp.Diff(bare, got, equal); diff != "" {
		t.Errorf("(-recorded +read):\n%s", diff)
	}
}

package signal

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestLatchHolds: whatever looks say, and however far apart they are, a latch goes on
// only after looks in a row that said so for long enough, and off likewise.
func TestLatchHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hold := time.Duration(rapid.IntRange(1, 100).Draw(t, "hold")) * time.Second
		settle := min(3*hold, settleMost)
		l, at := latch{}, noon
		var run time.Time // since when looks say the same
		said, looks := false, 0
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			before := at
			at = at.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "apart")) * time.Second)
			over := rapid.Bool().Draw(t, "over")
			if over != said || looks == 0 {
				said, looks, run = over, 0, at
			}
			looks++
			was := l.on
			l.step(over, at, before, hold)
			switch long := at.Sub(run); {
			case l.on && !was && (!over || looks < leastLooks || long < hold):
				t.Fatalf("on after %d looks and %s", looks, long)
			case was && !l.on && (over || looks < leastLooks || long < settle):
				t.Fatalf("off after %d looks and %s", looks, long)
			case over && !l.on && looks >= leastLooks && long >= hold:
				t.Fatalf("not on after %d looks and %s", looks, long)
			case !over && l.on && looks >= leastLooks && long >= settle:
				t.Fatalf("not off after %d looks and %s", looks, long)
			}
			if l.on && !was && (!l.began.Equal(run) || !l.fine.Before(l.began)) {
				t.Fatalf("began %s, after %s, said since %s", l.began, l.fine, run)
			}
		}
	})
}

// TestUsualIsRobust: what is usual stays near the middle of the figures, however far
// off fewer than a third of them are.
func TestUsualIsRobust(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		middle := rapid.Float64Range(0, 20).Draw(t, "middle")
		spread := rapid.Float64Range(0, 1).Draw(t, "spread")
		random := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		var u usual
		for range 2000 {
			x := middle + spread*(2*random.Float64()-1)
			if random.Intn(4) == 0 {
				x += 12 * random.Float64()
			}
			u.learn(float32(x), false)
		}
		// Those that are off move the middle of all to two thirds of the others.
		if off := float64(u.mid) - middle; off < -.3-spread*.5 || off > .3+spread*.9 {
			t.Fatalf("usual is %g, the middle %g ± %g", u.mid, middle, spread)
		}
	})
}

// TestNeverFlaps: whatever happens to an edge and when, no signal ends within its
// settling time, none is told twice, and all end when all is well again.
func TestNeverFlaps(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		f, id := shop(outer)
		s := &f.blocks["db1"].Services[0]
		s.QueueMax = 10
		since := map[string]time.Time{}
		note := func() {
			for _, told := range f.told {
				when, what, _ := strings.Cut(told, " ")
				d, _ := time.ParseDuration(when)
				name, at := what[1:], noon.Add(d)
				if last, ok := since[name]; ok && at.Sub(last) < every {
					t.Fatalf("%s changes after %s", name, at.Sub(last))
				}
				since[name] = at
			}
			f.told = nil
		}
		for range rapid.IntRange(1, 80).Draw(t, "looks") {
			what := rapid.SliceOfN(rapid.IntRange(0, 7), 0, 3).Draw(t, "what")
			f.pass(1, func(int) {
				h := f.health(id)
				*h = topology.Health{End: "client", RTT: 400, Sent: 1e5}
				s.Queue, s.State, f.edge(id).Count = 0, topology.Listening, 1
				f.mute["web1"] = slices.Contains(what, 7)
				for _, w := range what {
					switch w {
					case 0:
						f.edge(id).Refused += 9
					case 1:
						h.Connecting, h.ConnectingSince = 2, f.at.Add(-9*time.Second)
					case 2:
						s.Queue = 11
					case 3:
						h.Retransmits = .3
					case 4:
						h.RTT = 400_000
					case 5:
						h.CloseWait = 30
					case 6:
						s.State, f.edge(id).Count = topology.Gone, 0
					}
				}
			})
			note()
		}
		clear(f.mute)
		f.pass(30, func(int) {
			*f.health(id) = topology.Health{End: "client", RTT: 400}
			s.Queue, s.State, f.edge(id).Count = 0, topology.Listening, 1
			f.edge(id).Opened++
		})
		note()
		if len(f.on) != 0 || f.memory.total != 0 || len(f.memory.latches) != 0 {
			t.Fatalf("all is well, and on are %v; %d counted", f.on, f.memory.total)
		}
	})
}

// TestSaved: what is kept is read again, in any number of parts.
func TestSaved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.IntRange(1, 5).Draw(t, "of")
		m := New()
		for i := range rapid.IntRange(0, 6).Draw(t, "nodes") {
			n := &node{block: &topology.Block{}}
			for j := range rapid.IntRange(0, 4).Draw(t, "edges") {
				n.block.Connections = append(n.block.Connections, &topology.Connection{ID: fmt.Sprint(i, j)})
				covered := rapid.Uint32Range(0, 2_000_000).Draw(t, "covered")
				n.edges = append(n.edges, edge{
					trip:    usual{rapid.Float32Range(0, 30).Draw(t, "mid"), rapid.Float32Range(0, 5).Draw(t, "dev"), 1},
					covered: covered, open: rapid.Uint32Range(0, covered).Draw(t, "open"), closed: rapid.Uint32Range(0, 9).Draw(t, "closed"),
				})
			}
			m.nodes[fmt.Sprint("node", i)] = n
		}
		next := New()
		for i := range of {
			raw, err := m.Save(i, of)
			if err != nil {
				t.Fatal(err)
			}
			if raw == nil {
				continue
			}
			if err := next.Load(raw); err != nil {
				t.Fatal(err)
			}
		}
		for name, n := range m.nodes {
			if got := next.kept[name].of(n.block.Connections); !slices.Equal(got, n.edges) && len(n.edges) > 0 {
				t.Fatalf("%s: got %v, want %v", name, got, n.edges)
			}
		}
	})
}

// FuzzLoad: nothing that is read breaks anything, or makes an edge that can't be.
func FuzzLoad(f *testing.F) {
	m := New()
	m.nodes["web1"] = &node{block: &topology.Block{Connections: []*topology.Connection{{ID: "a"}}}, edges: []edge{{trip: usual{8, 1, 50}, covered: 9, open: 8}}}
	raw, err := m.Save(0, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.ReplaceAll(raw, []byte(`"version":1`), []byte(`"version":9`)))
	f.Add([]byte(`{"version":1,"nodes":{"a":"AAAA"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := New()
		if m.Load(raw) != nil {
			return
		}
		for _, k := range m.kept {
			for _, e := range k {
				if math.IsNaN(float64(e.trip.mid)) || e.open > e.covered {
					t.Errorf("made %+v", e)
				}
			}
		}
	})
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		want  string
	}{
		{Rules{"slow": {Limit: 1}}, "slow.limit must be 1.5 to 1000 (times what is usual), is 1"},
		{Rules{"slow": {Limit: math.NaN()}}, "slow.limit must be 1.5 to 1000 (times what is usual), is NaN"},
		{Rules{"refused": {For: topology.Duration(time.Millisecond)}}, "refused.for must be 1s to 24h0m0s, is 1ms"},
		{Rules{"gone": {Limit: 3}}, "gone.limit must be 7 to 28 (days of being there), is 3"},
		{Rules{"lost": {Limit: 3}}, "lost must be one of refused, unreachable, queue, retransmits, slow, close-wait, ports, descriptors, stopped, silent, gone, is no signal"},
		{Rules{"slow": {Off: true}}, ""},
	} {
		err := c.rules.Over(Defaults()).Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if err := Defaults().Validate(); err != nil || len(Defaults()) != len(topology.SignalKinds()) {
		t.Errorf("the defaults: %v, %d of %d", err, len(Defaults()), len(topology.SignalKinds()))
	}
	if got := (Rules{"slow": {Off: true, Limit: 9}}).Over(Defaults())["slow"]; !got.Off || got.Limit != 9 || got.For != specs["slow"].For {
		t.Errorf("got %+v", got)
	}
}

package view

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// loop is a site of hosts, each of which calls the next ones.
type loop struct {
	snap     *topology.Snapshot
	hosts    []shop.Report
	sequence uint64
}

func address(i int) string { return fmt.Sprintf("10.1.%d.%d", i/250, i%250+1) }

// ring makes a site in which each of n hosts has so many connections, ten to each
// of the hosts after it.
func ring(n, connections int) *loop {
	l := &loop{snap: topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon)}
	b := aggregate.Begin(l.snap, aggregate.Options{Ageing: time.Hour, StaleAfter: time.Hour})
	for i := range n {
		h := shop.Host(fmt.Sprintf("h%05d", i), address(i))
		for p := range 10 {
			h.Listen(fmt.Sprint("app", p), uint16(8000+p))
		}
		for k := range connections {
			h.Out(fmt.Sprint("app", k%10), address((i+1+k/10)%n), uint16(8000+k%10))
		}
		l.hosts = append(l.hosts, h)
		b.Report(h.Report, shop.Noon)
	}
	for _, h := range l.hosts { // so that all know all
		h.Sequence++
		b.Report(h.Report, shop.Noon)
	}
	l.sequence = 2
	l.snap = b.Commit(shop.Noon)
	return l
}

// change lets a host report another number.
func (l *loop) change(i int) {
	h := l.hosts[i]
	c := &h.Connections[0]
	h.Connections = append([]report.Connection{}, h.Connections...)
	h.Connections[0].Count = c.Count%7 + 1
	l.hosts[i] = h
	l.report(h)
}

func (l *loop) report(h shop.Report) {
	l.sequence++
	h.Sequence = l.sequence
	at := l.snap.At().Add(time.Second)
	h.Time = at
	l.snap = aggregate.Apply(l.snap, h.Report, at, aggregate.Options{Ageing: time.Hour, StaleAfter: time.Hour})
}

// kept is a placer that places once, so that only the view is measured.
type kept struct{ chart Chart }

func (*kept) Epoch() uint64 { return 0 }

func (k *kept) Place(g *Graph) (Chart, error) {
	if len(k.chart.Places) == 0 {
		for i, b := range g.Boxes {
			k.chart.Places = append(k.chart.Places, Place{b.ID, Rect{X: float64(200 * i), W: b.W, H: b.H}})
		}
	}
	return k.chart, nil
}

// BenchmarkAdvance shows a snapshot in which one of so many nodes, of a hundred
// connections each, has another number: live, and as it was, from scratch.
func BenchmarkAdvance(b *testing.B) {
	for _, n := range []int{100, 1000, 3000} {
		l := ring(n, 100)
		var snaps []*topology.Snapshot
		for i := range 8 {
			l.change(i * 7 % n)
			snaps = append(snaps, l.snap)
		}
		set := defaults()
		set.Names = func(netip.Addr) string { return "" }
		for _, level := range []Level{LevelService, LevelNode} {
			q := Question{Level: level, Hide: hideDefault}
			b.Run(fmt.Sprintf("live/%s/%d", level, n), func(b *testing.B) { advanceAll(b, NewLive(q, &kept{}).Advance, snaps, set) })
			b.Run(fmt.Sprintf("scratch/%s/%d", level, n), func(b *testing.B) {
				advanceAll(b, (&scratch{question: q, placer: &kept{}}).advance, snaps, set)
			})
		}
	}
}

// advanceAll goes through snapshots and back again.
func advanceAll(b *testing.B, advance func(*topology.Snapshot, *Settings, time.Time) (*Delta, error), snaps []*topology.Snapshot, set *Settings) {
	if _, err := advance(snaps[0], set, shop.Noon); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		if d, err := advance(snaps[i%len(snaps)], set, shop.Noon); err != nil || d == nil {
			b.Fatal("nothing changed", err)
		}
	}
}

// BenchmarkPart brings what is one hop around each of ten nodes up to a snapshot in which
// one of so many nodes has another number, which is near one of the ten or none: followed,
// and as it was, cut out of the whole. What the whole view costs to follow is not counted.
func BenchmarkPart(b *testing.B) {
	q := Question{Level: LevelService, Hide: hideDefault}
	for _, n := range []int{100, 1000, 3000} {
		l := ring(n, 100)
		snaps := []*topology.Snapshot{l.snap}
		for i := range 7 {
			l.change(i * n / 7)
			snaps = append(snaps, l.snap)
		}
		var around []Around
		for i := range 10 {
			around = append(around, Around{l.hosts[i*n/10].Node.Name, 1})
		}
		set, live := defaults(), NewLive(q, &kept{})
		set.Names = func(netip.Addr) string { return "" }
		run := func(name string, parts func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					b.StopTimer()
					if _, err := live.Advance(snaps[i%len(snaps)], set, shop.Noon); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					parts()
				}
			})
		}
		followed, cut := make([]*Part, 10), make([]*Topology, 10)
		for i := range followed {
			followed[i] = NewPart(Filter{Around: around[i]})
		}
		run("followed", func() {
			for _, p := range followed {
				p.Advance(live, nil)
			}
		})
		run("cut", func() {
			whole := live.Whole()
			for i, a := range around {
				next, _ := whole.Around(a)
				if cut[i] != nil {
					Compare(cut[i], next)
				}
				cut[i] = next
			}
		})
	}
}

// BenchmarkTell writes the delta of a snapshot in which a fifth of all connections has
// other numbers, in either form: what all viewers of a chart are told is written once.
func BenchmarkTell(b *testing.B) {
	l := ring(1000, 100)
	live := NewLive(Question{Level: LevelService, Hide: hideDefault}, &kept{})
	set := defaults()
	if _, err := live.Advance(l.snap, set, shop.Noon); err != nil {
		b.Fatal(err)
	}
	batch := aggregate.Begin(l.snap, aggregate.Options{Ageing: time.Hour, StaleAfter: time.Hour})
	at := shop.Noon.Add(10 * time.Second)
	for _, h := range l.hosts {
		h.Sequence, h.Time = 3, at
		h.Connections = append([]report.Connection{}, h.Connections...)
		for i := 0; i < len(h.Connections); i += 5 {
			h.Connections[i].Count++
		}
		batch.Report(h.Report, at)
	}
	d, err := live.Advance(batch.Commit(at), set, shop.Noon)
	if err != nil || d == nil {
		b.Fatal("nothing changed", err)
	}
	for name, form := range map[string]func() *Delta{"whole": func() *Delta { return d }, "fields": d.Fields} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				text, err := json.Marshal(form())
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(text))/1024, "KiB")
			}
		})
	}
}

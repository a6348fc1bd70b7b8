package aggregate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// unlearned is a snapshot without what was learned while it was made.
func unlearned(t fataler, s *topology.Snapshot) *topology.Snapshot {
	t.Helper()
	var blocks []*topology.Block
	for b := range s.Blocks() {
		next := *b
		next.Memo = nil
		blocks = append(blocks, &next)
	}
	out, err := topology.FromBlocks(s.Revision(), s.At(), blocks)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return out
}

// talk is a site that changes, of which each host tells what is so for it.
type talk struct {
	truth
	extra   map[int][]netip.Addr // addresses beside the first
	numbers map[string]int       // by row
	tuples  bool
}

// rows are what host h says, in an order that stays.
func (s *talk) rows(t *rapid.T, h int) *report.Report {
	r := s.report(h)
	for _, a := range s.extra[h] {
		r.Interfaces = append(r.Interfaces, report.Interface{Name: "eth1", Addresses: []netip.Prefix{netip.PrefixFrom(a, 24)}})
	}
	for _, out := range []string{"203.0.113.7", "198.51.100.9"} {
		r.Connections = append(r.Connections, report.Connection{Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: netip.MustParseAddr(out), Port: 443, Count: 1})
		r.Connections = append(r.Connections, report.Connection{Direction: report.In, Protocol: report.TCP, Process: "server-80", Peer: netip.MustParseAddr(out), Port: 80, Local: netip.IPv4Unspecified(), Count: 1})
	}
	for i := range 17 { // so many that the process may only look at them
		r.Connections = append(r.Connections, report.Connection{Direction: report.Out, Protocol: report.TCP, Process: "crawl", Peer: netip.AddrFrom4([4]byte{10, 0, 7, byte(i)}), Port: 80, Count: 1})
	}
	slices.SortStableFunc(r.Listeners, func(a, b report.Listener) int { return cmp.Compare(a.Port, b.Port) })
	slices.SortStableFunc(r.Connections, func(a, b report.Connection) int {
		return cmp.Compare(fmt.Sprint(a.Edge()), fmt.Sprint(b.Edge()))
	})
	busy := r.Connections[:0]
	for _, c := range r.Connections {
		s.number(t, h, &c)
		if !c.Idle() {
			busy = append(busy, c)
		}
	}
	r.Connections = busy
	return r
}

// number gives a row numbers: most are what they were.
func (s *talk) number(t *rapid.T, h int, c *report.Connection) {
	key := fmt.Sprint(h, c.Edge())
	if n, known := s.numbers[key]; !known || rapid.IntRange(0, 19).Draw(t, "other number") == 0 {
		s.numbers[key] = (n + rapid.IntRange(1, 30).Draw(t, "by")) % 60
	}
	n := s.numbers[key]
	if c.Count = n % 4; n%10 == 5 {
		c.Opened = 2
	}
	if n == 16 {
		c.Refused = 1 // and perhaps nothing else
	}
	if n%8 > 1 && c.Count > 0 {
		c.Health = &report.Health{Measured: 1, RTT: uint32(100 * n), Segments: 10, Sent: uint64(n) * 1000, CloseWait: n / 30, CloseWaitMS: int64(n / 30 * 5000)}
	}
	if s.tuples && c.Count > 0 && c.Direction != report.Unknown {
		low, high := netip.AddrPortFrom(s.addr(h), c.Port), netip.AddrPortFrom(c.Peer, c.Port)
		if high.Compare(low) < 0 {
			low, high = high, low
		}
		c.Tuples = []uint64{report.Tuple(c.Protocol, low, high)}
	}
}

// change makes something of the site another.
func (s *talk) change(t *rapid.T) {
	h := rapid.IntRange(0, s.hosts-2).Draw(t, "host")
	switch rapid.IntRange(0, 4).Draw(t, "what") {
	case 0:
		s.drawCalls(t)
	case 1:
		s.listen[[2]int{h, 80}] = rapid.SampledFrom([]string{"server-80", "nginx"}).Draw(t, "server")
	case 2:
		s.extra[h] = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 9, byte(rapid.IntRange(1, 3).Draw(t, "address"))})}
	case 3:
		delete(s.extra, h)
	case 4:
		for c := range s.calls {
			s.calls[c] = 1 + s.calls[c]%3
		}
	}
}

// TestAgain has reports taken in by what was learned of those before, and without: what
// comes out is the same to the letter, as often as nothing but numbers changes, and as
// often as something else does in the midst of that.
func TestAgain(t *testing.T) {
	hits, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		opt := Options{Ageing: time.Minute, StaleAfter: time.Minute, ExpireAfter: 10 * time.Minute}
		site := talk{drawTruth(rt), map[int][]netip.Addr{}, map[string]int{}, rapid.Bool().Draw(rt, "tuples")}
		snap, now := topology.Empty(topology.Revision{Epoch: "e"}, start), start
		step := func(what string, apply func(*Batch)) {
			t.Helper()
			learned, plain := Begin(snap, opt), Begin(unlearned(rt, snap), opt)
			apply(learned)
			apply(plain)
			next, want := learned.Commit(now), plain.Commit(now)
			if diff := gocmp.Diff(written(t, want), written(t, next)); diff != "" || next.Revision() != want.Revision() {
				rt.Fatalf("%s at %s: revision %s, want %s (-woven +again):\n%s", what, now.Sub(start), next.Revision(), want.Revision(), diff)
			}
			snap = next
			hits, all = hits+learned.again, all+1
		}
		for range rapid.IntRange(4, 40).Draw(rt, "steps") {
			switch k := rapid.IntRange(0, 19).Draw(rt, "step"); k {
			case 0, 1:
				site.change(rt)
			case 2:
				now = now.Add(2 * time.Minute)
				step("aging", func(b *Batch) { b.Age(now) })
			case 3:
				name := site.name(rapid.IntRange(0, site.hosts-2).Draw(rt, "removed"))
				step("removing "+name, func(b *Batch) { b.Remove(name, now) })
			default:
				for h := range site.silent() {
					if k > 15 && h == 0 {
						continue
					}
					now = now.Add(time.Second)
					r := site.rows(rt, h)
					step(fmt.Sprintf("report of host%d", h), func(b *Batch) { b.Report(r, now) })
				}
			}
		}
	})
	t.Logf("%d of %d steps were numbers alone", hits, all)
	if hits*10 < all {
		t.Errorf("%d of %d steps were numbers alone: this tests nothing", hits, all)
	}
}

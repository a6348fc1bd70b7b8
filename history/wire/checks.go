package wire

import (
	"encoding/json"
	"fmt"

	"github.com/devops-trouble-map/dotm/topology"
)

// The flags of a check.
const (
	flagHard = 1 << iota
	flagAcknowledged
	flagDowntime
	flagFlapping
	flagSuppressed
	flagStale
	flagMapped // a mapping follows
	flagNamed  // its id follows, which is not that of its names
)

// minCheck is the size that a check takes at least.
const minCheck = 14

// check writes a check with what it said last, as of the record's time. Its id
// follows from its names.
func (e *encoder) check(c *topology.Check) {
	named := c.ID != topology.CheckID(c.Source, c.Host, c.Name)
	e.byte(byte(flags(c.Hard, c.Acknowledged, c.Downtime, c.Flapping, c.Suppressed, c.Stale, c.Mapping != nil, named)))
	if named {
		e.id(c.ID)
	}
	for _, text := range [...]string{
		c.Source, string(c.Kind), c.Host, c.Name, string(c.Status), c.Node, c.Service, c.Output, c.Link,
	} {
		e.string(text)
	}
	e.time(c.Since)
	e.time(c.LastCheck)
	e.time(c.LastOK)
	e.int(int64(c.Interval))
	e.strings(c.Groups)
	if m := c.Mapping; m != nil {
		e.string(m.Rule)
		e.string(m.Evidence)
		e.bool(m.Ambiguous)
		e.strings(m.Candidates)
	}
}

func (d *decoder) check(c *topology.Check) {
	flags := d.byte()
	c.Signal = nil
	c.Hard, c.Acknowledged, c.Downtime = flags&flagHard != 0, flags&flagAcknowledged != 0, flags&flagDowntime != 0
	c.Flapping, c.Suppressed, c.Stale = flags&flagFlapping != 0, flags&flagSuppressed != 0, flags&flagStale != 0
	if flags&flagNamed != 0 {
		c.ID = d.id()
	}
	c.Source, c.Kind = d.string(), topology.CheckKind(d.string())
	c.Host, c.Name = d.string(), d.string()
	c.Status = topology.Status(d.string())
	c.Node, c.Service = d.string(), d.string()
	c.Output, c.Link = d.string(), d.string()
	c.Since, c.LastCheck, c.LastOK = d.time(), d.time(), d.time()
	c.Interval = topology.Duration(d.int())
	c.Groups = d.strings()
	if flags&flagMapped != 0 {
		c.Mapping = &topology.Mapping{Rule: d.string(), Evidence: d.string(), Ambiguous: d.byte() != 0, Candidates: d.strings()}
	}
	if flags&flagNamed == 0 {
		c.ID = topology.CheckID(c.Source, c.Host, c.Name)
	}
}

// flags has a bit for each that is set, the first the lowest.
func flags(set ...bool) (f uint64) {
	for i, is := range set {
		if is {
			f |= 1 << i
		}
	}
	return f
}

func (e *encoder) strings(list []string) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.string(s)
	}
}

func (d *decoder) strings() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.string()
	}
	return list
}

// checkEvent writes what an event says of a check.
func (e *encoder) checkEvent(c *topology.CheckEvent) {
	for _, text := range []string{c.Source, c.Host, c.Name, c.Service, string(c.Was), string(c.Status)} {
		e.string(text)
	}
}

func (d *decoder) checkEvent() *topology.CheckEvent {
	return &topology.CheckEvent{
		Source: d.string(), Host: d.string(), Name: d.string(), Service: d.string(),
		Was: topology.Status(d.string()), Status: topology.Status(d.string()),
	}
}

// signalsFollow says that signals follow; other words there are of later versions.
const signalsFollow = 1

// signals writes what dotm saw, of the checks of its own, behind all else: those who
// know none leave it alone. Where there is none, nothing is written.
func (e *encoder) signals(checks []*topology.Check) {
	n := 0
	for _, c := range checks {
		if c.Signal != nil {
			n++
		}
	}
	if n == 0 {
		return
	}
	e.uint(signalsFollow)
	e.uint(uint64(n))
	for i, c := range checks {
		if c.Signal == nil {
			continue
		}
		raw, err := json.Marshal(c.Signal)
		if err != nil {
			panic(fmt.Sprintf("encoding signal: %v", err)) // its types always can be
		}
		e.uint(uint64(i))
		e.bytes(raw)
	}
}

// signals reads them into the checks that were read before.
func (d *decoder) signals(checks []topology.Check) {
	if d.err != nil || d.pos == len(d.text) || d.uint() != signalsFollow {
		return
	}
	for range d.count(2) {
		i, raw := d.uint(), d.bytes()
		if d.err == nil && i >= uint64(len(checks)) {
			d.fail()
		}
		if d.err != nil {
			return
		}
		checks[i].Signal = &topology.Signal{}
		if err := json.Unmarshal([]byte(raw), checks[i].Signal); err != nil {
			d.err = fmt.Errorf("%w: signal: %w", ErrCut, err)
			d.fail()
			return
		}
	}
}

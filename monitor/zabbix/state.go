package zabbix

import (
	"cmp"
	"context"

	"github.com/devops-trouble-map/dotm/monitor"
)

// state is what is read each time.
type state struct {
	problems map[uint64]*problem // the one that counts of each trigger, by its ID
	unknown  map[uint64]string   // triggers that can't be worked out, and why
	// maintained are the hosts in maintenance; down the interfaces that don't answer, nil
	// if that is only known of the hosts as they were read.
	maintained map[uint64]bool
	down       map[uint64]fault
}

// problem is a problem that is not over.
type problem struct {
	event        uint64
	trigger      uint64
	severity     int64
	clock        int64
	name, opdata string
	acknowledged bool
	suppressed   bool // by a maintenance, or by somebody until later
	symptom      bool // of another problem, as somebody said
}

// problemQuery is what is asked for of problems.
func problemQuery(v version) map[string]any {
	output := []string{"eventid", "objectid", "clock", "name", "acknowledged", "severity", "opdata", "suppressed"}
	if v.from(6, 4) {
		output = append(output, "cause_eventid")
	}
	return map[string]any{"output": output, "source": 0, "object": 0}
}

// read reads a problem.
func (p *problem) read(j *monitor.JSON) error {
	var cause uint64
	err := j.Fields(func(name []byte, v monitor.Value) (err error) {
		switch string(name) {
		case "eventid":
			p.event, err = ident(v)
		case "objectid":
			p.trigger, err = ident(v)
		case "severity":
			p.severity, err = number(v)
		case "clock":
			p.clock, err = number(v)
		case "name":
			p.name, err = text(v, monitor.MaxOutput)
		case "opdata":
			p.opdata, err = text(v, monitor.MaxOutput)
		case "acknowledged":
			p.acknowledged, err = flag(v)
		case "suppressed":
			p.suppressed, err = flag(v)
		case "cause_eventid":
			cause, err = ident(v)
		}
		return err
	})
	p.symptom = cause != 0
	if err == nil && (p.event == 0 || p.trigger == 0) {
		return notZabbix("the answer has a problem without an ID or a trigger")
	}
	return err
}

// before says whether a problem of a trigger counts before another of it: what nobody
// takes care of, then the worst, then the newest.
func (p *problem) before(q *problem) bool {
	return cmp.Or(
		cmp.Compare(b2i(q.acknowledged || q.suppressed), b2i(p.acknowledged || p.suppressed)),
		cmp.Compare(p.severity, q.severity),
		cmp.Compare(p.clock, q.clock),
		cmp.Compare(p.event, q.event),
	) > 0
}

// output is what a problem says.
func (p *problem) output() string {
	if p.opdata == "" {
		return p.name
	}
	return monitor.Clean(p.name+": "+p.opdata, monitor.MaxOutput)
}

// state reads what is the matter now.
func (s *Source) state(ctx context.Context, g *inventory) (*state, error) {
	st := &state{problems: map[uint64]*problem{}, unknown: map[uint64]string{}, maintained: map[uint64]bool{}}
	v := s.api.speaks()
	queries := []*query{
		list("problem.get", problemQuery(v), st.problem),
		list("trigger.get", map[string]any{"output": []string{"triggerid", "error"}, "monitored": true, "filter": map[string]int{"state": 1}}, st.unknownTrigger),
		list("host.get", map[string]any{"output": []string{"hostid"}, "monitored_hosts": true, "filter": map[string]int{"maintenance_status": 1}}, st.maintainedHost),
	}
	if v.from(5, 4) {
		st.down = map[uint64]fault{}
		queries = append(queries, list("hostinterface.get", map[string]any{
			"output": []string{"interfaceid", "error", "errors_from"}, "filter": map[string]int{"available": int(unavailable)},
		}, st.downInterface))
	}
	if len(g.hosts) == 0 {
		queries = queries[:1] // nothing may be seen
	}
	for _, q := range queries {
		if _, err := s.api.call(ctx, q); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// problem takes a problem in; of several of one trigger, one counts.
func (st *state) problem(j *monitor.JSON) error {
	p := &problem{}
	if err := p.read(j); err != nil {
		return err
	}
	if is := st.problems[p.trigger]; is == nil || p.before(is) {
		st.problems[p.trigger] = p
	}
	return monitor.Room(0, len(st.problems))
}

func (st *state) unknownTrigger(j *monitor.JSON) error {
	var (
		id  uint64
		why string
	)
	err := j.Fields(func(name []byte, v monitor.Value) (err error) {
		switch string(name) {
		case "triggerid":
			id, err = ident(v)
		case "error":
			why, err = text(v, monitor.MaxOutput)
		}
		return err
	})
	st.unknown[id] = why
	return cmp.Or(err, monitor.Room(0, len(st.unknown)))
}

func (st *state) maintainedHost(j *monitor.JSON) error {
	return j.Fields(func(name []byte, v monitor.Value) error {
		if string(name) != "hostid" {
			return nil
		}
		id, err := ident(v)
		st.maintained[id] = true
		return cmp.Or(err, monitor.Room(len(st.maintained), 0))
	})
}

func (st *state) downInterface(j *monitor.JSON) error {
	var (
		id uint64
		f  fault
	)
	err := j.Fields(func(name []byte, v monitor.Value) (err error) {
		switch string(name) {
		case "interfaceid":
			id, err = ident(v)
		case "error":
			f.text, err = text(v, monitor.MaxOutput)
		case "errors_from":
			f.since, err = number(v)
		}
		return err
	})
	st.down[id] = f
	return cmp.Or(err, monitor.Room(0, len(st.down)))
}

// ended reads when the problems ended that were there the last time, since the triggers
// are read seldom.
func (s *Source) ended(ctx context.Context, g *inventory, st *state) error {
	var over []uint64
	now := make(map[uint64]bool, len(st.problems))
	for id := range st.problems {
		now[id] = true
	}
	for id := range s.bad {
		if g.byID[id] != nil && !now[id] {
			over = append(over, id)
		}
	}
	s.bad = now
	for len(over) > 0 {
		some := over[:min(1000, len(over))]
		over = over[len(some):]
		params := map[string]any{"output": []string{"triggerid", "lastchange"}, "triggerids": idTexts(some)}
		if _, err := s.api.call(ctx, list("trigger.get", params, g.changed)); err != nil {
			return err
		}
	}
	return nil
}

// changed brings a trigger up to date.
func (g *inventory) changed(j *monitor.JSON) error {
	var (
		id uint64
		at int64
	)
	err := j.Fields(func(name []byte, v monitor.Value) (err error) {
		switch string(name) {
		case "triggerid":
			id, err = ident(v)
		case "lastchange":
			at, err = number(v)
		}
		return err
	})
	if t := g.byID[id]; t != nil && err == nil {
		t.changed = at
	}
	return err
}

package trouble

import "github.com/devops-trouble-map/dotm/trouble/phrase"

// facts are what was observed of a candidate, to be put into words.
func (e *evidence) facts(c *candidate) *phrase.Facts {
	i := c.at
	f := &phrase.Facts{
		Name: e.g.Name(i), At: e.in.At, State: states[e.state[i]],
		Explains: len(c.explain), First: c.first, Later: c.later,
		Bad: c.clients.bad, Quiet: c.clients.clear + c.clients.unsure,
		Needed: len(e.g.ClientsOf(i)) > 0,
	}
	f.Few = f.Quiet > 0 && c.clients.part() < .5
	f.Alert = e.alert(i)
	if f.State == phrase.Fine {
		f.FineAt = e.in.Watched[e.g.At(i).ID].Fine
	}
	f.Reach, f.Others = e.reach(c)
	if ch, ok := e.changes[i]; ok {
		f.Change, f.Changed = ch.What, ch.At
	}
	f.Load, f.Loaded = e.busiest(i)
	if pool := e.g.At(i).Pool; pool != "" {
		f.Pool, f.PoolBad = e.g.PoolSize(pool), e.badMembers[pool]
		f.PoolQuiet = max(0, f.Pool-f.PoolBad)
		if e.state[i] != bad {
			f.PoolQuiet = max(0, f.PoolQuiet-1)
		}
	}
	return f
}

// states are what is known of a component, in the words of phrases.
var states = map[seen]phrase.State{
	unsure: phrase.Unknown, bad: phrase.Paged, fine: phrase.Fine, blind: phrase.Silent, unwatched: phrase.Unwatched,
}

// alert is the one that says most of a component; nil if it has none.
func (e *evidence) alert(i int32) *phrase.Alert {
	a := e.worst[i]
	if a == nil {
		return nil
	}
	out := &phrase.Alert{Check: a.Name, Says: a.Says, Status: a.Status, Times: a.Times, Flapping: a.Flapping, Since: e.onset[i].By, Disputed: a.Disputed}
	if e.heard[i] && len(a.Witnesses) > 0 {
		out.Witness = a.Witnesses[0]
	}
	return out
}

// reach counts the others that need a candidate, and all others in trouble.
func (e *evidence) reach(c *candidate) (reach, others int) {
	for _, s := range c.explain {
		if s.much >= reached {
			reach++
		}
	}
	others = len(e.troubled)
	if e.state[c.at] == bad {
		others--
	}
	return reach, others
}

// busiest is the edge that carries most beyond its usual load from a component into
// the trouble; zero if none does.
func (e *evidence) busiest(i int32) (load float64, server string) {
	if e.r.off(RuleOverload) {
		return 0, ""
	}
	for _, a := range e.g.ServersOf(i) {
		if l := e.g.Edge(a.Edge).Load; l >= overload && l > load && e.state[a.To] == bad {
			load, server = l, e.g.Name(a.To)
		}
	}
	return load, server
}

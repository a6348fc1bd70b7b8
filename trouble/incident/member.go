package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// mostOver is how many alerts that are over an incident keeps beside those that are not.
const mostOver = 500

// mostOutput bounds what is kept of what a check said.
const mostOutput = 300

// members brings the alerts of one incident up to date: elsewhere says in which one each
// alert is now.
func (t *turn) members(in *Incident, now []*Alert, elsewhere map[string]*Incident) {
	if in.State == Resolved && len(now) > 0 {
		c := t.edit(in)
		c.State, c.Resolved, c.Reopened = Open, time.Time{}, c.Reopened+1
		c.note(t.m.At, EntryReopened, "it is back", "", "")
		t.tell(c.ID, CameBack)
	}
	w := &hand{turn: t, in: in, at: map[string]int{}}
	if c := t.mine[in.ID]; c != nil {
		w.in, w.mine = c, true
	}
	for i := range w.in.Alerts {
		w.at[w.in.Alerts[i].ID] = i
	}
	here := map[string]bool{}
	for _, a := range now {
		here[a.key()] = true
		w.takeIn(a)
	}
	for i := range w.in.Alerts {
		if m := &w.in.Alerts[i]; m.bad() && !here[m.ID] {
			w.leave(i, elsewhere[m.ID])
		}
	}
	w.settle()
}

// hand writes one incident, of which it makes a copy as soon as something changes.
type hand struct {
	*turn
	in    *Incident
	mine  bool
	at    map[string]int
	moved bool
}

func (w *hand) write() *Incident {
	if !w.mine {
		w.in, w.mine = w.edit(w.in), true
	}
	return w.in
}

// takeIn takes in what an alert says now.
func (w *hand) takeIn(a *Alert) {
	now := w.m.At
	m := w.of(a)
	i, known := w.at[m.ID]
	if !known {
		in := w.write()
		w.at[m.ID] = len(in.Alerts)
		in.Alerts = append(in.Alerts, m)
		in.note(now, EntryAlert, m.text(), m.About.Component, m.ID)
		return
	}
	old := &w.in.Alerts[i]
	switch {
	case !old.bad():
		w.write().note(now, EntryAlert, m.text()+" again", m.About.Component, m.ID)
	case old.Status != m.Status:
		w.write().note(now, EntryStatus, m.text(), m.About.Component, m.ID)
	case !slices.Equal(old.How, m.How):
		text := m.words() + " is " + strings.Join(m.How, ", ")
		if len(m.How) == 0 {
			text = m.words() + " is no longer " + strings.Join(old.How, ", ")
		}
		w.write().note(now, EntryHandled, text, m.About.Component, m.ID)
	case old.Output == m.Output && old.By.Equal(m.By) && old.After.Equal(m.After) && old.About == m.About && old.Stray == m.Stray && old.Title == m.Title:
		return
	}
	in := w.write()
	in.Alerts[i] = m
	in.pending = true
}

// of is an alert as a member.
func (w *hand) of(a *Alert) Member {
	output := a.Output
	if len(output) > mostOutput {
		output = strings.ToValidUTF8(output[:mostOutput], "") + "…"
	}
	return Member{
		ID: a.key(), About: w.m.Name(a.Component), Source: a.Source, Host: a.Host, Kind: a.Kind, Name: a.Name, Title: a.Says,
		Status: a.Status, Output: output, How: a.How, After: a.Onset.After, By: a.Onset.By, Clock: a.Onset.Clock, Seen: w.seen(a),
		Stray: a.Stray,
	}
}

// Alert is a member as the alert that it was told as.
func (m *Member) Alert() Alert {
	is := func(how string) bool { return slices.Contains(m.How, how) }
	a := Alert{Source: m.Source, Host: m.Host, Kind: m.Kind, Output: m.Output, How: m.How, Stray: m.Stray}
	a.ID, a.Component, a.Name, a.Says, a.Status, a.Trouble = m.ID, m.About.Component, m.Name, m.Title, m.Status, trouble.Failing
	a.Onset = trouble.Onset{After: m.After, By: m.By, Clock: m.Clock}
	a.Handled, a.Symptom = is("acknowledged") || is("in downtime"), is("suppressed") || m.Status == topology.Unreachable
	a.Soft, a.Flapping, a.Stale = is("soft"), is("flapping"), is("stale")
	return a
}

// leave notes that an alert is over, or in another incident.
func (w *hand) leave(i int, other *Incident) {
	in := w.write()
	m := &in.Alerts[i]
	m.Over = w.m.At
	if other != nil {
		in.note(w.m.At, EntrySplit, m.words()+" belongs to another incident", m.About.Component, m.ID)
		m.ID, w.moved = "", true
		return
	}
	fine := " is fine again"
	if m.Title != "" {
		fine = " is over"
	}
	in.note(w.m.At, EntryRecovered, m.words()+fine, m.About.Component, m.ID)
}

// settle derives what follows from the alerts.
func (w *hand) settle() {
	in := w.in
	if w.moved {
		in.Alerts = slices.DeleteFunc(in.Alerts, func(m Member) bool { return m.ID == "" })
	}
	status, since, over := topology.NoStatus, in.Since, 0
	for i := range in.Alerts {
		m := &in.Alerts[i]
		if began := m.began(); since.IsZero() || began.Before(since) {
			since = began
		}
		if m.bad() {
			status = topology.Worse(status, m.Status)
		} else {
			over++
		}
	}
	if over > mostOver {
		in = w.write()
		drop := over - mostOver
		in.Alerts = slices.DeleteFunc(in.Alerts, func(m Member) bool {
			drop--
			return drop >= 0 && !m.bad()
		})
	}
	if status != in.Status || !since.Equal(in.Since) {
		in = w.write()
		in.Status, in.Since, in.pending = status, since, true
	}
}

// began is when an alert began, as far as its source can be trusted with that.
func (m *Member) began() time.Time {
	if !m.By.IsZero() && m.By.Before(m.Seen) {
		return m.By
	}
	return m.Seen
}

// words are what people call a check.
func (m *Member) words() string {
	if m.Title != "" {
		return "“" + m.Title + "”"
	}
	if m.Name == "" {
		return m.About.Name
	}
	if m.Name == m.About.Name {
		return m.Name
	}
	return m.Name + " of " + m.About.Name
}

func (m *Member) text() string {
	s := m.words() + " is " + string(m.Status)
	if m.Title != "" {
		s = m.Title
	}
	if len(m.How) > 0 {
		s += " (" + strings.Join(m.How, ", ") + ")"
	}
	return s
}

// count prints a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return itoa(n) + " " + thing + "s"
}

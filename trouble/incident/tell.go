package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Bounds of what is told of one incident.
const (
	mostCauses  = 3
	mostEffects = 60
	mostChanges = 40
	mostHidden  = 20
)

// rank finds the likely causes of the incidents that changed, and now and then of those
// that didn't: what is found to be fine meanwhile is no cause.
func (t *turn) rank() {
	for _, in := range t.known() {
		now := in
		if c := t.mine[in.ID]; c != nil {
			now = c
		}
		switch {
		case now.State != Open || now.Bad() == 0 || !now.pending && t.m.At.Sub(now.ranked) < rankEvery:
		case now.recovers(t.m.At):
			t.keep(in, now)
		default:
			t.judge(in, now)
		}
	}
}

// recovers says that the first cause is fine again, and that nothing went bad since: what
// is left are the rest of its effects, and says nothing of another cause.
func (in *Incident) recovers(now time.Time) bool {
	over := in.fineSince()
	if in.Unclear || over.IsZero() || now.Sub(over) > splitAfter {
		return false
	}
	return !slices.ContainsFunc(in.Alerts, func(m Member) bool { return m.bad() && m.Seen.After(over) })
}

// fineSince is since when the first cause is fine again; zero if it isn't, or never was
// bad itself.
func (in *Incident) fineSince() (over time.Time) {
	for i := range in.Alerts {
		switch m := &in.Alerts[i]; {
		case m.About.Component != first(in.Causes):
		case m.bad():
			return time.Time{}
		case m.Over.After(over):
			over = m.Over
		}
	}
	return over
}

// keep tells that an incident recovers.
func (t *turn) keep(in, now *Incident) {
	s := fmt.Sprintf("%s is fine again since %s. ", now.Causes[0].Name, now.fineSince().UTC().Format("15:04"))
	if n := now.Bad(); n == 1 {
		s += "1 check is still in trouble."
	} else {
		s += itoa(n) + " checks are still in trouble."
	}
	c := t.edit(in)
	c.ranked = t.m.At
	c.pending = c.pending || c.Sentence != s
	c.Sentence = s
}

// judge ranks one, and notes what is different.
func (t *turn) judge(in, now *Incident) {
	given := t.given(now)
	ids := make([]string, 0, len(given.Alerts))
	for i := range given.Alerts {
		ids = append(ids, given.Alerts[i].Component)
	}
	near := trouble.Near(t.m.Graph, ids)
	r := t.ranker.Rank(near, given)
	next := verdict{unsure: r.Unsure, notVisible: append(t.strays(now), t.refs(r.NotVisible)...)}
	for i := range r.Causes[:min(mostCauses, len(r.Causes))] {
		next.causes = append(next.causes, t.cause(&r.Causes[i]))
	}
	if now.stray(first(next.causes)) {
		c := &next.causes[0]
		c.Chips = append([]string{"not on the chart"}, c.Chips...)
		c.Sentence += "; " + notOnChart
	}
	next.unclear = len(r.Causes) == 0 || r.Causes[0].Strength == trouble.Weak || r.Unsure != ""
	next.impact = t.impact(&r, given, next.unclear)
	next.changes = t.changes(given, near)
	next.title, next.sentence = title(now, &next), sentence(now, &r, &next)
	if now == in && now.says(&next) {
		now = t.edit(in) // nothing new: note that it was looked at
		now.ranked = t.m.At
		return
	}
	now = t.edit(in)
	was := first(now.Causes)
	said := len(now.Causes) > 0
	now.ranked = t.m.At
	if !now.says(&next) {
		now.pending = true
	}
	now.take(&next)
	if is := first(now.Causes); is != was || now.Unclear != now.wasUnclear {
		if said || !now.Unclear {
			now.note(t.m.At, EntryCause, causeText(now), is, "")
		}
		if said {
			t.tell(now.ID, CauseChanged)
		}
	}
	now.wasUnclear = now.Unclear
}

// notOnChart is what is said of a host that only monitoring knows.
const notOnChart = "it is not on the chart, as no agent reports it: what needs it is not known"

// stray says whether a component is a host that only monitoring knows.
func (in *Incident) stray(component string) bool {
	return slices.ContainsFunc(in.Alerts, func(m Member) bool { return m.Stray != "" && m.About.Component == component })
}

// strays are the hosts of an incident that only monitoring knows.
func (t *turn) strays(in *Incident) []Ref {
	out := []Ref{}
	for i := range in.Alerts {
		if m := &in.Alerts[i]; m.bad() && m.Stray != "" && !slices.Contains(out, m.About) {
			out = append(out, m.About)
		}
	}
	return out
}

// verdict is what is told of an incident.
type verdict struct {
	title, sentence, unsure string
	unclear                 bool
	causes                  []Cause
	impact                  Impact
	notVisible              []Ref
	changes                 []Change
}

// says reports whether an incident tells a verdict already.
func (in *Incident) says(v *verdict) bool {
	return in.Title == v.title && in.Sentence == v.sentence && in.Unsure == v.unsure && in.Unclear == v.unclear &&
		slices.EqualFunc(in.Causes, v.causes, sameCause) && slices.Equal(in.NotVisible, v.notVisible) && slices.Equal(in.Changes, v.changes) &&
		slices.Equal(in.Impact.Predicted, v.impact.Predicted) && slices.Equal(in.Impact.Possible, v.impact.Possible) && slices.Equal(in.Impact.Spared, v.impact.Spared)
}

func sameCause(a, b Cause) bool {
	return a.Ref == b.Ref && a.Strength == b.Strength && a.Sentence == b.Sentence && a.Explains == b.Explains &&
		slices.Equal(a.Chips, b.Chips) && slices.Equal(a.Path, b.Path)
}

func (in *Incident) take(v *verdict) {
	in.Title, in.Sentence, in.Unsure, in.Unclear = v.title, v.sentence, v.unsure, v.unclear
	in.Causes, in.Impact, in.NotVisible, in.Changes = v.causes, v.impact, v.notVisible, v.changes
	if in.Causes == nil {
		in.Causes = []Cause{}
	}
}

func first(causes []Cause) string {
	if len(causes) == 0 {
		return ""
	}
	return causes[0].Component
}

func causeText(in *Incident) string {
	if in.Unclear {
		return "the cause is unclear"
	}
	return "likely (" + string(in.Causes[0].Strength) + "): " + in.Causes[0].Name
}

// given is an incident as the ranker gets it: the alerts that are not over.
func (t *turn) given(in *Incident) *trouble.Incident {
	out := &trouble.Incident{At: t.m.At, Watched: t.m.Watched, Changes: t.changed(in)}
	bad := map[string]bool{}
	for i := range in.Alerts {
		if m := &in.Alerts[i]; m.bad() {
			bad[m.ID] = true
		}
	}
	for _, a := range t.alerts {
		if bad[a.key()] {
			out.Alerts = append(out.Alerts, a.Alert)
		}
	}
	return out
}

// change names one that was seen.
type change struct {
	component string
	at        int64
	what      string
}

// changed are the changes of the moment, and those that were told of an incident: they
// were seen, whatever is remembered of the time before it.
func (t *turn) changed(in *Incident) []trouble.Change {
	if len(in.Changes) == 0 {
		return t.m.Changes
	}
	if t.recent == nil {
		t.recent = make(map[change]bool, len(t.m.Changes))
		for _, c := range t.m.Changes {
			t.recent[change{c.Component, c.At.UnixNano(), c.What}] = true
		}
	}
	out := t.m.Changes
	for _, c := range in.Changes {
		if !t.recent[change{c.Component, c.At.UnixNano(), c.What}] {
			out = append(out[:len(out):len(out)], trouble.Change{Component: c.Component, At: c.At, What: c.What})
		}
	}
	return out
}

func (t *turn) refs(ids []string) []Ref {
	out := make([]Ref, 0, len(ids))
	for _, id := range ids[:min(mostHidden, len(ids))] {
		out = append(out, t.m.Name(id))
	}
	return out
}

// cause is what is told of one; its path is the longest.
func (t *turn) cause(c *trouble.Cause) Cause {
	out := Cause{
		Ref: t.m.Name(c.Component), Strength: c.Strength, Score: c.Score, Sentence: c.Sentence, Chips: c.Chips,
		Explains: len(c.Explains), Path: []Step{},
	}
	if out.Chips == nil {
		out.Chips = []string{}
	}
	var way []trouble.Step
	for i := range c.Explains {
		if e := c.Explains[i].Edges; len(e) > len(way) {
			way = e
		}
	}
	for _, s := range way {
		out.Path = append(out.Path, Step{t.m.Name(s.Client), t.m.Name(s.Server), s.Kind})
	}
	return out
}

// impact is what would follow from the first cause, unless that is unclear.
func (t *turn) impact(r *trouble.Ranking, given *trouble.Incident, unclear bool) Impact {
	out := Impact{Predicted: []Effect{}, Possible: []Effect{}, Spared: []Effect{}}
	if unclear {
		return out
	}
	fails := []string{r.Causes[0].Component}
	if _, ok := t.m.Graph.Index(fails[0]); !ok {
		return out
	}
	im, err := trouble.Predict(trouble.Below(t.m.Graph, fails), fails, given)
	if err != nil {
		return out
	}
	return Effects(&im, t.m.Name)
}

// Effects puts what is predicted into the words of the chart, as far as there is room.
func Effects(im *trouble.Impact, name func(string) Ref) Impact {
	out := Impact{}
	list := func(effects []trouble.Effect) []Effect {
		out.More += max(0, len(effects)-mostEffects)
		told := make([]Effect, 0, min(mostEffects, len(effects)))
		for _, e := range effects[:min(mostEffects, len(effects))] {
			told = append(told, Effect{name(e.Component), e.Why, e.Hops})
		}
		return told
	}
	out.Predicted, out.Possible, out.Spared = list(im.Predicted), list(im.Possible), list(im.Spared)
	return out
}

// Supposed is the same of a failure that is only supposed, for which no alerts speak.
func Supposed(im *trouble.Impact, name func(string) Ref) Impact {
	out := Effects(im, name)
	confirmed := Effects(&trouble.Impact{Predicted: im.Confirmed}, name)
	out.Confirmed, out.More = confirmed.Predicted, out.More+confirmed.More
	return out
}

// changes are those on what has to do with the incident, the latest first.
func (t *turn) changes(given *trouble.Incident, near *trouble.Graph) []Change {
	out := []Change{}
	began := t.m.At
	for i := range given.Alerts {
		if s := t.seen(&Alert{Alert: given.Alerts[i]}); s.Before(began) {
			began = s
		}
	}
	behind := needed(given, near)
	for _, c := range given.Changes {
		if c.At.After(began) || began.Sub(c.At) > window {
			continue
		}
		if behind[c.Component] {
			out = append(out, Change{t.m.Name(c.Component), c.At, c.What})
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Component, b.Component), cmp.Compare(a.What, b.What))
	})
	return out[:min(mostChanges, len(out))]
}

// needed are what is in trouble, and what that needs, over a few steps.
func needed(given *trouble.Incident, near *trouble.Graph) map[string]bool {
	met := map[string]bool{}
	var ring []string
	for i := range given.Alerts {
		ring = append(ring, given.Alerts[i].Component)
	}
	for range steps + 1 {
		var next []string
		for _, id := range ring {
			if met[id] {
				continue
			}
			met[id] = true
			next = append(next, near.Servers(id)...)
		}
		ring = next
	}
	return met
}

// title names the fault and the place; where the cause can't be told, what is in trouble.
func title(in *Incident, v *verdict) string {
	if v.unclear {
		return "Cause unclear: " + troubled(in)
	}
	c := &v.causes[0]
	if m := in.worst(c.Component); m != nil {
		return m.fault()
	}
	return "Clients of " + c.Name + " fail"
}

// troubled says what is in trouble, in a few words.
func troubled(in *Incident) string {
	var places []string
	n := 0
	for i := range in.Alerts {
		m := &in.Alerts[i]
		if !m.bad() {
			continue
		}
		n++
		if p := m.place(); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	s := count(n, "check") + " on "
	switch len(places) {
	case 1:
		return s + places[0]
	case 2:
		return s + places[0] + " and " + places[1]
	}
	return s + places[0] + " and " + itoa(len(places)-1) + " other nodes"
}

// worst is the alert that says most of a component; nil if it has none.
func (in *Incident) worst(component string) (best *Member) {
	for i := range in.Alerts {
		m := &in.Alerts[i]
		if m.About.Component != component || !m.bad() {
			continue
		}
		if best == nil || m.severity() > best.severity() {
			best = m
		}
	}
	return best
}

// severity orders alerts of one component: what is handled comes last.
func (m *Member) severity() int {
	s := 2 * m.Status.Severity()
	if len(m.How) == 0 {
		s++
	}
	return s
}

// place is where an alert is.
func (m *Member) place() string { return cmp.Or(m.About.Node, m.Host, m.About.Name) }

// faults are what checks are about, by words in their names, and what is said of that.
var faults = []struct {
	words                []string
	full, critical, warn string
}{
	{[]string{"disk", "filesystem", "diskspace", "df", "inode", "inodes", "partition", "volume"}, "Disk full", "Disk space critical", "Disk space low"},
	{[]string{"memory", "mem", "ram", "swap"}, "Memory full", "Memory critical", "Memory low"},
	{[]string{"load", "cpu"}, "", "Load critical", "Load high"},
	{[]string{"cert", "certificate", "ssl", "tls"}, "", "Certificate critical", "Certificate warning"},
	{[]string{"ntp", "chrony", "clock", "timesync"}, "", "Clock critical", "Clock off"},
}

// fault is what an alert says, as a title.
func (m *Member) fault() string {
	on := " on " + m.place()
	said := strings.ToLower(m.Output)
	bad := m.Status.Severity() >= topology.Critical.Severity()
	if m.Kind == topology.HostCheck && m.Name == "" {
		return m.place() + " is " + strings.ToLower(string(m.Status))
	}
	if s := m.observed(); s != "" {
		return s
	}
	words := strings.FieldsFunc(strings.ToLower(m.Name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	for _, f := range faults {
		if !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(f.words, w) }) {
			continue
		}
		switch {
		case bad && f.full != "" && (strings.Contains(said, "(0%") || strings.Contains(said, "100%") || strings.Contains(said, "no space") || strings.Contains(said, "full")):
			return f.full + on
		case bad:
			return f.critical + on
		}
		return f.warn + on
	}
	name := cmp.Or(m.Name, m.About.Name)
	switch {
	case strings.Contains(said, "refused"):
		return name + " refuses connections" + on
	case strings.Contains(said, "timeout"), strings.Contains(said, "timed out"), strings.Contains(said, "does not answer"):
		return name + " does not answer" + on
	}
	return name + " " + strings.ToLower(string(m.Status)) + on
}

// observed is what a signal says, as a title: without the one client of many that it names.
// Empty for what is none.
func (m *Member) observed() string {
	word, _, _ := strings.Cut(m.Name, ": ")
	kind := topology.SignalKind(word)
	switch {
	case m.Source != topology.SignalSource:
		return ""
	case m.Title != "":
		return kind.ShortTitle(m.Title)
	case kind.Says() != "": // of a former version
		return m.About.Name + " " + kind.Says()
	}
	return ""
}

// sentence is what was observed, and how much of it is consistent with the first cause.
func sentence(in *Incident, r *trouble.Ranking, v *verdict) string {
	if len(r.Causes) == 0 {
		return upper(r.Unsure)
	}
	with := map[string]bool{r.Causes[0].Component: true}
	for i := range r.Causes[0].Explains {
		with[r.Causes[0].Explains[i].To] = true
	}
	fit, all := 0, 0
	for i := range in.Alerts {
		if m := &in.Alerts[i]; m.bad() {
			all++
			if with[m.About.Component] {
				fit++
			}
		}
	}
	s := ""
	if v.unsure != "" {
		s = upper(v.unsure) + ". "
	}
	s += upper(v.causes[0].Sentence) + ". "
	if all == 1 {
		return s + "It is the only check in trouble."
	}
	return s + itoa(fit) + " of " + count(all, "check") + " " + be(fit) + " consistent with it."
}

func be(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// upper begins a sentence, unless it begins with a name.
func upper(s string) string {
	for _, word := range []string{"can't", "no ", "nobody", "nothing", "people"} {
		if strings.HasPrefix(s, word) {
			return strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return s
}

// Package phrase puts what was observed of a likely cause into words: one sentence of
// observations, each a clause, and chips of a few words each. It judges nothing, and
// never says more than it was given.
package phrase

import (
	"fmt"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// State is what is known of a component that has no alert.
type State uint8

// The states.
const (
	Unknown   State = iota // no alert, and nobody says what that means
	Paged                  // people were called for it
	Fine                   // found to be fine since the trouble began
	Silent                 // watched once, and nothing comes from it now
	Unwatched              // nobody watches it
)

// Facts are what was observed of one component.
type Facts struct {
	// Name is what people call it, At the moment for which all is told.
	Name string
	At   time.Time
	// Alert is the one that says most; nil if it has none. Then State counts, and
	// FineAt if that is Fine.
	Alert  *Alert
	State  State
	FineAt time.Time
	// Reach is how many of the Others in trouble need it.
	Reach, Others int
	// Explains is how many symptoms trouble of it could get to; First of them
	// surely began after it, Later surely before.
	Explains, First, Later int
	// Change is what was seen to change just before, as in "it restarted"; Changed is
	// when. Empty if nothing did.
	Change  string
	Changed time.Time
	// Load is how many times its usual traffic it sends to Loaded; zero for none.
	Load   float64
	Loaded string
	// Bad of its clients are in trouble, Quiet have no alert; Few says that these are
	// too many to be passed over.
	Bad, Quiet int
	Few        bool
	// Pool is how many there are of its pool, 0 without one; PoolBad of them are in
	// trouble, PoolQuiet others have no alert.
	Pool, PoolBad, PoolQuiet int
	// Needed says that something needs it.
	Needed bool
}

// Alert is what a check or a signal said.
type Alert struct {
	// Check is what the check is called; empty says nothing more than the component.
	Check string
	// Says is what it says, as a sentence; empty where only its name is known.
	Says   string
	Status topology.Status
	// Times is how many times its limit the figure is; zero without a figure.
	Times    float64
	Flapping bool
	// Witness is whose word alone this is; empty if it is more than that.
	Witness string
	// Since is when it was first seen to be bad; zero if not known.
	Since time.Time
	// Disputed is what was seen and doesn't fit; empty if nothing.
	Disputed string
}

// Sentence says what speaks for a cause, and then what against it.
func Sentence(f *Facts) string {
	clauses := []string{f.itself()}
	for _, s := range []string{f.reach(), f.order(), f.change(), f.load(), f.against()} {
		if s != "" {
			clauses = append(clauses, s)
		}
	}
	return strings.Join(clauses, "; ")
}

// itself is what was seen of the component itself.
func (f *Facts) itself() string {
	if f.Alert != nil {
		return f.alert()
	}
	switch f.State {
	case Paged:
		return "people were called for " + f.Name
	case Fine:
		return fmt.Sprintf("%s was found to be fine at %s", f.Name, f.clock(f.FineAt))
	case Silent:
		return "nothing comes from " + f.Name + " any more"
	case Unwatched:
		return "nobody watches " + f.Name
	case Unknown:
	}
	return "no alert is on " + f.Name
}

func (f *Facts) alert() string {
	a := f.Alert
	s := f.Name
	if a.Check != "" && a.Check != s {
		s += " " + a.Check
	}
	if a.Says != "" {
		s = a.Says + a.beyond()
	} else {
		s += " is " + a.state()
	}
	if a.Witness != "" {
		s += " by the word of " + a.Witness + " alone"
	}
	if !a.Since.IsZero() {
		s += " since " + f.clock(a.Since)
	}
	return s
}

// beyond is what is known of an alert that says by itself what is wrong.
func (a *Alert) beyond() (s string) {
	if a.Times > 0 {
		s = fmt.Sprintf(", at %s times its limit", figure(a.Times))
	}
	if a.Flapping {
		s += ", and flapping"
	}
	return s
}

// state is what an alert says: its status, else its figure.
func (a *Alert) state() string {
	var parts []string
	if a.Status != "" && a.Status != topology.NoStatus {
		parts = append(parts, string(a.Status))
	}
	if a.Times > 0 {
		parts = append(parts, fmt.Sprintf("at %s times its limit", figure(a.Times)))
	}
	if len(parts) == 0 {
		parts = append(parts, "in trouble")
	}
	if a.Flapping {
		parts = append(parts, "and flapping")
	}
	return strings.Join(parts, " ")
}

// figure prints two digits.
func figure(x float64) string {
	if x >= 9.95 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

// clock prints a time of day in UTC, with the day if that isn't the one of the rest.
func (f *Facts) clock(t time.Time) string {
	if d := f.At.Sub(t); !f.At.IsZero() && d > 20*time.Hour {
		return t.UTC().Format("2006-01-02 15:04")
	}
	return t.UTC().Format("15:04")
}

// reach is how many of the others need it.
func (f *Facts) reach() string {
	switch {
	case f.Others == 0:
		return "nothing else is in trouble"
	case f.Reach == 0 && f.Others == 1:
		return "the other in trouble doesn't need it"
	case f.Reach == 0:
		return fmt.Sprintf("none of the %d others in trouble needs it", f.Others)
	case f.Reach == 1 && f.Others == 1:
		return "the one other in trouble needs it"
	case f.Reach == 2 && f.Others == 2:
		return "both others in trouble need it"
	case f.Reach == f.Others:
		return fmt.Sprintf("all %d others in trouble need it", f.Others)
	case f.Reach == 1:
		return fmt.Sprintf("one of the %d others in trouble needs it", f.Others)
	}
	return fmt.Sprintf("%d of the %d others in trouble need it", f.Reach, f.Others)
}

// order is what the onsets say.
func (f *Facts) order() string {
	n := f.Explains
	switch {
	case n == 0 || f.First+f.Later == 0:
		return ""
	case f.First == n && n == 1:
		return "it was bad before the other was last OK"
	case f.First == n:
		return "it was bad before any of them"
	case f.Later == 0:
		return fmt.Sprintf("it was bad before %d of them, the order of the rest is not known", f.First)
	case f.First == 0:
		return fmt.Sprintf("it was last OK after %d of them went bad", f.Later)
	}
	return fmt.Sprintf("it was bad before %d and after %d of them", f.First, f.Later)
}

func (f *Facts) change() string {
	if f.Change == "" {
		return ""
	}
	return fmt.Sprintf("it %s at %s", f.Change, f.clock(f.Changed))
}

func (f *Facts) load() string {
	if f.Load == 0 {
		return ""
	}
	return fmt.Sprintf("it sends %s times its usual traffic to %s", figure(f.Load), f.Loaded)
}

// against is what doesn't fit.
func (f *Facts) against() string {
	var against []string
	if f.Alert != nil && f.Alert.Disputed != "" {
		against = append(against, f.Alert.Disputed)
	}
	if f.Few {
		against = append(against, fmt.Sprintf("%d of its %d clients %s no alert", f.Quiet, f.Quiet+f.Bad, have(f.Quiet)))
	}
	if f.PoolQuiet > 0 {
		against = append(against, fmt.Sprintf("%d of its pool %s no alert", f.PoolQuiet, have(f.PoolQuiet)))
	}
	if len(against) == 0 {
		return ""
	}
	return "but " + strings.Join(against, " and ")
}

func have(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

// Chips are the same in a few words each.
func Chips(f *Facts) []string {
	var chips []string
	add := func(when bool, format string, args ...any) {
		if when {
			chips = append(chips, fmt.Sprintf(format, args...))
		}
	}
	add(f.Explains > 0 && f.First == f.Explains, "first of %d", f.Explains+1)
	add(f.Explains > 0 && f.First == 0 && f.Later == 0, "order not known")
	add(f.Later > 0, "later than %d", f.Later)
	add(f.Bad+f.Quiet > 0, "%d of %d paths", f.Bad, f.Bad+f.Quiet)
	add(f.Pool > 0, "%d of %d members", f.PoolBad, f.Pool)
	add(f.Pool == 0 && f.Needed, "no redundancy")
	add(f.Alert != nil && f.Alert.Witness != "", "one witness")
	add(f.Alert == nil && f.State == Unwatched, "not watched")
	add(f.Alert == nil && f.State == Silent, "silent")
	add(f.Alert == nil && f.State == Fine, "seen fine")
	add(f.Change != "", "changed before")
	return chips
}

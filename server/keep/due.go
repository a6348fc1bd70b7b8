package keep

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
)

// haste is how much is written.
type haste int

// The kinds of haste.
const (
	byAndBy    haste = iota // what the rhythm says: of very many changes some wait
	changes                 // all that changed, but for numbers and times
	everything              // as nothing comes after it
)

// due is what is written now.
type due struct {
	put  []waiting
	gone []string // nodes that are no more
	left
}

// left is what is not.
type left struct {
	oldest time.Time // since when the oldest change waits that is not one of numbers; zero if none does
	more   bool      // for which there was no room in this write
}

// behind is how long the oldest change has been waiting.
func (l *left) behind(now time.Time) time.Duration {
	if l.oldest.IsZero() {
		return 0
	}
	return max(now.Sub(l.oldest), 1)
}

func (l *left) wait(since time.Time) {
	if l.oldest.IsZero() || since.Before(l.oldest) {
		l.oldest = since
	}
}

// waiting is a node that the store holds as it was, since a moment.
type waiting struct {
	block  *topology.Block
	since  time.Time
	record bool // it may be news for the history, too
}

// due compares a snapshot with what the store holds. A node that is new is written at
// once. It goes before what is gone, and so does whatever changed before that: edges
// never lead from the store to a node that it has no more, nor does one vanish that goes
// on under another name.
func (k *Keeper) due(t *taken, now time.Time, all haste) due {
	var fresh, structure, numbers, times []waiting
	known := 0
	for b := range t.snap.Blocks() {
		w, ok := k.written[b.Node.Name]
		if ok {
			known++
		}
		switch {
		case !ok:
			fresh = append(fresh, waiting{b, now, true})
		case w.block == b && !w.older:
		case all == everything:
			times = append(times, waiting{b, w.at, w.block != b})
		case w.block == b:
			numbers = append(numbers, waiting{b, w.at, false})
		case topology.OnlyTimes(w.block, b) && !w.older:
			if now.Sub(w.at) >= timesEvery {
				times = append(times, waiting{b, w.at, false})
			}
		case history.Same(w.block, b) && !k.frameDue(&t.settings, b, t.snap.At()):
			numbers = append(numbers, waiting{b, w.at, false})
			k.written[b.Node.Name] = written{block: b, at: w.at, older: true} // nobody needs the older one
		default:
			if w.since.IsZero() {
				w.since = now
				k.written[b.Node.Name] = w
			}
			structure = append(structure, waiting{b, w.since, true})
		}
	}
	var d due
	room := perWrite
	d.take(fresh, len(fresh), &room, true)
	d.take(times, len(times), &room, all == everything)
	most := len(structure)
	if all == byAndBy {
		most = atOnce
	}
	d.take(structure, max(most, late(structure, now.Add(-structureWait))), &room, true)
	d.take(numbers, max(atOnce, late(numbers, now.Add(-numbersWait))), &room, false)
	if known < len(k.written) {
		k.gone(t, &d, now)
	}
	return d
}

// late is how many wait at least since a moment.
func late(list []waiting, since time.Time) (n int) {
	for i := range list {
		if !list[i].since.After(since) {
			n++
		}
	}
	return n
}

// take takes those of a list whose turn it is: most of them, those that wait longest, as
// far as there is room. counts says that somebody wants to know of those that are left.
func (d *due) take(list []waiting, most int, room *int, counts bool) {
	if len(list) > most {
		slices.SortStableFunc(list, func(a, b waiting) int { return a.since.Compare(b.since) })
	}
	for i, w := range list {
		switch {
		case i < most && *room > 0:
			*room -= weight(w.block)
			d.put = append(d.put, w)
		case counts:
			d.wait(w.since)
			d.more = d.more || i < most
		}
	}
}

// weight is about how much of a write a block takes.
func weight(b *topology.Block) int { return 1 + len(b.Services) + len(b.Connections) + len(b.Checks) }

// gone takes the nodes that are no more, of those before which no other change waits.
func (k *Keeper) gone(t *taken, d *due, now time.Time) {
	for name, w := range k.written {
		if t.snap.Block(name) != nil {
			continue
		}
		if w.since.IsZero() {
			w.since = now
			k.written[name] = w
		}
		if d.oldest.IsZero() || w.since.Before(d.oldest) {
			d.gone = append(d.gone, name)
		}
	}
}

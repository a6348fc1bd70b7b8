package keep

import (
	"context"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// overlap is how far back a server that takes over looks for what the one before
// it did not write: more than that keeps waiting, and than the two may differ in
// what they call now.
const overlap = 15 * time.Second

// seen is what was shown at a time.
type seen struct {
	at   time.Time
	snap *topology.Snapshot
}

// Standby leaves the writing to another server, until Resume.
func (k *Keeper) Standby() {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.standby, k.ring = true, nil
	k.rest(true)
}

// rest notes that another server writes, or that this one does.
func (k *Keeper) rest(resting bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.resting, k.since, k.writingSince = resting, time.Time{}, time.Time{}
}

// Load takes in what was just read from the store.
func (k *Keeper) Load(snap *topology.Snapshot) {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.ring = []seen{{time.Now(), snap}}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.snap, k.events, k.gaps = snap, nil, nil
}

// watch remembers what was shown lately, and forgets what the other server has
// surely written. The caller holds writing.
func (k *Keeper) watch(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring = append(k.ring, seen{now, k.snap})
	for len(k.ring) > 1 && now.Sub(k.ring[1].at) > overlap {
		k.ring = k.ring[1:]
	}
	k.events = slices.DeleteFunc(k.events, func(e topology.Event) bool { return now.Sub(e.At) > overlap })
	if len(k.gaps) > maxGaps {
		k.gaps = k.gaps[len(k.gaps)-maxGaps:]
	}
}

// maxGaps bounds the gaps that are kept on standby; what is written twice is
// written once.
const maxGaps = 1000

// Resume writes again: also what the other server did not come to write. Where
// the store can't be asked ctx is nil, and it may then hold some events twice.
func (k *Keeper) Resume(ctx context.Context) {
	k.writing.Lock()
	defer k.writing.Unlock()
	if !k.standby {
		return
	}
	k.standby = false
	k.rest(false)
	k.written = map[string]written{}
	if len(k.ring) > 0 {
		for b := range k.ring[0].snap.Blocks() {
			k.written[b.Node.Name] = written{block: b, at: k.ring[0].at}
		}
	}
	k.ring = nil
	if ctx == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = k.unwritten(ctx, k.events)
}

// eventName tells events of a short time apart.
type eventName struct {
	kind    topology.EventKind
	subject topology.Subject
	id      string
}

// unwritten are those of the events that the store doesn't hold yet. The two
// servers may have seen a change a moment apart, so they are counted by what
// they say: of three of a kind, of which the store holds two, the last is left.
func (k *Keeper) unwritten(ctx context.Context, events []topology.Event) []topology.Event {
	if len(events) == 0 {
		return nil
	}
	held := map[eventName]int{}
	from := events[0].At.Add(-time.Second)
	err := k.store.Events(ctx, from, from.Add(time.Hour), func(e topology.Event) bool {
		held[eventName{e.Kind, e.Subject, e.ID}]++
		return true
	})
	if err != nil {
		k.log.Warn("reading the newest events failed: some may be kept twice", "error", err)
	}
	return slices.DeleteFunc(events, func(e topology.Event) bool {
		name := eventName{e.Kind, e.Subject, e.ID}
		held[name]--
		return held[name] >= 0
	})
}

package keep

import "time"

// Meter takes note of writes.
type Meter interface {
	// Wrote says how long a write took that tried to append so many events, and how it
	// went.
	Wrote(d time.Duration, events int, err error)
}

// Progress is how writing goes.
type Progress struct {
	// Waiting is how many events are not written yet.
	Waiting int
	// Behind is the age of the oldest change that the store does not hold; zero if it
	// holds all there is to hold, or another server writes.
	Behind time.Duration
}

// Progress says how far the store is behind what is shown.
func (k *Keeper) Progress(now time.Time) Progress {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := Progress{Waiting: len(k.events)}
	if k.resting {
		return Progress{}
	}
	for _, since := range []time.Time{k.writingSince, k.since} {
		if !since.IsZero() {
			p.Behind = max(p.Behind, now.Sub(since))
		}
	}
	return p
}

package stream

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"sync"
	"time"
)

// Told are names of what the page shows beside the chart, in beats and snapshots of the
// stream: while a name stays, what it names need not be read again. What can't be read has
// none, so that it is asked for.
type Told struct {
	// Alerts names what open checks say.
	Alerts string `json:"alerts,omitempty"`
	// Sources names how the monitoring systems are, Read when they were read: all checks
	// may have changed.
	Sources string `json:"sources,omitempty"`
	Read    string `json:"read,omitempty"`
	// Store names whether the history is written, and what it lacks.
	Store string `json:"store,omitempty"`
}

// NameOf is short, and another one for another value; ” where there is none.
func NameOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := fnv.New64a()
	sum.Write(raw)
	return hex.EncodeToString(sum.Sum(nil))
}

// namesWait is the most that a beat waits for names.
const namesWait = time.Second

// teller asks for names once for all viewers.
type teller struct {
	now    func() time.Time
	beside func(ctx context.Context) Told

	mu   sync.Mutex
	at   time.Time
	told Told
}

// names are those of now, at most as old as a beat.
func (t *teller) names(ctx context.Context) Told {
	if t.beside == nil {
		return Told{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if age := now.Sub(t.at); age < 0 || age >= beatEvery*4/5 {
		// For all of them: the one who asks may leave.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), namesWait)
		defer cancel()
		t.at, t.told = now, t.beside(ctx)
	}
	return t.told
}

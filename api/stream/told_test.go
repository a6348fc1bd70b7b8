package stream

import (
	"context"
	"testing"
	"time"
)

// TestTold has the names asked for once a beat, however many viewers there are, and not
// called off by one who leaves.
func TestTold(t *testing.T) {
	now, asked := time.Unix(0, 0), 0
	teller := &teller{now: func() time.Time { return now }, beside: func(ctx context.Context) Told {
		asked++
		if ctx.Err() != nil {
			t.Error(ctx.Err())
		}
		return Told{Alerts: NameOf(asked)}
	}}
	left, leave := context.WithCancel(t.Context())
	leave()
	first := teller.names(left)
	now = now.Add(beatEvery / 2)
	if again := teller.names(t.Context()); again != first || asked != 1 {
		t.Errorf("asked %d times: %+v, %+v", asked, first, again)
	}
	now = now.Add(beatEvery / 2)
	if next := teller.names(t.Context()); next == first || asked != 2 {
		t.Errorf("asked %d times: %+v", asked, next)
	}
}

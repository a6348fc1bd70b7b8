package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// patience is how long a report waits for its turn. Agents give up after ten seconds:
// what would be answered later would be taken in for nothing.
const patience = 8 * time.Second

// ErrBusy refuses a report because others are before it.
var ErrBusy = errors.New("more reports come than this server can take in: try again")

// turns lets so many reports be unpacked and applied at once as keep the processors busy,
// in the order in which they came. If all that come were let in, each would be late, and
// what is done for those whose agents gave up would be lost: so a server that is started
// among very many agents would never get through.
type turns chan struct{}

func newTurns() turns { return make(turns, max(4, 2*runtime.GOMAXPROCS(0))) }

// take waits for a turn, which leave ends. The error is a [*Failure].
func (t turns) take(ctx context.Context) (leave func(), err error) {
	leave = func() { <-t }
	select {
	case t <- struct{}{}:
		return leave, nil
	default:
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case t <- struct{}{}:
		return leave, nil
	case <-late.C:
		return nil, &Failure{http.StatusTooManyRequests, ErrBusy}
	case <-ctx.Done():
		return nil, &Failure{http.StatusServiceUnavailable, fmt.Errorf("waiting to take in a report: %w", ctx.Err())}
	}
}

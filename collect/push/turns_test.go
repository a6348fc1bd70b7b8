package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// gate is a sink that lets reports through when it is told.
type gate struct {
	come chan struct{}
	open chan struct{}
}

func (g *gate) Put(context.Context, *report.Report) error {
	g.come <- struct{}{}
	<-g.open
	return nil
}

// TestTurns: as many reports are taken in at once as there are turns; others wait, and
// are refused when that takes too long, unread by the sink; with the next turn it goes on.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox, g := NewInbox(time.Now), &gate{make(chan struct{}, 100), make(chan struct{})}
		n := cap(inbox.turns)
		answers := make(chan error, 100)
		send := func(ctx context.Context) {
			req := httptest.NewRequestWithContext(ctx, http.MethodPost, Path, bytes.NewReader([]byte(`{"version":"1.0"}`)))
			go func() {
				_, err := inbox.Receive(httptest.NewRecorder(), req, g)
				answers <- err
			}()
		}
		for range n + 1 {
			send(t.Context())
		}
		synctest.Wait()
		gone, leave := context.WithCancel(t.Context())
		send(gone)
		synctest.Wait()
		if len(g.come) != n {
			t.Fatalf("%d are taken in at once, want %d", len(g.come), n)
		}
		leave()
		var f *Failure
		if err := <-answers; !errors.As(err, &f) || f.Status != http.StatusServiceUnavailable {
			t.Errorf("whose agent is gone: %v", err)
		}
		began := time.Now()
		if err := <-answers; !errors.Is(err, ErrBusy) || !errors.As(err, &f) || f.Status != http.StatusTooManyRequests || time.Since(began) != patience {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		send(t.Context())
		synctest.Wait()
		g.open <- struct{}{}
		synctest.Wait()
		if err := <-answers; err != nil || len(g.come) != n+1 {
			t.Errorf("with the next turn %d came: %v", len(g.come), err)
		}
		close(g.open)
		for range n {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSlowBodyTakesNoTurn: who sends slowly keeps nobody waiting.
func TestSlowBodyTakesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := NewInbox(time.Now)
		in, out := io.Pipe()
		answer := make(chan error, 1)
		go func() {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, in)
			_, err := inbox.Receive(httptest.NewRecorder(), req, &sink{})
			answer <- err
		}()
		synctest.Wait()
		if len(inbox.turns) != 0 {
			t.Error("a body that did not come has a turn")
		}
		if _, err := out.Write([]byte(`{"version":"1.0"}`)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(out.Close(), <-answer); err != nil || len(inbox.turns) != 0 {
			t.Errorf("%v, and %d have their turn", err, len(inbox.turns))
		}
	})
}

package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// statusFor is what a request is answered; 200 if it is taken in.
func statusFor(t *testing.T, b *Inbox, ctx context.Context, body io.Reader, length int64) int { //nolint:revive // t stands first in helpers
	t.Helper()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, Path, body)
	req.ContentLength = length
	_, err := b.Receive(httptest.NewRecorder(), req, &sink{})
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Status
	}
	return http.StatusOK
}

// Bodies that are on their way hold what they announce, and no more is held than
// there is room for.
func TestBodiesAreBounded(t *testing.T) {
	raw := []byte(`{"version":"1.0","node":{"name":"web1"}}`)
	b := NewInbox(time.Now)
	b.bodies.most = 3 * maxPacked
	var slow []*io.PipeWriter
	ended := make(chan int)
	for _, length := range []int64{maxPacked, -1, 100 * maxPacked} { // what isn't told counts as the most
		r, w := io.Pipe()
		slow = append(slow, w)
		go func() { ended <- statusFor(t, b, t.Context(), r, length) }()
		if _, err := w.Write([]byte("{")); err != nil { // it is being read
			t.Fatal(err)
		}
	}
	if got := statusFor(t, b, t.Context(), bytes.NewReader(raw), int64(len(raw))); got != http.StatusTooManyRequests {
		t.Errorf("without room: %d", got)
	}
	for _, w := range slow {
		_ = w.Close()
		if got := <-ended; got != http.StatusBadRequest {
			t.Errorf("half a body: %d", got)
		}
	}
	if got := statusFor(t, b, t.Context(), bytes.NewReader(raw), int64(len(raw))); got != http.StatusOK {
		t.Errorf("with room again: %d", got)
	}
	if held := b.bodies.held.Load(); held != 0 {
		t.Errorf("%d bytes are held for ever", held)
	}
}

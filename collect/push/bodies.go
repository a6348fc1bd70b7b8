package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// What reports may take of the memory before they are taken in.
const (
	// MaxBodies is how much of packed bodies is held at a time.
	MaxBodies = 256 << 20
	// maxDecoding is how many are unpacked and decoded at a time: of those that
	// keep all limits each takes up to 300 MiB, for as long as that takes.
	maxDecoding = 4
	// turnWithin is how long one waits for its turn.
	turnWithin = 10 * time.Second
)

// ErrBusy refuses a report that there is no room for now.
var ErrBusy = errors.New("server is busy with the reports of others: try again")

// bodies holds what arrives.
type bodies struct {
	most  int64
	held  atomic.Int64
	turns chan struct{}
}

func newBodies() bodies { return bodies{most: MaxBodies, turns: make(chan struct{}, maxDecoding)} }

// read reads a body whose length counts until done is called, from its beginning:
// what is announced must find room, too.
func (b *bodies) read(w http.ResponseWriter, req *http.Request) (body []byte, done func(), err error) {
	n := int64(maxPacked)
	if req.ContentLength >= 0 {
		n = min(n, req.ContentLength)
	}
	if b.held.Add(n) > b.most {
		b.held.Add(-n)
		return nil, nil, ErrBusy
	}
	done = func() { b.held.Add(-n) }
	if body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxPacked)); err != nil {
		done()
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, nil, fmt.Errorf("%w: body must be at most %d bytes", report.ErrTooLarge, large.Limit)
		}
		return nil, nil, fmt.Errorf("reading report: %w", err)
	}
	return body, done, nil
}

// decoded decodes a body in its turn.
func decoded[T any](ctx context.Context, b *bodies, body []byte, decode func(io.Reader) (*T, error)) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	select {
	case b.turns <- struct{}{}:
		defer func() { <-b.turns }()
		return decode(bytes.NewReader(body))
	case <-ctx.Done():
		return nil, ErrBusy
	}
}

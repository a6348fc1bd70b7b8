package push

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/devops-trouble-map/dotm/report"
)

// MaxBodies is how much of packed bodies is held at a time, before they are taken in.
const MaxBodies = 256 << 20

// bodies holds what arrives.
type bodies struct {
	most int64
	held atomic.Int64
}

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

package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Picture asks a handler of [New], in this process, for an SVG of what is around a node
// or service.
func Picture(ctx context.Context, h http.Handler, of string) ([]byte, error) {
	q := url.Values{"level": {"service"}, "focus": {of}, "hops": {"1"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+Prefix+"/export/svg?"+q.Encode(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("drawing the chart around %s: %w", of, err)
	}
	answer := &inside{header: http.Header{}, status: http.StatusOK}
	Local(h).ServeHTTP(answer, req)
	if answer.status != http.StatusOK {
		return nil, fmt.Errorf("drawing the chart around %s: %s", of, http.StatusText(answer.status))
	}
	return answer.body.Bytes(), nil
}

// inside is an answer that goes nowhere.
type inside struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer.
func (k *inside) Header() http.Header { return k.header }

// WriteHeader keeps the status.
func (k *inside) WriteHeader(status int) { k.status = status }

// Write keeps what comes.
func (k *inside) Write(p []byte) (int, error) { return k.body.Write(p) }

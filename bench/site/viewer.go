package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// viewers are browsers that show the chart, and follow its stream.
type viewers struct {
	url    string
	client *http.Client
	marks  *marks

	connected atomic.Int64
	again     atomic.Int64 // lines that ended and were made anew
	resyncs   atomic.Int64 // among those that are read
	deltas    atomic.Int64 // likewise
	bytes     atomic.Int64 // over the line, of all
	first     durations    // from asking for the chart to its last byte
	chart     atomic.Int64 // bytes of the usual chart, over the line
	lastError atomic.Value
}

// question is what a viewer asks for.
type question struct {
	query url.Values
	read  bool // what comes is unpacked, and searched for marks
}

// The share of viewers that ask something else than the usual question, one in so many.
const (
	groupEvery = 10 // the level of groups
	focusEvery = 10 // a node of their own, and what is around it
	mostRead   = 2  // of those with the usual question, so many are read
)

// questions are those of n viewers: eight in ten share the usual one, level pool; one in
// ten asks for groups, which they share, too; one in ten looks at a node of its own.
func questions(n int, nodes []string) (list []question) {
	read := 0
	for i := range n {
		q := question{query: url.Values{"level": {"pool"}}}
		switch {
		case i%groupEvery == groupEvery-1:
			q.query.Set("level", "group")
		case i%focusEvery == focusEvery-2 && len(nodes) > 0:
			q.query.Set("focus", nodes[i*len(nodes)/n])
			q.query.Set("hops", "1")
		case read < min(mostRead, n):
			read++
			q.read = true
		}
		list = append(list, q)
	}
	return list
}

func newViewers(server string, m *marks) *viewers {
	return &viewers{url: server, marks: m, client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4}}}
}

// start opens the lines, and returns a function that waits for their end.
func (v *viewers) start(ctx context.Context, list []question) (wait func()) {
	var all sync.WaitGroup
	for _, q := range list {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := v.view(ctx, q); err != nil && ctx.Err() == nil {
					v.lastError.Store(err.Error())
				}
				if ctx.Err() == nil {
					v.again.Add(1)
					sleep(ctx, time.Second)
				}
			}
		})
	}
	return all.Wait
}

// sleep waits, and says whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// view asks for a chart, and follows it until the line ends.
func (v *viewers) view(ctx context.Context, q question) error {
	began := time.Now()
	resp, err := v.get(ctx, "/api/v1/topology?"+q.query.Encode())
	if err != nil {
		return err
	}
	n, revision, err := drain(resp)
	if err != nil {
		return err
	}
	v.first.add(time.Since(began))
	if q.read {
		v.chart.Store(n)
	}
	query := q.query
	query.Set("after", revision)
	if resp, err = v.get(ctx, "/api/v1/stream?"+query.Encode()); err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	v.connected.Add(1)
	defer v.connected.Add(-1)
	if q.read {
		return v.read(resp)
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := resp.Body.Read(buf)
		v.bytes.Add(int64(n))
		if err != nil {
			return err
		}
	}
}

// get asks as a browser does.
func (v *viewers) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s: %s %s", path, resp.Status, text)
	}
	return resp, nil
}

// drain reads an answer, and gives its size over the line and the revision.
func drain(resp *http.Response) (n int64, revision string, err error) {
	defer resp.Body.Close() //nolint:errcheck // read to its end
	n, err = io.Copy(io.Discard, resp.Body)
	etag := resp.Header.Get("ETag")
	return n, revisionOf(etag), err
}

// read reads the events of a line. Each is one line of data.
func (v *viewers) read(resp *http.Response) error {
	body := io.Reader(&counted{resp.Body, &v.bytes})
	if resp.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = zr
	}
	s := &sight{marks: v.marks, been: map[int]bool{}}
	var buf []byte
	piece := make([]byte, 64<<10)
	for {
		n, err := body.Read(piece)
		buf = append(buf, piece[:n]...)
		at := time.Now()
		for {
			end := bytes.Index(buf, []byte("\n\n"))
			if end < 0 {
				break
			}
			v.hear(buf[:end], at, s)
			buf = append(buf[:0], buf[end+2:]...)
		}
		if err != nil {
			return err
		}
	}
}

// hear takes one event.
func (v *viewers) hear(event []byte, at time.Time, s *sight) {
	switch {
	case bytes.Contains(event[:min(len(event), 200)], []byte("event: delta")):
		v.deltas.Add(1)
		s.look(event, at)
	case bytes.Contains(event[:min(len(event), 200)], []byte("event: resync")):
		v.resyncs.Add(1)
	}
}

// counted counts what is read.
type counted struct {
	io.Reader
	n *atomic.Int64
}

// Read reads and counts.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (v *viewers) complaint() string {
	text, _ := v.lastError.Load().(string)
	return text
}

// complete says how many nodes the usual chart shows as reporting.
func (v *viewers) complete(ctx context.Context) (reporting int, err error) {
	resp, err := v.get(ctx, "/api/v1/topology?level=pool")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return 0, err
		}
	}
	var c struct{ Coverage struct{ Reporting int } }
	return c.Coverage.Reporting, json.NewDecoder(body).Decode(&c)
}

// revisionOf is the revision in an ETag.
func revisionOf(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

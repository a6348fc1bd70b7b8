package realtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// interval is how often dotm looks in these tests.
const interval = "200ms"

// local is dotm's default address.
const local = "127.0.0.1:4849"

// dotm is a server under test, with a client of its API on its host.
type dotm struct {
	*program
	url    string
	client *http.Client
}

// dotm runs the command with arguments.
func (h *host) dotm(t *testing.T, args []string, opts ...option) *program {
	t.Helper()
	return h.start(t, os.Getenv(envBinary), args, opts...)
}

// up starts dotm up on a data folder and waits until it shows its host.
func (h *host) up(t *testing.T, data string, opts ...option) *dotm {
	t.Helper()
	d := h.server(t, local, []string{"up", "--data", data, "--interval", interval}, opts...)
	d.heardOf(t, h.name)
	return d
}

// server starts a dotm that serves on an address and waits until it answers.
func (h *host) server(t *testing.T, address string, args []string, opts ...option) *dotm {
	t.Helper()
	d := &dotm{program: h.dotm(t, args, opts...), url: "http://" + address}
	transport := &http.Transport{DialContext: h.dial}
	d.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	eventually(t, "dotm answers", func() error {
		select {
		case <-d.ended:
			t.Fatalf("dotm ended: %s", d.err.String())
		default:
		}
		return d.get(t.Context(), "/version", &struct{}{})
	})
	return d
}

// heardOf waits until each host has reported to this process.
func (d *dotm) heardOf(t *testing.T, hosts ...string) {
	t.Helper()
	var v struct{ Started time.Time }
	eventually(t, fmt.Sprintf("%v report", hosts), func() error {
		if err := d.get(t.Context(), "/version", &v); err != nil {
			return err
		}
		c, err := d.chart(t.Context())
		if err != nil {
			return err
		}
		for _, h := range hosts {
			if n := c.node(h); n == nil || !n.LastReport.After(v.Started) {
				return fmt.Errorf("%s has not reported", h)
			}
		}
		return nil
	})
}

// get asks the API.
func (d *dotm) get(ctx context.Context, path string, into any) error {
	status, body, err := d.do(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, status, body)
	}
	return json.Unmarshal(body, into)
}

func (d *dotm) do(ctx context.Context, method, path, contentType string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, d.url+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// set changes settings.
func (d *dotm) set(t *testing.T, patch string) {
	t.Helper()
	status, body, err := d.do(t.Context(), http.MethodPatch, "/settings", "application/json", []byte(patch))
	if err != nil || status != http.StatusOK {
		t.Fatalf("PATCH %s: %d %s %v", patch, status, body, err)
	}
}

// message is one of the stream's events.
type message struct {
	id, event string
	data      []byte
}

// stream reads the live changes of everything. The channel is closed at the
// stream's end.
func (d *dotm) stream(t *testing.T) <-chan message {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/api/v1/stream?hide=none", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("the stream is %s, %q", resp.Status, kind)
	}
	out := make(chan message, 1024) // more than any test makes
	go func() {
		defer close(out)
		defer resp.Body.Close() //nolint:errcheck // read to its end
		readEvents(resp.Body, out)
	}()
	return out
}

// readEvents parses server-sent events.
func readEvents(r io.Reader, out chan<- message) {
	var m message
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = []byte(value)
		case "":
			out <- m
			m = message{}
		}
	}
}

// next waits for a message of the stream that f takes.
func next(t *testing.T, stream <-chan message, what string, f func(message) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case m, ok := <-stream:
			if !ok {
				t.Fatalf("%s: the stream ended", what)
			}
			if f(m) {
				return
			}
		case <-ctx.Done():
			t.Fatalf("%s: the stream doesn't say so within %s", what, patience)
		}
	}
}

//go:build linux

package stage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
)

// Server is a dotm that serves, with a client of its API.
type Server struct {
	*Program
	On     *Host
	URL    string
	Client *http.Client
	args   []string
	opts   []bed.Option
}

// Serve starts a dotm that serves on an address and waits until it answers
// there; who asks is on its host.
func (h *Host) Serve(t testing.TB, address string, args []string, opts ...bed.Option) *Server {
	t.Helper()
	return h.serve(t, "http://"+address, h.Dial, args, opts)
}

// ServeOthers starts dotm serve on a data folder, and asks it through the socket
// there, so that the asking shows nowhere.
func (h *Host) ServeOthers(t testing.TB, data string, args ...string) *Server {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(data, "dotm.sock"))
	}
	return h.serve(t, "http://localhost", dial, append([]string{"serve", "--data", data}, args...), nil)
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

func (h *Host) serve(t testing.TB, url string, dial dialer, args []string, opts []bed.Option) *Server {
	t.Helper()
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	s := &Server{On: h, URL: url, Client: &http.Client{Transport: transport}, args: args, opts: opts}
	s.Again(t)
	return s
}

// Again starts the server anew, which must have ended, as it was started before,
// and waits until it answers.
func (s *Server) Again(t testing.TB) {
	t.Helper()
	s.Program = s.On.Dotm(t, s.args, s.opts...)
	Eventually(t, "dotm answers", func() error {
		select {
		case <-s.Ended:
			t.Fatalf("dotm ended: %s", s.Err())
		default:
		}
		return s.Get(t.Context(), "/version", &struct{}{})
	})
}

// Get asks the API.
func (s *Server) Get(ctx context.Context, path string, into any) error {
	status, body, err := s.Do(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, status, body)
	}
	return json.Unmarshal(body, into)
}

// Do asks the API anything.
func (s *Server) Do(ctx context.Context, method, path, contentType string, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.URL+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// Set changes settings.
func (s *Server) Set(t testing.TB, patch string) {
	t.Helper()
	status, body, err := s.Do(t.Context(), http.MethodPatch, "/settings", "application/json", []byte(patch))
	if err != nil || status != http.StatusOK {
		t.Fatalf("PATCH %s: %d %s %v", patch, status, body, err)
	}
}

// explain is what dotm has to say about the connections between two ends.
func (s *Server) explain(ctx context.Context, client, server string) string {
	var e struct{ Text []string }
	q := url.Values{"client": {client}, "server": {server}}
	if err := s.Get(ctx, "/explain?"+q.Encode(), &e); err != nil {
		return err.Error()
	}
	return strings.Join(e.Text, "\n      ")
}

// Token makes one and writes it into a file.
func (h *Host) Token(t testing.TB, data string, args ...string) (file string) {
	t.Helper()
	file = filepath.Join(OpenDir(t), "token")
	Write(t, file, h.Ask(t, append([]string{"token", "create", "--data", data}, args...)...))
	return file
}

// Agent is dotm agent on a host, with the folder of its identity.
type Agent struct {
	*Program
	On   *Host
	args []string
	opts []bed.Option
}

// Agent starts one that keeps its identity in a folder. args are the other flags.
func (h *Host) Agent(t testing.TB, server, state string, args []string, opts ...bed.Option) *Agent {
	t.Helper()
	a := &Agent{On: h, args: append([]string{"agent", "--server", server, "--state", state}, args...), opts: opts}
	a.Again(t)
	return a
}

// Again starts the agent anew, which must have ended.
func (a *Agent) Again(t testing.TB) {
	t.Helper()
	a.Program = a.On.Dotm(t, a.args, a.opts...)
}

// HeardOf waits until hosts report to this process of the server: each has since
// it started, and is not silent.
func (s *Server) HeardOf(t testing.TB, hosts ...string) {
	t.Helper()
	var v struct{ Started time.Time }
	Must(t, s.Get(t.Context(), "/version", &v))
	s.HeardSince(t, v.Started, hosts...)
}

// HeardSince waits until each host has reported after a moment, and isn't silent.
func (s *Server) HeardSince(t testing.TB, since time.Time, hosts ...string) {
	t.Helper()
	s.ChartWhen(t, fmt.Sprintf("%v report", hosts), func(c *chart.Chart) error {
		for _, h := range hosts {
			if n := c.Node(h); n == nil || n.State != "reporting" || !n.LastReport.After(since) {
				return fmt.Errorf("%s has not reported", h)
			}
		}
		return nil
	})
}

// Message is one of the stream's events.
type Message struct {
	ID, Event string
	Data      []byte
}

// Stream reads the live changes of everything. The channel is closed at the
// stream's end.
func (s *Server) Stream(t testing.TB) <-chan Message {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/stream?hide=none", nil)
	Must(t, err)
	resp, err := s.Client.Do(req) //nolint:bodyclose // closed when it is read
	Must(t, err)
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("the stream is %s, %q", resp.Status, kind)
	}
	out := make(chan Message, 1024) // more than any test makes
	go func() {
		defer close(out)
		defer resp.Body.Close()
		readEvents(resp.Body, out)
	}()
	return out
}

// readEvents parses server-sent events.
func readEvents(r io.Reader, out chan<- Message) {
	var m Message
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			m.ID = value
		case "event":
			m.Event = value
		case "data":
			m.Data = []byte(value)
		case "":
			out <- m
			m = Message{}
		}
	}
}

// Next waits for a message of the stream that f takes.
func Next(t testing.TB, stream <-chan Message, what string, f func(Message) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
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
			t.Fatalf("%s: the stream doesn't say so within %s", what, Patience)
		}
	}
}

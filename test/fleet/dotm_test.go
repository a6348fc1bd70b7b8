//go:build linux

package fleettest

import (
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
)

// dotm is the server under test. It is asked through the socket of its data
// folder, so that the asking shows nowhere.
type dotm struct {
	on      *machine
	program *bed.Program
	data    string
	address string // where agents reach it
	token   string // the file of one that any number may enrol with
	args    []string
	client  *http.Client
}

// settings that make a test short.
const settings = `{"stale_after":"3s","poll_interval":"5s"}`

// server starts dotm serve on a host.
func (m *machine) server(t *testing.T, address string, args ...string) *dotm {
	t.Helper()
	d := &dotm{on: m, data: openDir(t), address: address, args: args}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.data, "dotm.sock"))
	}}
	d.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	d.start(t)
	d.do(t, http.MethodPatch, "/settings", settings)
	d.token = filepath.Join(openDir(t), "token")
	write(t, d.token, d.ask(t, "token", "create", "--uses", "0", "--data", d.data))
	return d
}

// start starts the server, which must not run.
func (d *dotm) start(t *testing.T) {
	t.Helper()
	d.program = d.on.dotm(append([]string{"serve", "--data", d.data, "--listen", d.address}, d.args...)...)
	eventually(t, "dotm answers", func() error { return d.get(t.Context(), "/version", &struct{}{}) })
}

// stop asks the server to end.
func (d *dotm) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, err := d.program.Terminate(ctx)
	if err != nil || code != 0 {
		t.Fatalf("the server ended with %d, %v", code, err)
	}
}

// ask runs a command on the server's host and returns what it prints.
func (d *dotm) ask(t *testing.T, args ...string) string {
	t.Helper()
	p := d.on.dotm(args...)
	<-p.Ended
	said := strings.TrimSpace(p.Said())
	if !strings.Contains(p.String(), "exit status 0") {
		t.Fatalf("dotm %s: %s\n%s", strings.Join(args, " "), p, said)
	}
	return said
}

// agent is one on a host, with the folder of its identity.
type agent struct {
	*bed.Program
	on    *machine
	to    *dotm
	state string
	args  []string
}

// agent starts one that reports every second.
func (m *machine) agent(d *dotm, args ...string) *agent {
	m.site.t.Helper()
	a := &agent{on: m, to: d, state: openDir(m.site.t), args: args}
	a.start()
	return a
}

func (a *agent) start() {
	a.on.site.t.Helper()
	a.Program = a.on.dotm(append([]string{
		"agent", "--server", "https://" + a.to.address, "--token-file", a.to.token, "--state", a.state, "--interval", "1s",
	}, a.args...)...)
}

// get asks the API.
func (d *dotm) get(ctx context.Context, path string, into any) error {
	status, body, err := d.request(ctx, http.MethodGet, path, "")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, status, body)
	}
	return json.Unmarshal(body, into)
}

// do asks the API to do something.
func (d *dotm) do(t *testing.T, method, path, body string) {
	t.Helper()
	status, answer, err := d.request(t.Context(), method, path, body)
	if err != nil || status/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
}

func (d *dotm) request(ctx context.Context, method, path, body string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost/api/v1"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// explain is what dotm has to say about the connections between two ends.
func (d *dotm) explain(ctx context.Context, client, server string) string {
	var e struct{ Text []string }
	q := url.Values{"client": {client}, "server": {server}}
	if err := d.get(ctx, "/explain?"+q.Encode(), &e); err != nil {
		return err.Error()
	}
	return strings.Join(e.Text, "\n      ")
}

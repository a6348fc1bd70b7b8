//go:build linux

package realtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// aReport is a good one of a host that the test makes up, with fields set
// otherwise.
func aReport(t *testing.T, fields map[string]any) []byte {
	t.Helper()
	r := map[string]any{
		"version":  "1.0",
		"node":     map[string]any{"name": "made-up", "identity": map[string]any{"kind": "hostname", "value": "made-up"}},
		"agent":    map[string]any{"version": "test", "method": "text"},
		"sequence": 1, "interval_ms": 0,
		"time":        time.Now().UTC(),
		"interfaces":  []any{map[string]any{"name": "eth0", "addresses": []string{"10.99.0.1/24"}}},
		"listeners":   []any{map[string]any{"protocol": "tcp", "address": "0.0.0.0", "port": 80, "process": "apache2"}},
		"connections": []any{},
	}
	maps.Copy(r, fields)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func zipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// problem is what RFC 9457 makes of a refusal.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
		Value    any    `json:"value"`
	} `json:"errors"`
}

// A report that breaks a rule is refused by field, rule and value, and changes
// nothing; dotm goes on with its work.
func TestBadReports(t *testing.T) {
	h := newHost(t, "web1")
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	h.Puppet(t, "orders").Dial(t, 2, "tcp", "127.0.0.1:6379")
	d := h.up(t, stage.OpenDir(t))
	want := chart.Scene{
		Nodes:    []string{"web1 host reporting"},
		Services: []string{"web1 redis-server tcp/6379 listening 127.0.0.1 loopback"},
		Edges:    []string{"web1/orders → web1/redis-server:6379/tcp ×2 both"},
	}
	d.Shows(t, want, "web1")
	with := func(field string, value any) []byte { return aReport(t, map[string]any{field: value}) }
	connection := func(field string, value any) []byte {
		c := map[string]any{"direction": "out", "protocol": "tcp", "peer": "10.99.0.2", "port": 443, "count": 1}
		c[field] = value
		return with("connections", []any{c})
	}
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	large := bytes.Repeat([]byte(" "), 8<<20)
	for _, c := range []struct {
		name     string
		body     []byte
		status   int
		location string // of the field; empty where no single one is at fault
		texts    []string
	}{
		{"empty", nil, http.StatusBadRequest, "", []string{"JSON"}},
		{"no JSON", []byte("netstat -an"), http.StatusBadRequest, "", []string{"JSON"}},
		{"cut", aReport(t, nil)[:100], http.StatusBadRequest, "", []string{"JSON"}},
		{"cut gzip", zipped(t, aReport(t, nil))[:60], http.StatusBadRequest, "", []string{"unpacking"}},
		{"a list", []byte("[]"), http.StatusUnprocessableEntity, "", []string{"object"}},
		{"too large", append(bytes.Clone(large), aReport(t, nil)...), http.StatusRequestEntityTooLarge, "", []string{"large"}},
		{"too large when unpacked", zipped(t, append(bytes.Clone(large), aReport(t, nil)...)), http.StatusRequestEntityTooLarge, "", []string{"8388608 bytes unpacked"}},
		{"future", with("time", future), http.StatusUnprocessableEntity, "body.time", []string{"10m0s ahead", future, "made-up"}},
		{"major version", with("version", "2.0"), http.StatusUnprocessableEntity, "body.version", []string{"major version 1", `"2.0"`, "update"}},
		{"no version", with("version", ""), http.StatusUnprocessableEntity, "body.version", []string{"major.minor"}},
		{"wrong type", with("sequence", "first"), http.StatusUnprocessableEntity, "body.sequence", []string{"whole number"}},
		{"name", with("node", map[string]any{"name": "no name", "identity": map[string]any{"kind": "hostname", "value": "x"}}), http.StatusUnprocessableEntity, "body.node.name", []string{`"no name"`}},
		{"reserved name", with("node", map[string]any{"name": "Internet", "identity": map[string]any{"kind": "hostname", "value": "x"}}), http.StatusUnprocessableEntity, "body.node.name", []string{"reserved"}},
		{"port", connection("port", 0), http.StatusUnprocessableEntity, "body.connections[0].port", []string{"1 to 65535", "is 0"}},
		{"large port", connection("port", 65536), http.StatusUnprocessableEntity, "body.connections.port", []string{"65535", "65536"}},
		{"peer", connection("peer", "10.99.0.256"), http.StatusUnprocessableEntity, "body.connections[0].peer", []string{"IP address", "10.99.0.256"}},
		{"protocol", connection("protocol", "sctp"), http.StatusUnprocessableEntity, "body.connections[0].protocol", []string{"tcp or udp", "sctp"}},
		{"count", connection("count", -1), http.StatusUnprocessableEntity, "body.connections[0].count", []string{"-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, err := d.Do(t.Context(), http.MethodPost, "/reports", "application/json", c.body)
			if err != nil {
				t.Fatal(err)
			}
			var p problem
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatalf("%d %.200s is no problem document: %v", status, body, err)
			}
			if status != c.status || p.Status != c.status || p.Title != http.StatusText(c.status) {
				t.Errorf("status %d, in the document %d %q, want %d", status, p.Status, p.Title, c.status)
			}
			if err := stage.ContainsAll(p.Detail, c.texts...); err != nil {
				t.Error(err)
			}
			if c.location == "" {
				return
			}
			if len(p.Errors) != 1 || p.Errors[0].Location != c.location || p.Errors[0].Message == "" || p.Errors[0].Value == nil {
				t.Errorf("errors are %+v, want one at %s with its rule and value", p.Errors, c.location)
			}
		})
	}
	d.Shows(t, want, "web1")
	// In the order of their times: an older one would be refused.
	plain := aReport(t, nil)
	for _, body := range [][]byte{plain, zipped(t, aReport(t, nil))} {
		if status, answer, err := d.Do(t.Context(), http.MethodPost, "/reports", "application/json", body); err != nil || status != http.StatusOK {
			t.Errorf("the report without a fault, %.60q: %d %s %v", body, status, answer, err)
		}
	}
	want.Nodes = append(want.Nodes, "made-up host reporting")
	want.Services = append(want.Services, "made-up apache2 tcp/80 listening 0.0.0.0")
	d.Shows(t, want, "web1")
}

// Who asks over a detour is not answered, for no login is needed here.
func TestOnlyThisMachine(t *testing.T) {
	h := newHost(t, "web1")
	d := h.up(t, stage.OpenDir(t))
	for _, c := range []struct{ name, header, value string }{
		{"rebound name", "Host", "evil.example:4849"},
		{"proxy", "X-Forwarded-For", "203.0.113.7"},
		{"proxy, RFC 7239", "Forwarded", "for=203.0.113.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+"/api/v1/topology", nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.header == "Host" {
				req.Host = c.value
			} else {
				req.Header.Set(c.header, c.value)
			}
			resp, err := d.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read to its end
			var p problem
			if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusForbidden || p.Status != http.StatusForbidden || p.Detail == "" ||
				!strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("the answer is %s %+v, want a problem document of 403", resp.Status, p)
			}
		})
	}
}

// Package client is how commands reach a running server: over HTTP, or by the socket of its
// data folder.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
)

// Timeout bounds one question to a server.
const Timeout = 30 * time.Second

// MaxTopology bounds an answer.
const MaxTopology = 1 << 30

// localServer is asked where no server is named and no data folder has a socket.
const localServer = "http://" + flags.DefaultListen

// Flags say which server a command asks.
type Flags struct {
	Server string `help:"Address of the server. Without it the one of the data folder is asked, else http://127.0.0.1:4849." placeholder:"URL" env:"DOTM_SERVER"`
	Data   string `help:"Data folder of a server on this machine: who may read it needs no login." placeholder:"DIR" type:"path" env:"DOTM_DATA"`

	APITokenFile string `name:"api-token-file" help:"File of the API token for a server with a login (dotm token api create); or DOTM_API_TOKEN holds the token itself." placeholder:"FILE" type:"path" env:"DOTM_API_TOKEN_FILE"`
	ServerCA     string `name:"server-ca" help:"Certificates (PEM) that the server's may be signed by, instead of the system's." placeholder:"FILE" type:"path" env:"DOTM_SERVER_CA"`
}

// Get asks the server's API and decodes its answer into v.
func (c *Flags) Get(ctx context.Context, path string, v any) error {
	return c.Do(ctx, http.MethodGet, path, nil, v)
}

// Do asks the server's API with a method, a body that goes as JSON unless it is
// nil, and decodes the answer into v unless that is nil.
func (c *Flags) Do(ctx context.Context, method, path string, body, v any) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("asking the server: %w", err)
		}
		payload = bytes.NewReader(raw)
	}
	resp, err := c.Ask(ctx, method, path, payload)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	return Decode(resp.Request.URL.Host, resp, v)
}

// Ask sends a request to the server; a body is JSON.
func (c *Flags) Ask(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	server, client, err := c.Find(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(server, "/")+api.Prefix+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", server, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := doPatiently(client, req)
	if err != nil {
		return nil, c.unreached(server, err)
	}
	return resp, nil
}

// How often a read is tried that the server wants later, and for how long a command
// waits for that each time: some ask for a thousand nodes, one after the other.
const (
	maxTries = 10
	maxPause = 5 * time.Second
)

// doPatiently reads as often as the server permits.
func doPatiently(client *http.Client, req *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := client.Do(req)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests || req.Method != http.MethodGet || try == maxTries {
			return resp, err //nolint:wrapcheck // the caller says what was asked
		}
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || time.Duration(seconds)*time.Second > maxPause {
			return resp, nil //nolint:nilerr // the answer says it
		}
		_ = resp.Body.Close()
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-req.Context().Done():
			return nil, req.Context().Err() //nolint:wrapcheck // as above
		}
	}
}

// Find chooses the server: the one that is named, else the one of the data
// folder if it runs, else the one on this machine's default address.
func (c *Flags) Find(ctx context.Context) (server string, client *http.Client, err error) {
	if c.Server != "" {
		u, err := url.Parse(c.Server)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return "", nil, fmt.Errorf("--server must be an address like %s, is %q", localServer, c.Server)
		}
		client, err = c.remote(u)
		return c.Server, client, err
	}
	data := cmp.Or(c.Data, flags.DefaultData())
	conn, err := Dial(ctx, data)
	if err != nil {
		if c.Data != "" {
			return "", nil, fmt.Errorf("no server runs on data folder %s, or this user may not ask it: %w", c.Data, err)
		}
		return localServer, http.DefaultClient, nil
	}
	_ = conn.Close() // it was to see who listens
	return "http://localhost", &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return Dial(ctx, data) },
	}}, nil
}

// remote is the way to a server elsewhere: with an API token, if there is one.
func (c *Flags) remote(server *url.URL) (*http.Client, error) {
	token := os.Getenv("DOTM_API_TOKEN")
	if c.APITokenFile != "" {
		raw, err := os.ReadFile(c.APITokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the API token: %w", err)
		}
		token = string(raw)
	}
	token = strings.TrimSpace(token)
	if token != "" && server.Scheme != "https" && !isLoopback(server.Hostname()) {
		return nil, fmt.Errorf("an API token must not be sent in the clear: use https://%s", server.Host)
	}
	transport := http.DefaultTransport
	if c.ServerCA != "" {
		pem, err := os.ReadFile(c.ServerCA)
		if err != nil {
			return nil, fmt.Errorf("reading --server-ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--server-ca must hold certificates in PEM: %s has none", c.ServerCA)
		}
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	}
	if token == "" {
		return &http.Client{Transport: transport}, nil
	}
	return &http.Client{Transport: &bearer{token, server.Host, transport}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // another place might get the token
	}}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// bearer shows an API token to one server.
type bearer struct {
	token, host string
	next        http.RoundTripper
}

// RoundTrip is part of [http.RoundTripper].
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == b.host {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.next.RoundTrip(r)
}

// Decode reads an answer, or what it says is wrong.
func Decode(server string, resp *http.Response, v any) error {
	body := io.LimitReader(resp.Body, MaxTopology)
	if resp.StatusCode/100 != 2 {
		var p struct{ Detail string }
		_ = json.NewDecoder(body).Decode(&p)
		if p.Detail != "" && resp.StatusCode/100 == 4 {
			return errors.New(p.Detail) // about what was asked: the server is fine
		}
		return fmt.Errorf("%s answers %s: %s", server, resp.Status, p.Detail)
	}
	if v == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", server, err)
	}
	return nil
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// The hosts' addresses.
const (
	mapAddress = "10.78.0.10" // the server's
	webAddress = "10.78.0.11" // the agent's
	dbAddress  = "10.78.0.12" // of the host that web1 calls
	serverPort = 4849
	proxyPort  = 4850
	firstPort  = 10_000 // of db1's services
)

// site is three hosts on one switch.
type site struct {
	dotm          string
	map1, web, db *bed.Host
}

func newSite(dotm string) (*site, error) {
	s := &site{dotm: dotm}
	err := bed.IP("link add sw0 type bridge", "link set sw0 up")
	for _, h := range []struct {
		host          **bed.Host
		name, address string
	}{{&s.map1, "map1", mapAddress}, {&s.web, "web1", webAddress}, {&s.db, "db1", dbAddress}} {
		if err == nil {
			*h.host, err = plug(h.name, h.address)
		}
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// plug starts a host that is joined to the switch.
func plug(name, address string) (*bed.Host, error) {
	h, err := bed.Start(bed.Power{Name: name})
	if err != nil {
		return nil, err
	}
	cable := fmt.Sprintf("cable%d", h.PID()) // one of before may not be gone yet
	err = bed.IP(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", cable, h.PID()),
		"link set "+cable+" master sw0 up",
	)
	if err == nil {
		err = h.IP("link set eth0 up", "address add "+address+"/16 dev eth0")
	}
	return h, err
}

func (s *site) end() {
	for _, h := range []*bed.Host{s.map1, s.web, s.db} {
		if h != nil {
			h.Stop()
		}
	}
	_ = bed.IP("link del sw0") // the namespaces end with this program anyway
}

// server is a dotm serve on map1. It is asked through the socket of its data
// folder, so that the asking is no connection of the site.
type server struct {
	site    *site
	program *bed.Program
	data    string
	args    []string
	client  *http.Client
}

func (s *site) serve(ctx context.Context, args ...string) (*server, error) {
	data, err := folder("data-")
	if err != nil {
		return nil, err
	}
	d := &server{site: s, data: data, args: append([]string{
		"serve", "--data", data, "--listen", net.JoinHostPort(mapAddress, strconv.Itoa(serverPort)),
	}, args...)}
	d.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(data, "dotm.sock"))
	}}}
	return d, d.start(ctx)
}

// folder is one that every user may use: an agent may run as any.
func folder(pattern string) (string, error) {
	dir, err := os.MkdirTemp(bed.Dir(), pattern)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o777) //nolint:gosec // see above
}

func (d *server) start(ctx context.Context) (err error) {
	if d.program, err = d.site.map1.Start(d.site.dotm, d.args, bed.WithEnv("HOME=/run")); err != nil {
		return err
	}
	return d.wait(ctx, "the server answers", func() error { return d.get(ctx, "/version", &struct{}{}) })
}

// wait waits until f returns nil, for a minute.
func (d *server) wait(ctx context.Context, what string, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := bed.Until(ctx, f); err != nil {
		return fmt.Errorf("waiting until %s: %w\n%s", what, err, d.program.Said())
	}
	return nil
}

func (d *server) stop(ctx context.Context) error {
	_, err := d.program.Terminate(ctx)
	return err
}

// get asks the API.
func (d *server) get(ctx context.Context, path string, into any) error {
	return d.ask(ctx, http.MethodGet, path, nil, into)
}

func (d *server) ask(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, answer)
	}
	return json.Unmarshal(answer, into)
}

// token is a file with one that any number may enrol with.
func (d *server) token(ctx context.Context) (string, error) {
	p, err := d.site.map1.Start(d.site.dotm, []string{"token", "create", "--uses", "0", "--data", d.data}, bed.WithEnv("HOME=/run"))
	if err != nil {
		return "", err
	}
	select {
	case <-p.Ended:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	dir, err := folder("token-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "token")
	return path, os.WriteFile(path, []byte(strings.TrimSpace(p.Said())), 0o644) //nolint:gosec // an agent of any user reads it
}

// agent starts one on web1.
func (s *site) agent(args []string, opts ...bed.Option) (*bed.Program, error) {
	state, err := folder("state-")
	if err != nil {
		return nil, err
	}
	return s.web.Start(s.dotm, append([]string{"agent", "--state", state}, args...), append(opts, bed.WithEnv("HOME=/run"))...)
}

// secure are the arguments of an agent that enrols over HTTPS.
func (d *server) secure(ctx context.Context) ([]string, error) {
	token, err := d.token(ctx)
	return []string{"--server", "https://" + net.JoinHostPort(mapAddress, strconv.Itoa(serverPort)), "--token-file", token}, err
}

// connection is what is read of one here.
type connection struct {
	Client struct{ Node, Process string }
	Server struct {
		Node string
		Port int
	}
	Count  int
	Opened int
}

// news is what the stream says.
type news struct {
	Nodes       []struct{ Name string }
	Connections []connection
}

// stream calls hear with each change of the chart and the moment it came in,
// until ctx ends.
func (d *server) stream(ctx context.Context, hear func(at time.Time, n *news)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/v1/stream?hide=none", nil)
	if err != nil {
		return err
	}
	resp, err := d.client.Do(req) //nolint:bodyclose // the goroutine does
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.Join(errors.New("the stream answers "+resp.Status), resp.Body.Close())
	}
	go func() {
		defer resp.Body.Close() //nolint:errcheck // read to its end
		hearAll(resp.Body, hear)
	}()
	return nil
}

// maxEvent bounds one event of the stream.
const maxEvent = 64 << 20

// hearAll reads server-sent events.
func hearAll(r io.Reader, hear func(time.Time, *news)) {
	lines, event := bufio.NewScanner(r), ""
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		at := time.Now()
		switch field, value, _ := strings.Cut(lines.Text(), ": "); {
		case field == "event":
			event = value
		case field == "data" && event == "delta":
			var n news
			if json.Unmarshal([]byte(value), &n) == nil {
				hear(at, &n)
			}
		}
	}
}

// services has db1 listen on n ports. It returns their addresses, and what ends
// them.
func (s *site) services(n int) (list []string, end func(), err error) {
	p, err := s.db.Puppet("service")
	if err != nil {
		return nil, nil, err
	}
	for i := range n {
		address, err := p.Listen("tcp4", net.JoinHostPort(dbAddress, strconv.Itoa(firstPort+i)))
		if err != nil {
			p.Kill()
			return nil, nil, err
		}
		list = append(list, address)
	}
	return list, p.Kill, nil
}

// client has web1 hold connections to each address.
func (s *site) client(addresses []string, each int) (*bed.Puppet, error) {
	p, err := s.web.Puppet("client")
	for i := 0; i < len(addresses) && err == nil; i++ {
		err = p.Dial(each, "tcp", addresses[i])
	}
	return p, err
}

// reports waits until web1 is on the chart with at least n open connections to
// db1.
func (d *server) reports(ctx context.Context, n int) error {
	return d.wait(ctx, fmt.Sprintf("web1 shows %d connections", n), func() error {
		var c struct {
			Nodes       []struct{ Name, State string }
			Connections []connection
		}
		if err := d.get(ctx, "/topology?hide=none", &c); err != nil {
			return err
		}
		open := 0
		for _, k := range c.Connections {
			if k.Client.Node == "web1" && k.Server.Port >= firstPort {
				open += k.Count
			}
		}
		for _, node := range c.Nodes {
			if node.Name == "web1" && node.State == "reporting" && open >= n {
				return nil
			}
		}
		return fmt.Errorf("it shows %d", open)
	})
}

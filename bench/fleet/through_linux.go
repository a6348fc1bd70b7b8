package main

import (
	"bytes"
	"compress/gzip"
	"context"
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

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/test/bed"
)

// through is how long a report of 1,000 connections takes, of a node that was
// not there before, to 1,000 services.
type through struct {
	Way     string  `json:"way"` // "push" or "text"
	Reports int     `json:"reports"`
	Bytes   int     `json:"bytes"`               // of the report or the text
	Answer  float64 `json:"answer_ms,omitempty"` // push: median, until the server has taken it
	Again   float64 `json:"again_ms,omitempty"`  // push: the same for the node's next report, in which nothing is new
	Chart   float64 `json:"chart_ms"`            // median, from the last byte until the stream says so
	P95     float64 `json:"chart_p95_ms"`
	// CPU is what the server's processor spent on each, with a viewer of the
	// whole chart, which grows by 1,000 edges each time. Unseen is that without
	// a viewer.
	CPU    float64 `json:"server_cpu_ms"`
	Unseen float64 `json:"server_cpu_unseen_ms,omitempty"`
}

// throughConnections is how many connections such a report has.
const throughConnections = 1000

// measureThrough takes what an agent and the original agent's commands say of
// one host, and gives it to servers as the word of others, one after the other.
func (d *document) measureThrough(ctx context.Context, s *site, o options) error {
	whole, text, err := s.samples(ctx)
	if err != nil {
		return err
	}
	for _, w := range []struct {
		name    string
		sample  []byte
		measure func(context.Context, *server, []byte, int) (*through, error)
	}{{"push", whole, s.pushes}, {"text", text, s.texts}} {
		server, err := s.serve(ctx, "--insecure")
		if err != nil {
			return err
		}
		t, err := w.measure(ctx, server, w.sample, o.reports)
		server.program.Kill()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", w.name, err, server.program.Said())
		}
		t.Way, t.Bytes = w.name, len(w.sample)
		d.Through = append(d.Through, *t)
	}
	return nil
}

// samples are a whole report of web1, unpacked, and the text of the same.
func (s *site) samples(ctx context.Context) (whole, text []byte, err error) {
	line, err := s.tap(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer line.end()
	addresses, end, err := s.services(throughConnections)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	client, err := s.client(addresses, 1)
	if err != nil {
		return nil, nil, err
	}
	defer client.Kill()
	agent, err := s.agent([]string{"--server", line.url, "--once"})
	if err != nil {
		return nil, nil, err
	}
	defer agent.Kill()
	sent, err := line.next(ctx, wholeType, 1)
	if err != nil {
		return nil, nil, fmt.Errorf("%w\n%s", err, agent.Said())
	}
	netstat, err := s.web.Run("", "netstat", "-antlp")
	if err != nil {
		return nil, nil, err
	}
	ip, err := s.web.Run("", "ip", "addr")
	return sent[0].plain, []byte("hostname=web1\n" + netstat + "\n" + ip), err
}

// another makes a sample the word of another host: its name, identity and
// address are its own.
func another(sample []byte, i int) []byte {
	name, address := nameOf(i), fmt.Sprintf("10.78.%d.%d", 1+i/200, 1+i%200)
	return []byte(strings.NewReplacer(
		webAddress, address,
		"hostname=web1", "hostname="+name,
		`"name":"web1"`, `"name":"`+name+`"`,
		`"value":"`, `"value":"`+fmt.Sprintf("%04x", i),
		`"instance":"`, `"instance":"`+fmt.Sprintf("%04x", i),
	).Replace(string(sample)))
}

func nameOf(i int) string { return "node" + strconv.Itoa(i) }

// pushes delivers reports as agents do.
func (s *site) pushes(ctx context.Context, d *server, sample []byte, n int) (*through, error) {
	to := &http.Client{Transport: &http.Transport{DialContext: s.map1.Dial}}
	where := "http://" + net.JoinHostPort(mapAddress, strconv.Itoa(serverPort)) + push.Path
	var answer []time.Duration
	chart, cpu, err := d.each(ctx, n, func(i int) (time.Time, error) {
		took, err := deliver(ctx, to, where, another(sample, i))
		answer = append(answer, took)
		return time.Now().Add(-took), err
	})
	if err != nil {
		return nil, err
	}
	t := summary(chart, cpu)
	t.Answer = millis(quantile(answer, .5))
	if t.Again, err = again(ctx, to, where, sample, n); err != nil {
		return nil, err
	}
	t.Unseen, err = unseen(ctx, d, to, where, sample, n)
	return t, err
}

// again delivers the next report of each node, one after the other, which
// nobody looks at.
func again(ctx context.Context, to *http.Client, where string, sample []byte, n int) (float64, error) {
	next := bytes.Replace(sample, []byte(`"sequence":1,`), []byte(`"sequence":2,`), 1)
	if bytes.Equal(next, sample) {
		return 0, errors.New("the sample is no first report")
	}
	var took []time.Duration
	for i := range n {
		at, err := deliver(ctx, to, where, another(next, i))
		if err != nil {
			return 0, err
		}
		took = append(took, at)
	}
	return millis(quantile(took, .5)), nil
}

// unseen delivers the reports of further nodes, which nobody looks at.
func unseen(ctx context.Context, d *server, to *http.Client, where string, sample []byte, n int) (float64, error) {
	before, err := cpuOf(d.program)
	if err != nil {
		return 0, err
	}
	for i := range n {
		if _, err := deliver(ctx, to, where, another(sample, n+i)); err != nil {
			return 0, err
		}
	}
	after, err := cpuOf(d.program)
	return millis((after - before) / time.Duration(n)), err
}

// deliver packs and posts a report, and returns how long the latter took.
func deliver(ctx context.Context, to *http.Client, where string, text []byte) (time.Duration, error) {
	body, err := pack(text)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	err = post(ctx, to, where, body)
	return time.Since(begin), err
}

func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func post(ctx context.Context, to *http.Client, where string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", wholeType)
	resp, err := to.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s", resp.Status, said)
	}
	return err
}

// texts lets the server read hosts as the original agent serves them. The clock
// runs from the last byte of the text.
func (s *site) texts(ctx context.Context, d *server, sample []byte, n int) (*through, error) {
	chart, cpu, err := d.each(ctx, n, func(i int) (time.Time, error) {
		served := make(chan time.Time, 1)
		address, end, err := s.serveText(another(sample, i), served)
		if err != nil {
			return time.Time{}, err
		}
		defer end()
		if err := d.ask(ctx, http.MethodPost, "/nodes", map[string]string{"url": "text://" + address}, &struct{}{}); err != nil {
			return time.Time{}, err
		}
		select {
		case at := <-served:
			return at, nil
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	})
	if err != nil {
		return nil, err
	}
	return summary(chart, cpu), nil
}

// serveText answers on db1, and says when the text was sent.
func (s *site) serveText(text []byte, served chan<- time.Time) (address string, end func(), err error) {
	var listener net.Listener
	err = s.db.Do(func() (err error) {
		listener, err = net.Listen("tcp4", net.JoinHostPort(dbAddress, "0"))
		return err
	})
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write(text)
			at := time.Now()
			_ = c.Close()
			select {
			case served <- at:
			default: // asked again
			}
		}
	}()
	return listener.Addr().String(), func() { _ = listener.Close() }, nil
}

// each delivers n reports, one when the one before is on the stream. It returns
// how long each took to get there from the moment that put names, and what the server's processor spent on each.
func (d *server) each(ctx context.Context, n int, put func(i int) (time.Time, error)) (chart []time.Duration, cpu time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrived := make(chan arrival, 1000)
	err = d.stream(ctx, func(at time.Time, n *news) {
		for _, node := range n.Nodes {
			arrived <- arrival{node.Name, at}
		}
	})
	if err != nil {
		return nil, 0, err
	}
	before, err := cpuOf(d.program)
	if err != nil {
		return nil, 0, err
	}
	for i := range n {
		begin, err := put(i)
		if err != nil {
			return nil, 0, err
		}
		at, err := awaitNode(ctx, arrived, nameOf(i))
		if err != nil {
			return nil, 0, err
		}
		chart = append(chart, at.Sub(begin))
	}
	after, err := cpuOf(d.program)
	return chart, (after - before) / time.Duration(n), err
}

// arrival is a node on the stream.
type arrival struct {
	name string
	at   time.Time
}

func awaitNode(ctx context.Context, arrived <-chan arrival, name string) (time.Time, error) {
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		select {
		case a := <-arrived:
			if a.name == name {
				return a.at, nil
			}
		case <-late.C:
			return time.Time{}, errors.New(name + " is not on the stream")
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

func summary(chart []time.Duration, cpu time.Duration) *through {
	return &through{Reports: len(chart), Chart: millis(quantile(chart, .5)), P95: millis(quantile(chart, .95)), CPU: millis(cpu)}
}

// cpuOf is the processor time of a running program, in nanoseconds of its
// threads (proc_pid_schedstat in the kernel's Documentation/scheduler).
func cpuOf(p *bed.Program) (sum time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.PID()))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("%s has no threads (%w)", p, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

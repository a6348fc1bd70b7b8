package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/bed"
)

// size is how large what an agent sends is.
type size struct {
	Load        string `json:"load"`
	Connections int    `json:"connections"`
	Rows        int    `json:"rows"`
	What        string `json:"what"` // "report", "quiet beat" or "busy beat"
	Count       int    `json:"count"`
	Plain       int    `json:"plain_bytes"`   // mean
	Packed      int    `json:"packed_bytes"`  // mean, gzipped
	Largest     int    `json:"largest_bytes"` // gzipped
}

// load is what web1 does while sizes are measured.
type load struct {
	name     string
	services int
	each     int // connections to each
}

var loads = []load{{"100 services", 100, 1}, {"1,000 services", 1000, 1}, {"one service", 1, 1000}}

// beatInterval is the agent's, so that beats come often: they are of the same
// size however often they come, as rates are per second.
const beatInterval = "2s"

// measureBytes looks at what goes over the line: whole reports, beats while
// nothing moves but the clock, and beats while a fifth of the connections
// carries data.
func (d *document) measureBytes(ctx context.Context, s *site, o options) error {
	for _, l := range loads {
		list, err := s.sizes(ctx, l, o.beats)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		d.Sizes = append(d.Sizes, list...)
	}
	return nil
}

// sizes measures one load.
func (s *site) sizes(ctx context.Context, l load, beats int) ([]size, error) {
	line, err := s.tap(ctx)
	if err != nil {
		return nil, err
	}
	defer line.end()
	addresses, hangUp, err := s.services(l.services)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	client, err := s.client(addresses, l.each)
	if err != nil {
		return nil, err
	}
	defer client.Kill()
	agent, err := s.agent([]string{"--server", line.url, "--interval", beatInterval})
	if err != nil {
		return nil, err
	}
	defer agent.Kill()
	whole, err := line.next(ctx, wholeType, 1)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, agent.Said())
	}
	quiet, err := line.settled(ctx, beats)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, agent.Said())
	}
	end := chatter(client)
	busy, err := line.settled(ctx, beats)
	end()
	if err != nil {
		return nil, err
	}
	out := []size{sizeOf("report", whole), sizeOf("quiet beat", quiet), sizeOf("busy beat", busy)}
	for i := range out {
		out[i].Load, out[i].Connections, out[i].Rows = l.name, l.services*l.each, l.services
	}
	return out, nil
}

// chatter lets every fifth connection carry data, now more, now less, until it
// is ended.
func chatter(p *bed.Puppet) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(chatterEvery)
		defer tick.Stop()
		for {
			text := strings.Repeat("0123456789", 1<<rand.N(10)) //nolint:gosec // a load, no secret
			if _, err := p.Order(bed.Order{Do: "say", Send: text, Count: 5}); err != nil {
				return // the beats that don't come say so
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}

// chatterEvery is how often they do: once for each beat.
const chatterEvery = 2 * time.Second

func sizeOf(what string, list []delivery) size {
	out := size{What: what, Count: len(list)}
	for _, d := range list {
		out.Plain += len(d.plain)
		out.Packed += d.packed
		out.Largest = max(out.Largest, d.packed)
	}
	out.Plain /= len(list)
	out.Packed /= len(list)
	return out
}

// tap is a line on which everything is read along: it listens on map1, and
// hands on to the server there.
type tap struct {
	url        string
	end        func()
	mu         sync.Mutex
	deliveries []delivery
}

// delivery is one request that the server took.
type delivery struct {
	kind   string // media type
	plain  []byte // unpacked
	packed int    // bytes, as it was sent
}

// wholeType is the media type of a whole report.
const wholeType = "application/gzip"

// tap starts a server that takes reports of anybody, and a tapped line to it.
func (s *site) tap(ctx context.Context) (*tap, error) {
	d, err := s.serve(ctx, "--insecure")
	if err != nil {
		return nil, err
	}
	var listener net.Listener
	err = s.map1.Do(func() (err error) {
		listener, err = net.Listen("tcp4", net.JoinHostPort(mapAddress, strconv.Itoa(proxyPort)))
		return err
	})
	if err != nil {
		d.program.Kill()
		return nil, err
	}
	line := &tap{url: "http://" + listener.Addr().String()}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: net.JoinHostPort(mapAddress, strconv.Itoa(serverPort))})
	to.Transport = &http.Transport{DialContext: s.map1.Dial}
	proxy := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { line.pass(to, w, r) })}
	go proxy.Serve(listener) //nolint:errcheck // until it is closed
	line.end = func() {
		_ = proxy.Close()
		d.program.Kill()
	}
	return line, nil
}

// pass hands a request on, and keeps it if the server takes it.
func (l *tap) pass(to http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header["X-Forwarded-For"] = nil // an insecure server is asked as if directly
	answer := &answered{ResponseWriter: w}
	to.ServeHTTP(answer, r)
	if answer.status/100 != 2 {
		return
	}
	plain, err := unpacked(body)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deliveries = append(l.deliveries, delivery{r.Header.Get("Content-Type"), plain, len(body)})
}

// answered remembers the status.
type answered struct {
	http.ResponseWriter
	status int
}

// WriteHeader takes note of the status.
func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// unpacked is the text of a body that may be gzipped.
func unpacked(body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// next waits for n deliveries of a kind that come from now on, with nothing of
// another kind between them.
func (l *tap) next(ctx context.Context, kind string, n int) (list []delivery, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	l.mu.Lock()
	begin := len(l.deliveries)
	l.mu.Unlock()
	err = bed.Until(ctx, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if list = following(l.deliveries[begin:], kind, n); len(list) == n {
			return nil
		}
		return fmt.Errorf("%d of %d deliveries of %s came", len(list), n, kind)
	})
	return list, err
}

// following are the first n of a kind that follow each other, or those that do
// so far.
func following(all []delivery, kind string, n int) (list []delivery) {
	for _, d := range all {
		if d.kind != kind {
			list = nil
		} else if list = append(list, d); len(list) == n {
			return list
		}
	}
	return list
}

// settled is n beats, after those in which what was before still shows.
func (l *tap) settled(ctx context.Context, n int) ([]delivery, error) {
	const before = 3
	list, err := l.next(ctx, report.BeatType, before+n)
	if err != nil {
		return nil, err
	}
	return list[before:], nil
}

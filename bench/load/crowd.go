package load

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
	"github.com/devops-trouble-map/dotm/site"
)

// Crowd is the agents of a made-up site.
type Crowd struct {
	mu    sync.Mutex
	site  *site.Site
	began time.Time
	speed float64
}

// NewCrowd plans a site whose time goes so much faster than the clock.
func NewCrowd(opt site.Options, speed float64) (*Crowd, error) {
	c := &Crowd{began: time.Now(), speed: speed}
	opt.Begin = c.began
	var err error
	c.site, err = site.New(opt)
	return c, err
}

// Nodes are the hosts.
func (c *Crowd) Nodes() []string { return c.site.Nodes() }

// Run has all agents report to a server until ctx ends. Their first looks are spread over
// an interval.
func (c *Crowd) Run(ctx context.Context, url string, interval time.Duration) error {
	return c.RunVia(ctx, NewClient(), url, interval)
}

// NewClient makes what asks for many at a time.
func NewClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1 << 14, IdleConnTimeout: time.Minute}}
}

// RunVia is [Crowd.Run] by way of something that makes the requests.
func (c *Crowd) RunVia(ctx context.Context, client agent.Doer, url string, interval time.Duration) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	names := c.Nodes()
	for i, name := range names {
		sender, err := agent.NewHTTPSender(url)
		if err != nil {
			return err
		}
		a, err := agent.New(agent.Options{
			Looker: &looker{c, name, make(chan scan.Event)}, Sender: sender.Via(client), Interval: interval, Version: "bench", Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		wg.Go(func() {
			if pause(ctx, interval*time.Duration(i)/time.Duration(len(names))) {
				_ = a.Run(ctx)
			}
		})
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// looker is one host of the crowd.
type looker struct {
	*Crowd
	name   string
	events chan scan.Event
}

var errOff = errors.New("the host is off")

// Scan is part of [agent.Looker].
func (l *looker) Scan(context.Context) (*report.Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	r := l.site.Report(l.name, l.began.Add(time.Duration(float64(now.Sub(l.began))*l.speed)))
	if r == nil {
		return nil, errOff
	}
	r.Time = now
	r.SpanMS = int64(float64(r.SpanMS) / l.speed)
	return r, nil
}

// Events is part of [agent.Looker].
func (l *looker) Events() <-chan scan.Event { return l.events }

// Viewers are connected to the stream of a chart.
type Viewers struct {
	Events, Bytes atomic.Int64
	Lost          atomic.Int64 // connections that ended by themselves
}

// Watch has so many viewers follow a question until ctx ends.
func (v *Viewers) Watch(ctx context.Context, url string, n int) (wait func()) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: 0}}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := v.follow(ctx, client, url); ctx.Err() == nil {
					_ = err // the server is away; it is tried again
					v.Lost.Add(1)
					pause(ctx, time.Second)
				}
			}
		})
	}
	return wg.Wait
}

// maxEvent bounds one line of an event.
const maxEvent = 64 << 20

func (v *Viewers) follow(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // reading is to be cheap here
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	r := bufio.NewReaderSize(resp.Body, 1<<16)
	for size := 0; ; {
		line, err := r.ReadSlice('\n')
		size += len(line)
		v.Bytes.Add(int64(len(line)))
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && size < maxEvent:
		case err != nil:
			return err
		case len(line) == 1:
			v.Events.Add(1)
			size = 0
		}
	}
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// spread is how far apart new connections are, at most.
const spread = 3 * time.Second

// nobody is the user of an agent that may not use eBPF.
const nobody = 65534

// latency is how long new connections took from the client's call to the event
// of the chart's stream.
type latency struct {
	EBPF   bool    `json:"ebpf"`
	Trials int     `json:"trials"`
	Median float64 `json:"median_ms"`
	P95    float64 `json:"p95_ms"`
	Max    float64 `json:"max_ms"`
}

// measureLatency does so with an agent that may use eBPF, and with one that may
// only read who owns which socket.
func (d *document) measureLatency(ctx context.Context, s *site, o options) error {
	d.Interval = o.interval.String()
	addresses, end, err := s.services(2 * o.trials)
	if err != nil {
		return err
	}
	defer end()
	less := bed.As(nobody, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH, unix.CAP_NET_ADMIN)
	for i, opts := range [][]bed.Option{nil, {less}} {
		took, err := s.latencies(ctx, o, addresses[i*o.trials:(i+1)*o.trials], opts...)
		if err != nil {
			return err
		}
		d.Latency = append(d.Latency, latency{opts == nil, len(took), millis(quantile(took, .5)), millis(quantile(took, .95)), millis(quantile(took, 1))})
	}
	return nil
}

// latencies opens a connection to each address, at random times.
func (s *site) latencies(ctx context.Context, o options, addresses []string, opts ...bed.Option) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d, err := s.serve(ctx)
	if err != nil {
		return nil, err
	}
	defer d.program.Kill()
	args, err := d.secure(ctx)
	if err != nil {
		return nil, err
	}
	client, err := s.web.Puppet("client")
	if err != nil {
		return nil, err
	}
	defer client.Kill()
	agent, err := s.agent(append(args, "--interval", o.interval.String()), opts...)
	if err != nil {
		return nil, err
	}
	defer agent.Kill()
	if err := d.reports(ctx, 0); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, agent.Said())
	}
	seen := &sightings{at: map[int]time.Time{}}
	if err := d.stream(ctx, seen.hear); err != nil {
		return nil, err
	}
	opened := make([]time.Time, len(addresses))
	for i, address := range addresses {
		if err := pause(ctx, rand.N(spread)); err != nil { //nolint:gosec // a load, no secret
			return nil, err
		}
		opened[i] = time.Now()
		if err := client.Dial(1, "tcp", address); err != nil {
			return nil, err
		}
	}
	return seen.since(ctx, d, opened, addresses)
}

// pause waits, if ctx lets it.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sightings are when edges to ports were first heard of.
type sightings struct {
	mu sync.Mutex
	at map[int]time.Time
}

func (s *sightings) hear(at time.Time, n *news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range n.Connections {
		if _, known := s.at[c.Server.Port]; !known && c.Client.Node == "web1" {
			s.at[c.Server.Port] = at
		}
	}
}

// since waits for all, and returns how long each took.
func (s *sightings) since(ctx context.Context, d *server, opened []time.Time, addresses []string) ([]time.Duration, error) {
	took := make([]time.Duration, len(addresses))
	err := d.wait(ctx, "every connection is on the stream", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, address := range addresses {
			at, ok := s.at[portOf(address)]
			if !ok {
				return fmt.Errorf("%s is not", address)
			}
			took[i] = at.Sub(opened[i])
		}
		return nil
	})
	return took, err
}

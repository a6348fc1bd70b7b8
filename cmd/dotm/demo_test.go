package main

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/server"
	generated "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

// demoServer runs a server that shows a made-up site with a past.
func demoServer(t testing.TB, begin time.Time) (*server.Server, *demo) {
	t.Helper()
	made, err := generated.New((&demoCmd{Hosts: 100, Seed: 1}).options(begin))
	if err != nil {
		t.Fatal(err)
	}
	st, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg := demoConfig()
	sources, err := sourcesOf(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), server.Options{
		Store: st, Fixed: cfg.Settings, Sources: sources, Relives: begin, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, &demo{crowd: newCrowd(made), to: s}
}

// TestDemoRemembers: a demo begins with a past that can be looked at, in which
// there was trouble, and goes on live.
func TestDemoRemembers(t *testing.T) {
	now := time.Now()
	greeted := 0
	s, d := demoServer(t, now.Add(-demoHistory))
	if err := d.remember(t.Context(), func() { greeted++ }); err != nil {
		t.Fatal(err)
	}
	if err := d.step(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if greeted != 1 {
		t.Errorf("it greets %d times", greeted)
	}
	if n := len(d.nodes); n != 100 {
		t.Errorf("%d nodes", n)
	}
	// A few may be off at any moment: hosts are booted anew, and pools get smaller.
	reporting, late := 0, 0
	for b := range s.Snapshot().Blocks() {
		switch {
		case b.Node.State != topology.Reporting:
		case time.Since(b.Node.LastReport) < time.Minute:
			reporting++
		default:
			late++
		}
	}
	if reporting < 80 || late > 5 {
		t.Errorf("%d nodes report, %d haven't for a minute", reporting, late)
	}
	worst := map[topology.Status]int{}
	for at := now.Add(-demoHistory + time.Minute); at.Before(now.Add(-time.Minute)); at = at.Add(10 * time.Minute) {
		snap, err := s.At(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		status := topology.NoStatus
		for b := range snap.Blocks() {
			status = topology.Worse(status, b.Node.Status)
		}
		worst[status]++
	}
	// Hosts that are booted anew, or went as their pool got smaller, are unknown for a while,
	// which is no fault.
	calm := worst[topology.OK] + worst[topology.Up] + worst[topology.Warning] + worst[topology.Unknown]
	if worst[topology.Critical]+worst[topology.Down] < 5 || calm < 5 {
		t.Errorf("the worst statuses of its past are %v: it should have trouble and come out of it", worst)
	}
	events, _, err := s.Events(t.Context(), now.Add(-demoHistory), now, func(*topology.Event) bool { return true }, 100)
	if err != nil || len(events) < 50 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestFarewell: an agent that is ended says so, in little time, and at no cost where the
// server knows it.
func TestFarewell(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(r *rig, f *far) // after three looks
		state topology.NodeState
		looks int // for the last word
		beats int // that were answered
		log   string
	}{
		{"as a beat", func(*rig, *far) {}, topology.Rebooting, 0, 1, "server was told"},
		{"to a server that started anew", func(_ *rig, f *far) { f.restart() }, topology.Rebooting, 1, 0, "server was told"},
		{"to a server that knows no beats any more", func(_ *rig, f *far) { f.old = true }, topology.Rebooting, 1, 0, "server was told"},
		{"while the server is away", func(_ *rig, f *far) { f.away = true }, topology.Reporting, 0, 0, "server was not told that this agent ends"},
		{"when the answer gets lost", func(_ *rig, f *far) { f.mute = true }, topology.Rebooting, 0, 0, "server was not told that this agent ends"},
		{"when a look fails", func(r *rig, f *far) { f.restart(); r.eye.err = errors.New("no netlink") }, topology.Reporting, 1, 0, "no netlink"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, f := newRig(t, 10*time.Second), newFar()
				r.opt.Sender = f
				r.opt.Leaving = func(context.Context) report.Leaving { return report.LeavingReboot }
				looks, beats := 0, 0
				r.run(t, func() {
					pass(25 * time.Second)
					synctest.Wait()
					tt.spoil(r, f)
					looks, beats = len(r.eye.looks), f.beats
				})
				before := f.snap.Block("web")
				if before.Node.State != tt.state {
					t.Errorf("the node is %s, want %s", before.Node.State, tt.state)
				}
				if got := len(r.eye.looks) - looks; got != tt.looks {
					t.Errorf("%d looks for the last word, want %d", got, tt.looks)
				}
				if got := f.beats - beats; got != tt.beats {
					t.Errorf("%d beats, want %d", got, tt.beats)
				}
				if len(before.Connections) != 1 || before.Connections[0].Count != 1 {
					t.Errorf("its connections became %+v", before.Connections)
				}
				if !strings.Contains(r.log.String(), tt.log) {
					t.Errorf("the log says %q, want %q in it", r.log.String(), tt.log)
				}
			})
		})
	}
}

// TestFarewellBound: whatever hangs, an agent has ended after two seconds.
func TestFarewellBound(t *testing.T) {
	for _, hangs := range []string{"the server", "the look", "finding out why", "a server that was away"} {
		t.Run(hangs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 10*time.Second)
				r.opt.Leaving = func(ctx context.Context) report.Leaving {
					if hangs == "finding out why" {
						<-ctx.Done()
					}
					return report.LeavingStop
				}
				a, err := New(r.opt)
				if err != nil {
					t.Fatal(err)
				}
				stop, ended := r.start(t, a)
				pass(5 * time.Second)
				if hangs == "a server that was away" {
					r.line.broken.Store(true)
					pass(20 * time.Second)
				}
				synctest.Wait()
				if hangs == "the look" {
					r.eye.takes = time.Hour
				} else {
					r.line.hangs.Store(true)
				}
				began := time.Now()
				stop()
				if err := <-ended; err != nil {
					t.Errorf("it ended with %v", err)
				}
				if took := time.Since(began); took != Farewell {
					t.Errorf("it ended after %s, want %s", took, Farewell)
				}
			})
		})
	}
}

// TestNoFarewell: who was never heard has nobody to say goodbye to, nor has one that looks
// once, or one that isn't asked to.
func TestNoFarewell(t *testing.T) {
	for name, spoil := range map[string]func(r *rig){
		"never heard": func(r *rig) { r.line.broken.Store(true) },
		"once":        func(r *rig) { r.opt.Once = true },
		"not asked":   func(r *rig) { r.opt.Leaving = nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 10*time.Second)
				r.opt.Leaving = func(context.Context) report.Leaving { return report.LeavingStop }
				spoil(r)
				a, err := New(r.opt)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- a.Run(ctx) }()
				pass(5 * time.Second)
				synctest.Wait()
				r.line.broken.Store(false)
				tried := r.line.tried
				cancel()
				<-ended
				if r.line.tried != tried {
					t.Errorf("%d deliveries after it was ended", r.line.tried-tried)
				}
			})
		})
	}
}

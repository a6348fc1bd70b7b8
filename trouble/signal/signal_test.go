package signal

import (
	"fmt"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// shop is two hosts: web1's php-fpm calls db1's postgres.
func shop(t *testing.T) (f *film, id string) {
	f = newFilm(t, "web1", "db1")
	f.listen("db1", "postgres", 5432)
	id = f.call("web1", "php-fpm", "db1", 5432)
	f.look()
	return f, id
}

func TestRefused(t *testing.T) {
	f, id := shop(t)
	f.pass(3, func(int) { f.edge(id).Opened += 5 })
	f.pass(3, func(int) { f.edge(id).Refused += 40 })
	f.wants("50s +refused: web1 php-fpm → postgres:5432")
	c := f.says("web1 php-fpm → db1 postgres:5432: 120 attempts to connect refused in the last minute; usual: none")
	want := topology.Signal{
		Kind: topology.SignalRefused, Title: "db1 postgres:5432 refuses connections of web1 php-fpm", Connection: id, Client: f.edge(id).Client, Server: f.edge(id).Server,
		Figure: 120, Unit: "attempts/min", Limit: 2, Baseline: c.Signal.Baseline,
	}
	if *c.Signal != want || c.Node != "db1" || c.Service != "db1~tcp~5432" || c.Status != topology.Critical {
		t.Errorf("got %+v\nwant %+v", *c.Signal, want)
	}
	if !c.Since.Equal(noon.Add(40*time.Second)) || !c.LastOK.Equal(noon.Add(30*time.Second)) {
		t.Errorf("since %s, last fine %s", c.Since, c.LastOK)
	}
	f.pass(2, func(int) { f.edge(id).Opened += 5 })
	f.wants()
	f.pass(1, func(int) { f.edge(id).Opened += 5 })
	f.wants("1m30s -refused: web1 php-fpm → postgres:5432")
}

// TestRefusedInTheMiddle: a server that stops between two looks answered some of the
// attempts of that time.
func TestRefusedInTheMiddle(t *testing.T) {
	f, id := shop(t)
	f.pass(3, func(int) { f.edge(id).Opened += 5 })
	f.pass(1, func(int) { f.edge(id).Opened += 3; f.edge(id).Refused += 2 })
	f.pass(2, func(int) { f.edge(id).Refused += 5 })
	f.wants("1m0s +refused: web1 php-fpm → postgres:5432")
}

// TestRefusedForAMoment: a server that restarts refuses in one look and answers in the
// next.
func TestRefusedForAMoment(t *testing.T) {
	f, id := shop(t)
	for range 20 {
		f.pass(1, func(int) { f.edge(id).Refused += 40 })
		f.pass(1, func(int) { f.edge(id).Opened += 40 })
	}
	f.wants()
}

// TestRefusedAsUsual: a client that tries ::1 first is refused with half of its
// attempts, always. Where all are refused, that is another thing.
func TestRefusedAsUsual(t *testing.T) {
	f, id := shop(t)
	f.pass(200, func(int) { f.edge(id).Refused += 10; f.edge(id).Opened += 10 })
	f.wants()
	f.pass(5, func(int) { f.edge(id).Refused += 10 })
	if c := f.only(); c.Signal.Baseline < .4 || c.Signal.Baseline > .6 {
		t.Errorf("usual is %g", c.Signal.Baseline)
	}
}

// TestSomeRefused: a share is told where it is known that it isn't usual.
func TestSomeRefused(t *testing.T) {
	f, id := shop(t)
	f.pass(70, func(int) { f.edge(id).Opened += 10 })
	f.pass(3, func(int) { f.edge(id).Opened += 8; f.edge(id).Refused += 2 })
	f.says("web1 php-fpm → db1 postgres:5432: 6 attempts to connect refused in the last minute, 24 answered; usual: none")
}

func TestUnreachable(t *testing.T) {
	f, id := shop(t)
	f.pass(3, func(i int) {
		h := f.health(id)
		h.Connecting, h.ConnectingSince = 3, f.at.Add(-time.Duration(1+10*i)*time.Second)
	})
	f.wants("30s +unreachable: web1 php-fpm → postgres:5432")
	f.says("web1 php-fpm → db1 postgres:5432: 3 attempts to connect without an answer, for up to 21s")
	f.pass(1, func(int) { f.health(id).Connecting = 0; f.edge(id).TimedOut += 3 })
	f.says("web1 php-fpm → db1 postgres:5432: 3 attempts given up in the last minute")
	f.told = nil
	f.pass(3, func(int) { f.edge(id).Opened++ })
	f.wants("1m10s -unreachable: web1 php-fpm → postgres:5432")
}

// TestOutside: what doesn't answer out there is told of the client.
func TestOutside(t *testing.T) {
	f := newFilm(t, "web1")
	f.blocks["Internet"] = &topology.Block{Node: topology.Node{Name: "Internet", Kind: topology.Internet}}
	id := f.call("web1", "curl", "Internet", 443)
	f.look()
	f.pass(3, func(int) { f.edge(id).TimedOut += 2 })
	if c := f.only(); c.Node != "web1" || c.Name != "unreachable: curl → Internet tcp:443" {
		t.Errorf("got %+v", c)
	}
}

func TestSlow(t *testing.T) {
	f, id := shop(t)
	f.pass(40, func(int) { f.health(id).RTT = 410 })
	f.pass(6, func(int) { f.health(id).RTT = 200_400 })
	f.wants("7m20s +slow: web1 php-fpm → postgres:5432")
	c := f.says("web1 php-fpm → db1 postgres:5432: a round trip takes 200 ms; usual: 0.41 ms")
	if c.Signal.Figure != 200 || c.Signal.Baseline != .41 || c.Signal.Limit != 1.6 || c.Signal.Unit != "ms" || c.Status != topology.Warning {
		t.Errorf("got %+v", c.Signal)
	}
	f.pass(10, func(int) { f.health(id).RTT = 410 })
	f.wants("8m20s -slow: web1 php-fpm → postgres:5432")
}

// TestSlowIsUsual: what varies a lot, is a little slower, or is new, is no news; what
// stays slow is usual some day.
func TestSlowIsUsual(t *testing.T) {
	for name, rtt := range map[string]func(i int) uint64{
		"varies":   func(i int) uint64 { return []uint64{5_000, 90_000, 20_000, 60_000, 9_000}[i%5] },
		"a little": func(i int) uint64 { return uint64(300 + 100*i) },
		"new":      func(int) uint64 { return 900_000 },
		"one look": func(i int) uint64 { return []uint64{500, 500, 500, 500, 500, 500, 500, 90_000}[i%8] },
	} {
		t.Run(name, func(t *testing.T) {
			f, id := shop(t)
			f.pass(80, func(i int) { f.health(id).RTT = rtt(i) })
			f.wants()
		})
	}
	f, id := shop(t)
	f.pass(40, func(int) { f.health(id).RTT = 10_000 })
	f.pass(9000, func(int) { f.health(id).RTT = 200_000 })
	if len(f.told) != 1 || len(f.on) != 1 {
		t.Fatalf("in a day it became usual: %q", f.told)
	}
	f.pass(9000, func(int) { f.health(id).RTT = 200_000 })
	if len(f.told) != 2 || len(f.on) != 0 {
		t.Errorf("in two days it didn't become usual: %q", f.told)
	}
}

func TestRetransmits(t *testing.T) {
	f, id := shop(t)
	f.pass(10, func(int) { h := f.health(id); h.Retransmits, h.Sent = .5, 100 })
	f.wants() // of next to nothing
	f.pass(5, func(int) { h := f.health(id); h.Retransmits, h.Sent = .12, 10_000 })
	f.wants("2m20s +retransmits: web1 php-fpm → postgres:5432")
	f.says("web1 php-fpm → db1 postgres:5432: 12 % of what web1 sends is sent again; limit: 5 %")
	f.pass(20, func(int) { f.health(id).Retransmits = 0 })
	f.wants("3m10s -retransmits: web1 php-fpm → postgres:5432")
}

func TestCloseWait(t *testing.T) {
	f, id := shop(t)
	f.pass(8, func(int) {
		h := f.health(id)
		h.End, h.CloseWait = "server", 45
		f.edge(id).Server.Process = "postgres"
	})
	f.wants("1m10s +close-wait: web1 php-fpm → postgres:5432")
	if c := f.says("web1 php-fpm → db1 postgres:5432: 45 connections closed by the other end, and not by postgres"); c.Node != "db1" {
		t.Errorf("it is on %s", c.Node)
	}
	f.pass(1, func(int) { f.health(id).End = "client" }) // it moves to the other end
	if c := f.only(); c.Node != "web1" || c.Name != "close-wait: php-fpm → db1 postgres:5432" {
		t.Errorf("it is on %s: %s", c.Node, c.Name)
	}
}

func TestQueue(t *testing.T) {
	f, _ := shop(t)
	s := &f.blocks["db1"].Services[0]
	s.QueueMax = 128
	f.pass(5, func(int) { s.Queue = 128 })
	f.wants() // as many as may
	f.pass(2, func(int) { s.Queue = 129; s.Drops += 3 })
	f.wants("1m10s +queue: postgres:5432")
	f.says("db1 postgres:5432: 129 connections wait to be accepted, 128 may; 3 turned away since the look before")
	f.pass(5, func(int) { s.Queue = 0 })
	f.wants("1m50s -queue: postgres:5432")
}

func TestStopped(t *testing.T) {
	f, id := shop(t)
	s := &f.blocks["db1"].Services[0]
	f.pass(2, func(int) { s.State = topology.Gone; f.edge(id).Count = 0 })
	f.wants("20s +stopped: postgres:5432")
	f.says("db1 postgres:5432 listens no more; 1 client used it a moment before: web1 php-fpm")
	f.pass(30, func(int) { f.edge(id).Status = topology.Old })
	f.wants()
	f.pass(10, func(int) { s.State = topology.Listening })
	f.wants("6m0s -stopped: postgres:5432")
	// Nobody misses it for longer than an hour.
	f.edge(id).Status = topology.Fresh
	f.pass(2, func(int) { s.State = topology.Gone })
	f.told = nil
	f.edge(id).Status = topology.Old
	f.pass(400, nil)
	if len(f.on) != 0 || len(f.told) != 1 {
		t.Errorf("told %q", f.told)
	}
}

// TestStoppedUnused: nobody misses what nobody used, nor ports given away at random.
func TestStoppedUnused(t *testing.T) {
	f := newFilm(t, "web1", "db1")
	f.listen("db1", "postgres", 5432)
	f.listen("db1", "rpc", 40001)
	id := f.call("web1", "php-fpm", "db1", 5432)
	f.edge(id).Status = topology.Old
	f.call("web1", "php-fpm", "db1", 40001)
	f.look()
	f.pass(9, func(int) {
		f.blocks["db1"].Services[0].State, f.blocks["db1"].Services[1].State = topology.Gone, topology.Gone
	})
	f.wants()
}

func TestShortages(t *testing.T) {
	f := newFilm(t, "web1")
	f.listen("web1", "nginx", 80)
	f.look()
	n := &f.blocks["web1"].Node
	f.pass(3, func(int) {
		n.Shortages = []topology.Shortage{{Kind: topology.SignalDescriptors, Process: "nginx", PID: 12, Used: 980, Max: 1024}}
	})
	f.wants("20s +descriptors: nginx (pid 12)")
	if c := f.says("web1 nginx (pid 12): 980 of 1024 file descriptors are open"); c.Service != "web1~tcp~80" || c.Signal.Figure != .96 {
		t.Errorf("got %+v", c)
	}
	f.pass(3, func(int) {
		n.Shortages = []topology.Shortage{{Kind: topology.SignalPorts, Server: "10.0.0.5:5432", Used: 27_000, Max: 28_232}}
	})
	f.pass(3, nil)
	f.wants("50s +ports: 10.0.0.5:5432", "1m10s -descriptors: nginx (pid 12)")
	f.says("web1: 27000 of 28232 local ports for calls to 10.0.0.5:5432 are taken")
}

func TestSilent(t *testing.T) {
	f, id := shop(t)
	f.pass(3, func(int) { f.edge(id).Refused += 40 })
	f.told = nil
	f.mute["web1"] = true
	f.pass(20, nil)
	f.wants("2m0s +silent: web1")
	var stale, fresh int
	for _, c := range f.on {
		if c.Stale {
			stale++
		} else {
			fresh++
			if !c.Since.Equal(noon.Add(30*time.Second)) || c.Status != topology.Unknown || c.Output != "web1 reports no more" {
				t.Errorf("got %+v", c)
			}
		}
	}
	if stale != 1 || fresh != 1 {
		t.Errorf("%d are stale, %d not", stale, fresh)
	}
	f.mute["web1"] = false
	f.pass(1, nil)
	f.wants("4m0s -silent: web1")
	if c := f.only(); c.Stale {
		t.Error("who speaks again is not heard")
	}
}

// TestLeft: a host that says it goes is no signal, and what it alone saw is over; of one
// whose agent was stopped nothing is known any more.
func TestLeft(t *testing.T) {
	for state, want := range map[topology.NodeState]struct {
		told  []string
		stale int
	}{
		topology.Left:      {told: []string{"40s -db1 refuses web1"}},
		topology.Rebooting: {told: []string{"40s -db1 refuses web1"}},
		topology.Stopped:   {stale: 1},
	} {
		f, id := shop(t)
		f.pass(3, func(int) { f.edge(id).Refused += 40 })
		before := len(f.on)
		f.told = nil
		f.mute["web1"], f.left["web1"] = true, state
		f.pass(20, nil)
		stale := 0
		for _, c := range f.on {
			if c.Stale {
				stale++
			}
			if c.Signal.Kind == topology.SignalSilent {
				t.Errorf("%s: %+v", state, c)
			}
		}
		if before != 1 || stale != want.stale || len(f.on) != want.stale || len(f.told) != len(want.told) {
			t.Errorf("%s: %d signals before, now %v (%d stale), told %q", state, before, f.on, stale, f.told)
		}
		f.mute["web1"], f.left["web1"] = false, ""
		f.pass(3, func(int) { f.edge(id).Refused += 40 })
		if len(f.on) != 1 || f.only().Stale {
			t.Errorf("%s, and back: %v", state, f.on)
		}
	}
}

// TestManySilent: many at once are one signal; it stays where it is while they come back.
func TestManySilent(t *testing.T) {
	var names []string
	for i := range 9 {
		names = append(names, fmt.Sprintf("web%d", i))
	}
	f := newFilm(t, names...)
	f.look()
	for i, name := range names {
		f.mute[name] = i < 7
	}
	f.pass(20, nil)
	f.wants("1m30s +silent: web0 and others")
	if c := f.says("no data from 7 nodes: web0, web1, web2 and 4 others"); c.Node != "web0" || c.Signal.Nodes != 7 {
		t.Errorf("got %+v", c)
	}
	f.mute["web0"], f.mute["web1"] = false, false
	f.pass(3, nil)
	f.wants()
	f.pass(9, nil)
	f.wants("4m30s -silent: web0 and others", "4m30s +silent: web2 and others")
	clear(f.mute)
	f.pass(3, nil)
	f.wants("5m30s -silent: web2 and others")
}

// TestGone: what was open on seven days is missed after ten minutes; what was open now
// and then is not, nor what a new process does instead.
func TestGone(t *testing.T) {
	days := func(n int) int { return n * 24 * 360 }
	f := newFilm(t, "web1", "db1")
	f.listen("db1", "postgres", 5432)
	always := f.call("web1", "php-fpm", "db1", 5432)
	hourly := f.call("web1", "backup", "db1", 5432)
	f.look()
	tick := func(i int) { f.edge(hourly).Count = min(1, max(0, i%360-200)) }
	f.pass(days(6), tick)
	f.pass(70, func(int) { f.edge(always).Count = 0 })
	f.wants() // too soon to tell; and now not often enough
	f.pass(days(8), func(i int) { tick(i); f.edge(always).Count = 1 })
	f.edge(hourly).Count = 0
	f.pass(70, func(int) { f.edge(always).Count = 0 })
	if len(f.told) != 1 {
		t.Fatalf("told %q", f.told)
	}
	if c := f.says("web1 php-fpm → db1 postgres:5432: no connection is open; on 14 days that were seen there always was one"); c.Node != "web1" {
		t.Errorf("got %+v", c)
	}
	f.told = nil
	f.pass(9, func(int) { f.edge(always).Count = 1 })
	if len(f.told) != 1 || len(f.on) != 0 {
		t.Errorf("it is there again: %q", f.told)
	}
	f.told = nil
	f.edge(always).Count = 0
	f.edge(f.call("web1", "php-fpm8", "db1", 5432)).Count = 1
	f.pass(70, nil)
	f.wants()
}

// TestNobodys: observers, dotm's own edges, and those without direction say nothing.
func TestNobodys(t *testing.T) {
	for name, change := range map[string]func(c *topology.Connection){
		"own":      func(c *topology.Connection) { c.Own = true },
		"observer": func(c *topology.Connection) { c.Observer = true },
		"no arrow": func(c *topology.Connection) { c.Directed = false },
	} {
		t.Run(name, func(t *testing.T) {
			f, id := shop(t)
			change(f.edge(id))
			f.pass(9, func(int) {
				f.edge(id).Refused += 40
				h := f.health(id)
				h.CloseWait, h.Retransmits, h.Sent = 99, .9, 1e6
				f.blocks["db1"].Services[0].State = topology.Gone
			})
			f.wants()
		})
	}
}

// TestOff: what is switched off ends, and begins again when it is on.
func TestOff(t *testing.T) {
	f, id := shop(t)
	worse := func(int) { f.edge(id).Refused += 40 }
	f.pass(3, worse)
	f.rules = Rules{topology.SignalRefused: {Off: true}}.Over(f.rules)
	f.pass(3, worse)
	f.rules = Defaults()
	f.pass(3, worse)
	f.wants("20s +refused: web1 php-fpm → postgres:5432", "40s -refused: web1 php-fpm → postgres:5432", "1m20s +refused: web1 php-fpm → postgres:5432")
}

// TestManyTell: of many clients that see the same, some tell it; when they end, others do.
func TestManyTell(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("web%02d", i))
	}
	f := newFilm(t, append(names, "db1")...)
	f.listen("db1", "postgres", 5432)
	ids := map[string]string{}
	for _, name := range names {
		ids[name] = f.call(name, "php-fpm", "db1", 5432)
	}
	f.look()
	f.pass(5, func(int) {
		for _, id := range ids {
			f.edge(id).Refused += 40
		}
	})
	if len(f.on) != maxAbout {
		t.Errorf("%d tell it", len(f.on))
	}
	f.pass(9, func(int) {
		for name, id := range ids {
			if name < "web15" {
				f.edge(id).Opened += 40
			} else {
				f.edge(id).Refused += 40
			}
		}
	})
	if len(f.on) != 15 {
		t.Errorf("%d tell it, want the 15 that are left", len(f.on))
	}
	f.pass(9, func(int) {
		for _, id := range ids {
			f.edge(id).Opened += 40
		}
	})
	if len(f.on) != 0 || f.memory.total != 0 || len(f.memory.told) != 0 || len(f.memory.latches) != 0 {
		t.Errorf("%d are on, %d counted %v", len(f.on), f.memory.total, f.memory.told)
	}
}

// TestRestart: who starts anew goes on with what there was, tells nothing again, and
// knows what is usual.
func TestRestart(t *testing.T) {
	f, id := shop(t)
	slow := f.call("web1", "cron", "db1", 5432)
	f.pass(40, func(int) { f.health(slow).RTT = 400 })
	f.pass(3, func(int) { f.edge(id).Refused += 40; f.health(slow).RTT = 400 })
	if len(f.told) != 1 {
		t.Fatalf("told %q", f.told)
	}
	f.told = nil
	next := New()
	const of = 4
	for i := range of {
		raw, err := f.memory.Save(i, of)
		if err != nil {
			t.Fatal(err)
		}
		if raw != nil {
			if err := next.Load(raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.memory = next
	f.look()
	f.pass(6, func(int) { f.edge(id).Refused += 40; f.health(slow).RTT = 300_000 })
	f.wants("7m50s +slow: web1 cron → postgres:5432")
	f.pass(9, func(int) { f.edge(id).Opened += 40; f.health(slow).RTT = 400 })
	f.wants("8m40s -refused: web1 php-fpm → postgres:5432", "8m50s -slow: web1 cron → postgres:5432")
}

// TestRestartBlind: a node that did not report since a restart says nothing.
func TestRestartBlind(t *testing.T) {
	f, id := shop(t)
	f.pass(3, func(int) { f.edge(id).Refused += 40 })
	f.told = nil
	f.memory = New()
	f.mute["web1"] = true
	f.look()
	f.pass(5, nil)
	f.wants()
	// What is gone meanwhile ends.
	f.memory = New()
	f.blocks["web1"].Connections = nil
	f.look()
	f.wants("1m20s -refused: web1 php-fpm → postgres:5432")
}

// TestRemoved: what is said of a node or an edge that is forgotten ends.
func TestRemoved(t *testing.T) {
	for name, remove := range map[string]func(f *film){
		"client": func(f *film) { delete(f.blocks, "web1") },
		"edge":   func(f *film) { f.blocks["web1"].Connections = nil },
	} {
		t.Run(name, func(t *testing.T) {
			f, id := shop(t)
			f.pass(3, func(int) { f.edge(id).Refused += 40 })
			f.told = nil
			remove(f)
			f.pass(1, nil)
			f.wants("40s -refused: web1 php-fpm → postgres:5432")
			if want := len(f.blocks["db1"].Connections); f.memory.Edges() != want {
				t.Errorf("%d edges are remembered, want %d", f.memory.Edges(), want)
			}
		})
	}
}

package site

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Monitoring says how a site is monitored, and how badly. The zero value is a
// monitoring system that misses nothing.
type Monitoring struct {
	// Interval is the time between two runs of a check; 0 is a minute.
	Interval time.Duration
	// Missing is the part of the hosts, and of the services on others, that nobody
	// checks.
	Missing float64
	// Late is how much later than it ran the result of a check may be told.
	Late time.Duration
	// Noise is the part of the runs that say something is wrong where nothing is.
	Noise float64
	// Off leaves out monitoring altogether.
	Off bool
}

func (m Monitoring) complete() Monitoring {
	m.Interval = cmp.Or(m.Interval, time.Minute)
	return m
}

// Check is one result of the site's monitoring system, with the name of the
// command that looked.
type Check struct {
	topology.Check
	Command string
}

// check is one that runs again and again.
type check struct {
	id      uint64
	host    *host
	process *process // nil for one of the host as a whole
	about   string   // "", "load", "disk", or "service"
	name    string
	command string

	status  topology.Status
	since   int64
	lastOK  int64
	bad     int  // how many runs in a row were
	started bool // it has run
	told    []told
}

// told is a result that is not told yet.
type told struct {
	at int64
	Check
}

// planChecks gives hosts and services their checks.
func (s *Site) planChecks() {
	m := s.opt.Monitoring
	if m.Off {
		return
	}
	for _, h := range s.hosts {
		if unit(hash(h.id, 11)) < m.Missing {
			continue
		}
		s.check(h, nil, "", "", "check-host-alive")
		s.check(h, nil, "load", "load", "check_load")
		s.check(h, nil, "disk", "disk /", "check_disk")
		for _, p := range h.processes {
			if p.check != "" && (p.check == "ssh" || unit(hash(p.id, 12)) >= m.Missing) {
				s.check(h, p, "service", p.check, p.command)
			}
		}
	}
}

func (s *Site) check(h *host, p *process, about, name, command string) {
	s.checks = append(s.checks, &check{
		id: hash(h.id, hashText(1, name)), host: h, process: p, about: about, name: name, command: command, lastOK: s.now, since: s.now - hour,
	})
}

// Results are the results that are told since the last call, of checks that ran up
// to [Site.Now], in the order in which they are told; and the checks that are no
// more, as their hosts were switched off.
func (s *Site) Results() (results, gone []Check) {
	s.judge()
	every := s.opt.Monitoring.Interval.Milliseconds()
	var due []told
	for _, c := range s.checks {
		if c.host.off && c.host.pool.least > 0 {
			if c.started {
				gone = append(gone, c.result(s, s.now))
				*c = check{id: c.id, host: c.host, process: c.process, about: c.about, name: c.name, command: c.command, lastOK: s.now, since: s.now}
			}
			continue
		}
		phase := int64(c.id % uint64(every))
		if run := s.now - (s.now-phase)%every; run > s.ran || !c.started {
			c.run(s, min(run, s.now))
			late := int64(0)
			if d := s.opt.Monitoring.Late.Milliseconds(); d > 0 {
				late = int64(hash(c.id, uint64(run), 13) % uint64(d))
			}
			c.told = append(c.told, told{run + late, c.result(s, run)})
		}
		for len(c.told) > 0 && c.told[0].at <= s.now {
			due = append(due, c.told[0])
			c.told = c.told[1:]
		}
	}
	s.ran = s.now
	slices.SortStableFunc(due, func(a, b told) int { return cmp.Compare(a.at, b.at) })
	for i := range due {
		results = append(results, due[i].Check)
	}
	return results, gone
}

// run looks, as of now: what is told is of at.
func (c *check) run(s *Site, at int64) {
	status := c.look(at)
	if n := s.opt.Monitoring.Noise; n > 0 && !status.Bad() && unit(hash(c.id, uint64(at), 14)) < n {
		status = topology.Critical
		if c.about == "" {
			status = topology.Down
		}
	}
	c.started = true
	if status != c.status && c.status != "" {
		c.since = at
	}
	c.status = status
	if status.Bad() {
		c.bad++
	} else {
		c.bad, c.lastOK = 0, at
	}
}

// attempts is after how many bad runs a result is believed.
const attempts = 2

// look is what a check finds.
func (c *check) look(at int64) topology.Status {
	h := c.host
	switch {
	case c.about == "":
		if !h.up() {
			return topology.Down
		}
		return topology.Up
	case !h.up():
		return topology.Critical
	case c.about == "load":
		return c.lookAtLoad(at)
	case c.about == "disk":
		if h.full {
			return topology.Critical
		}
		return topology.OK
	case c.process.fails:
		return topology.Critical
	}
	switch wait := c.process.waits(3); {
	case wait >= 12:
		return topology.Critical
	case wait >= 4, c.process.weak && c.process.host.pool.product != nil && c.process.host.pool.tier == App:
		return topology.Warning
	}
	return topology.OK
}

func (c *check) lookAtLoad(at int64) topology.Status {
	f := c.host.processes[0].slowed()
	if q := c.host.pool; q.product != nil && (q.tier == Web || q.tier == App || q.tier == DB) {
		f = max(f, q.product.surge*(0.9+0.2*unit(hash(c.id, uint64(at/minute)))))
	}
	switch {
	case f >= 7:
		return topology.Critical
	case f >= 4:
		return topology.Warning
	}
	return topology.OK
}

// result is what is told of the last run, which was at a moment.
func (c *check) result(s *Site, at int64) Check {
	kind := topology.ServiceCheck
	if c.about == "" {
		kind = topology.HostCheck
	}
	return Check{Command: c.command, Check: topology.Check{
		Kind: kind, Host: c.host.name, Name: c.name, Status: c.status, Hard: c.bad == 0 || c.bad >= attempts,
		Since: utc(c.since), LastCheck: utc(at), LastOK: utc(c.lastOK), Interval: topology.Duration(s.opt.Monitoring.Interval),
		Output: c.output(at), Groups: c.groups(),
	}}
}

func utc(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (c *check) groups() []string {
	if p := c.host.pool.product; p != nil {
		return []string{p.name, p.name + "-" + string(c.host.pool.tier)}
	}
	return []string{"infrastructure"}
}

// output is what a check says.
func (c *check) output(at int64) string {
	h, n := c.host, unit(hash(c.id, uint64(at)))
	switch {
	case c.about == "" && c.status.Bad():
		return "PING CRITICAL - Packet loss = 100%"
	case c.about == "":
		return fmt.Sprintf("PING OK - Packet loss = 0%%, RTA = %.2f ms", 0.2+n)
	case c.status.Bad() && !h.up():
		return "CRITICAL - Socket timeout after 10 seconds"
	case c.about == "load":
		return fmt.Sprintf("load average: %.2f", c.loadAverage(n))
	case c.about == "disk" && h.full:
		return "DISK CRITICAL - free space: / 12 MB (0% inode=94%)"
	case c.about == "disk":
		return fmt.Sprintf("DISK OK - free space: / %d MB (%d%%)", 20_000+int(n*9000), 40+int(n*20))
	}
	return c.serviceOutput(n)
}

func (c *check) loadAverage(n float64) float64 {
	f := 1.0
	if p := c.host.pool.product; p != nil {
		f = p.surge
	}
	return math.Round((0.6+n)*f*c.host.processes[0].slow*100) / 100
}

func (c *check) serviceOutput(n float64) string {
	p, bad := c.process, c.status.Bad()
	web := c.command == "check_http"
	switch {
	case bad && p.down > 0:
		return fmt.Sprintf("connect to address %s and port %d: Connection refused", p.host.address, p.port)
	case bad && p.jammed:
		return "server does not answer: could not write to file: No space left on device"
	case bad && p.fails && web:
		return "HTTP CRITICAL: HTTP/1.1 503 Service Unavailable"
	case bad && web:
		return fmt.Sprintf("HTTP: HTTP/1.1 200 OK - %.3f second response time", min(0.3*p.waits(3), 9.9)+n/2)
	case bad:
		return "query took too long or failed"
	case web:
		return fmt.Sprintf("HTTP OK: HTTP/1.1 200 OK - %.3f second response time", 0.01+n/10)
	}
	return fmt.Sprintf("%s OK - port %d answers in %.3f seconds", c.name, p.port, 0.002+n/200)
}

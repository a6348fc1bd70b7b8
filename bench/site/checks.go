package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// checksPerHost is how many services are checked on each host, beside the host itself.
const checksPerHost = 9

// services are what is checked on each host, with the command that does.
var services = [checksPerHost]struct{ name, command, fine, bad string }{
	{"ssh", "ssh", "SSH OK - OpenSSH_9.2p1 Debian-2 (protocol 2.0)", "connect to address and port 22: Connection refused"},
	{"load", "load", "OK - load average: 0.42, 0.51, 0.48", "CRITICAL - load average: 38.10, 30.02, 21.11"},
	{"disk /", "disk", "DISK OK - free space: / 21034 MB (48% inode=94%)", "DISK CRITICAL - free space: / 12 MB (0% inode=94%)"},
	{"memory", "mem", "OK - 41.2% used", "CRITICAL - 98.7% used"},
	{"ntp", "ntp_time", "NTP OK: Offset -0.0003 secs", "NTP CRITICAL: Offset 12.1 secs"},
	{"procs", "procs", "PROCS OK: 183 processes", "PROCS CRITICAL: 1911 processes"},
	{"apt", "apt", "APT OK: 0 packages available for upgrade", "APT CRITICAL: 12 packages available for upgrade (7 critical updates)"},
	{"node_exporter", "tcp", "TCP OK - 0.001 second response time on 10.0.0.1 port 9100", "connect to address and port 9100: Connection refused"},
	{"puppet agent", "puppet", "OK: last run 12 minutes ago", "CRITICAL: last run 3 days ago"},
}

// checkEvery is how often each check runs.
const checkEvery = 5 * time.Minute

// result is the state of one check. The first of a host is of the host itself.
type result struct {
	bad   bool
	since time.Time
}

// watched is a host with its checks.
type watched struct {
	name    string
	results [checksPerHost + 1]result
}

// monitoring are three monitoring systems that look after a site: an Icinga 2 after seven
// hosts in ten, a Nagios after the others, and an Alertmanager with as many alerts as a
// hundredth of the checks.
type monitoring struct {
	begun    time.Time
	listener net.Listener
	web      *http.Server

	mu     sync.Mutex
	rng    *rand.PCG
	icinga []watched
	nagios []watched
	alerts []alert
	lines  map[chan string]bool // who follows Icinga's events
	flips  int
}

// alert fires in Alertmanager.
type alert struct {
	host  string
	name  string
	since time.Time
}

// startMonitoring serves three systems with about so many checks of hosts.
func startMonitoring(hosts []string, checks int, seed uint64) (*monitoring, error) {
	m := &monitoring{begun: time.Now(), rng: rand.NewPCG(seed, 3), lines: map[chan string]bool{}}
	n := max(checks*99/100/(checksPerHost+1), 1)
	for i := range n {
		name := hosts[i%len(hosts)]
		if i >= len(hosts) { // more checks than hosts of the site: others, which are no nodes
			name += "-" + strconv.Itoa(i/len(hosts))
		}
		w := watched{name: name}
		for k := range w.results {
			w.results[k] = result{m.chance(200), m.begun.Add(-time.Duration(m.rng.Uint64()%86_400) * time.Second)}
		}
		w.results[0].bad = m.chance(2000)
		if i%10 < 7 {
			m.icinga = append(m.icinga, w)
		} else {
			m.nagios = append(m.nagios, w)
		}
	}
	for i := range checks / 100 {
		m.alerts = append(m.alerts, m.fire(hosts[i*7%len(hosts)]))
	}
	var err error
	if m.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	m.icingaAPI(mux)
	mux.HandleFunc("GET /nagios4/cgi-bin/{cgi}", m.nagiosCGI)
	mux.HandleFunc("GET /am/api/v2/status", m.alertStatus)
	mux.HandleFunc("GET /am/api/v2/alerts", m.alertList)
	m.web = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go m.web.Serve(m.listener) //nolint:errcheck // until it is closed
	return m, nil
}

// chance is true once in n times. The caller holds the lock.
func (m *monitoring) chance(n uint64) bool { return m.rng.Uint64()%n == 0 }

func (m *monitoring) fire(host string) alert {
	return alert{host, alertNames[m.rng.Uint64()%uint64(len(alertNames))], time.Now().Add(-time.Duration(m.rng.Uint64()%7200) * time.Second)}
}

// sources are the lines of a dotm.yaml that has the three be read.
func (m *monitoring) sources() string {
	at := "http://" + m.listener.Addr().String()
	return fmt.Sprintf(`sources:
- {name: icinga, kind: icinga2, url: "%[1]s/icinga"}
- {name: nagios, kind: nagios, url: "%[1]s/nagios4/cgi-bin"}
- {name: prometheus, kind: alertmanager, url: "%[1]s/am"}
`, at)
}

func (m *monitoring) stop() { _ = m.web.Close() }

// flip has n checks go bad, or be fine again: of those that are bad so many are mended
// that their part stays about the same.
func (m *monitoring) flip(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		list, told := m.icinga, true
		if len(m.nagios) > 0 && m.rng.Uint64()%10 >= 7 {
			list, told = m.nagios, false
		}
		w := &list[m.rng.Uint64()%uint64(len(list))]
		k := int(m.rng.Uint64() % (checksPerHost + 1))
		for i := range w.results { // rather one that is bad
			if w.results[i].bad {
				k = i
			}
		}
		w.results[k] = result{!w.results[k].bad, time.Now()}
		m.flips++
		if told {
			m.tellIcinga(w, k)
		}
	}
	if len(m.alerts) > 0 {
		i := m.rng.Uint64() % uint64(len(m.alerts))
		m.alerts[i] = m.fire(m.alerts[i].host)
		m.alerts[i].since = time.Now()
	}
}

// lastRun is when a check ran last: each has its own moment.
func (w *watched) lastRun(k int, now time.Time) time.Time {
	phase := time.Duration(len(w.name)*7919+int(w.name[len(w.name)-1])*104729+k*15485863) * time.Millisecond % checkEvery
	run := now.Add(-phase).Truncate(checkEvery).Add(phase)
	if since := w.results[k].since; since.After(run) {
		return since
	}
	return run
}

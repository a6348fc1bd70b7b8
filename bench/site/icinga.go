package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// icingaAPI serves what is asked of an Icinga 2; see
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/.
func (m *monitoring) icingaAPI(mux *http.ServeMux) {
	say := func(path, text string) {
		mux.HandleFunc("/icinga"+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(text))
		})
	}
	say("/v1", `{"results":[{"user":"dotm","version":"r2.13.6-1","permissions":["*"]}]}`)
	say("/v1/status/IcingaApplication", fmt.Sprintf(`{"results":[{"name":"IcingaApplication","status":{"icingaapplication":{"app":{"enable_host_checks":true,"enable_service_checks":true,"program_start":%d,"version":"r2.13.6-1"}}}}]}`, m.begun.Unix()))
	mux.HandleFunc("/icinga/v1/status/CIB", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"results":[{"name":"CIB","status":{"uptime":%.3f}}]}`, time.Since(m.begun.Truncate(time.Second)).Seconds())
	})
	say("/v1/objects/dependencies", `{"results":[]}`)
	mux.HandleFunc("/icinga/v1/objects/hosts", func(w http.ResponseWriter, _ *http.Request) { m.objects(w, true) })
	mux.HandleFunc("/icinga/v1/objects/services", func(w http.ResponseWriter, _ *http.Request) { m.objects(w, false) })
	mux.HandleFunc("/icinga/v1/events", m.events)
}

// chunk is how much is written at once.
const chunk = 256 << 10

// objects writes all hosts, or all services.
func (m *monitoring) objects(w http.ResponseWriter, hosts bool) {
	w.Header().Set("Content-Type", "application/json")
	m.mu.Lock()
	list := m.icinga // states may change meanwhile, as those of a real one do
	m.mu.Unlock()
	buf := append(make([]byte, 0, chunk+4096), `{"results":[`...)
	now, first := time.Now(), true
	for i := range list {
		from, to := 1, checksPerHost+1
		if hosts {
			from, to = 0, 1
		}
		m.mu.Lock()
		for k := from; k < to; k++ {
			if !first {
				buf = append(buf, ',')
			}
			first = false
			buf = list[i].object(buf, k, now)
		}
		m.mu.Unlock()
		if len(buf) > chunk {
			if _, err := w.Write(buf); err != nil {
				return
			}
			buf = buf[:0]
		}
	}
	_, _ = w.Write(append(buf, "]}"...))
}

func second(to []byte, name string, t time.Time) []byte {
	return strconv.AppendFloat(append(append(append(to, `,"`...), name...), `":`...), float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// object is one host or service as Icinga 2 lists it.
func (w *watched) object(to []byte, k int, now time.Time) []byte {
	r, run := w.results[k], w.lastRun(k, now)
	name, command, output, kind, state := w.name, "hostalive", "PING OK - Packet loss = 0%, RTA = 0.42 ms", "Host", byte('0')
	if k > 0 {
		s := &services[k-1]
		name, command, output, kind = s.name, s.command, s.fine, "Service"
		if r.bad {
			output = s.bad
		}
	} else if r.bad {
		output = "PING CRITICAL - Packet loss = 100%"
	}
	if r.bad {
		if state = '2'; k == 0 {
			state = '1'
		}
	}
	to = append(append(append(to, `{"attrs":{"acknowledgement":0,"check_command":"`...), command...), `","check_interval":300,"downtime_depth":0,"enable_active_checks":true,"flapping":false,"groups":["linux"]`...)
	if k > 0 {
		to = append(append(append(to, `,"host_name":"`...), w.name...), '"')
	} else {
		to = append(append(append(to, `,"display_name":"`...), w.name...), `","address":"","address6":"","notes_url":"","last_reachable":true`...)
	}
	to = second(to, "last_check", run)
	to = append(append(append(to, `,"last_check_result":{"active":true,"check_source":"icinga","command":["/usr/lib/nagios/plugins/check_`...), command...), `","-H","$address$"]`...)
	to = second(to, "execution_end", run)
	to = append(append(append(to, `,"output":"`...), output...), `","performance_data":["time=0.001s;;;0"],"vars_after":{"reachable":true}}`...)
	to = second(second(to, "last_hard_state_change", r.since), "last_state_change", r.since)
	if !r.bad {
		field := "last_state_ok"
		if k == 0 {
			field = "last_state_up"
		}
		to = second(to, field, run)
	}
	to = append(append(append(to, `,"name":"`...), name...), `","state":`...)
	to = append(append(to, state), `,"state_type":1},"joins":{},"meta":{},"name":"`...)
	to = append(to, w.name...)
	if k > 0 {
		to = append(append(to, '!'), name...)
	}
	return append(append(append(to, `","type":"`...), kind...), `"}`...)
}

// tellIcinga tells those who follow the events of one. The caller holds the lock.
func (m *monitoring) tellIcinga(w *watched, k int) {
	r, service, output, state := w.results[k], "", "PING OK - Packet loss = 0%, RTA = 0.42 ms", 0
	if k > 0 {
		service, output = services[k-1].name, services[k-1].fine
	}
	if r.bad {
		if state, output = 1, "PING CRITICAL - Packet loss = 100%"; k > 0 {
			state, output = 2, services[k-1].bad
		}
	}
	at := float64(r.since.UnixMilli()) / 1000
	event := fmt.Sprintf(`{"type":"StateChange","timestamp":%.3f,"host":%q,"service":%q,"state":%d,"state_type":1,"acknowledgement":false,"downtime_depth":0,"check_result":{"execution_end":%.3f,"output":%q,"command":null,"vars_after":{"reachable":true}}}`,
		at, w.name, service, state, at, output)
	event = strings.Replace(event, `"service":"",`, "", 1) + "\n"
	for line := range m.lines {
		select {
		case line <- event:
		default: // who doesn't read misses it, as with a real one
		}
	}
}

// events is the stream of events.
func (m *monitoring) events(w http.ResponseWriter, r *http.Request) {
	line := make(chan string, 10_000)
	m.mu.Lock()
	m.lines[line] = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.lines, line)
		m.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "application/json")
	control := http.NewResponseController(w)
	for {
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case event := <-line:
			if _, err := w.Write([]byte(event)); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

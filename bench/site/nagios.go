package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// nagiosCGI answers as the JSON CGIs of Nagios 4.4 do.
func (m *monitoring) nagiosCGI(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query().Get("query")
	w.Header().Set("Content-Type", "application/json")
	now := time.Now()
	fmt.Fprintf(w, `{"format_version":0,"result":{"query_time":%d,"program_start":%d,"last_data_update":%d,"type_code":0},"data":{"selectors":{},`,
		now.UnixMilli(), m.begun.UnixMilli(), now.UnixMilli())
	switch r.PathValue("cgi") + " " + query {
	case "statusjson.cgi programstatus":
		fmt.Fprint(w, `"programstatus":{"version":"4.4.6","execute_service_checks":true,"execute_host_checks":true}`)
	case "statusjson.cgi hostlist":
		m.hosts(w, query, func(to []byte, h *watched) []byte { return h.nagios(to, 0, now) })
	case "statusjson.cgi servicelist":
		m.hosts(w, query, func(to []byte, h *watched) []byte {
			return each(to, func(to []byte, k int) []byte { return h.nagios(to, k, now) })
		})
	case "objectjson.cgi hostlist":
		m.hosts(w, query, func(to []byte, h *watched) []byte {
			return fmt.Appendf(to, `{"name":%[1]q,"alias":%[1]q,"display_name":%[1]q,"address":"","parent_hosts":[],"check_command":"check_ping","check_interval":5.00,"custom_variables":{}}`, h.name)
		})
	case "objectjson.cgi servicelist":
		m.hosts(w, query, func(to []byte, h *watched) []byte {
			return each(to, func(to []byte, k int) []byte {
				return fmt.Appendf(to, `{"host_name":%q,"description":%q,"check_command":"check_%s","check_interval":5.00,"parents":[],"custom_variables":{}}`, h.name, services[k-1].name, services[k-1].command)
			})
		})
	default:
		fmt.Fprintf(w, "%q: null", query) //nolint:gosec // JSON, for the server under measurement
	}
	_, _ = w.Write([]byte("}}"))
}

// each writes the services of a host, by their names.
func each(to []byte, one func(to []byte, k int) []byte) []byte {
	for k := range services {
		if k == 0 {
			to = append(to, '{')
		} else {
			to = append(to, ',')
		}
		to = strconv.AppendQuote(to, services[k].name)
		to = one(append(to, ':'), k+1)
	}
	return append(to, '}')
}

// hosts writes something of each host, by its name.
func (m *monitoring) hosts(w http.ResponseWriter, list string, one func(to []byte, h *watched) []byte) {
	buf := append(make([]byte, 0, chunk+16<<10), `"`+list+`":{`...)
	for i := range m.nagios {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(strconv.AppendQuote(buf, m.nagios[i].name), ':')
		m.mu.Lock()
		buf = one(buf, &m.nagios[i])
		m.mu.Unlock()
		if len(buf) > chunk {
			if _, err := w.Write(buf); err != nil {
				return
			}
			buf = buf[:0]
		}
	}
	_, _ = w.Write(append(buf, '}')) //nolint:gosec // JSON, for the server under measurement
}

// nagios is the state of a host or service as statusjson.cgi tells it.
func (w *watched) nagios(to []byte, k int, now time.Time) []byte {
	r, run := w.results[k], w.lastRun(k, now).UnixMilli()
	output, status, ok := "PING OK - Packet loss = 0%, RTA = 0.42 ms", "2", `"last_time_up":`
	if k == 0 {
		to = append(append(append(to, `{"name":"`...), w.name...), '"')
	} else {
		s := &services[k-1]
		to = append(append(append(to, `{"host_name":"`...), w.name...), `","description":"`...)
		to = append(append(to, s.name...), '"')
		output, ok = s.fine, `"last_time_ok":`
	}
	lastOK := run
	if r.bad {
		lastOK = r.since.Add(-checkEvery).UnixMilli()
		if status, output = "4", "PING CRITICAL - Packet loss = 100%"; k > 0 {
			status, output = "16", services[k-1].bad
		}
	}
	number := func(name string, n int64) {
		to = strconv.AppendInt(append(append(append(to, ',', '"'), name...), '"', ':'), n, 10)
	}
	to = append(append(append(to, `,"plugin_output":"`...), output...), `","long_plugin_output":"","perf_data":"time=0.012000s;;;0.000000","max_attempts":2,"current_attempt":1,"status":`...)
	to = append(to, status...)
	number("last_update", run)
	to = append(to, `,"has_been_checked":true,"should_be_scheduled":true`...)
	number("last_check", run)
	to = append(to, `,"check_options":0,"check_type":0,"checks_enabled":true`...)
	number("last_state_change", r.since.UnixMilli())
	number("last_hard_state_change", r.since.UnixMilli())
	to = strconv.AppendInt(append(append(to, ','), ok...), lastOK, 10)
	to = append(to, `,"last_hard_state":0,"state_type":1,"last_notification":0,"next_notification":0`...)
	number("next_check", run+checkEvery.Milliseconds())
	return append(to, `,"no_more_notifications":false,"notifications_enabled":true,"problem_has_been_acknowledged":false,"acknowledgement_type":0,"current_notification_number":0,"accept_passive_checks":true,"event_handler_enabled":true,"flap_detection_enabled":true,"is_flapping":false,"percent_state_change":0.00,"latency":0.04,"execution_time":0.01,"scheduled_downtime_depth":0,"process_performance_data":true,"obsess":true}`...)
}

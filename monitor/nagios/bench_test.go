package nagios

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// site is a Nagios with very many hosts, 10 services each: its answers are made of
// the captured ones' words, and sent as they are made.
type site struct{ hosts int }

const hostState = `      "%[1]s": {
        "name": "%[1]s", "plugin_output": "PING OK - Packet loss = 0%%, RTA = 0.42 ms", "long_plugin_output": "", "perf_data": "rta=0.420000ms;100.000000;500.000000;0.000000 pl=0%%;20;60;0",
        "status": 2, "last_update": 1795368772000, "has_been_checked": true, "should_be_scheduled": true, "current_attempt": 1, "max_attempts": 2,
        "last_check": 1795368772000, "check_options": 0, "check_type": 0, "checks_enabled": true, "last_state_change": 1795368141000, "last_hard_state_change": 1795368141000,
        "last_hard_state": 0, "last_time_up": 1795368772000, "last_time_down": 0, "last_time_unreachable": 0, "state_type": 1, "last_notification": 0, "next_notification": 0,
        "next_check": 1795369072000, "no_more_notifications": false, "notifications_enabled": true, "problem_has_been_acknowledged": false, "acknowledgement_type": 0,
        "current_notification_number": 0, "accept_passive_checks": true, "event_handler_enabled": true, "flap_detection_enabled": true, "is_flapping": false,
        "percent_state_change": 0.00, "latency": 0.04, "execution_time": 0.01, "scheduled_downtime_depth": 0, "process_performance_data": true, "obsess": true
      }`

const serviceState = `        "%[2]s": {
          "host_name": "%[1]s", "description": "%[2]s", "plugin_output": "HTTP OK: HTTP/1.1 200 OK - 10975 bytes in 0.012 second response time", "long_plugin_output": "",
          "perf_data": "time=0.012000s;;;0.000000 size=10975B;;;0", "max_attempts": 2, "current_attempt": 1, "status": 2, "last_update": 1795368772000, "has_been_checked": true,
          "should_be_scheduled": true, "last_check": 1795368772000, "check_options": 0, "check_type": 0, "checks_enabled": true, "last_state_change": 1795368141000,
          "last_hard_state_change": 1795368141000, "last_hard_state": 0, "last_time_ok": 1795368772000, "last_time_warning": 0, "last_time_unknown": 0, "last_time_critical": 0,
          "state_type": 1, "last_notification": 0, "next_notification": 0, "next_check": 1795369072000, "no_more_notifications": false, "notifications_enabled": true,
          "problem_has_been_acknowledged": false, "acknowledgement_type": 0, "current_notification_number": 0, "accept_passive_checks": true, "event_handler_enabled": true,
          "flap_detection_enabled": true, "is_flapping": false, "percent_state_change": 0.00, "latency": 0.04, "execution_time": 0.01, "scheduled_downtime_depth": 0,
          "process_performance_data": true, "obsess": true
        }`

const head = `{ "format_version": 0, "result": { "query_time": 1795368773000, "program_start": 1795368140000, "last_data_update": 1795368772000, "type_code": 0 }, "data": { "selectors": { }, `

var names = []string{"http", "https", "ssh", "load", "disk /", "disk /var", "memory", "ntp", "postgres", "backup"}

func host10k(i int) string { return fmt.Sprintf("host-%05d.example", i) }

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cgi, query := filepath.Base(r.URL.Path), r.URL.Query().Get("query")
	fmt.Fprint(w, head)
	switch cgi + " " + query {
	case "statusjson.cgi programstatus":
		fmt.Fprint(w, `"programstatus": { "version": "4.4.6" }`)
	case "statusjson.cgi hostlist":
		s.hostMap(w, query, func(name string) { fmt.Fprintf(w, hostState, name) })
	case "statusjson.cgi servicelist":
		s.hostMap(w, query, func(name string) {
			fmt.Fprintf(w, "%q: {", name)
			for i, service := range names {
				comma(w, i)
				fmt.Fprintf(w, serviceState, name, service)
			}
			fmt.Fprint(w, "}")
		})
	case "objectjson.cgi hostlist":
		s.hostMap(w, query, func(name string) {
			fmt.Fprintf(w, `%[1]q: {"name": %[1]q, "alias": "a host", "display_name": %[1]q, "address": "192.0.2.1", "parent_hosts": ["host-00000.example"], "check_command": "check_ping!100,20%%!500,60%%", "check_interval": 5.00, "custom_variables": {}}`, name)
		})
	case "objectjson.cgi servicelist":
		s.hostMap(w, query, func(name string) {
			fmt.Fprintf(w, "%q: {", name)
			for i, service := range names {
				comma(w, i)
				fmt.Fprintf(w, `%[2]q: {"host_name": %[1]q, "description": %[2]q, "check_command": "check_http!-p 8080", "check_interval": 5.00, "parents": [], "custom_variables": {}}`, name, service)
			}
			fmt.Fprint(w, "}")
		})
	default:
		fmt.Fprintf(w, "%q: null", query)
	}
	fmt.Fprint(w, "} }\n")
}

func comma(w io.Writer, i int) {
	if i > 0 {
		fmt.Fprint(w, ",\n")
	}
}

func (s *site) hostMap(w io.Writer, list string, each func(name string)) {
	fmt.Fprintf(w, "%q: {", list)
	for i := range s.hosts {
		comma(w, i)
		each(host10k(i))
	}
	fmt.Fprint(w, "}")
}

// record keeps the answers in files, so that making them is not measured.
func (s *site) record(b *testing.B) http.Handler {
	b.Helper()
	dir := b.TempDir()
	kept := map[string]string{}
	for i, path := range []string{
		"statusjson.cgi?query=programstatus", "statusjson.cgi?query=hostlist&details=true", "statusjson.cgi?query=servicelist&details=true",
		"objectjson.cgi?query=hostlist&details=true", "objectjson.cgi?query=servicelist&details=true",
	} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/nagios4/cgi-bin/"+path, nil))
		name := filepath.Join(dir, strconv.Itoa(i)+".json")
		if err := os.WriteFile(name, rec.Body.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		kept["/nagios4/cgi-bin/"+path] = name
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := kept[r.RequestURI]; ok {
			http.ServeFile(w, r, name)
			return
		}
		s.ServeHTTP(w, r)
	})
}

// BenchmarkRead reads 10,000 hosts with 100,000 services, as every poll after the
// first does: of the CGIs over HTTP, and of the files. The peak is that of the heap
// beside what the test itself holds.
func BenchmarkRead(b *testing.B) {
	s := &site{hosts: 10_000}
	server := httptest.NewServer(s.record(b))
	defer server.Close()
	dir := b.TempDir()
	s.files(b, dir)
	for name, url := range map[string]string{"json": server.URL, "files": "file://" + dir} {
		b.Run(name, func(b *testing.B) {
			src, err := New(monitor.Options{URL: url})
			if err != nil {
				b.Fatal(err)
			}
			if f, ok := src.from.(*files); ok {
				f.now = func() time.Time { return created }
			}
			if r, err := src.Read(b.Context()); err != nil || len(r.Checks) != 110_000 || len(r.Hosts) != 10_000 {
				b.Fatal(err)
			}
			b.ReportAllocs()
			before := heap(true)
			peak, spent := watch(), cpu()
			for b.Loop() {
				if _, err := src.Read(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(peak()-before)/(1<<20), "MiB-peak")
			b.ReportMetric(float64((cpu()-spent).Milliseconds())/float64(b.N), "CPU-ms/op")
		})
	}
}

// cpu is the time that this process has worked so far: on a busy machine that says
// more than the time that passed.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap(collect bool) uint64 {
	if collect {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watch looks at the heap now and then; the function it returns ends that and gives
// the most.
func watch() func() uint64 {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, heap(false))
			case <-stop:
				most <- peak
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-most }
}

// files writes the same site as status.dat and objects.cache.
func (s *site) files(b *testing.B, dir string) {
	b.Helper()
	var status, objects strings.Builder
	fmt.Fprintf(&status, "info {\n\tcreated=%d\n\tversion=4.4.6\n\t}\n\nprogramstatus {\n\tprogram_start=1795368140\n\t}\n\n", created.Unix())
	const common = "\tmodified_attributes=0\n\tcheck_command=check_http!-p 8080\n\tcheck_period=24x7\n\tnotification_period=24x7\n\timportance=0\n\tcheck_interval=5.000000\n\tretry_interval=1.000000\n\tevent_handler=\n\thas_been_checked=1\n\tshould_be_scheduled=1\n\tcheck_execution_time=0.041\n\tcheck_latency=0.000\n\tcheck_type=0\n\tcurrent_state=0\n\tlast_hard_state=0\n\tlast_event_id=644\n\tcurrent_event_id=645\n\tcurrent_problem_id=0\n\tlast_problem_id=326\n\tcurrent_attempt=1\n\tmax_attempts=1\n\tstate_type=1\n\tlast_state_change=1795368141\n\tlast_hard_state_change=1795368141\n\tlast_time_ok=1795368772\n\tlast_time_warning=0\n\tlast_time_unknown=0\n\tlast_time_critical=0\n\tplugin_output=HTTP OK: HTTP/1.1 200 OK - 10975 bytes in 0.012 second response time\n\tlong_plugin_output=\n\tperformance_data=time=0.012000s;;;0.000000 size=10975B;;;0\n\tlast_check=1795368772\n\tnext_check=1795369072\n\tcheck_options=0\n\tcurrent_notification_number=0\n\tcurrent_notification_id=12\n\tlast_notification=0\n\tnext_notification=0\n\tno_more_notifications=0\n\tnotifications_enabled=1\n\tactive_checks_enabled=1\n\tpassive_checks_enabled=1\n\tevent_handler_enabled=1\n\tproblem_has_been_acknowledged=0\n\tacknowledgement_type=0\n\tflap_detection_enabled=1\n\tprocess_performance_data=1\n\tobsess=1\n\tlast_update=1795368773\n\tis_flapping=0\n\tpercent_state_change=0.00\n\tscheduled_downtime_depth=0\n\t}\n\n"
	for i := range s.hosts {
		name := host10k(i)
		fmt.Fprintf(&status, "hoststatus {\n\thost_name=%s\n%s", name, common)
		fmt.Fprintf(&objects, "define host {\n\thost_name\t%s\n\taddress\t192.0.2.1\n\tcheck_interval\t5.000000\n\t}\n", name)
		for _, service := range names {
			fmt.Fprintf(&status, "servicestatus {\n\thost_name=%s\n\tservice_description=%s\n%s", name, service, common)
			fmt.Fprintf(&objects, "define service {\n\thost_name\t%s\n\tservice_description\t%s\n\tcheck_command\tcheck_http!-p 8080\n\tcheck_interval\t5.000000\n\t}\n", name, service)
		}
	}
	for name, text := range map[string]*strings.Builder{"status.dat": &status, "objects.cache": &objects} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

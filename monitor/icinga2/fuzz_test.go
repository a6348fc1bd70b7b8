package icinga2

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// eventLines are captured events, one of each type.
func eventLines(t testing.TB) [][]byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/events.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
}

// remembered is what is remembered of some objects.
func remembered(t testing.TB) *memory {
	t.Helper()
	m := newMemory(nil)
	for _, c := range []topology.Check{
		{Kind: topology.HostCheck, Host: "web1", Status: topology.Up},
		{Kind: topology.ServiceCheck, Host: "web1", Name: "http", Status: topology.OK},
		{Kind: topology.ServiceCheck, Host: "cache1", Name: "load", Status: topology.OK},
		{Kind: topology.ServiceCheck, Host: "db1", Name: "replication", Status: topology.Critical},
	} {
		if _, err := m.keep(&mapping.Check{Check: c}, held{}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// FuzzEventLine: whatever a line holds, it is an error or an event that can be applied.
func FuzzEventLine(f *testing.F) {
	for _, line := range eventLines(f) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseEvent(line)
		if err != nil {
			return
		}
		changed, _ := remembered(t).apply(e)
		for _, h := range changed {
			if h.check.Status.Severity() <= topology.NoStatus.Severity() {
				t.Errorf("status %q", h.check.Status)
			}
		}
	})
}

// FuzzResults: whatever an answer holds, it is an error or a reading that holds what
// it promises.
func FuzzResults(f *testing.F) {
	for _, name := range []string{"hosts", "services", "dependencies", "status-CIB"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		var all struct{ Results []json.RawMessage }
		if err = errors.Join(err, json.Unmarshal(text, &all)); err != nil {
			f.Fatal(err)
		}
		for _, one := range all.Results[:min(3, len(all.Results))] { // short ones, for the fuzzer's sake
			one, _ = json.Marshal(map[string]any{"results": []json.RawMessage{one}})
			f.Add([]byte(one))
		}
	}
	f.Add([]byte(`{"results":[{"attrs":{"name":"a","host_name":"b","state":1e400,"groups":["x",1],"last_check_result":{"command":"x -p 1","output":null}}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := newMemory(nil)
		for _, take := range []func(*object) error{m.host, m.service} {
			_ = results(bytes.NewReader(body), func(j *monitor.JSON) error {
				var o object
				if err := o.read(j); err != nil {
					return err
				}
				return take(&o)
			})
		}
		m.depend(nil)
		m.finish()
		m.look(&login{User: "u"})
		for _, c := range m.write().Checks {
			if c.Host == "" || c.Status.Severity() < 0 || c.Interval < 0 || c.Since.Year() > 9999 || len(c.Output) > monitor.MaxOutput {
				t.Errorf("%+v", c)
			}
		}
	})
}

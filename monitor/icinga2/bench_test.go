package icinga2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"testing"

	"github.com/devops-trouble-map/dotm/monitor"
)

// large is an Icinga 2 of 10,000 hosts and 100,000 services, like those that were
// captured.
func large(b *testing.B) (f *fake, size int) {
	b.Helper()
	f = captured(b)
	hosts, services := results0(b, "hosts"), results0(b, "services")
	var hostList, serviceList bytes.Buffer
	for i := range 10_000 {
		name := fmt.Sprintf("host%05d", i)
		write(&hostList, hosts[i%len(hosts)], map[string]any{"name": name})
		for n := range 10 {
			write(&serviceList, services[n], map[string]any{"host_name": name, "name": fmt.Sprint("check", n)})
		}
	}
	for path, list := range map[string]*bytes.Buffer{"hosts": &hostList, "services": &serviceList} {
		text := append([]byte(`{"results":[`), list.Bytes()[1:]...)
		text = append(text, "]}"...)
		size += len(text)
		f.do("/v1/objects/"+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(text)
		})
	}
	return f, size
}

type sample struct {
	Attrs map[string]any `json:"attrs"`
	Joins struct{}       `json:"joins"`
	Meta  struct{}       `json:"meta"`
	Name  string         `json:"name"`
	Type  string         `json:"type"`
}

func results0(b *testing.B, name string) []sample {
	b.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		b.Fatal(err)
	}
	var all struct{ Results []sample }
	if err := json.Unmarshal(text, &all); err != nil {
		b.Fatal(err)
	}
	return all.Results
}

func write(list *bytes.Buffer, s sample, change map[string]any) {
	attrs := map[string]any{}
	for k, v := range s.Attrs {
		attrs[k] = v
	}
	for k, v := range change {
		attrs[k] = v
	}
	s.Attrs = attrs
	text, _ := json.Marshal(s)
	list.WriteByte(',')
	list.Write(text)
}

// BenchmarkRead reads 10,000 hosts and 100,000 services; the time is that of the
// server of the test, too.
func BenchmarkRead(b *testing.B) {
	f, size := large(b)
	s := f.source(b)
	read(b, s)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var r *monitor.Reading
	for b.Loop() {
		r = read(b, s)
	}
	runtime.GC()
	var with, without runtime.MemStats
	runtime.ReadMemStats(&with)
	checks := len(r.Checks)
	runtime.KeepAlive(r)
	s.last = newMemory(nil) // and r is of no use any more
	runtime.GC()
	runtime.ReadMemStats(&without)
	b.ReportMetric(float64(with.HeapAlloc-without.HeapAlloc)/float64(checks), "held-B/check")
}

// BenchmarkEvent takes over one event among 100,000 services.
func BenchmarkEvent(b *testing.B) {
	f, _ := large(b)
	s := f.source(b)
	read(b, s)
	lines := [][]byte{change("", 2, 1, now, ""), change("", 0, 1, now, "")}
	for i := range lines {
		lines[i] = bytes.ReplaceAll(lines[i], []byte(`"host":"web1","service":""`), []byte(`"host":"host00042","service":"check3"`))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n := newNews()
		if err := s.hear(lines[i%2], n); err != nil || len(n.checks) != 1 {
			b.Fatal(err, n)
		}
	}
}

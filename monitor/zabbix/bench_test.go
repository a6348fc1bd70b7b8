package zabbix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// large is a Zabbix of 10,000 hosts and 100,000 triggers like those that were captured,
// a hundredth of which have a problem. size is that of all that is read at first, each of
// what is read each time.
func large(b *testing.B) (f *fake, size, each int) {
	b.Helper()
	f = captured(b)
	sample := func(name string) (list []map[string]any) {
		var all struct{ Result []map[string]any }
		if err := json.Unmarshal([]byte(file(b, name)), &all); err != nil {
			b.Fatal(err)
		}
		return all.Result
	}
	hosts, triggers, problems := sample("host.get"), sample("trigger.get"), sample("problem.get")
	var hostList, problemList bytes.Buffer
	chunks := map[string]string{}
	for n := 0; n < 10_000; n += hostsAtOnce {
		var list bytes.Buffer
		for i := n; i < n+hostsAtOnce; i++ {
			write(&hostList, hosts[i%len(hosts)], map[string]any{"hostid": fmt.Sprint(i + 1), "host": fmt.Sprintf("host%05d", i)})
			for k := range 10 {
				id := fmt.Sprint(10*i + k + 1)
				write(&list, triggers[k%len(triggers)], map[string]any{
					"triggerid": id, "description": fmt.Sprintf("%s (%d)", triggers[k%len(triggers)]["description"], k), "dependencies": []any{},
					"hosts": []any{map[string]string{"hostid": fmt.Sprint(i + 1)}}, "items": []any{map[string]string{"itemid": id, "key_": "net.tcp.service[http,,8080]", "interfaceid": "1"}},
				})
				if (10*i+k)%100 == 0 {
					write(&problemList, problems[k%len(problems)], map[string]any{"eventid": id, "objectid": id})
				}
			}
		}
		chunks[fmt.Sprint(n+1)] = whole(&list)
		size += list.Len()
	}
	f.say("host.get", whole(&hostList))
	f.say("problem.get", whole(&problemList))
	f.say("maintained", result("[]"))
	f.do = func(c *call) (string, bool) {
		if c.kind() != "trigger.get" {
			return "", false
		}
		var p struct{ Hostids []string }
		_ = json.Unmarshal(c.Params, &p)
		if len(p.Hostids) == 0 {
			return "", false
		}
		return chunks[p.Hostids[0]], true
	}
	return f, size + hostList.Len() + problemList.Len(), problemList.Len()
}

func write(list *bytes.Buffer, of map[string]any, change map[string]any) {
	one := map[string]any{}
	for k, v := range of {
		one[k] = v
	}
	for k, v := range change {
		one[k] = v
	}
	text, _ := json.Marshal(one)
	list.WriteByte(',')
	list.Write(text)
}

func whole(list *bytes.Buffer) string { return result("[" + string(list.Bytes()[1:]) + "]") }

// BenchmarkRead reads 10,000 hosts and 100,000 triggers: all of them, as once a minute,
// and what is the matter now, as each time. The time is that of the server of the test,
// too.
func BenchmarkRead(b *testing.B) {
	f, size, each := large(b)
	s := f.source(b, nil)
	now := time.Unix(0, 0)
	s.now = func() time.Time { return now }
	r := read(b, s)
	if len(r.Checks) != 100_000 {
		b.Fatal(len(r.Checks))
	}
	b.Run("all", func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(time.Hour)
			r = read(b, s)
		}
	})
	b.Run("problems", func(b *testing.B) {
		b.SetBytes(int64(each))
		b.ReportAllocs()
		for b.Loop() {
			r = read(b, s)
		}
	})
	b.Run("held", func(b *testing.B) {
		for b.Loop() {
			checks := float64(len(r.Checks))
			all := heap()
			source := all - heapWithout(&s, &r)
			b.ReportMetric(float64(source)/checks, "held-B/check")
			s = f.source(b, nil)
			s.now = func() time.Time { return now }
			r = read(b, s)
		}
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapWithout is the heap without what a source holds and what it read.
func heapWithout(s **Source, r **monitor.Reading) int64 {
	*s, *r = nil, nil
	return heap()
}

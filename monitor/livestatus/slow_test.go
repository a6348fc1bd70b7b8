package livestatus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// drip is a server that sends byte after byte and never comes to an end; it stops
// when the other side does.
func drip(t *testing.T) *Source {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, err = conn.Write([]byte("200   100000000\n["))
		for tick := time.NewTicker(10 * time.Millisecond); err == nil; <-tick.C {
			_, err = conn.Write([]byte(" "))
		}
	}()
	return at(t, monitor.Options{URL: "tcp://" + l.Addr().String()})
}

// An answer that drips ends with the time there is for it.
func TestSlowDrip(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := drip(t).Read(ctx); monitor.ReasonOf(err) != monitor.TooSlow {
		t.Error(err)
	}
}

// Who gives up gets no reason that would be shown as the server's fault.
func TestGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := drip(t).Read(ctx); !errors.Is(err, context.Canceled) || monitor.ReasonOf(err) != "" {
		t.Error(err)
	}
}

// More than a reading holds is refused, before it is all read.
func TestTooMany(t *testing.T) {
	c := captured(t)
	rows := c.tables["hosts"]
	for i := range monitor.MaxHosts + 1 {
		r := append([]any(nil), rows[1]...)
		r[0] = fmt.Sprint("host", i)
		rows = append(rows, r)
	}
	c.tables["hosts"] = rows
	if _, err := source(t, c.answer).Read(within(t)); monitor.ReasonOf(err) != monitor.TooLarge {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	c := captured(f)
	for _, name := range []string{"status", "hosts", "services"} {
		var text bytes.Buffer
		_ = json.NewEncoder(&text).Encode(c.tables[name])
		f.Add(text.Bytes(), uint8(len(c.tables[name][0])))
	}
	f.Add([]byte(`[["a",1e400,null,true,-1]]`), uint8(5))
	f.Add([]byte(`[["a","b",2,-1e99,1e300,[[],{}],"x"]]`), uint8(7))
	columns := append([]string{"host_name", "description", "name", "state", "check_interval"}, common("parents", "last_time_ok")...)
	f.Fuzz(func(_ *testing.T, body []byte, n uint8) {
		in := &reader{reading: &monitor.Reading{}, unit: time.Minute}
		for _, each := range []func(*row) error{in.status, in.host, in.service} {
			_ = decode(bytes.NewReader(body), newRow(columns[:min(int(n), len(columns))]), each)
		}
		for _, check := range in.reading.Checks {
			if check.Host == "" || check.Status.Severity() < 0 || check.Interval < 0 || check.Since.Year() > 9999 {
				panic(fmt.Sprintf("%+v", check))
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("200        1287\n"))
	f.Add([]byte("452          59\n"))
	f.Add([]byte("HTTP/1.1 400 Bad"))
	s := &Source{at: address{"tcp", "mon.example:6557"}}
	f.Fuzz(func(t *testing.T, head []byte) {
		if status, length, err := s.header(head); err == nil && (status > 999 || length < 0 || length > monitor.MaxAnswer) {
			t.Errorf("%d, %d", status, length)
		}
	})
}

// BenchmarkRead reads 10,000 hosts and 100,000 services.
func BenchmarkRead(b *testing.B) {
	c := captured(b)
	hosts, services := c.tables["hosts"][:1], c.tables["services"][:1]
	sample := c.tables["services"][1:]
	for i := range 10_000 {
		h := append([]any(nil), c.tables["hosts"][1+i%6]...)
		h[0] = fmt.Sprintf("host%05d", i)
		hosts = append(hosts, h)
		for n := range 10 {
			s := append([]any(nil), sample[n]...)
			s[0], s[1] = h[0], fmt.Sprint("check", n)
			services = append(services, s)
		}
	}
	c.tables["hosts"], c.tables["services"] = hosts, services
	// Made once: the time is that of reading.
	answers := map[string]string{}
	s := source(b, func(request string) string {
		if answers[request] == "" {
			answers[request] = c.answer(request)
		}
		return answers[request]
	})
	if _, err := s.Read(within(b)); err != nil {
		b.Fatal(err)
	}
	size := 0
	for _, a := range answers {
		size += len(a)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var r *monitor.Reading
	for b.Loop() {
		r, _ = s.Read(b.Context())
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc-uint64(size))/float64(len(r.Checks)), "held-B/check")
	runtime.KeepAlive(r)
}

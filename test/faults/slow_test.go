//go:build linux

package faults

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// TestSlow: who sends a byte now and then keeps nobody else from the chart, and
// is hung up on: in the head of a request after 5 s, in its body after 30 s.
func TestSlow(t *testing.T) {
	s := start(t, t.TempDir(), "limits: {connections: 300, connections_per_address: 100}\n")
	s.mustPut(t, host("web1", 1, 80))
	s.shows(t, "web1", 80)
	var trickles sync.WaitGroup
	stop := make(chan struct{})
	defer func() { close(stop); trickles.Wait() }()
	trickle := func(from, begin string) net.Conn {
		c, err := s.dial(t, from)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(begin)); err != nil {
			return nil // hung up on for others of its address
		}
		trickles.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Millisecond):
				}
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		})
		return c
	}
	began := time.Now()
	head := trickle("127.0.0.9", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
	for i := range 250 { // more than an address may have, and than the server has room for
		trickle("127.0.0.2", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
		trickle(fmt.Sprintf("127.0.0.%d", 3+i%3), "POST /api/v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n{")
		if i%25 == 0 {
			s.answersWithin(t, 5*time.Second)
		}
	}
	s.mustPut(t, host("web1", 2, 80, 81))
	s.shows(t, "web1", 81)
	if open := s.metric(t, "dotm_http_connections"); open > 300 {
		t.Errorf("%v connections are open", open)
	}
	// A head is waited for for 5 s, whatever trickles in. (The clock of this machine
	// is shared with other tests.)
	_ = head.SetReadDeadline(time.Now().Add(patience))
	_, err := head.Read(make([]byte, 1))
	var slow net.Error
	if err == nil || errors.As(err, &slow) && slow.Timeout() {
		t.Errorf("%s after it began a head is still waited for: %v", time.Since(began), err)
	}
}

// answersWithin asks for the chart, as somebody who comes for the first time.
func (s *server) answersWithin(t *testing.T, within time.Duration) {
	t.Helper()
	began := time.Now()
	s.chart(t)
	if took := time.Since(began); took > within {
		t.Errorf("the chart took %s", took)
	}
}

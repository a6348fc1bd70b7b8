//go:build linux

package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/need"
)

// files raises how many descriptors this process, and what it starts, may have.
func files(t *testing.T, n uint64) {
	t.Helper()
	var had syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	if had.Cur >= n {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: max(n, had.Max)}); err != nil {
		need.Lacks(t, fmt.Sprintf("%d open files take root, or a higher limit (ulimit -n): %v", n, err))
	}
}

// TestIdle: 10,000 connections on which nothing happens cost the server some
// memory and nobody their chart, and one address can't take the room of others.
func TestIdle(t *testing.T) {
	const many, perAddress = 10_000, 100
	files(t, many+2500)
	s := start(t, t.TempDir(), "")
	s.mustPut(t, host("web1", 1, 80))
	before := s.memory(t, "VmRSS")
	crowd := make([]*idle, many)
	var dialling sync.WaitGroup
	for part := range many / perAddress {
		dialling.Go(func() {
			for i := range perAddress {
				crowd[part*perAddress+i] = s.idle(t, fmt.Sprintf("127.0.%d.%d", 1+part/100, 2+part%100))
			}
		})
	}
	dialling.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if open := s.metric(t, "dotm_http_connections"); open < many {
		t.Errorf("%v connections are open", open)
	}
	s.answersWithin(t, 5*time.Second)
	s.mustPut(t, host("web1", 2, 80, 81))
	s.shows(t, "web1", 81)
	took := s.memory(t, "VmRSS") - before
	t.Logf("%d idle connections take %d MiB, %d KiB each", many, took>>20, took>>10/many)
	if took > many*64<<10 {
		t.Errorf("the server grew by %d MiB", took>>20)
	}
	for i := range 1200 { // one address takes no more than its part
		s.idle(t, "127.0.9.9")
		if i%200 == 0 {
			s.answersWithin(t, 5*time.Second)
		}
	}
	if closed := s.metric(t, `dotm_http_connections_closed_total{why="crowded"}`); closed < 1200-1024 {
		t.Errorf("%v connections of the crowded address were closed", closed)
	}
	for i := 0; i < many; i += 500 {
		if err := crowd[i].ask(); err != nil { // nobody of the others had to go
			t.Errorf("connection %d: %v", i, err)
		}
	}
	s.answersWithin(t, 5*time.Second)
}

// idle is a connection on which something was asked once.
type idle struct {
	net.Conn
	in *bufio.Reader
}

func (s *server) idle(t *testing.T, address string) *idle {
	t.Helper()
	c, err := s.dial(t, address)
	if err != nil {
		t.Error(err)
		return nil
	}
	i := &idle{c, bufio.NewReaderSize(c, 512)}
	if err := i.ask(); err != nil {
		t.Error(err)
	}
	return i
}

func (i *idle) ask() error {
	_ = i.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(i, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(i.in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && !strings.HasPrefix(string(body), "ok") {
		err = fmt.Errorf("%s %s", resp.Status, body)
	}
	return err
}

package limit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// serving is an HTTP server behind limits. A request for /wait is answered when
// release is closed.
type serving struct {
	*Connections
	address string
	entered chan struct{}
	release chan struct{}
}

func serve(t *testing.T, most, each int, proxies ...netip.Prefix) *serving {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{NewConnections(most, each), l.Addr().String(), make(chan struct{}), make(chan struct{})}
	web := &http.Server{
		ReadHeaderTimeout: time.Minute, ConnState: s.State,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				s.entered <- struct{}{}
				<-s.release
			}
			_, _ = io.WriteString(w, "ok")
		}),
	}
	go func() { _ = web.Serve(s.Listener(l, proxies)) }()
	t.Cleanup(func() {
		close(s.release)
		_ = web.Close()
	})
	return s
}

// client is one connection from an address of loopback.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (s *serving) from(t *testing.T, address string) *client {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	c, err := d.DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// ask asks for a path and says whether there was an answer.
func (c *client) ask(path string) error {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// closed waits until the server has closed the connection.
func (c *client) closed() error {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	n, err := c.in.Read(make([]byte, 1))
	var slow net.Error
	if n > 0 || errors.As(err, &slow) && slow.Timeout() {
		return fmt.Errorf("it is open (%w)", err)
	}
	return nil
}

// settle waits until the server knows that what was answered is idle.
func (s *serving) settle() {
	busy := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, list := range s.of {
			for _, c := range list {
				if c.busy {
					n++
				}
			}
		}
		return n
	}
	for busy() > 0 {
		<-time.After(time.Millisecond)
	}
}

func TestCrowdedAddress(t *testing.T) {
	s := serve(t, 100, 3)
	var first *client
	for i := range 3 {
		c := s.from(t, "127.0.0.2")
		if err := c.ask("/"); err != nil {
			t.Fatal(i, err)
		}
		if i == 0 {
			first = c
		}
	}
	s.settle()
	fourth := s.from(t, "127.0.0.2")
	if err := fourth.ask("/"); err != nil {
		t.Errorf("the newest is not served: %v", err)
	}
	if err := first.closed(); err != nil {
		t.Errorf("the oldest that is idle: %v", err)
	}
	if got := s.Counts(); got.Open != 3 || got.Crowded != 1 || got.Refused+got.MadeRoom != 0 {
		t.Errorf("%+v", got)
	}
}

// Where all connections of an address are busy, one more is not served.
func TestBusyAddress(t *testing.T) {
	s := serve(t, 100, 2)
	for range 2 {
		go func(c *client) { _ = c.ask("/wait") }(s.from(t, "127.0.0.2"))
		<-s.entered
	}
	if err := s.from(t, "127.0.0.2").closed(); err != nil {
		t.Error(err)
	}
	if err := s.from(t, "127.0.0.3").ask("/"); err != nil {
		t.Errorf("another address: %v", err)
	}
	if got := s.Counts(); got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}

// Where there is no room at all, who has most makes some, even if it is busy.
func TestFull(t *testing.T) {
	s := serve(t, 4, 100)
	for range 2 {
		go func(c *client) { _ = c.ask("/wait") }(s.from(t, "127.0.0.2"))
		<-s.entered
	}
	half := s.from(t, "127.0.0.2") // half a head
	fmt.Fprint(half, "GET / HT")
	other := s.from(t, "127.0.0.3")
	if err := other.ask("/"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // the idle one goes, then a busy one
		if err := s.from(t, fmt.Sprintf("127.0.0.%d", 10+i)).ask("/"); err != nil {
			t.Errorf("newcomer %d: %v", i, err)
		}
	}
	if err := half.closed(); err != nil {
		t.Error(err)
	}
	if err := other.ask("/"); err != nil {
		t.Errorf("who had one has lost it: %v", err)
	}
	if got := s.Counts(); got.Open != 4 || got.MadeRoom != 2 || got.Refused != 0 {
		t.Errorf("%+v", got)
	}
	if err := s.from(t, "127.0.0.3").closed(); err != nil { // it has as many as those with most
		t.Error(err)
	}
	if got := s.Counts(); got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}

// A proxy speaks for many.
func TestProxyIsNotCrowded(t *testing.T) {
	s := serve(t, 100, 1, netip.MustParsePrefix("127.0.0.9/32"))
	var list []*client
	for range 5 {
		c := s.from(t, "127.0.0.9")
		list = append(list, c)
		if err := c.ask("/"); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range list {
		if err := c.ask("/"); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestLower(t *testing.T) {
	s := serve(t, 0, 0)
	s.Lower(1)
	s.Lower(5)
	a := s.from(t, "127.0.0.2")
	if err := a.ask("/"); err != nil {
		t.Fatal(err)
	}
	if err := s.from(t, "127.0.0.3").ask("/"); err != nil {
		t.Error(err)
	}
	if err := a.closed(); err != nil {
		t.Error(err)
	}
}

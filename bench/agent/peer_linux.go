package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// peer is a process that listens or connects on command, and answers when the
// command is done. Nobody waits for a time to pass.
type peer struct {
	listener *listener
	address  string
	conns    []net.Conn // of a client
	oldest   int        // index of the one to close next
	dialed   int
	held     []int // other descriptors
}

// obey does one command: a word, what else it takes, and a number at the end.
func (p *peer) obey(c []string) (string, error) {
	n, err := strconv.Atoi(c[len(c)-1])
	if err != nil || n < 0 {
		return "", errors.New("a command ends with a number")
	}
	switch command := c[0]; {
	case command == "rounds" && len(c) == 2:
		return connectAndClose(n)
	case command == "listen" && len(c) == 4:
		return "", p.listen(c[1], c[2], n)
	case command == "dial" && len(c) == 3:
		return "", p.dial(c[1], n)
	case command == "churn" && len(p.conns) > 0:
		return "", p.churn(n)
	case command == "hold" && len(c) == 3:
		return "", p.hold(c[1], n)
	case command == "short" && len(c) == 4:
		return "", short(c[1], c[2], n)
	case command == "accepted" && p.listener != nil:
		p.listener.wait(func() bool { return p.listener.accepted >= n })
		return "", nil
	case command == "closed" && p.listener != nil:
		p.listener.wait(func() bool { return p.listener.closed >= n })
		return "", nil
	}
	return "", fmt.Errorf("unknown command, or not now: %q", c)
}

// Which end closes a connection first.
const (
	endWaits  = "waits"  // the server waits for its client
	endCloses = "closes" // the server closes after holdFor
)

// holdFor is how long a short connection is open.
const holdFor = 5 * time.Millisecond

// listener accepts connections and counts them.
type listener struct {
	closes bool

	mu               sync.Mutex
	changed          *sync.Cond
	accepted, closed int
}

func (p *peer) listen(address, end string, n int) error {
	if err := needFiles(n); err != nil {
		return err
	}
	// Keepalive probes would be work that nobody asked for.
	config := net.ListenConfig{KeepAlive: -1}
	l, err := config.Listen(context.Background(), "tcp4", address)
	if err != nil {
		return err
	}
	p.listener = &listener{closes: end == endCloses}
	p.listener.changed = sync.NewCond(&p.listener.mu)
	go p.listener.serve(l)
	return nil
}

// serve accepts until the process ends; what it can't accept is missed by
// whoever waits for the count.
func (l *listener) serve(from net.Listener) {
	for {
		c, err := from.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench/agent: accepting:", err)
			return
		}
		l.count(&l.accepted)
		go l.end(c)
	}
}

func (l *listener) end(c net.Conn) {
	if l.closes {
		<-time.After(holdFor)
	} else {
		_, _ = io.Copy(io.Discard, c)
	}
	_ = c.Close()
	l.count(&l.closed)
}

func (l *listener) count(what *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*what++
	l.changed.Broadcast()
}

func (l *listener) wait(until func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !until() {
		l.changed.Wait()
	}
}

// dial opens n more connections to an address, and keeps them.
func (p *peer) dial(address string, n int) error {
	if err := needFiles(len(p.conns) + n); err != nil {
		return err
	}
	p.address = address
	for range n {
		c, err := p.connect()
		if err != nil {
			return err
		}
		p.conns = append(p.conns, c)
	}
	return nil
}

// connect uses one loopback address after the other, as if clients were on
// several hosts.
func (p *peer) connect() (net.Conn, error) {
	p.dialed++
	from := net.IPv4(127, 0, 1, byte(1+p.dialed%sources))
	d := net.Dialer{KeepAlive: -1, LocalAddr: &net.TCPAddr{IP: from}}
	return d.DialContext(context.Background(), "tcp4", p.address)
}

// churn closes n times the oldest connection and opens another in its place.
func (p *peer) churn(n int) error {
	for range n {
		if err := p.conns[p.oldest].Close(); err != nil {
			return err
		}
		c, err := p.connect()
		if err != nil {
			return err
		}
		p.conns[p.oldest] = c
		p.oldest = (p.oldest + 1) % len(p.conns)
	}
	return nil
}

// hold opens n descriptors that are no sockets.
func (p *peer) hold(kind string, n int) error {
	if err := needFiles(n); err != nil {
		return err
	}
	for len(p.held) < n {
		fds, err := openOther(kind)
		if err != nil {
			return err
		}
		p.held = append(p.held, fds...)
	}
	return nil
}

func openOther(kind string) ([]int, error) {
	switch kind {
	case "pipe":
		fds := make([]int, 2)
		return fds, unix.Pipe2(fds, unix.O_CLOEXEC)
	case "eventfd":
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		return []int{fd}, err
	case "null":
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return []int{fd}, err
	}
	return nil, errors.New("unknown kind of descriptor")
}

// spareFiles is how many descriptors a process needs beside those that it was
// told to open.
const spareFiles = 100

// needFiles lets this process have n descriptors and some to spare.
func needFiles(n int) error {
	need := uint64(n) + spareFiles
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= need {
		return nil
	}
	limit.Cur, limit.Max = need, max(limit.Max, need)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the limit of descriptors (ulimit -n) to %d: %w", need, err)
	}
	return nil
}

// The kinds of short connections.
const (
	kindClient  = "client-closes"
	kindServer  = "server-closes"
	kindReset   = "reset"
	kindRefused = "refused"
)

var shortKinds = []string{kindClient, kindServer, kindReset, kindRefused}

// shortAtOnce is how many short connections are open at a time.
const shortAtOnce = 10

// short makes n connections of a kind to an address.
func short(kind, address string, n int) error {
	var g errgroup.Group
	g.SetLimit(shortAtOnce)
	for range n {
		g.Go(func() error { return shortOne(kind, address) })
	}
	return g.Wait()
}

func shortOne(kind, address string) error {
	d := net.Dialer{KeepAlive: -1}
	c, err := d.DialContext(context.Background(), "tcp4", address)
	if kind == kindRefused {
		return mustBeRefused(c, err)
	}
	if err != nil {
		return err
	}
	if kind == kindServer {
		_, err = io.Copy(io.Discard, c)
		return errors.Join(err, c.Close())
	}
	<-time.After(holdFor)
	if tcp, ok := c.(*net.TCPConn); ok && kind == kindReset {
		err = tcp.SetLinger(0) // Close resets (socket(7))
	}
	return errors.Join(err, c.Close())
}

func mustBeRefused(c net.Conn, err error) error {
	switch {
	case err == nil:
		return errors.Join(errors.New("somebody listens"), c.Close())
	case errors.Is(err, unix.ECONNREFUSED):
		return nil
	}
	return err
}

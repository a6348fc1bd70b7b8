//go:build linux

package bed

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Order is what a puppet is told to do.
type Order struct {
	// Do is "listen", "listen only", "dial", "say", "visit", "hang up" or "text".
	//
	// Who listens only doesn't accept what comes. A dialled connection is held, and made again if it breaks, unless it is
	// dialled but once. What is said
	// goes once through every Count-th of them, the first included. A visit opens
	// connections one after the other, each held for Hold. Text answers on a
	// TCP port as the original agent did: the host's name, what netstat prints,
	// an empty line, and what ip prints.
	Do       string
	Network  string        // as of package net: "tcp", "tcp4", "udp", …
	Local    string        // address to listen on, or to dial from; may be empty for dial
	Address  string        // to dial or to visit
	Count    int           // how many; 0 is one
	Hold     time.Duration // of each visit
	Once     bool          // what is dialled is not made again
	Send     string        // through each connection that is dialled; over UDP again and again, if not once
	Stubborn bool          // visits go on when one fails; how many did is the answer
}

// answer is what it says then.
type answer struct {
	Address string // listened on
	Failed  int    // visits that came to nothing
	Error   string
}

// Puppet is a process that opens the sockets that it is told to: a client or
// server of the site.
type Puppet struct {
	*Program
	Name    string
	mu      sync.Mutex
	orders  *json.Encoder
	answers *json.Decoder
}

// Puppet starts one on the host, under a name of its own.
func (h *Host) Puppet(name string, opts ...Option) (*Puppet, error) {
	path, err := under(name)
	if err != nil {
		return nil, err
	}
	ordersOut, ordersIn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answersOut, answersIn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &Puppet{Name: name, orders: json.NewEncoder(ordersIn), answers: json.NewDecoder(answersOut)}
	opts = append(opts, WithEnv(envPart+"="+partPuppet, "GOMAXPROCS=1"), withPipes(ordersOut, answersIn))
	program := &Program{Host: h, cmd: exec.Command(path), Ended: make(chan struct{}), lines: []*os.File{ordersIn, answersOut}}
	p.Program, err = h.launch(program, opts)
	return p, errors.Join(err, answersIn.Close(), ordersOut.Close()) // the puppet's now: its death ends its answers
}

// under is this program under another name. The name is the executable's own,
// as a real program's is: a link would show through.
func under(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(Dir(), "puppet-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	if os.Link(self, path) == nil {
		return path, nil
	}
	return path, copyTo(path, self) // the folder is on another disk
}

func copyTo(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// Order tells the puppet to do something, and waits until it is done. It
// returns the address that it listens on.
func (p *Puppet) Order(o Order) (string, error) {
	a, err := p.order(o)
	return a.Address, err
}

func (p *Puppet) order(o Order) (a answer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = p.orders.Encode(o); err == nil {
		err = p.answers.Decode(&a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		return a, fmt.Errorf("%s on %s: %+v: %w\n%s", p.Name, p.Host.Name, o, err, p.Said())
	}
	return a, nil
}

// Listen opens a server on an address and returns it, with the port.
func (p *Puppet) Listen(network, address string) (string, error) {
	return p.Order(Order{Do: "listen", Network: network, Local: address})
}

// Dial opens n connections and holds them.
func (p *Puppet) Dial(n int, network, address string) error {
	_, err := p.Order(Order{Do: "dial", Network: network, Address: address, Count: n})
	return err
}

// Visit opens n connections, one after the other, each for a while.
func (p *Puppet) Visit(n int, hold time.Duration, address string) error {
	_, err := p.Order(Order{Do: "visit", Network: "tcp", Address: address, Count: n, Hold: hold})
	return err
}

// Touch tries to open a connection to each address and closes it at once. It
// returns how many could not be opened.
func (p *Puppet) Touch(addresses ...string) (failed int, err error) {
	for _, address := range addresses {
		a, err := p.order(Order{Do: "visit", Network: "tcp", Address: address, Stubborn: true})
		if err != nil {
			return failed, err
		}
		failed += a.Failed
	}
	return failed, nil
}

// HangUp closes every connection that was dialled.
func (p *Puppet) HangUp() error {
	_, err := p.Order(Order{Do: "hang up"})
	return err
}

// runPuppet is the puppet's side.
func runPuppet() int {
	in, say := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	lines := &switchboard{}
	for {
		var o Order
		if err := in.Decode(&o); err != nil {
			return 0
		}
		var a answer
		if err := lines.obey(o, &a); err != nil {
			a.Error = err.Error()
		}
		if say.Encode(a) != nil {
			return 1
		}
	}
}

func (s *switchboard) obey(o Order, a *answer) (err error) {
	o.Count = max(o.Count, 1)
	switch o.Do {
	case "listen":
		a.Address, err = openServer(o, drain)
	case "listen only":
		a.Address, err = openServer(o, nil)
	case "text":
		a.Address, err = openServer(o, writeText)
	case "dial":
		err = s.dial(o)
	case "say":
		err = s.say(o)
	case "visit":
		a.Failed, err = visit(o)
	case "hang up":
		s.hangUp()
	default:
		err = errors.New("no such order")
	}
	return err
}

// openServer listens, and gives each connection to serve; nil accepts none.
func openServer(o Order, serve func(net.Conn)) (string, error) {
	if o.Network[:3] == "udp" {
		c, err := net.ListenPacket(o.Network, o.Local)
		if err != nil {
			return "", err
		}
		go func() { _, _ = io.Copy(io.Discard, c.(*net.UDPConn)) }()
		return c.LocalAddr().String(), nil
	}
	l, err := net.Listen(o.Network, o.Local)
	if err != nil {
		return "", err
	}
	if serve == nil {
		forever = append(forever, l)
		return l.Addr().String(), nil
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String(), nil
}

// forever are listeners that nobody waits at: what nothing refers to is closed.
var forever []net.Listener

// drain reads until the other end closes, and closes then.
func drain(c net.Conn) {
	_, _ = io.Copy(io.Discard, c)
	_ = c.Close()
}

// writeText writes what the original agent wrote, and closes.
func writeText(c net.Conn) {
	defer c.Close()
	name, _ := os.Hostname()
	fmt.Fprintf(c, "hostname=%s\n", name)
	for i, command := range [][]string{{"netstat", "-antlp"}, {"ip", "addr"}} {
		if i > 0 {
			fmt.Fprintln(c)
		}
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "LANG=C", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
		cmd.Stdout = c
		_ = cmd.Run() // it said so itself
	}
}

// visit opens connections one after the other.
func visit(o Order) (failed int, err error) {
	for range o.Count {
		c, err := open(o)
		switch {
		case err == nil:
			time.Sleep(o.Hold) //nolint:forbidigo // how long the visit takes
			_ = c.Close()
		case o.Stubborn:
			failed++
		default:
			return failed, err
		}
	}
	return failed, nil
}

// dialTime bounds each attempt of a puppet.
const dialTime = 2 * time.Second

func open(o Order) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	if o.Local != "" {
		var err error
		if o.Network[:3] == "udp" {
			d.LocalAddr, err = net.ResolveUDPAddr(o.Network, o.Local)
		} else {
			d.LocalAddr, err = net.ResolveTCPAddr(o.Network, o.Local)
		}
		if err != nil {
			return nil, err
		}
	}
	return d.Dial(o.Network, o.Address)
}

// switchboard holds the connections that were dialled.
type switchboard struct {
	mu    sync.Mutex
	lines []*line
}

// line is one connection that is made again if it breaks.
type line struct {
	order Order
	mu    sync.Mutex
	conn  net.Conn
	shut  bool
}

func (s *switchboard) dial(o Order) error {
	for range o.Count {
		c, err := open(o)
		if err != nil {
			return err
		}
		l := &line{order: o, conn: c}
		s.mu.Lock()
		s.lines = append(s.lines, l)
		s.mu.Unlock()
		if !o.Once {
			go l.keep(c)
			continue
		}
		if _, err := io.WriteString(c, o.Send); err != nil {
			return err
		}
		if o.Network[:3] != "udp" {
			go drain(c)
		}
	}
	return nil
}

// say sends through some of the lines.
func (s *switchboard) say(o Order) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(s.lines) && err == nil; i += o.Count {
		l := s.lines[i]
		l.mu.Lock()
		_ = l.conn.SetWriteDeadline(time.Now().Add(dialTime))
		_, err = io.WriteString(l.conn, o.Send)
		l.mu.Unlock()
	}
	return err
}

func (s *switchboard) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		l.mu.Lock()
		l.shut = true
		_ = l.conn.Close()
		l.mu.Unlock()
	}
	s.lines = nil
}

// pause is how often a line is made again, and how often it sends.
const pause = 200 * time.Millisecond

// keep holds the line until it is shut: it sends what there is to be sent, and
// dials anew when the other end is gone.
func (l *line) keep(c net.Conn) {
	for c != nil {
		broken := make(chan struct{})
		go func() {
			drain(c)
			close(broken)
		}()
		l.send(c, broken)
		_ = c.Close()
		<-broken
		c = l.redial()
	}
}

// send says what there is to be said: once on TCP, where whoever listens may
// answer when it likes, and again and again on UDP.
func (l *line) send(c net.Conn, broken <-chan struct{}) {
	_ = c.SetWriteDeadline(time.Now().Add(dialTime))
	if l.order.Network[:3] != "udp" {
		if _, err := io.WriteString(c, l.order.Send); err == nil {
			<-broken
		}
		return
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		_, _ = c.Write([]byte(l.order.Send)) // who doesn't listen now may later
		select {
		case <-tick.C:
			_ = c.SetWriteDeadline(time.Now().Add(dialTime))
		case <-broken:
			return
		}
	}
}

// redial returns nil when the line is shut.
func (l *line) redial() net.Conn {
	for {
		l.mu.Lock()
		if l.shut {
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		c, err := open(l.order)
		if err != nil {
			time.Sleep(pause) //nolint:forbidigo // as clients do
			continue
		}
		l.mu.Lock()
		l.conn = c
		shut := l.shut
		l.mu.Unlock()
		if shut {
			_ = c.Close()
			return nil
		}
		return c
	}
}

package realtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A puppet is this program under another name, which opens the sockets that it
// is told to and holds them: a client or server of the site. Orders come as
// lines of JSON on its standard input, answers go to its standard output. It
// ends when the test does.

// order is what a puppet is told to do.
type order struct {
	Do      string // "listen", "dial", "hang up"
	Network string // as of package net: "tcp", "tcp4", "udp", …
	Local   string // address to listen on, or to dial from; may be empty for dial
	Address string // to dial
	Count   int    // how often
	Send    string // through each dialled connection
}

// answer is what it says then.
type answer struct {
	Address string // listened on
	Error   string
}

// puppet is one in the test's hands.
type puppet struct {
	*program
	name    string
	orders  *json.Encoder
	answers *json.Decoder
}

// puppet starts one on the host. Its process is called name, which must be no
// longer than the kernel keeps (15 bytes).
func (h *host) puppet(t *testing.T, name string) *puppet {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(openDir(t), name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	ordersOut, ordersIn := pipe(t)
	answersOut, answersIn := pipe(t)
	p := &puppet{name: name, orders: json.NewEncoder(ordersIn), answers: json.NewDecoder(answersOut)}
	p.program = h.start(t, path, nil, withEnv(envPuppet+"=1"), withStdin(ordersOut), withStdout(answersIn))
	_ = answersIn.Close() // the puppet's now: its death shows as the end of its answers
	_ = ordersOut.Close()
	return p
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close() // may be closed
		_ = w.Close()
	})
	return r, w
}

func (p *puppet) do(t *testing.T, o order) string {
	t.Helper()
	var a answer
	if err := p.orders.Encode(o); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	if err := p.answers.Decode(&a); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, p.err.String())
	}
	if a.Error != "" {
		t.Fatalf("%s on %s: %+v: %s", p.name, p.host.name, o, a.Error)
	}
	return a.Address
}

// listen opens a server on an address and returns it, with the port.
func (p *puppet) listen(t *testing.T, network, address string) string {
	t.Helper()
	return p.do(t, order{Do: "listen", Network: network, Local: address})
}

// dial opens n connections and holds them.
func (p *puppet) dial(t *testing.T, n int, network, address string) {
	t.Helper()
	p.do(t, order{Do: "dial", Network: network, Address: address, Count: n})
}

// dialFrom opens one connection from a local address.
func (p *puppet) dialFrom(t *testing.T, network, local, address string) {
	t.Helper()
	p.do(t, order{Do: "dial", Network: network, Local: local, Address: address, Count: 1})
}

// hangUp closes every connection that was dialled.
func (p *puppet) hangUp(t *testing.T) {
	t.Helper()
	p.do(t, order{Do: "hang up"})
}

// runPuppet is the puppet's side.
func runPuppet() int {
	var dialled []net.Conn
	say := json.NewEncoder(os.Stdout)
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var o order
		if err := in.Decode(&o); err != nil {
			return 0
		}
		var a answer
		var err error
		switch o.Do {
		case "listen":
			a.Address, err = openServer(o)
		case "dial":
			for range o.Count {
				var c net.Conn
				if c, err = openClient(o); err != nil {
					break
				}
				dialled = append(dialled, c)
			}
		case "hang up":
			for _, c := range dialled {
				_ = c.Close()
			}
			dialled = nil
		}
		if err != nil {
			a.Error = err.Error()
		}
		if say.Encode(a) != nil {
			return 1
		}
	}
}

// openServer listens, and holds whatever comes until the other end closes.
func openServer(o order) (string, error) {
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
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go drain(c)
		}
	}()
	return l.Addr().String(), nil
}

func openClient(o order) (net.Conn, error) {
	var d net.Dialer
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
	c, err := d.Dial(o.Network, o.Address)
	if err != nil {
		return nil, err
	}
	if o.Send != "" || o.Network[:3] == "udp" {
		_, err = fmt.Fprint(c, o.Send)
	}
	if o.Network[:3] != "udp" {
		go drain(c)
	}
	return c, err
}

// drain reads until the other end closes, and closes then.
func drain(c net.Conn) {
	_, _ = io.Copy(io.Discard, c)
	_ = c.Close()
}

package ssh

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/devops-trouble-map/dotm/collect"
)

// newKey makes a key pair.
func newKey(t testing.TB) gossh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	s, err := gossh.NewSignerFromKey(key)
	must(t, err)
	return s
}

// keyFile makes a key pair, with its private part in a file that passphrase
// locks unless it is empty.
func keyFile(t testing.TB, passphrase string) (file string, key gossh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	key, err = gossh.NewSignerFromKey(private)
	must(t, err)
	block, err := gossh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = gossh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	must(t, err)
	file = filepath.Join(t.TempDir(), "id")
	write(t, file, string(pem.EncodeToMemory(block)))
	return file, key
}

func write(t testing.TB, file, text string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is an SSH server of the test's making. The zero value lets everybody
// in and prints an empty answer.
type server struct {
	keys   []gossh.Signer // its own; one is made if there is none
	permit gossh.PublicKey
	banner string
	// run answers a command; its end closes the channel. Nil: well with made().
	run func(command string, ch gossh.Channel)
	// raw takes the place of everything else.
	raw func(net.Conn)
	// refuse refuses sessions, deny commands, and forwards to others.
	refuse, deny, prohibit bool
	rekey                  uint64 // after so many bytes; 0: as usual

	hop  collect.Hop
	done sync.WaitGroup
}

// start serves on loopback until the test ends, and waits until every client has
// gone: a poll leaves no connection behind.
func (s *server) start(t testing.TB) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	if len(s.keys) == 0 {
		s.keys = []gossh.Signer{newKey(t)}
	}
	s.hop = hopOf(t, l.Addr())
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.done.Wait()
	})
	return s
}

func hopOf(t testing.TB, a net.Addr) collect.Hop {
	t.Helper()
	host, port, err := net.SplitHostPort(a.String())
	must(t, err)
	n, err := strconv.ParseUint(port, 10, 16)
	must(t, err)
	return collect.Hop{User: "dotm", Host: host, Port: uint16(n)}
}

func (s *server) config() *gossh.ServerConfig {
	c := &gossh.ServerConfig{PublicKeyCallback: func(_ gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
		if s.permit != nil && !bytes.Equal(s.permit.Marshal(), key.Marshal()) {
			return nil, errors.New("not this one")
		}
		return nil, nil
	}}
	c.RekeyThreshold = s.rekey
	if s.banner != "" {
		c.BannerCallback = func(gossh.ConnMetadata) string { return s.banner }
	}
	for _, k := range s.keys {
		c.AddHostKey(k)
	}
	return c
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	if s.raw != nil {
		s.raw(c)
		return
	}
	conn, channels, requests, err := gossh.NewServerConn(c, s.config())
	if err != nil {
		return
	}
	defer conn.Close()
	s.done.Go(func() { gossh.DiscardRequests(requests) })
	for ch := range channels {
		switch {
		case ch.ChannelType() == "direct-tcpip" && !s.prohibit:
			s.done.Go(func() { s.forward(ch) })
		case ch.ChannelType() == "session" && !s.refuse:
			s.done.Go(func() { s.session(ch) })
		default:
			_ = ch.Reject(gossh.Prohibited, "not here")
		}
	}
}

// forward is a jump host's part (RFC 4254, 7.2).
func (s *server) forward(nc gossh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Originator string
		From       uint32
	}
	if gossh.Unmarshal(nc.ExtraData(), &to) != nil {
		_ = nc.Reject(gossh.ConnectionFailed, "no sense")
		return
	}
	out, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = nc.Reject(gossh.ConnectionFailed, err.Error())
		return
	}
	ch, requests, err := nc.Accept()
	if err != nil {
		_ = out.Close()
		return
	}
	s.done.Go(func() { gossh.DiscardRequests(requests) })
	s.done.Go(func() {
		_, _ = io.Copy(ch, out)
		_ = ch.Close()
	})
	_, _ = io.Copy(out, ch)
	_ = out.Close()
}

func (s *server) session(nc gossh.NewChannel) {
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	for r := range requests {
		var exec struct{ Command string }
		ok := r.Type == "exec" && !s.deny && gossh.Unmarshal(r.Payload, &exec) == nil
		_ = r.Reply(ok, nil)
		if !ok {
			continue
		}
		s.done.Go(func() {
			defer ch.Close()
			if s.run != nil {
				s.run(exec.Command, ch)
				return
			}
			_, _ = io.WriteString(ch, made())
			exitWith(ch, 0)
		})
	}
}

// exitWith tells how a command ended (RFC 4254, 6.10).
func exitWith(ch gossh.Channel, status uint32) {
	_, _ = ch.SendRequest("exit-status", false, gossh.Marshal(struct{ Status uint32 }{status}))
}

// prints is a command that prints a text.
func prints(text string, status uint32) func(string, gossh.Channel) {
	return func(_ string, ch gossh.Channel) {
		_, _ = io.WriteString(ch, text)
		exitWith(ch, status)
	}
}

// knows writes a known_hosts file with the keys of servers.
func knows(t testing.TB, servers ...*server) string {
	t.Helper()
	var text string
	for _, s := range servers {
		for _, k := range s.keys {
			text += lineOf(s.hop, k.PublicKey()) + "\n"
		}
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	write(t, file, text)
	return file
}

func lineOf(h collect.Hop, key gossh.PublicKey) string {
	return knownhosts.Line([]string{knownhosts.Normalize(h.Dial())}, key)
}

// options are those of a poller with one key that knows the servers.
func options(t testing.TB, servers ...*server) Options {
	t.Helper()
	file, _ := keyFile(t, "")
	return Options{Keys: []string{file}, KnownHosts: []string{knows(t, servers...)}}
}

func newPoller(t testing.TB, o Options) *Poller {
	t.Helper()
	p, err := New(o)
	must(t, err)
	return p
}

// fetch asks the last of the hops.
func fetch(t testing.TB, o Options, hops ...collect.Hop) (string, error) {
	t.Helper()
	p := newPoller(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), p.opt.Timeout)
	defer cancel()
	text, err := p.fetch(ctx, hops, Command)
	return string(text), err
}

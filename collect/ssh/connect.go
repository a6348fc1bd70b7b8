package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/collect/ssh/hostkey"
)

// clientVersion is what servers log of us (RFC 4253, 4.2).
const clientVersion = "SSH-2.0-dotm"

// loginTime is how long one server may take for key exchange and login.
const loginTime = 10 * time.Second

// maxTraffic bounds what one server may send, banners and all, in bytes. It
// leaves room beside [MaxAnswer].
const maxTraffic = MaxAnswer + 4<<20

// route is a chain of connections, each through the one before.
type route struct {
	ids     *identities
	clients []*gossh.Client
	conns   []*meteredConn
}

// close ends all connections, the inmost first.
func (r *route) close() {
	for i := len(r.clients) - 1; i >= 0; i-- {
		_ = r.clients[i].Close() // may have ended
	}
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.ids.close()
}

// end is the client of the node itself.
func (r *route) end() *gossh.Client { return r.clients[len(r.clients)-1] }

// flooded tells whether a server sent more than it may.
func (r *route) flooded() bool {
	for _, c := range r.conns {
		if c.spent() {
			return true
		}
	}
	return false
}

// connect logs in at each hop, and goes through it to the next.
func (p *Poller) connect(ctx context.Context, hops []collect.Hop) (*route, error) {
	ids, err := p.identities(ctx)
	if err != nil {
		return nil, err
	}
	r := &route{ids: ids}
	for i, hop := range hops {
		err := p.extend(ctx, r, hop)
		if r.flooded() {
			err = tooMuch()
		}
		if err == nil {
			continue
		}
		r.close()
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, context.Cause(ctx) // nobody waits for it any more
		}
		if i < len(hops)-1 {
			return nil, fmt.Errorf("jump host %s: %w", hop, err)
		}
		return nil, err
	}
	return r, nil
}

func tooMuch() error {
	return fmt.Errorf("%w: it sent more than %d MiB", collect.ErrTooLarge, MaxAnswer>>20)
}

// extend adds one hop to the route.
func (p *Poller) extend(ctx context.Context, r *route, hop collect.Hop) error {
	raw, err := p.dial(ctx, r, hop)
	if err != nil {
		return err
	}
	conn := &meteredConn{Conn: raw, left: maxTraffic}
	r.conns = append(r.conns, conn)
	client, err := p.login(ctx, conn, hop, r.ids)
	if err != nil {
		return err
	}
	r.clients = append(r.clients, client)
	return nil
}

// dial opens the connection to a hop: directly, or through the last one.
func (p *Poller) dial(ctx context.Context, r *route, hop collect.Hop) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opt.Connect)
	defer cancel()
	if len(r.clients) == 0 {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", hop.Dial())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", collect.ErrUnreachable, err)
		}
		return conn, nil
	}
	conn, err := r.end().DialContext(ctx, "tcp", hop.Dial())
	var refused *gossh.OpenChannelError
	switch {
	case err == nil:
		return conn, nil
	case errors.As(err, &refused) && refused.Reason == gossh.Prohibited:
		return nil, fmt.Errorf("%w: the jump host does not forward to %s (AllowTcpForwarding, PermitOpen): %w", collect.ErrUnreachable, hop.Dial(), err)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: the jump host gets no connection to %s within %s", collect.ErrUnreachable, hop.Dial(), p.opt.Connect)
	}
	return nil, fmt.Errorf("%w: the jump host can't connect to %s: %w", collect.ErrUnreachable, hop.Dial(), err)
}

// login exchanges keys with a server, checks its own, and logs in.
func (p *Poller) login(ctx context.Context, conn net.Conn, hop collect.Hop, ids *identities) (*gossh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	known, err := p.hosts.Now()
	if err != nil {
		return nil, err
	}
	address, v := hop.Dial(), &verdict{}
	c, channels, requests, err := gossh.NewClientConn(conn, address, &gossh.ClientConfig{
		User: p.user(hop), ClientVersion: clientVersion,
		Auth:              []gossh.AuthMethod{gossh.PublicKeys(ids.signers()...)},
		HostKeyAlgorithms: known.Algorithms(address),
		HostKeyCallback: func(_ string, remote net.Addr, key gossh.PublicKey) error {
			return v.set(p.hosts.Verify(address, remote, key))
		},
	})
	if err == nil {
		return gossh.NewClient(c, channels, requests), nil
	}
	_ = conn.Close()
	return nil, p.loginError(ctx, err, hop, v, known, ids)
}

// verdict is what was found of a host's key. The callback runs in a goroutine of
// the connection's.
type verdict struct {
	mu     sync.Mutex
	judged bool
	err    error
}

func (v *verdict) set(err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.judged, v.err = true, err
	return err
}

func (v *verdict) get() (judged bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.judged, v.err
}

// loginError says in which way a login failed.
func (p *Poller) loginError(ctx context.Context, err error, hop collect.Hop, v *verdict, k *hostkey.Known, ids *identities) error {
	judged, hostErr := v.get()
	var none *gossh.AlgorithmNegotiationError
	switch {
	case hostErr != nil:
		return hostErr
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %s does not complete the login", collect.ErrSilent, hop.Dial())
	case errors.As(err, &none) && none.What == "host key":
		return noCommonKey(k, hop.Dial(), none)
	case judged && refusal(err):
		return fmt.Errorf("%w: user %s at %s, tried %s; does the node have one of these keys in the user's ~/.ssh/authorized_keys? (%w)", collect.ErrRefused, p.user(hop), hop.Dial(), ids, err)
	}
	return fmt.Errorf("%w: %s does not complete the login: %w", collect.ErrUnreachable, hop.Dial(), err)
}

// refusal tells whether a server said no, for which the library has no type.
func refusal(err error) bool {
	text := err.Error()
	return strings.Contains(text, "unable to authenticate") || strings.Contains(text, "ssh: disconnect") ||
		strings.Contains(text, "too many authentication")
}

// noCommonKey words that a host has no key of a kind that is known, or that is
// accepted.
func noCommonKey(k *hostkey.Known, address string, none *gossh.AlgorithmNegotiationError) error {
	keys, _ := k.Of(address)
	if len(keys) == 0 {
		return fmt.Errorf("%w: %s has host keys of the kinds %s only, which are not accepted", collect.ErrUnreachable, address, strings.Join(none.RequestedAlgorithms, ", "))
	}
	return fmt.Errorf("%w: %s has keys of other kinds (%s) than %s says: %s. %s", collect.ErrHostKey, address,
		strings.Join(none.RequestedAlgorithms, ", "), hostkey.Places(keys), hostkey.ShowAll(keys), hostkey.ChangedHint)
}

// meteredConn ends a connection on which more arrives than may.
type meteredConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

// Read counts what arrives.
func (c *meteredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.left -= n
	over := c.left < 0
	c.mu.Unlock()
	if over {
		_ = c.Close()
		return 0, collect.ErrTooLarge
	}
	return n, err
}

func (c *meteredConn) spent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left < 0
}

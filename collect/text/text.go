// Package text asks nodes for their sockets in plain text over TCP: who
// connects gets "hostname=NAME", the output of netstat -antlp, an empty line and
// the output of ip address, and then the connection is closed. The original
// agent (dotm_node) speaks so, and so does dotm agent --listen-text.
package text

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
)

// Limits of one poll.
const (
	DefaultConnect = 3 * time.Second  // to connect
	DefaultRead    = 10 * time.Second // from connected to the end of the text
)

// Options of a poller; the zero value is right.
type Options struct {
	Connect, Read time.Duration    // 0: the defaults
	Now           func() time.Time // nil: time.Now
}

// Poller asks nodes. It may be used by several goroutines.
type Poller struct {
	opt Options

	memories collect.Memories[memory]
}

// memory is what is remembered of one node, so that what opened between two
// polls is counted once.
type memory struct {
	mu     sync.Mutex
	folder *fold.Folder
}

var _ collect.Poller = (*Poller)(nil)

// New returns a poller that remembers nothing yet.
func New(o Options) *Poller {
	o.Connect, o.Read = cmp.Or(o.Connect, DefaultConnect), cmp.Or(o.Read, DefaultRead)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Poller{opt: o, memories: collect.Memories[memory]{Fresh: func() *memory { return &memory{folder: fold.NewFolder()} }}}
}

// Poll asks the node at "text://host:port", port 4848 unless it is named.
func (p *Poller) Poll(ctx context.Context, address string) (*report.Report, error) {
	hostPort, port, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	raw, err := p.fetch(ctx, hostPort)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("%w: it is empty (a dotm agent answers nothing to whom its --allow doesn't name)", collect.ErrNoHostname)
	}
	l, err := collect.ParseListing(raw, collect.MethodText)
	if err != nil {
		return nil, err
	}
	l.OwnPort = port
	now := p.opt.Now()
	m := p.memories.Of(hostPort, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.ReportNext(m.folder, now)
}

// parseAddress gives the place to dial.
func parseAddress(address string) (hostPort string, port uint16, err error) {
	clean, err := collect.ParseTarget(address)
	if err != nil {
		return "", 0, err
	}
	u, err := url.Parse(clean)
	if err != nil || u.Scheme != "text" {
		return "", 0, fmt.Errorf("address must be like text://host:%d, is %q", collect.TextPort, address)
	}
	port = collect.TextPort
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		port = uint16(n)
	}
	return net.JoinHostPort(u.Hostname(), strconv.Itoa(int(port))), port, nil
}

// fetch reads all that the node writes.
func (p *Poller) fetch(ctx context.Context, hostPort string) ([]byte, error) {
	dialer := net.Dialer{Timeout: p.opt.Connect}
	conn, err := dialer.DialContext(ctx, "tcp", hostPort)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connecting to %s: %w", hostPort, ctx.Err())
		}
		return nil, fmt.Errorf("%w: %w", collect.ErrUnreachable, err)
	}
	defer conn.Close() //nolint:errcheck // reading only
	if err := conn.SetReadDeadline(time.Now().Add(p.opt.Read)); err != nil {
		return nil, fmt.Errorf("%w: %w", collect.ErrUnreachable, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	raw, err := io.ReadAll(io.LimitReader(conn, collect.MaxListing+1))
	return raw, p.judge(ctx, hostPort, len(raw), err)
}

// judge says what was wrong with an answer of n bytes, if anything.
func (p *Poller) judge(ctx context.Context, hostPort string, n int, err error) error {
	switch {
	case n > collect.MaxListing:
		return fmt.Errorf("%w: more than %d MiB", collect.ErrTooLarge, collect.MaxListing>>20)
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("reading from %s: %w", hostPort, ctx.Err())
	}
	var late net.Error
	switch {
	case !errors.As(err, &late) || !late.Timeout():
		return fmt.Errorf("%w: it breaks off after %d bytes: %w", collect.ErrUnreadable, n, err)
	case n == 0:
		return fmt.Errorf("%w: connected, but not a byte within %s", collect.ErrSilent, p.opt.Read)
	}
	return fmt.Errorf("%w: %d bytes within %s, and no end", collect.ErrSilent, n, p.opt.Read)
}

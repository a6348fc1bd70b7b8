package livestatus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// dialTime is how long it may take to be connected.
const dialTime = 10 * time.Second

// headerSize is the length of the header that "ResponseHeader: fixed16" asks for:
// three digits of status, a blank, the length right-aligned in eleven columns, a
// newline.
const headerSize = 16

// maxRefusal is the most that is read of why a query is refused.
const maxRefusal = 4 << 10

// refusal is the answer to a query that is not done.
type refusal struct {
	status int
	text   string // its first line
}

func (r *refusal) Error() string { return fmt.Sprintf("Livestatus status %d: %s", r.status, r.text) }

// address is where a source is.
type address struct{ network, addr string }

func (a address) String() string { return a.addr }

// dial connects. The connection is closed when ctx ends.
func (s *Source) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, s.at.network, s.at.addr)
	if err != nil {
		return nil, s.lost(ctx, err)
	}
	if s.trust != (monitor.TLS{}) {
		if conn, err = s.secure(ctx, conn); err != nil {
			return nil, s.lost(ctx, err)
		}
	}
	return conn, nil
}

func (s *Source) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	conf, err := s.trust.Config(s.at.addr)
	if err == nil {
		secured := tls.Client(conn, conf)
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		if err = secured.HandshakeContext(ctx); err == nil {
			return secured, nil
		}
	}
	_ = conn.Close()
	return nil, err
}

// lost says why nobody can be spoken with.
func (s *Source) lost(ctx context.Context, err error) error {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return s.hangsUp()
	}
	if s.at.network != "unix" || ctx.Err() != nil {
		return monitor.Lost(ctx, s.at.addr, err)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &monitor.Error{Reason: monitor.NotRunning, Text: "there is no socket " + s.at.addr, Hint: "does the monitoring run, with Livestatus loaded? else check the path in url"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &monitor.Error{Reason: monitor.NotRunning, Text: "nobody listens on the socket " + s.at.addr, Hint: "does the monitoring run, with Livestatus loaded?"}
	case errors.Is(err, fs.ErrPermission):
		return &monitor.Error{Reason: monitor.NoRight, Text: "the socket " + s.at.addr + " may not be used", Hint: "put the user that dotm runs as into the socket's group"}
	}
	return monitor.Lost(ctx, s.at.addr, err)
}

// hangsUp is the error where the other side ends a connection without a word.
func (s *Source) hangsUp() error {
	return &monitor.Error{Reason: monitor.NoConnection, Text: s.at.String() + " hangs up instead of answering", Hint: "does the monitoring run? may dotm's host ask it (only_from of xinetd), and does it want TLS?"}
}

// wire is a connection that does what ctx says.
type wire struct {
	s    *Source
	ctx  context.Context
	conn net.Conn
	stop func() bool
}

func (s *Source) open(ctx context.Context) (*wire, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	past := time.Unix(1, 0)
	return &wire{s: s, ctx: ctx, conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })}, nil
}

func (w *wire) close() {
	w.stop()
	_ = w.conn.Close()
}

// Read is that of the connection; what goes wrong is said for people.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.conn.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = w.s.lost(w.ctx, err)
	}
	return n, err
}

// send writes a request and the empty line that ends it.
func (w *wire) send(request string) error {
	if _, err := io.WriteString(w.conn, request+"\n"); err != nil {
		return w.s.lost(w.ctx, err)
	}
	return nil
}

// body sends a query and reads the header of its answer: what follows is the body,
// exactly. A refused query is a [*refusal].
func (w *wire) body(query string) (io.Reader, error) {
	if err := w.send(query + "OutputFormat: json\nResponseHeader: fixed16\n"); err != nil {
		return nil, err
	}
	head := make([]byte, headerSize)
	n, err := io.ReadFull(w, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	status, length, err := w.s.header(head[:n])
	if err != nil {
		return nil, err
	}
	if status != 200 {
		text, _ := io.ReadAll(io.LimitReader(w, min(length, maxRefusal)))
		line, _, _ := strings.Cut(string(text), "\n")
		return nil, &refusal{status, monitor.Clean(line, 200)}
	}
	return &exactly{r: w, left: length, s: w.s}, nil
}

// header reads the header of an answer.
func (s *Source) header(head []byte) (status int, length int64, err error) {
	if len(head) == 0 {
		return 0, 0, s.hangsUp()
	}
	if len(head) == headerSize && head[3] == ' ' && head[15] == '\n' {
		code, noCode := strconv.ParseUint(string(head[:3]), 10, 16)
		size, noSize := strconv.ParseUint(strings.TrimLeft(string(head[4:15]), " "), 10, 62)
		if noCode == nil && noSize == nil && size > monitor.MaxAnswer {
			return 0, 0, &monitor.Error{Reason: monitor.TooLarge, Text: fmt.Sprintf("the answer of %s is %d MiB long", s.at, size>>20), Hint: "split its hosts among several sources"}
		}
		if noCode == nil && noSize == nil {
			return int(code), int64(size), nil
		}
	}
	e := &monitor.Error{Reason: monitor.NotIt, Text: fmt.Sprintf("what answers at %s does not speak Livestatus, it says %q", s.at, monitor.Clean(string(head), headerSize)), Hint: "check the port in url"}
	if strings.HasPrefix(string(head), "HTTP/") {
		e.Hint = "that is a web server: check the port in url, or kind"
	}
	return 0, 0, e
}

// exactly is a body of which no byte may be missing.
type exactly struct {
	r    io.Reader
	left int64
	s    *Source
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); errors.Is(err, io.EOF) && e.left > 0 {
		err = &monitor.Error{Reason: monitor.NoConnection, Text: fmt.Sprintf("%s breaks off, %d bytes before the end of its answer", e.s.at, e.left), Hint: "look into its log"}
	}
	return n, err
}

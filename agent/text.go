package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits of the text listener.
const (
	// maxReaders is how many are answered at one time; more wait in the kernel's
	// queue.
	maxReaders = 8
	// maxOfSource is how many of one address may take their time. Others of it get
	// hurry: who reads slowly must not hold up everybody.
	maxOfSource = 3
	hurry       = 250 * time.Millisecond
	// writeTime bounds writing one answer, and leaveTime waiting for the reader
	// to go.
	writeTime = 10 * time.Second
	leaveTime = time.Second
	// freshTime is how long an answer serves others who ask: looks are not free.
	freshTime = time.Second
	// refusedEvery is how often a source that is not allowed is logged, and
	// maxRefused how many sources are remembered for that.
	refusedEvery = time.Minute
	maxRefused   = 1024
	// acceptPause is the pause after accepting failed: descriptors ran out.
	acceptPause = 100 * time.Millisecond
)

// Teller gives what is served as text; [*scan.Lister] is one.
type Teller interface {
	Text(ctx context.Context) ([]byte, error)
}

// TextOptions of a text listener.
type TextOptions struct {
	Listen string         // "host:port", as net.Listen takes it
	Allow  []netip.Prefix // who gets an answer; nobody else gets a byte
	Teller Teller
	Log    *slog.Logger
}

// TextServer serves what this host's sockets are to whoever connects, as the
// original agent does: it writes the text and closes, without reading anything.
type TextServer struct {
	opt      TextOptions
	listener net.Listener

	mu    sync.Mutex // while a look is taken, others wait for it
	text  []byte
	taken time.Time

	refused refusals
	sources sources
}

// ErrNoAllow asks for those who may read the text.
var ErrNoAllow = errors.New("nobody may read the text: it names every process of this machine and whom it talks to, so name the networks that may, like 10.0.0.5/32")

// NewTextServer begins to listen.
func NewTextServer(ctx context.Context, opt TextOptions) (*TextServer, error) {
	if len(opt.Allow) == 0 {
		return nil, ErrNoAllow
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening for readers of the text: %w", err)
	}
	return &TextServer{opt: opt, listener: l, refused: refusals{last: map[netip.Addr]*refusal{}}, sources: sources{held: map[netip.Addr]int{}}}, nil
}

// Addr is where it listens.
func (s *TextServer) Addr() net.Addr { return s.listener.Addr() }

// Run answers until ctx ends, and returns when nobody is being answered any
// more.
func (s *TextServer) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.listener.Close() })
	defer stop()
	var readers sync.WaitGroup
	defer readers.Wait()
	slots := make(chan struct{}, maxReaders)
	for {
		slots <- struct{}{}
		conn, err := s.listener.Accept()
		switch {
		case err == nil:
			readers.Go(func() {
				s.answer(ctx, conn)
				<-slots
			})
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("listening for readers of the text: %w", err)
		}
		<-slots
		s.opt.Log.Error("accepting a reader of the text failed", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(acceptPause):
		}
	}
}

// answer writes the text to one reader, if it may have it.
func (s *TextServer) answer(ctx context.Context, conn net.Conn) {
	defer conn.Close() //nolint:errcheck // nothing to lose
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	from := sourceOf(conn)
	if !s.allows(from) {
		s.tellRefused(from)
		return
	}
	toWrite, toLeave := writeTime, leaveTime
	if !s.sources.enter(from) {
		toWrite, toLeave = hurry, hurry
	}
	defer s.sources.leave(from)
	text, err := s.fresh(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.opt.Log.Error("looking at this host failed", "error", err)
		}
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(toWrite))
	if _, err := conn.Write(text); err != nil {
		s.opt.Log.Warn("a reader of the text went before its end", "from", from, "error", err)
		return
	}
	leave(conn, toLeave)
}

// sources counts the readers of each address.
type sources struct {
	mu   sync.Mutex
	held map[netip.Addr]int
}

// enter counts one more, and says whether it may take its time.
func (s *sources) enter(from netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[from]++
	return s.held[from] <= maxOfSource
}

func (s *sources) leave(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[from]--; s.held[from] == 0 {
		delete(s.held, from)
	}
}

// leave closes so that nothing of the text is lost: who closes while there is
// something unread resets the connection (RFC 9293, 3.10.4).
func leave(conn net.Conn, within time.Duration) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(within))
	_, _ = io.CopyN(io.Discard, conn, 64<<10)
}

// fresh is a text that is at most a second old.
func (s *TextServer) fresh(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text != nil && time.Since(s.taken) < freshTime {
		return s.text, nil
	}
	text, err := s.opt.Teller.Text(ctx)
	if err != nil {
		return nil, err
	}
	s.text, s.taken = text, time.Now()
	return text, nil
}

func sourceOf(conn net.Conn) netip.Addr {
	at, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return at.AddrPort().Addr().Unmap().WithZone("")
}

func (s *TextServer) allows(from netip.Addr) bool {
	return slices.ContainsFunc(s.opt.Allow, func(p netip.Prefix) bool { return p.Contains(from) })
}

func (s *TextServer) tellRefused(from netip.Addr) {
	if n := s.refused.add(from, time.Now()); n > 0 {
		s.opt.Log.Warn("a reader of the text is not allowed", "from", from, "times", n)
	}
}

// refusals counts who was refused.
type refusals struct {
	mu   sync.Mutex
	last map[netip.Addr]*refusal
}

type refusal struct {
	told  time.Time
	since int // refused since then
}

// add counts one refusal, and gives the number to be told now: 0 if that source
// was told of within the last minute.
func (r *refusals) add(from netip.Addr, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.last[from]
	if of == nil {
		if len(r.last) >= maxRefused {
			clear(r.last)
		}
		of = &refusal{}
		r.last[from] = of
	}
	of.since++
	if !of.told.IsZero() && now.Sub(of.told) < refusedEvery {
		return 0
	}
	n := of.since
	of.told, of.since = now, 0
	return n
}

package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"github.com/devops-trouble-map/dotm/collect"
)

// MaxAnswer bounds what a node may print, in bytes.
const MaxAnswer = 8 << 20

// fetch runs a command on the last of the hops and returns what it prints.
func (p *Poller) fetch(ctx context.Context, hops []collect.Hop, command string) ([]byte, error) {
	r, err := p.connect(ctx, hops)
	if err != nil {
		return nil, err
	}
	defer r.close()
	defer context.AfterFunc(ctx, r.conns[0].abort)() // ends all that goes through it
	text, err := run(r.end(), command)
	switch {
	case r.flooded():
		return nil, tooMuch()
	case err != nil && ctx.Err() == nil:
		return nil, err
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: after %s it has sent %d bytes", collect.ErrSilent, p.opt.Timeout, len(text))
	case err != nil:
		return nil, context.Cause(ctx)
	}
	return text, nil
}

func (c *meteredConn) abort() { _ = c.Close() }

// run runs a command and returns what it prints, also if that is not all.
func run(client *gossh.Client, command string) ([]byte, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, fmt.Errorf("%w: no session is opened after the login: %w", collect.ErrRefused, err)
	}
	defer session.Close() //nolint:errcheck // may have ended
	complaints := &head{}
	session.Stderr = complaints
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := session.Start(command); err != nil {
		return nil, fmt.Errorf("%w: no command may be run after the login: %w", collect.ErrRefused, err)
	}
	text, err := io.ReadAll(io.LimitReader(out, MaxAnswer+1))
	if len(text) > MaxAnswer {
		return nil, tooMuch()
	}
	if err = errors.Join(err, session.Wait()); err != nil || !bytes.Contains(text, []byte(greeting)) {
		return text, ended(err, text, complaints.String())
	}
	return text, nil
}

// ended words how a command failed. One that is not ours, because of a forced
// command or a shell that runs none, is the usual case.
func ended(err error, text []byte, complaints string) error {
	var exit *gossh.ExitError
	said := strings.TrimSpace(string(text) + " " + complaints)
	switch {
	case bytes.Contains(text, []byte(greeting)) && errors.As(err, &exit):
		return fmt.Errorf("%w: the command ended early, with status %d: %s", collect.ErrUnreadable, exit.ExitStatus(), quote(complaints))
	case bytes.Contains(text, []byte(greeting)):
		return fmt.Errorf("%w: the connection ended within the answer: %w", collect.ErrUnreadable, err)
	case err != nil && !errors.As(err, &exit):
		return fmt.Errorf("%w: the connection ended before the answer: %w", collect.ErrUnreadable, err)
	case said == "":
		return fmt.Errorf("%w: the node printed nothing. %s", collect.ErrUnreadable, foreignHint)
	}
	return fmt.Errorf("%w: the node printed something else: %s. %s", collect.ErrUnreadable, quote(said), foreignHint)
}

// foreignHint is what to do where another command than ours has run.
const foreignHint = "The user needs a shell (as /bin/sh), and a command= in authorized_keys must be what dotm node ssh-command prints"

// quote shows the beginning of what a node said.
func quote(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:most], ""))
	}
	return fmt.Sprintf("%q", s)
}

// maxComplaints bounds what is kept of a command's standard error, in bytes.
const maxComplaints = 1024

// head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps what has room, and takes everything.
func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, b[:min(len(b), maxComplaints-len(h.text))]...)
	return len(b), nil
}

// String is what was kept.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}

// Package email tells of incidents by SMTP (RFC 5321).
package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/devops-trouble-map/dotm/notify"
)

const dialTime = 10 * time.Second

// Sender sends through one mail server.
type Sender struct{ opt notify.Options }

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(opt notify.Options) *Sender { return &Sender{opt} }

// Send hands a message over to the mail server, one for all addresses. Messages about
// one incident are one thread.
func (s *Sender) Send(ctx context.Context, n *notify.Notice) error {
	m, err := s.message(n)
	if err != nil {
		return &notify.Refused{Err: err}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	err = c.DialAndSendWithContext(ctx, m)
	var refused *mail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.Reason != mail.ErrConnCheck {
		return &notify.Refused{Err: err}
	}
	return err
}

var words = map[notify.News]string{
	notify.Opened: "", notify.CauseChanged: "Cause changed: ", notify.Resolved: "Resolved: ", notify.Reopened: "Again: ", notify.Test: "",
}

func (s *Sender) message(n *notify.Notice) (*mail.Msg, error) {
	m := mail.NewMsg()
	if err := m.From(s.opt.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if err := m.To(s.opt.To...); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	m.Subject(words[n.News] + notify.Line(n.Incident.Title))
	m.SetDateWithValue(n.At)
	thread := "<incident." + n.Incident.ID + "@dotm.invalid>"
	id := "<" + n.ID() + "@dotm.invalid>"
	if n.News == notify.Opened {
		id = thread
	} else {
		m.SetGenHeader(mail.HeaderInReplyTo, thread)
		m.SetGenHeader(mail.HeaderReferences, thread)
	}
	m.SetGenHeader(mail.HeaderMessageID, id)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	m.SetBodyString(mail.TypeTextPlain, n.Text)
	if len(n.Picture) > 0 {
		if err := m.AttachReader("chart.svg", bytes.NewReader(n.Picture), mail.WithFileContentType("image/svg+xml")); err != nil {
			return nil, fmt.Errorf("attaching the chart: %w", err)
		}
	}
	return m, nil
}

// client is for one message: a server that is asked for once in a while keeps no
// connection. ctx ends all of it, whatever the server is waited for.
func (s *Sender) client(ctx context.Context) (*mail.Client, error) {
	u, err := url.Parse(s.opt.URL)
	if err != nil {
		return nil, err
	}
	conf, err := s.opt.TLS.Config(u.Hostname())
	if err != nil {
		return nil, err
	}
	d := dialer{ctx: ctx}
	opts := []mail.Option{mail.WithTimeout(dialTime), mail.WithTLSConfig(conf)}
	port := 25
	switch {
	case u.Scheme == "smtps":
		port = 465
		opts = append(opts, mail.WithSSL())
		d.tls = conf
	case s.opt.User != "": // a password goes over no open line
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, fmt.Errorf("port: %w", err)
		}
	}
	opts = append(opts, mail.WithPort(port), mail.WithDialContextFunc(d.dial))
	if s.opt.User != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.opt.User), mail.WithPassword(s.opt.Password))
	}
	return mail.NewClient(u.Hostname(), opts...)
}

// dialer makes connections that end with a context: the library minds that only while
// it dials.
type dialer struct {
	ctx context.Context //nolint:containedctx // that of the one message that it is for
	tls *tls.Config     // nil if the connection begins in the open
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	if d.tls != nil {
		return tls.Client(conn, d.tls), nil
	}
	return conn, nil
}

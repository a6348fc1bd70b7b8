package ssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/collect/ssh/hostkey"
	"github.com/devops-trouble-map/dotm/report"
)

// What holds unless [Options] say otherwise.
const (
	DefaultConnect  = 3 * time.Second
	DefaultTimeout  = 20 * time.Second
	DefaultParallel = 16
)

// NewKey is the key of a host of which none is known yet.
type NewKey = hostkey.NewKey

// Options say how to log in, and whom to believe. Files and sockets are opened
// with each poll, so that a key that was exchanged needs no restart.
type Options struct {
	// User logs in where an address names none.
	User string
	// Keys are files with private keys, in the order in which they are tried.
	// Without any, those that [DefaultKeys] finds in the folder Home are.
	Keys []string
	Home string
	// Agent is the socket of an ssh-agent (SSH_AUTH_SOCK); empty: none.
	Agent string
	// KnownHosts are the files with host keys (sshd(8)). Those that are not
	// there are none.
	KnownHosts []string
	// TrustNew decides whether the key of a host of which none is known is
	// trusted from now on; nil: never. It is called for one host at a time.
	TrustNew func(NewKey) bool
	// TrustFile is where such keys are added; it is read as well.
	TrustFile string
	// Jump lists the hosts to go through, as [collect.ParseHops] reads them, where an
	// address says nothing of it.
	Jump string
	// Connect bounds the time that opening a connection to each host takes,
	// Timeout the whole poll; 0 means [DefaultConnect] and [DefaultTimeout].
	Connect, Timeout time.Duration
	// Parallel is how many nodes are asked at once, the others wait; 0 means
	// [DefaultParallel].
	Parallel int
	// OneLook says that no node is asked twice: counters count since the
	// sockets opened. Otherwise they count since the poll before.
	OneLook bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Poller asks nodes. It may be used by several goroutines at once.
type Poller struct {
	opt   Options
	jump  []collect.Hop
	slots chan struct{}
	hosts *hostkey.Files

	memories collect.Memories[memory]
}

var _ collect.Poller = (*Poller)(nil)

// New returns a poller. It opens nothing yet.
func New(o Options) (*Poller, error) {
	jump, err := collect.ParseHops(o.Jump)
	if err != nil {
		return nil, err
	}
	if o.Parallel < 0 || o.Connect < 0 || o.Timeout < 0 {
		return nil, errors.New("limits of polling must not be negative")
	}
	o.Connect, o.Timeout = cmp.Or(o.Connect, DefaultConnect), cmp.Or(o.Timeout, DefaultTimeout)
	if o.Now == nil {
		o.Now = time.Now
	}
	files := o.KnownHosts
	if o.TrustFile != "" {
		files = append(files[:len(files):len(files)], o.TrustFile)
	}
	return &Poller{
		opt: o, jump: jump,
		slots:    make(chan struct{}, cmp.Or(o.Parallel, DefaultParallel)),
		hosts:    &hostkey.Files{Paths: files, Trusted: o.TrustFile, TrustNew: o.TrustNew},
		memories: collect.Memories[memory]{Fresh: func() *memory { return &memory{folder: fold.NewFolder()} }},
	}, nil
}

// Poll asks the node at an address that [collect.ParseSSHAddress] reads. It waits until
// fewer than [Options.Parallel] others are being asked.
func (p *Poller) Poll(ctx context.Context, address string) (*report.Report, error) {
	a, err := collect.ParseSSHAddress(address)
	if err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	r, err := p.poll(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", a, err)
	}
	return r, nil
}

func (p *Poller) poll(ctx context.Context, a collect.SSHAddress) (*report.Report, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.opt.Timeout)
	defer cancel()
	hops, err := p.hops(a)
	if err != nil {
		return nil, err
	}
	m := p.memories.Of(a.String(), p.opt.Now())
	text, err := p.fetch(ctx, hops, m.command(a, p.opt.Now()))
	if err != nil {
		return nil, err
	}
	got, err := readAnswer(text)
	if err != nil {
		return nil, err
	}
	now := p.opt.Now()
	m.learn(got, now)
	r, err := got.report(p.user(a.Hop), func(l *collect.Listing) (*report.Report, error) { return p.fold(m, l, now) })
	if err != nil {
		return nil, err
	}
	r.Cost.WallMicros = time.Since(begin).Microseconds()
	return r, nil
}

// hops are all servers on the way to a node, itself included.
func (p *Poller) hops(a collect.SSHAddress) ([]collect.Hop, error) {
	hops := a.Jump
	if hops == nil {
		hops = p.jump
	}
	hops = append(hops[:len(hops):len(hops)], a.Hop)
	for _, h := range hops {
		if p.user(h) == "" {
			return nil, fmt.Errorf("no user is named for %s: write ssh://USER@%s", h.Dial(), h.Host)
		}
	}
	return hops, nil
}

func (p *Poller) user(h collect.Hop) string { return cmp.Or(h.User, p.opt.User) }

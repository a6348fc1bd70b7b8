// Package zabbix reads Zabbix 5.0 to 7 by its JSON-RPC API: hosts with their
// interfaces, triggers as checks, and the problems that they have now.
//
// Reading all triggers takes a Zabbix seconds where there are many, so they are
// read once a minute; the problems, what is unknown, in maintenance or out of
// reach is read each time.
//
// Source: https://www.zabbix.com/documentation/6.0/en/manual/api, the changes of the
// API that later versions name, and what Zabbix 6.0 answers.
package zabbix

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

const (
	// inventoryEvery is the least time between two readings of all hosts and
	// triggers, and inventoryShare the most of a source's time that these take.
	inventoryEvery = time.Minute
	inventoryShare = 10
	// firstGather and someGather are how long one reading may take for them: while nothing
	// is known of them, and later.
	firstGather = 20 * time.Second
	someGather  = 3 * time.Second
)

// Source is one Zabbix.
type Source struct {
	api  *api
	sev  severities
	link string // of the frontend as configured; empty for where the API is
	now  func() time.Time

	mu  sync.Mutex
	inv *inventory // what was read last; it is replaced, and not changed but by Read

	gathering *inventory      // what is being read, until it is complete
	bad       map[uint64]bool // the triggers that had a problem the last time
	noNodes   bool            // the login may not ask for the server's nodes
	heard     time.Time       // when its server was last heard of, by its clock
}

var (
	_ monitor.Source       = (*Source)(nil)
	_ monitor.Acknowledger = (*Source)(nil)
)

// New makes a source. Its URL is http or https, of the frontend (https://host/zabbix),
// of one of its pages, of api_jsonrpc.php, or of the host alone; its query may say what
// severities mean, see docs/monitoring.md. A password without a user is an API token.
// What is wrong with the options is a [*monitor.OptionError].
func New(opt monitor.Options) (*Source, error) {
	sev, err := severitiesOf(opt)
	if err != nil {
		return nil, err
	}
	if opt.Link != "" && monitor.WebLink(opt.Link) == "" {
		return nil, &monitor.OptionError{Field: "link", Rule: "must begin with http:// or https:// and name a host", Value: opt.Link}
	}
	a, err := newAPI(opt)
	if err != nil {
		return nil, err
	}
	return &Source{api: a, sev: sev, link: frontend(opt.Link), now: time.Now}, nil
}

// Read reads the problems, and once a minute the hosts and triggers.
func (s *Source) Read(ctx context.Context) (*monitor.Reading, error) {
	r, err := s.read(ctx)
	if err != nil {
		s.api.forget() // it may be another version the next time
		return nil, err
	}
	return r, nil
}

func (s *Source) read(ctx context.Context) (*monitor.Reading, error) {
	if err := s.api.locate(ctx); err != nil {
		return nil, err
	}
	inv, fresh, err := s.inventory(ctx)
	if err != nil {
		return nil, err
	}
	st, err := s.state(ctx, inv)
	if err != nil {
		return nil, err
	}
	if !fresh && inv.lacks(st) && s.now().Sub(inv.read) > 2*inv.took {
		if inv, _, err = s.renew(ctx, inv); err != nil {
			return nil, err
		}
	}
	inv.stranger(st)
	r := &monitor.Reading{Program: "Zabbix", Version: s.api.speaks().text}
	if err := s.alive(ctx, r); err != nil {
		return nil, err
	}
	if err := s.ended(ctx, inv, st); err != nil {
		return nil, err
	}
	return r, s.write(r, inv, st)
}

// inventory is what was read lately of hosts and triggers, or what is read now: then
// it is fresh.
func (s *Source) inventory(ctx context.Context) (inv *inventory, fresh bool, err error) {
	s.mu.Lock()
	inv = s.inv
	s.mu.Unlock()
	if inv != nil && s.gathering == nil && s.now().Sub(inv.read) < max(inventoryEvery, inventoryShare*inv.took) {
		return inv, false, nil
	}
	return s.renew(ctx, inv)
}

// renew reads hosts and triggers. Where there are so many that it takes long, old is what
// is known of them until they are complete.
func (s *Source) renew(ctx context.Context, old *inventory) (inv *inventory, fresh bool, err error) {
	atMost := firstGather
	if old != nil {
		atMost = someGather
	}
	inv, err = s.gather(ctx, s.now().Add(atMost))
	switch {
	case err != nil:
		return nil, false, err
	case inv != nil:
		return inv, true, nil
	case old != nil:
		return old, false, nil
	}
	all := len(s.gathering.hosts)
	return nil, false, &monitor.Error{
		Reason: monitor.TooSlow, Text: fmt.Sprintf("its triggers are still being read, those of %d of %d hosts so far", all-len(s.gathering.todo), all),
		Hint: "that goes on by itself; a login that sees fewer hosts is quicker",
	}
}

// Close ends the session at Zabbix, if there is one. Read begins another.
func (s *Source) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	err := s.api.logout(ctx)
	s.api.client.Close()
	return err
}

// closeWithin is how long ending a session may take.
const closeWithin = 3 * time.Second

// notZabbix is the error for an answer that is none of Zabbix.
func notZabbix(text string) error {
	return &monitor.Error{Reason: monitor.NotIt, Text: text, Hint: "url must be that of Zabbix' frontend, such as https://zabbix.example/zabbix"}
}

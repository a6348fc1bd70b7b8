// Package icinga2 reads Icinga 2 by its REST API: the objects and their state, and
// the event stream for what changes.
//
// Source: https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/, and what
// Icinga 2.13 answers.
package icinga2

import (
	"context"
	"strings"
	"sync"

	"github.com/devops-trouble-map/dotm/monitor"
)

// Source is one Icinga 2. It keeps what it read last, so that an event, which says
// a part only, becomes a whole check.
type Source struct {
	client *monitor.Client
	link   string

	mu    sync.Mutex
	last  *memory
	since []event // what came since the read that goes on began
	busy  bool    // whether one goes on
	stale bool    // whether dependencies are to be read again
}

var (
	_ monitor.Source       = (*Source)(nil)
	_ monitor.Watcher      = (*Source)(nil)
	_ monitor.Acknowledger = (*Source)(nil)
)

// New makes a source of options; an [*monitor.OptionError] says what is wrong with
// them. The URL is that of the API, https://host:5665; opt.Link is that of Icinga
// Web.
func New(opt monitor.Options) (*Source, error) {
	opt.URL = strings.TrimSuffix(strings.TrimRight(opt.URL, "/"), "/v1")
	client, err := monitor.NewClient(opt)
	if err != nil {
		return nil, err
	}
	return &Source{client: client, link: web(opt.Link), last: newMemory(nil)}, nil
}

// web is where Icinga Web has the pages of objects, by the address of its start
// page; see [monitor.PageLink].
func web(link string) string {
	link = strings.TrimRight(link, "/")
	if link == "" || strings.HasSuffix(link, "/monitoring") || strings.HasSuffix(link, "/icingadb") {
		return link
	}
	return link + "/icingadb"
}

// Read asks for the rights of the login, the status, the hosts and the services; for
// the dependencies only if they may have changed.
func (s *Source) Read(ctx context.Context) (*monitor.Reading, error) {
	s.begin()
	fresh, err := s.readAll(ctx)
	return s.end(fresh), err
}

// begin has events be kept that come while a read goes on: they may be newer than
// what it finds.
func (s *Source) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.since = true, nil
}

// end makes a reading what is known, with the events since it began. nil is a read
// that failed.
func (s *Source) end(fresh *memory) *monitor.Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.since
	s.busy, s.since = false, nil
	if fresh == nil {
		return nil
	}
	for i := range since {
		fresh.apply(&since[i])
	}
	s.last = fresh
	return fresh.write()
}

// readAll reads everything into a new memory.
func (s *Source) readAll(ctx context.Context) (*memory, error) {
	me, err := s.login(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	m := newMemory(s.last)
	s.mu.Unlock()
	m.link = s.link
	m.reading.Program, m.reading.Version = "Icinga 2", me.Version
	if err := s.status(ctx, me, m); err != nil {
		return nil, err
	}
	if err := s.hosts(ctx, me, m); err != nil {
		return nil, err
	}
	if err := s.services(ctx, me, m); err != nil {
		return nil, err
	}
	if err := s.dependencies(ctx, me, m); err != nil {
		return nil, err
	}
	m.finish()
	m.look(me)
	return m, nil
}

// hosts reads the hosts. Without the right to, there is nothing to be shown.
func (s *Source) hosts(ctx context.Context, me *login, m *memory) error {
	if !me.may("objects/query/Host") {
		return me.lacks("hosts", "objects/query/Host")
	}
	return s.objects(ctx, "hosts", hostAttrs(), m.texts, m.host)
}

func (s *Source) services(ctx context.Context, me *login, m *memory) error {
	if !me.may("objects/query/Service") {
		m.reading.Say("no-right-services", "the login "+me.User+" may not read services", grant("objects/query/Service"))
		return nil
	}
	return s.objects(ctx, "services", serviceAttrs(), m.texts, m.service)
}

// dependencies reads them if Icinga 2 started anew or told that they changed; else
// they are what they were.
func (s *Source) dependencies(ctx context.Context, me *login, m *memory) error {
	if !me.may("objects/query/Dependency") {
		m.reading.Say("no-right-dependencies", "the login "+me.User+" may not read dependencies", grant("objects/query/Dependency"))
		return nil
	}
	s.mu.Lock()
	last, stale := s.last, s.stale
	s.stale = false
	s.mu.Unlock()
	if !stale && last.knowsDependencies && last.start == m.start && m.start != 0 {
		m.depend(last.dependencies)
		return nil
	}
	var list []monitor.Dependency
	err := s.objects(ctx, "dependencies", dependencyAttrs(), m.texts, func(o *object) error {
		list = append(list, o.dependency)
		if len(list) > maxDependencies {
			return &monitor.Error{Reason: monitor.TooLarge, Text: "it has more than 1,000,000 dependencies", Hint: "split them among several sources"}
		}
		return nil
	})
	if err != nil {
		s.again()
		return err
	}
	m.depend(list)
	return nil
}

// again has the dependencies be read the next time.
func (s *Source) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
}

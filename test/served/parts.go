package served

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
)

// access gives a site its logins and agents.
func (s *Site) access(t testing.TB, opt *Options) {
	t.Helper()
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	var err error
	if s.Agents, err = auth.NewAgents(documents{s.Model}, opt.Clock); err != nil {
		t.Fatal(err)
	}
	if opt.Public {
		return
	}
	if s.Logins, err = people.NewLogins(documents{s.Model}, opt.Clock, nil); err != nil {
		t.Fatal(err)
	}
}

// documents keep what package auth wants kept.
type documents struct{ *server.Server }

func (d documents) Documents(kind string) (out []auth.Document) {
	for _, x := range d.Server.Documents(kind) {
		out = append(out, auth.Document(x))
	}
	return out
}

func (d documents) ChangeDocuments(ctx context.Context, keep []auth.Document, drop []auth.Key) error {
	docs := make([]store.Document, 0, len(keep))
	for _, x := range keep {
		docs = append(docs, store.Document(x))
	}
	keys := make([]store.DocumentKey, 0, len(drop))
	for _, x := range drop {
		keys = append(keys, store.DocumentKey{Kind: x.Kind, Key: x.Name})
	}
	return d.Server.ChangeDocuments(ctx, docs, keys)
}

// ca signs whatever begins with "csr".
type ca struct{}

func (ca) PEM() []byte { return []byte("the CA") }

func (ca) Issue(request []byte, names []string) ([]byte, error) {
	if !bytes.HasPrefix(request, []byte("csr")) {
		return nil, fmt.Errorf("certificate_request is %w", auth.ErrInvalid)
	}
	return fmt.Appendf(nil, "certificate for %v", names), nil
}

// nobody answers no poll.
type nobody struct{}

func (nobody) Poll(_ context.Context, url string) (*report.Report, error) {
	return nil, fmt.Errorf("asking %s: %w", url, collect.ErrUnreachable)
}

// Log is one that may be read while it is written.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write is part of [io.Writer].
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
